import {
  CHAIN_ENTRY_LENGTH,
  type ChainEntry,
  formatShareHashChain,
  parseShareHashChain,
} from "../formats/ShareHashChain.ts";
import type { FileParts } from "./FileParts.ts";
import type { PlaybackPace } from "./PlaybackPace.ts";
import { decodeShareMap, encodeShareMap, type ShareLocation } from "./shareMap.ts";
import type { WriteBehind } from "./WriteBehind.ts";

/** A hash tree of a file: the ciphertext hash tree, or the block hash tree of a share number. */
export type TreeName = "ciphertext" | number;

/** What is remembered of a file when it is opened. Nothing of it is verified. */
export interface Recollection {
  readonly ueb: Uint8Array | undefined;
  /** Nodes of the share hash tree. */
  readonly chain: readonly ChainEntry[];
  readonly shares: readonly ShareLocation[];
}

/** Nodes in the tree over 256 shares. */
const MOST_CHAIN_ENTRIES = 511;

/**
 * What is remembered of one file: what is kept of it for good, and for the rest what happens to be there. Whoever remembers something has
 * verified it; whoever recalls something verifies it again, and has it forgotten where that fails. No call fails, or waits for long.
 */
export class CachedFile {
  readonly #name: string;
  readonly #facts: WriteBehind;
  readonly #segments: WriteBehind;
  readonly #pace: PlaybackPace;
  readonly #kept: FileParts | undefined;
  readonly #isFetch: boolean;
  /** Keys of what is, or will be, stored of it as far as is known. */
  #known = new Set<string>();

  /**
   * @param name of the file in the stores: no other file's name begins with it
   * @param kept what is kept of it for good, where files are
   * @param isFetch its download is what fetches the file for good: it puts the segments into `kept` itself, and waits where many wait to be
   *   written
   */
  constructor(
    name: string,
    facts: WriteBehind,
    segments: WriteBehind,
    pace: PlaybackPace,
    kept: FileParts | undefined,
    isFetch: boolean,
  ) {
    this.#isFetch = isFetch;
    this.#name = name;
    this.#facts = facts;
    this.#segments = segments;
    this.#pace = pace;
    this.#kept = kept;
  }

  /** Looks up what a file is opened with, and which pages and segments there are. */
  async recall(): Promise<Recollection> {
    const [uebKey, chainKey, sharesKey] = [this.#key("ueb"), this.#key("chain"), this.#key("shares")];
    const [found, keptUeb, ...keys] = await Promise.all([
      this.#facts.get([uebKey, chainKey, sharesKey]),
      this.#kept?.ueb(),
      this.#facts.keys(this.#key("")),
      this.#segments.keys(this.#key("")),
    ]);
    this.#known = new Set(keys.flatMap((some) => [...some]));
    const shares = found.get(sharesKey);
    return {
      ueb: keptUeb ?? found.get(uebKey),
      chain: this.#parseChain(found.get(chainKey)),
      shares: shares === undefined ? [] : decodeShareMap(shares),
    };
  }

  /** Remembers the UEB. One that is known is left as it is. */
  rememberUeb(bytes: Uint8Array, isRecalled = false): void {
    const key = this.#key("ueb");
    this.#kept?.putFact("ueb", bytes, isRecalled);
    if (!this.#known.has(key) && this.#facts.put(key, bytes.slice())) this.#known.add(key);
  }

  forgetUeb(): void {
    this.#kept?.forget({ facts: ["ueb"] });
    this.#known.delete(this.#key("ueb"));
    this.#facts.delete(this.#key("ueb"));
  }

  /** @param nodes all that are known of the share hash tree */
  rememberChain(nodes: readonly ChainEntry[]): void {
    this.#facts.put(this.#key("chain"), formatShareHashChain(nodes));
  }

  forgetChain(): void {
    this.#facts.delete(this.#key("chain"));
  }

  /** @param shares all that are worth trying first */
  rememberShares(shares: readonly ShareLocation[]): void {
    this.#facts.put(this.#key("shares"), encodeShareMap(shares));
  }

  /** May this page be recalled? */
  knowsPage(tree: TreeName, firstNode: number): boolean {
    return this.#keeps(tree, firstNode) || this.#known.has(this.#pageKey(tree, firstNode));
  }

  /** Pages by their first nodes; without those that are gone. */
  async recallPages(tree: TreeName, firstNodes: readonly number[]): Promise<Map<number, Uint8Array>> {
    const kept = firstNodes.filter((node) => this.#keeps(tree, node));
    const others = firstNodes.filter((node) => !this.#keeps(tree, node));
    const [found, pages] = await Promise.all([
      this.#facts.get(others.map((node) => this.#pageKey(tree, node))),
      this.#kept?.facts(kept) ?? new Map(),
    ]);
    for (const node of others) {
      const key = this.#pageKey(tree, node);
      const bytes = found.get(key);
      if (bytes === undefined) this.#known.delete(key);
      else pages.set(node, bytes);
    }
    return pages as Map<number, Uint8Array>;
  }

  /**
   * Remembers a page, whose bytes must not change any more. One that is known is left as it is.
   * @param isRecalled it came from this memory, and not from a server because of what is wrong with those above it, say
   */
  rememberPage(tree: TreeName, firstNode: number, bytes: Uint8Array, isRecalled: boolean): void {
    const key = this.#pageKey(tree, firstNode);
    if (tree === "ciphertext") this.#kept?.putFact(firstNode, bytes, isRecalled);
    if (!this.#keeps(tree, firstNode) && !this.#known.has(key) && this.#facts.put(key, bytes)) this.#known.add(key);
  }

  forgetPage(tree: TreeName, firstNode: number): void {
    if (tree === "ciphertext") this.#kept?.forget({ facts: [firstNode] });
    const key = this.#pageKey(tree, firstNode);
    this.#known.delete(key);
    this.#facts.delete(key);
  }

  /** May this segment be recalled? */
  knowsSegment(segment: number): boolean {
    return this.#kept?.hasSegment(segment) || this.#known.has(this.#segmentKey(segment));
  }

  /** A segment's ciphertext, or undefined where it is gone. */
  async recallSegment(segment: number): Promise<Uint8Array | undefined> {
    if (this.#kept?.hasSegment(segment)) {
      const kept = await this.#kept.segment(segment);
      if (kept !== undefined) return kept;
    }
    const key = this.#segmentKey(segment);
    const bytes = (await this.#segments.get([key])).get(key);
    if (bytes === undefined) this.#known.delete(key);
    return bytes;
  }

  /** Keeps a copy of a segment's ciphertext, unless segments of the file come as fast as in a download. */
  rememberSegment(segment: number, ciphertext: Uint8Array): void {
    if (this.#isFetch) return;
    if (this.#kept?.wants(segment)) {
      this.#kept.putSegment(segment, ciphertext);
      return;
    }
    const isPaced = this.#pace.allows(ciphertext.length);
    const key = this.#segmentKey(segment);
    if (!isPaced || this.#known.has(key)) return;
    if (this.#segments.put(key, ciphertext.slice())) this.#known.add(key);
  }

  forgetSegment(segment: number): void {
    const key = this.#segmentKey(segment);
    this.#kept?.forget({ segments: [segment] });
    this.#known.delete(key);
    this.#segments.delete(key);
  }

  #keeps(tree: TreeName, firstNode: number): boolean {
    return tree === "ciphertext" && this.#kept !== undefined && this.#kept.hasFact(firstNode);
  }

  #parseChain(bytes: Uint8Array | undefined): ChainEntry[] {
    if (bytes === undefined || bytes.length > MOST_CHAIN_ENTRIES * CHAIN_ENTRY_LENGTH) return [];
    try {
      return parseShareHashChain(bytes, MOST_CHAIN_ENTRIES);
    } catch {
      this.forgetChain();
      return [];
    }
  }

  #key(what: string): string {
    return `${this.#name}/${what}`;
  }

  #pageKey(tree: TreeName, firstNode: number): string {
    return this.#key(`page/${tree}/${firstNode}`);
  }

  #segmentKey(segment: number): string {
    return this.#key(`segment/${segment}`);
  }
}
