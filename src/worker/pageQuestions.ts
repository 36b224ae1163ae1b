import type { Answer } from "../channel/messages.ts";
import { prefetch } from "../files/prefetch.ts";
import { parseCap } from "../formats/parseCap.ts";
import { infoOf } from "../http/directoryEntries.ts";
import { announce } from "./announce.ts";
import type { Answers } from "./answerPages.ts";
import type { BackgroundPace } from "./BackgroundPace.ts";
import type { FileSource } from "./FileSource.ts";
import type { FolderLists } from "./FolderLists.ts";
import type { GridSource } from "./GridSource.ts";
import type { HandleBook } from "./HandleBook.ts";
import type { OfflineWork } from "./OfflineWork.ts";
import type { Reads } from "./Reads.ts";
import type { Tracers } from "./Tracers.ts";

declare const self: ServiceWorkerGlobalScope;

/** A large grid of which every server is silent takes this long. */
const CHECK_LIMIT_MS = 110_000;

/** Whom pages' questions are about. */
export interface Asked {
  readonly grids: GridSource;
  readonly handles: HandleBook;
  readonly reads: Reads;
  readonly offline: OfflineWork;
  readonly lists: Pick<FolderLists, "part">;
  readonly files: Pick<FileSource, "open">;
  readonly background: Pick<BackgroundPace, "turn" | "limit">;
  readonly trace: Tracers["next"];
  /** The folder of handles. */
  readonly prefix: string;
  /** Does this worker replace an older version of itself? */
  readonly takesOver: boolean;
}

/** What each question of a page is answered with. */
export function pageQuestions(asked: Asked): Answers {
  const { grids, handles, reads, offline, lists, files, background, trace, prefix, takesOver } = asked;
  return {
    async claim() {
      await self.clients.claim();
      return {};
    },
    ping: async (_, event, { versions }) => ({
      ...(versions.newest < 5 && (await withOfflineWork(event))),
      streams: reads.count,
      resting: reads.resting,
    }),
    offlineWork({ limit }, event) {
      background.limit(limit);
      return goOn(event);
    },
    handOvers: async () => ({ unfinished: await offline.handOvers() }),
    async takeOver() {
      if (takesOver) await self.skipWaiting();
      return {};
    },
    async ready() {
      await grids.ready();
      return {};
    },
    configure: async (passed) => ({ isKept: await grids.pass(passed) }),
    profile: async () => ({ ...(await handles.profile()), prefix, takesPaths: true }),
    async handles({ entries }) {
      await handles.keep(entries);
      return {};
    },
    async revoke({ handle }) {
      await announce("handleRevoked", { handle });
      await handles.revoke(handle);
      return {};
    },
    info: ({ cap, filename }) => ({ info: infoOf(parseCap(cap), filename) }),
    list: (asked, _, { signal }) => lists.part(asked, signal),
    async prefetch({ cap, grid, offset, length, limit }, _, { signal }) {
      background.limit(limit);
      await prefetch(
        await files.open(parseCap(cap), grid || undefined, signal),
        { offset, length },
        background,
        signal,
      );
      return {};
    },
    trace: ({ tracer, level }, _, { signal }) => trace(tracer, level, signal),
    async keep({ cap, grid, limit }, event) {
      background.limit(limit);
      const keep = await offline.service.keep(parseCap(cap), grid);
      event.waitUntil(offline.lasting());
      return { keep };
    },
    keepOf: async ({ cap }) => ({ keep: await offline.service.find(parseCap(cap)) }),
    keeps: async () => ({ keeps: await offline.service.list() }),
    async changeKeep({ id, to }, event) {
      await offline.service.change(id, to);
      event.waitUntil(offline.lasting());
      return {};
    },
    async localNetwork() {
      await grids.ready().catch(() => undefined);
      return grids.localNetwork();
    },
    check: async () => ({ grids: await grids.check(AbortSignal.timeout(CHECK_LIMIT_MS)) }),
  };

  /** Goes on with what is to be kept offline, in this event's time. */
  async function goOn(event: Pick<ExtendableEvent, "waitUntil">): Promise<Answer<"offlineWork">> {
    await offline.resume();
    event.waitUntil(offline.withPage());
    return { keeping: offline.count };
  }

  /** What else a ping of a page of a version before 5 asks for. */
  async function withOfflineWork(event: Pick<ExtendableEvent, "waitUntil">): Promise<Partial<Answer<"ping">>> {
    const { keeping } = await goOn(event);
    const unfinished = await offline.handOvers();
    return { keeping, ...(unfinished && { unfinished }) };
  }
}
