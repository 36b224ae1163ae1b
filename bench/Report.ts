import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { round } from "./statistics.ts";

/** What a figure must be to be good enough; without either, it is for information. */
export interface Target {
  readonly least?: number;
  readonly most?: number;
}

/** A line of the results. */
export interface Entry {
  readonly id: string;
  /** Null where the measurement failed. */
  readonly value: number | null;
  readonly unit: string;
  /** `>= 6`, `<= 2`; null for a figure that is for information. */
  readonly target: string | null;
  readonly ok: boolean;
  /** Why there is no value. */
  readonly reason?: string;
  /** What was compared, in figures of this machine. */
  readonly details?: string;
}

/** What a measurement is about. */
export interface Measured {
  readonly unit: string;
  readonly target: Target;
}

/** Collects the results and shows them as they come. */
export class Report {
  readonly #entries: Entry[] = [];

  add(id: string, { unit, target }: Measured, value: number, details?: string): void {
    const ok =
      value >= (target.least ?? Number.NEGATIVE_INFINITY) && value <= (target.most ?? Number.POSITIVE_INFINITY);
    this.#push({ id, value: round(value), unit, target: textOf(target), ok, ...(details && { details }) });
  }

  fail(id: string, { unit, target }: Measured, reason: string): void {
    this.#push({ id, value: null, unit, target: textOf(target), ok: false, reason });
  }

  has(id: string): boolean {
    return this.#entries.some((entry) => entry.id === id);
  }

  #push(entry: Entry): void {
    this.#entries.push(entry);
    console.log(line(entry));
    console.log(`    ${entry.reason ?? entry.details ?? ""}`);
  }

  /** Shows all of it, and writes it as JSON. */
  async finish(path: string): Promise<void> {
    console.log(`\n${this.#entries.map(line).join("\n")}`);
    const missed = this.#entries.filter(({ ok }) => !ok);
    console.log(`\n${this.#entries.length - missed.length} of ${this.#entries.length} within their targets.`);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `${JSON.stringify(this.#entries, undefined, 2)}\n`);
    console.log(`Written to ${path}`);
  }
}

function textOf({ least, most }: Target): string | null {
  if (least !== undefined) return `>= ${least}`;
  return most === undefined ? null : `<= ${most}`;
}

function line({ id, value, unit, target, ok }: Entry): string {
  const cells = [id.padEnd(26), String(value ?? "-").padStart(8), unit.padEnd(42), (target ?? "").padEnd(9)];
  return `${cells.join(" ")} ${ok ? "ok" : "MISSED"}`;
}
