import type { Clock } from "../base/Clock.ts";
import type { HandOver, KeepEvent } from "../base/Keep.ts";
import { inTime } from "../base/wait.ts";
import type { FileNodes } from "../files/createFileNodes.ts";
import type { BackgroundFetchManager, BackgroundFetchRegistration, BrowserFetches } from "../offline/BrowserFetches.ts";
import type { OfflineFiles } from "../offline/OfflineFiles.ts";
import type { JobPlatform } from "../offline/OfflineJob.ts";
import type { OfflineService } from "../offline/OfflineService.ts";
import type { OfflineRecord } from "../offline/OfflineStore.ts";
import type { Server } from "../servers/Server.ts";
import type { KeepPart } from "./WorkerParts.ts";

/** A page speaks every 10 s while a file is being kept. Chromium ends a worker that takes minutes for one message. */
const WORK_MS = 40_000;
/** What the browser has brought is there while this event lasts, and Chromium ends a worker that takes 5 minutes for it. */
const TAKE_MS = 270_000;
/** Finding out what to hand over asks the configuration: a page does not wait longer for a network that is half there. */
const HAND_OVER_MS = 1_000;

export interface OfflineWorkOptions extends Pick<JobPlatform, "files" | "alone"> {
  readonly kept: OfflineFiles;
  readonly clock: Clock;
  /** Loads what does the work. */
  readonly load: () => KeepPart;
  /** Files of these servers alone. */
  readonly makeFiles: (servers: readonly Server[]) => FileNodes;
  readonly announce: (event: KeepEvent) => void;
  /** Where the browser has it. */
  readonly backgroundFetch: BackgroundFetchManager | undefined;
}

interface Begun {
  readonly service: OfflineService;
  readonly browser: BrowserFetches | undefined;
}

/** The keeping of files as the worker's events see it: begun when it is first needed, and never longer than an event may last. */
export class OfflineWork {
  readonly #options: OfflineWorkOptions;
  #begun: Begun | undefined;

  constructor(options: OfflineWorkOptions) {
    this.#options = options;
  }

  get service(): OfflineService {
    return this.#begin().service;
  }

  /** Files that are being fetched, or wait for it. */
  get count(): number {
    return this.#begun?.service.count ?? 0;
  }

  /** A reader has changed what is kept. */
  changed(record: OfflineRecord): void {
    this.service.changed(record);
  }

  /** The network is back. */
  wake(): void {
    this.#begun?.service.wake();
  }

  /** Goes on with what an earlier worker may have left. Never rejects: where the store is away there is nothing to go on with. */
  async resume(): Promise<void> {
    const { kept } = this.#options;
    try {
      const isDue = this.#begun !== undefined || (await kept.records()).some(({ state }) => state === "keeping");
      if (isDue) await this.service.resume();
    } catch {
      // The next page that speaks tries again.
    }
  }

  /** A page is there: the browser need not fetch what this worker does. Resolves when nothing is to be done, or when a page should have spoken again. */
  async withPage(): Promise<void> {
    await Promise.all([this.lasting(), this.#begun?.browser?.leaveToUs()]);
  }

  /** Resolves when nothing is to be done, or when a page should have spoken again. */
  lasting(): Promise<void> {
    return inTime(Promise.resolve(this.#begun?.service.settled()), WORK_MS, this.#options.clock, () => {});
  }

  /** What the browser should take over when the page is left; undefined where it cannot, or where that is not known soon. */
  async handOvers(): Promise<readonly HandOver[] | undefined> {
    if (this.#begun?.browser === undefined) return undefined;
    return inTime(this.#begun.service.unfinished(), HAND_OVER_MS, this.#options.clock, () => undefined);
  }

  /** The browser has fetched something. Resolves when that is kept as far as it is good, or when the event must end. */
  async take(registration: BackgroundFetchRegistration): Promise<void> {
    const { clock, makeFiles } = this.#options;
    const { service, browser } = this.#begin();
    const taken = Promise.resolve(browser?.take(registration, service, makeFiles));
    await inTime(taken, TAKE_MS, clock, () => {});
  }

  #begin(): Begun {
    if (this.#begun !== undefined) return this.#begun;
    const { backgroundFetch, announce, load, kept, clock, files, alone } = this.#options;
    const { OfflineService, BrowserFetches } = load();
    const browser = backgroundFetch && new BrowserFetches(backgroundFetch, clock);
    const service = new OfflineService({
      kept,
      clock,
      files,
      alone,
      announce(event) {
        announce(event);
        if (event.state !== "keeping") void browser?.callOff(event.id);
      },
      unlessBrought: async (keep, signal) => browser?.unlessBrought(keep, signal),
    });
    this.#begun = { service, browser };
    return this.#begun;
  }
}
