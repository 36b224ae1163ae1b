/**
 * The tags of immutable files: the ASCII text that keeps a hash made for one purpose from being taken for another
 * (Tahoe-LAFS file encoding).
 */

/** Key -> storage index, of which the first 16 bytes are used. */
export const STORAGE_INDEX_TAG = "allmydata_immutable_key_to_storage_index_v1";

/** Plaintext -> convergent key; followed by netstring(secret) and netstring("k,N,segment size") as part of the tag. */
export const CONVERGENCE_TAG = "allmydata_immutable_content_to_key_with_added_secret_v1+";

/** A block: leaf of a share's block hash tree. */
export const BLOCK_TAG = "allmydata_encoded_subshare_v1";

/** A ciphertext segment without its padding: leaf of the ciphertext hash tree. */
export const SEGMENT_TAG = "allmydata_crypttext_segment_v1";

/** The whole ciphertext. */
export const CIPHERTEXT_TAG = "allmydata_crypttext_v1";

/** The URI extension block: the hash that stands in the cap. */
export const UEB_TAG = "allmydata_uri_extension_v1";

/** A pair of Merkle tree nodes: their parent. */
export const TREE_NODE_TAG = "Merkle tree internal node";

/** The decimal index of a leaf that only fills the Merkle tree up to a power of two. */
export const TREE_FILLER_TAG = "Merkle tree empty leaf";

// Mutable files and directories.

/** Write key -> read key, of which the first 16 bytes are used. */
export const READ_KEY_TAG = "allmydata_mutable_writekey_to_readkey_v1";

/** Read key -> storage index, likewise. */
export const MUTABLE_STORAGE_INDEX_TAG = "allmydata_mutable_readkey_to_storage_index_v1";

/** Public key (DER) -> the fingerprint in the cap. */
export const FINGERPRINT_TAG = "allmydata_mutable_pubkey_to_fingerprint_v1";

/** The pair of a salt and the read key -> the cipher's key, of which the first 16 bytes are used. */
export const DATA_KEY_TAG = "allmydata_mutable_readkey_to_datakey_v1";

/** The pair of a salt and a directory's write key -> the key of a child's write cap, likewise. */
export const CHILD_CAP_KEY_TAG = "allmydata_mutable_writekey_and_salt_to_dirnode_child_capkey_v1";
