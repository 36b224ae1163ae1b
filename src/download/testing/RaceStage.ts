import { SimulatedGrid } from "../../files/testing/SimulatedGrid.ts";
import { ChkShare } from "../ChkShare.ts";
import type { DownloadContext } from "../DownloadContext.ts";
import { FileFacts } from "../FileFacts.ts";
import type { Share } from "../Share.ts";
import { SharePool } from "../SharePool.ts";
import { ShareRace } from "../ShareRace.ts";
import { contextFor } from "./contextFor.ts";

/** A share's work in a staged race, which ends as the test says. */
export interface Job {
  readonly share: Share;
  readonly signal: AbortSignal;
  complete(): void;
  /** It cannot help in this race, but is good for others. */
  refuse(): void;
  die(): void;
}

const CAP = { storageIndex: new Uint8Array(16), uebHash: new Uint8Array(32), needed: 3, total: 10, size: 310 };

/** Races for three of ten shares with jobs, but no requests: who is started, and when, is what is looked at. */
export class RaceStage {
  readonly grid: SimulatedGrid;
  readonly context: DownloadContext;
  readonly pool: SharePool<Share>;
  readonly jobs: Job[] = [];
  readonly defeat = new Error("defeat");
  /** How often the race said that it wants more shares than there are. */
  hungry = 0;
  isExhausted = false;
  /** Is another server about to answer? */
  isPromising = false;
  readonly #races = new Set<ShareRace<Share, string>>();

  constructor(serverCount: number) {
    this.grid = new SimulatedGrid(serverCount);
    this.context = contextFor(this.grid, "aaaaaaaaaaaaaaaaaaaaaaaaaa");
    this.pool = new SharePool(CAP, this.context);
  }

  /** Share number and server's letter, as in "2@A". Each server's answer is one delivery. */
  find(...places: readonly string[]): void {
    for (const place of places) {
      const [number, letter] = place.split("@") as [string, string];
      const server = this.grid.servers[letter.charCodeAt(0) - 65];
      if (server)
        this.pool.add(
          server,
          Number(number),
          () => new ChkShare(server, Number(number), new FileFacts(CAP), this.context),
        );
    }
    for (const race of this.#races) race.step();
  }

  /** What share queries to the server took, in milliseconds. */
  latency(letter: string, ms: number): void {
    const server = this.grid.servers[letter.charCodeAt(0) - 65];
    if (server) this.context.health.of(server).sawLatency(ms);
  }

  /** No answer is to be expected soon any more. */
  disappoint(): void {
    this.isPromising = false;
    for (const race of this.#races) race.step();
  }

  exhaust(): void {
    this.isExhausted = true;
    for (const race of this.#races) race.step();
  }

  race(): Promise<Map<number, string>> {
    const race = new ShareRace<Share, string>(
      {
        width: 3,
        enough: 3,
        least: 3,
        bytes: 40,
        job: (share, signal) =>
          new Promise((resolve, reject) => {
            this.jobs.push({
              share,
              signal,
              complete: () => resolve(nameOf(share)),
              refuse: () => resolve(undefined),
              die: () => reject(new Error("dead")),
            });
          }),
      },
      {
        pool: this.pool,
        context: this.context,
        isPromising: () => this.isPromising,
        isExhausted: () => this.isExhausted,
        isDoomed: () => false,
        hungry: () => {
          this.hungry++;
        },
        failed: (share, error) => this.pool.kill(share, error, true),
        lagging: (share) => {
          this.pool.markLagging(share);
          for (const each of this.#races) each.step();
        },
        late: (share) => {
          this.pool.markLate(share);
          for (const each of this.#races) each.step();
        },
        defeat: () => this.defeat,
      },
    );
    this.#races.add(race);
    const result = race.run(new AbortController().signal);
    result.catch(() => {});
    return result;
  }

  /** Who was started, in this order. */
  get started(): string[] {
    return this.jobs.map(({ share }) => nameOf(share));
  }

  job(place: string): Job {
    const job = this.jobs.findLast(({ share }) => nameOf(share) === place);
    if (job === undefined) throw new Error(`${place} was not started`);
    return job;
  }
}

function nameOf(share: Share): string {
  return `${share.number}@${String.fromCharCode(65 + Number(share.server.name.slice("server".length)))}`;
}
