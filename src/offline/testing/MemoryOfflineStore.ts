import { GridError } from "../../base/GridError.ts";
import type { FileFact, PartNames } from "../../cache/FileParts.ts";
import {
  damaged,
  type OfflineParts,
  type OfflineRecord,
  type OfflineStore,
  takesParts,
  withBytes,
} from "../OfflineStore.ts";

/** What of a file is on the simulated disk. */
export interface StoredParts {
  readonly facts: Map<FileFact, Uint8Array>;
  readonly segments: Map<number, Uint8Array>;
}

/** A OfflineStore that can be looked into, spoiled, filled up, and cut off before or after any write. */
export class MemoryOfflineStore implements OfflineStore {
  readonly records = new Map<string, OfflineRecord>();
  readonly parts = new Map<string, StoredParts>();
  /** Bytes of segments that there is room for. */
  room = Number.POSITIVE_INFINITY;
  /** There is no room for any change of a record either. */
  isFull = false;
  /** No call succeeds. */
  isAway = false;
  /** Writes that may still happen; after them every call waits for ever, as if whoever asks had been killed. */
  writesLeft = Number.POSITIVE_INFINITY;
  /** Segments that were written, in order. */
  readonly written: number[] = [];

  async list(): Promise<OfflineRecord[]> {
    this.#check();
    return [...this.records.values()];
  }

  async get(id: string): Promise<OfflineRecord | undefined> {
    this.#check();
    return this.records.get(id);
  }

  async change(
    id: string,
    edit: (record: OfflineRecord | undefined) => OfflineRecord | undefined,
  ): Promise<OfflineRecord | undefined> {
    await this.#write();
    const before = this.records.get(id);
    const record = edit(before);
    if (this.isFull && record !== before) throw full();
    if (record !== undefined) this.records.set(id, record);
    return record;
  }

  async remove(id: string): Promise<void> {
    await this.#write();
    this.records.delete(id);
    this.parts.delete(id);
  }

  async add(id: string, { facts, segments }: OfflineParts): Promise<OfflineRecord | undefined> {
    await this.#write();
    const record = this.records.get(id);
    if (!takesParts(record)) return record;
    const there = this.#partsOf(id);
    const added = [...segments].filter(([segment]) => !there.segments.has(segment));
    const bytes = added.reduce((sum, [, { length }]) => sum + length, 0);
    if (bytes > this.room) throw full();
    this.room -= bytes;
    for (const [fact, value] of facts) there.facts.set(fact, value.slice());
    for (const [segment, value] of added) there.segments.set(segment, value.slice());
    this.written.push(...added.map(([segment]) => segment));
    const changed = withBytes(record, bytes);
    this.records.set(id, changed);
    return changed;
  }

  async drop(id: string, { facts, segments }: PartNames): Promise<OfflineRecord | undefined> {
    await this.#write();
    const record = this.records.get(id);
    if (record === undefined) return undefined;
    const there = this.#partsOf(id);
    let bytes = 0;
    for (const segment of segments) bytes += there.segments.get(segment)?.length ?? 0;
    for (const segment of segments) there.segments.delete(segment);
    for (const fact of facts) there.facts.delete(fact);
    const changed = damaged(withBytes(record, -bytes));
    this.records.set(id, changed);
    return changed;
  }

  async contents(id: string): Promise<PartNames> {
    this.#check();
    const { facts, segments } = this.#partsOf(id);
    return { facts: [...facts.keys()], segments: [...segments.keys()] };
  }

  async segment(id: string, segment: number): Promise<Uint8Array | undefined> {
    this.#check();
    return this.parts.get(id)?.segments.get(segment)?.slice();
  }

  async facts(id: string, facts: readonly FileFact[]): Promise<Map<FileFact, Uint8Array>> {
    this.#check();
    return new Map([...this.#partsOf(id).facts].filter(([fact]) => facts.includes(fact)));
  }

  #partsOf(id: string): StoredParts {
    const parts = this.parts.get(id) ?? { facts: new Map(), segments: new Map() };
    this.parts.set(id, parts);
    return parts;
  }

  #check(): void {
    if (this.isAway) throw new GridError("STORE_UNAVAILABLE", { store: "test", reason: "away" }, "The store is away.");
  }

  async #write(): Promise<void> {
    this.#check();
    if (this.writesLeft-- <= 0) await new Promise(() => {});
  }
}

function full(): GridError {
  return new GridError("STORE_FULL", { store: "test" }, "There is no room left.");
}
