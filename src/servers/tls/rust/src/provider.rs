//! The cryptography that a handshake may use, and no more: what is not named here is not in the module.

use std::sync::Arc;

use ring::rand::{SecureRandom as _, SystemRandom};
use rustls::crypto::ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256;
use rustls::crypto::ring::kx_group::{SECP256R1, X25519};
use rustls::crypto::{CryptoProvider, GetRandomFailed, KeyProvider, SecureRandom, WebPkiSupportedAlgorithms};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;
use rustls::{Error, SignatureScheme};
use webpki::ring as algorithms;

/// ChaCha20-Poly1305 alone: AES without its instructions costs four times as much.
pub fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: [TLS13_CHACHA20_POLY1305_SHA256].to_vec(),
        kx_groups: [X25519, SECP256R1].to_vec(),
        signature_verification_algorithms: SIGNATURES,
        secure_random: &Platform,
        key_provider: &Platform,
    }
}

/// What a server may sign its handshake with. Tahoe-LAFS's keys are RSA; the development grid's are P-256.
const SIGNATURES: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[
        algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
        algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
        algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
        algorithms::ECDSA_P256_SHA256,
        algorithms::ED25519,
    ],
    mapping: &[
        (
            SignatureScheme::RSA_PSS_SHA256,
            &[algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY],
        ),
        (
            SignatureScheme::RSA_PSS_SHA384,
            &[algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY],
        ),
        (
            SignatureScheme::RSA_PSS_SHA512,
            &[algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY],
        ),
        (SignatureScheme::ECDSA_NISTP256_SHA256, &[algorithms::ECDSA_P256_SHA256]),
        (SignatureScheme::ED25519, &[algorithms::ED25519]),
    ],
};

#[derive(Debug)]
struct Platform;

impl SecureRandom for Platform {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), GetRandomFailed> {
        SystemRandom::new().fill(bytes).map_err(|_| GetRandomFailed)
    }
}

/// Clients of storage servers have no keys of their own.
impl KeyProvider for Platform {
    fn load_private_key(&self, _key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        Err(Error::General(String::from("no private keys")))
    }
}
