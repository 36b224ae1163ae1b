import {
  CHAIN_ENTRY_LENGTH,
  type ChainEntry,
  formatShareHashChain,
  parseShareHashChain,
} from "../formats/ShareHashChain.ts";
import type { Pace } from "./Pace.ts";
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
 * What is remembered of one file. Whoever remembers something has verified it; whoever recalls something verifies it
 * again, and has it forgotten where that fails. No call fails, or waits for long.
 */
export class RememberedFile {
  readonly #name: string;
  readonly #facts: WriteBehind;
  readonly #segments: WriteBehind;
  readonly #pace: Pace;
  /** Keys of what is, or will be, stored of it as far as is known. */
  #known = new Set<string>();

  /** @param name of the file in the stores: no other file's name begins with it */
  constructor(name: string, facts: WriteBehind, segments: WriteBehind, pace: Pace) {
    this.#name = name;
    this.#facts = facts;
    this.#segments = segments;
    this.#pace = pace;
  }

  /** Looks up what a file is opened with, and which pages and segments there are. */
  async recall(): Promise<Recollection> {
    const [uebKey, chainKey, sharesKey] = [this.#key("ueb"), this.#key("chain"), this.#key("shares")];
    const [found, ...keys] = await Promise.all([
      this.#facts.get([uebKey, chainKey, sharesKey]),
      this.#facts.keys(this.#key("")),
      this.#segments.keys(this.#key("")),
    ]);
    this.#known = new Set(keys.flatMap((some) => [...some]));
    const shares = found.get(sharesKey);
    return {
      ueb: found.get(uebKey),
      chain: this.#parseChain(found.get(chainKey)),
      shares: shares === undefined ? [] : decodeShareMap(shares),
    };
  }

  rememberUeb(bytes: Uint8Array): void {
    this.#facts.put(this.#key("ueb"), bytes.slice());
  }

  forgetUeb(): void {
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
    return this.#known.has(this.#pageKey(tree, firstNode));
  }

  /** Pages by their first nodes; without those that are gone. */
  async recallPages(tree: TreeName, firstNodes: readonly number[]): Promise<Map<number, Uint8Array>> {
    const keys = firstNodes.map((node) => this.#pageKey(tree, node));
    const found = await this.#facts.get(keys);
    const pages = new Map<number, Uint8Array>();
    for (const [i, key] of keys.entries()) {
      const bytes = found.get(key);
      if (bytes === undefined) this.#known.delete(key);
      else pages.set(firstNodes[i] as number, bytes);
    }
    return pages;
  }

  /** Remembers a page, whose bytes must not change any more. One that is known is left as it is. */
  rememberPage(tree: TreeName, firstNode: number, bytes: Uint8Array): void {
    const key = this.#pageKey(tree, firstNode);
    if (!this.#known.has(key) && this.#facts.put(key, bytes)) this.#known.add(key);
  }

  forgetPage(tree: TreeName, firstNode: number): void {
    const key = this.#pageKey(tree, firstNode);
    this.#known.delete(key);
    this.#facts.delete(key);
  }

  /** May this segment be recalled? */
  knowsSegment(segment: number): boolean {
    return this.#known.has(this.#segmentKey(segment));
  }

  /** A segment's ciphertext, or undefined where it is gone. */
  async recallSegment(segment: number): Promise<Uint8Array | undefined> {
    const key = this.#segmentKey(segment);
    const bytes = (await this.#segments.get([key])).get(key);
    if (bytes === undefined) this.#known.delete(key);
    return bytes;
  }

  /** Keeps a copy of a segment's ciphertext, unless segments of the file come as fast as in a download. */
  rememberSegment(segment: number, ciphertext: Uint8Array): void {
    const isPaced = this.#pace.allows(ciphertext.length);
    const key = this.#segmentKey(segment);
    if (!isPaced || this.#known.has(key)) return;
    if (this.#segments.put(key, ciphertext.slice())) this.#known.add(key);
  }

  forgetSegment(segment: number): void {
    const key = this.#segmentKey(segment);
    this.#known.delete(key);
    this.#segments.delete(key);
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
