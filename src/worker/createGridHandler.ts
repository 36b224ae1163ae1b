import { systemClock } from "../base/Clock.ts";
import { EventLog } from "../base/EventLog.ts";
import { WORKER_MARK } from "../base/workerMark.ts";
import { openCacheDatabase } from "../cache/cacheDatabase.ts";
import { openFileCache } from "../cache/openFileCache.ts";
import { createFileNodes, type FileNodes } from "../files/createFileNodes.ts";
import { FailurePacer } from "../http/FailurePacer.ts";
import { gridPaths, isGridRequest } from "../http/GridPaths.ts";
import { type GridRequestContext, handleGridRequest } from "../http/handleGridRequest.ts";
import { Openings } from "../http/Openings.ts";
import type { BodyWatch } from "../http/openBody.ts";
import { isPlayer } from "../http/openContent.ts";
import type { BackgroundFetchManager, BackgroundFetchRegistration } from "../offline/BrowserFetches.ts";
import { DatabaseOfflineStore } from "../offline/DatabaseOfflineStore.ts";
import { OfflineFiles } from "../offline/OfflineFiles.ts";
import type { ServerList } from "../servers/ServerList.ts";
import { StaticServerList } from "../servers/StaticServerList.ts";
import type { Archives } from "../zip/Archives.ts";
import { announce } from "./announce.ts";
import { answerPages } from "./answerPages.ts";
import { BackgroundPace } from "./BackgroundPace.ts";
import { bundledParts } from "./bundledParts.ts";
import { ClientWatch } from "./ClientWatch.ts";
import { ConfigStore } from "./ConfigStore.ts";
import { FileSource } from "./FileSource.ts";
import { FolderLists } from "./FolderLists.ts";
import { GridSource } from "./GridSource.ts";
import { HandleBook } from "./HandleBook.ts";
import { HandleStore } from "./HandleStore.ts";
import { haveServersMoved } from "./haveServersMoved.ts";
import { keepFromWebServer } from "./keepFromWebServer.ts";
import { OfflineWork } from "./OfflineWork.ts";
import { pageQuestions } from "./pageQuestions.ts";
import { permissionOf } from "./permissionOf.ts";
import { Reads } from "./Reads.ts";
import type { ServerTimings } from "./ServerTimings.ts";
import type { Tracers } from "./Tracers.ts";
import { takeOverWhenQuiet } from "./takeOverWhenQuiet.ts";
import { forgetsUnanswered, UnansweredSeeks } from "./UnansweredSeeks.ts";
import type { WorkerParts } from "./WorkerParts.ts";
import { workerSurroundings } from "./workerSurroundings.ts";
import { workerTransport } from "./workerTransport.ts";

declare const self: ServiceWorkerGlobalScope & {
  /** Where the browser has Background Fetch. */
  readonly registration: { readonly backgroundFetch?: BackgroundFetchManager };
};

type BackgroundFetchEvent = ExtendableEvent & { readonly registration: BackgroundFetchRegistration };

/** How a handler is made. */
export interface GridHandlerOptions {
  /**
   * The folder of grid URLs under the worker's scope: `grid` unless given. The pages learn it from the worker.
   */
  readonly prefix?: string;
  /**
   * Answers Tahoe-LAFS's own URLs as well: `uri`, `uri/…`, `cap`, `cap/…`, `file/…` and `named/…` under the worker's scope. They hold caps;
   * false unless given, since an app may have paths of these names.
   */
  readonly tahoeForms?: boolean;
  /**
   * Says in each answer's `Server-Timing` header where its time went, for the browser's network panel and `performance`: `open` (the handle, the
   * configuration), `find` (which servers have shares), `proof`, `segment`, `total`, and how many `queries` and `requests` there were. False unless given. A
   * page with the client of version 0.2.0 or before takes no such answer.
   */
  readonly timing?: boolean;
  /** Where the grid's configuration is, relative to the worker's scope: `grid.json` unless given. */
  readonly config?: string | URL;
  /**
   * Takes control of all pages when it is first installed, and replaces an older version of itself as soon as nothing
   * streams. For a worker that does nothing besides; false unless given, since an app's own worker has its own ways.
   */
  readonly takesOver?: boolean;
}

/** What makes a Service Worker answer for grid URLs. */
export interface GridHandler {
  /**
   * Is this a GET or HEAD for a grid URL under the worker's scope? All other requests are none of the handler's business. For a
   * URL alone a GET is meant.
   */
  match(target: Request | URL | string): boolean;
  /**
   * Answers a request that `match` holds for: a file's bytes, or a status and a text that say why not. Call it at once
   * in the event's own turn, for it prolongs the event while the body streams.
   *
   * @param event the fetch event
   * @param request what to answer, if not the event's own
   * @throws the reason of the request's signal, and nothing else: errors are answers
   */
  handle(event: ExtendableEvent, request?: Request): Promise<Response>;
  /** Bodies under way. Do not skip waiting while there are any: Firefox would cut them at once. */
  readonly streams: number;
}

/**
 * Puts the parts together: the one place where that is done. For the top level of a Service Worker's script, once: it
 * listens for the questions that pages ask through the client, and the browser wants listeners to be there from the
 * start. The worker may be ended at any moment; nothing here outlives it that cannot be made anew.
 *
 * @throws GridError BAD_URL for a prefix that is no path of letters, digits, `-` and `_`
 */
export function createGridHandler(options: GridHandlerOptions = {}): GridHandler {
  return composeGridHandler(options, bundledParts);
}

/** The same, for a worker whose seldom needed parts are elsewhere. */
export function composeGridHandler(
  { config = "grid.json", takesOver = false, timing = false, ...pathOptions }: GridHandlerOptions,
  parts: WorkerParts,
): GridHandler {
  const scope = new URL(self.registration.scope);
  const paths = gridPaths(scope, pathOptions);
  const clock = systemClock;
  const log = new EventLog(clock);
  const cache = openCacheDatabase(clock);
  // On a full disk what was merely read leaves for what somebody wants to keep.
  const makeRoom = (): Promise<void> => cache.delete();
  const kept = new OfflineFiles(new DatabaseOfflineStore(clock, makeRoom), clock, (record) => offline.changed(record));
  const fileCache = openFileCache(cache, clock, log, (cap) => kept.of(cap));
  const reads = new Reads(clock, (event) => announce("read", event));
  const background = new BackgroundPace(clock, () => reads.isAwaited);
  const makeFiles = (servers: ServerList): FileNodes => createFileNodes({ servers, clock, log, fileCache, background });
  const seeks = forgetsUnanswered(navigator.userAgent) ? new UnansweredSeeks() : undefined;
  const readers = new ClientWatch(clock, async (client) => (await self.clients.get(client)) !== undefined);
  const grids = new GridSource({
    url: new URL(config, scope),
    store: new ConfigStore(clock, makeRoom),
    askPages: () => announce("settingsWanted", {}),
    makeTransport: workerTransport(self.location.href, parts),
    origin: self.location.origin,
    permissionOf,
    jsonFault: (text) => parts.check().jsonFault(text),
    checkGrid: (...grid) => parts.check().checkGrid(...grid),
    makeFiles,
    clock,
  });
  const handles = new HandleBook({
    store: new HandleStore(clock, makeRoom),
    clock,
    askPages: (handle) => announce("handleWanted", { handle }),
  });
  const offline = new OfflineWork({
    kept,
    clock,
    load: () => parts.keep(),
    async files(grid, isAgain) {
      if (isAgain) grids.doubt();
      return grids.files(grid || undefined);
    },
    makeFiles: (servers) => makeFiles(new StaticServerList(servers)),
    alone: async (name, signal, work) => navigator.locks.request(name, { signal }, work),
    announce: (event) => void announce("keep", event).catch(() => undefined),
    backgroundFetch: self.registration.backgroundFetch,
  });
  self.addEventListener("online", () => offline.wake());
  // The second comes where any one share was refused, or broke off: the others are as good as ever.
  for (const end of ["backgroundfetchsuccess", "backgroundfetchfail"]) {
    self.addEventListener(end, (event) => {
      const ended = event as BackgroundFetchEvent;
      ended.waitUntil(offline.take(ended.registration));
    });
  }
  const files = new FileSource({ grids, kept, unaided: makeFiles(new StaticServerList([])), clock });
  const surroundings = workerSurroundings(() => grids.localNetwork());
  let tracers: Tracers | undefined;
  let timings: ServerTimings | undefined;
  const lists = new FolderLists({ files, grids, surroundings, clock });
  let archives: Archives | undefined;
  const context: Omit<GridRequestContext, "client" | "asker" | "streaming" | "failed" | "haveServersMoved"> = {
    paths,
    findHandle: (handle, signal) => handles.find(handle, signal),
    open: (cap, grid, signal) => files.open(cap, grid, signal),
    directory: (cap, grid) => files.directory(cap, grid),
    async archive(record, signal) {
      archives ??= new (parts.zip().Archives)(files);
      return archives.open(record, signal);
    },
    clock,
    failures: new FailurePacer(clock),
    ...surroundings,
    openings: new Openings(clock, seeks !== undefined),
  };

  // Not waited for: an app whose pages pass a configuration may serve none.
  self.addEventListener("install", () => void grids.prepare());
  answerPages(
    pageQuestions({
      grids,
      handles,
      reads,
      offline,
      lists,
      files,
      background,
      trace,
      prefix: paths.prefix,
      takesOver,
    }),
  );
  keepFromWebServer(paths);
  if (takesOver) takeOverWhenQuiet();

  return {
    match: (target) => isGridRequest(isRequest(target) ? target : { method: "GET", url: String(target) }, paths),
    async handle(event, request = (event as FetchEvent).request) {
      const {
        failed,
        streaming,
        answered: noteAnswer,
      } = reads.begin(isOpaque(request.url) ? request.url : undefined, isPlayer(request));
      const client = (event as Partial<FetchEvent>).clientId ?? "";
      const noteReader = readers.asks(outlivesPage(request) ? "" : client);
      const seek = isPlayer(request)
        ? seeks?.begin(`${client} ${request.url}`, request.headers.get("Range"))
        : undefined;
      const { changes } = grids;
      const asker = log.scope("answer");
      if (timing) timings ??= new (parts.check().ServerTimings)(log, clock);
      const endTiming = timings?.begin(asker.id);
      asker.log("info", "start", () => ({
        destination: request.destination,
        range: request.headers.get("Range") ?? "",
      }));
      try {
        const response = await handleGridRequest(request, {
          ...context,
          failed,
          client,
          asker,
          streaming(body) {
            void body.ended.then(({ how }) => asker.log("info", how, () => ({ bytes: body.delivered })));
            noteReader(body);
            seek?.answered(body);
            event.waitUntil(streaming(body));
            void doubtIfFailed(body);
          },
          haveServersMoved: () => haveServersMoved(grids, changes),
        });
        asker.log("info", "status", () => ({ status: response.status }));
        // Not by `append`: what is appended to a header that a Response has is lost in Chromium (findings/).
        if (endTiming) response.headers.set(WORKER_MARK.name, `${WORKER_MARK.value}, ${endTiming()}`);
        return response;
      } catch (error) {
        asker.log("info", "cancelled");
        endTiming?.();
        throw error;
      } finally {
        noteAnswer();
        seek?.over();
      }
    },
    get streams() {
      return reads.count;
    },
  };

  /** Nobody listens before a page asks. */
  function trace(...asked: Parameters<Tracers["next"]>): ReturnType<Tracers["next"]> {
    tracers ??= new (parts.check().Tracers)(log, clock);
    return tracers.next(...asked);
  }

  async function doubtIfFailed({ ended }: BodyWatch): Promise<void> {
    if ((await ended).how === "failed") grids.doubt();
  }

  /** Else it holds the cap. */
  function isOpaque(url: string): boolean {
    return new URL(url).pathname.startsWith(`${scope.pathname}${paths.prefix}/`);
  }
}

function isRequest(target: Request | URL | string): target is Request {
  return typeof target === "object" && "url" in target;
}

/** A download that a link began, the page that comes next: what is asked for so, goes on when the page that asked is left. */
function outlivesPage({ mode, keepalive }: Request): boolean {
  return mode === "navigate" || keepalive;
}
