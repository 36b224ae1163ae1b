import type { GridConfigDocument, ServerSecrets } from "../base/gridConfig.ts";
import { inTime } from "../base/wait.ts";
import { askNewer, askWorker } from "./askWorker.ts";
import { Grid } from "./Grid.ts";
import { Handles } from "./handles.ts";
import { handOverOnLeaving } from "./handOver.ts";
import { keepReady } from "./keepReady.ts";
import { keepWorkerAlive } from "./keepWorkerAlive.ts";
import { letUpdateIn } from "./letUpdateIn.ts";
import { noWorker } from "./noWorker.ts";
import { pageTimers } from "./pageTimers.ts";
import { type TrustedScript, whyNotRegistered } from "./whyNotRegistered.ts";

/** Where the worker is, and what it is told at the start. */
export interface ConnectOptions {
  /**
   * The worker's script, on the page's own origin: `/gridfetch-worker.js` unless given. The ready-made one takes options in
   * its query: `?prefix=films` is the folder of grid URLs under the scope, `grid` unless given; `&timing` says in each answer where its time went;
   * `&tahoe-forms` answers Tahoe-LAFS's own URLs as well. All pages of a scope should name the same. A TrustedScriptURL where the page's
   * Content-Security-Policy requires trusted types.
   */
  readonly workerUrl?: string | URL | TrustedScript;
  /** What the worker answers for, a path that ends in a slash: the folder of its script unless given. */
  readonly scope?: string;
  /**
   * A grid configuration in place of the one that the app serves, as a parsed document. It counts for all pages and stays
   * until another is passed; null goes back to the served one. `"later"` does without one for now: it is passed to
   * `grid.configure`, or only what is kept offline is to be read.
   */
  readonly config?: GridConfigDocument | null | "later";
  /** Swissnums by server id, to be kept out of a served configuration. They stay until others are passed; null forgets them. */
  readonly secrets?: ServerSecrets | null;
  /** As `grid.backgroundLimit`, in bytes a second; what it was unless given. */
  readonly limit?: number;
}

/** Installing fetches some scripts; over a slow line that takes its time. */
const INSTALL_LIMIT_MS = 120_000;
/** For all else that is done before a page can read. */
const JOIN_LIMIT_MS = 20_000;

/** Those of this page, by their scope. What they listen to, they listen to once, however often `connect` is called. */
const grids = new Map<string, Grid>();
/** Calls at the same time register once. */
const registering = new Map<string, Promise<ServiceWorkerRegistration>>();
/** For these it is known which servers there are. */
const ready = new WeakSet<Grid>();

/**
 * Registers the Service Worker and resolves once it controls this page and knows the grid's servers: grid URLs work from
 * then on, and not before. Fit for the first visit, for every later one, for one without a network, and for a page that was
 * reloaded past the worker (shift-reload). May be called again and again, and gives the same grid.
 *
 * @throws GridError NO_WORKER that says what stands in the way, in words for the person at the page; BAD_CONFIG that says
 *   what is wrong with `config` or `secrets`, or with the configuration that the app serves
 */
export async function connect(options: ConnectOptions = {}): Promise<Grid> {
  const container = serviceWorkers();
  const registration = await within(INSTALL_LIMIT_MS, TOO_SLOW, registerOnce(container, options));
  return within(JOIN_LIMIT_MS, NOT_IN_CONTROL, join(container, registration, options));
}

function serviceWorkers(): ServiceWorkerContainer {
  if (typeof document === "undefined") throw noWorker("unsupported", NO_PAGE);
  if ("serviceWorker" in navigator) return navigator.serviceWorker;
  if (globalThis.isSecureContext === false) throw noWorker("insecure", INSECURE);
  throw noWorker("unsupported", UNSUPPORTED);
}

function registerOnce(
  container: ServiceWorkerContainer,
  { workerUrl = "/gridfetch-worker.js", scope }: ConnectOptions,
): Promise<ServiceWorkerRegistration> {
  const key = `${workerUrl} ${scope}`;
  let registered = registering.get(key);
  if (registered === undefined) {
    registered = register(container, workerUrl, scope).finally(() => registering.delete(key));
    registering.set(key, registered);
  }
  return registered;
}

/** Resolves when the worker is active. */
async function register(
  container: ServiceWorkerContainer,
  workerUrl: string | URL | TrustedScript,
  scope: string | undefined,
): Promise<ServiceWorkerRegistration> {
  const why = whyNotRegistered(String(workerUrl), scope);
  let registration: ServiceWorkerRegistration;
  try {
    // Never from the HTTP cache: an old worker would outlive its update by a day.
    const options = { updateViaCache: "none", ...(scope !== undefined && { scope }) } as const;
    registration = await container.register(workerUrl as string, options);
  } catch (cause) {
    throw await why.of(cause);
  } finally {
    why.stopListening();
  }
  if (!location.href.startsWith(registration.scope)) {
    throw noWorker(
      "scope",
      `the worker answers for ${registration.scope} only, and this page is not there. ${SCOPE_HINT}`,
    );
  }
  await activated(registration);
  return registration;
}

async function activated(registration: ServiceWorkerRegistration): Promise<void> {
  if (registration.active) return;
  const coming = registration.waiting ?? registration.installing;
  if (coming === null) throw noWorker("registration", "it was removed while it was being installed");
  await new Promise<void>((resolve, reject) => {
    const look = () => {
      if (coming.state === "redundant") reject(noWorker("registration", NOT_INSTALLED));
      else if (coming.state === "activated") resolve();
      else return;
      coming.removeEventListener("statechange", look);
    };
    coming.addEventListener("statechange", look);
  });
}

async function join(
  container: ServiceWorkerContainer,
  registration: ServiceWorkerRegistration,
  { config, secrets, limit }: ConnectOptions,
): Promise<Grid> {
  const worker = await takeControl(container, registration);
  // The browser holds messages back until the page is parsed, and that may wait for a script that waits for them.
  container.startMessages();
  letUpdateIn(registration);
  const grid = grids.get(registration.scope) ?? (await makeGrid(container, registration, worker));
  if (limit !== undefined) grid.backgroundLimit = limit;
  const isPassed = config !== undefined && config !== "later";
  if (isPassed || secrets !== undefined) {
    await grid.configure({ ...(isPassed && { config }), ...(secrets !== undefined && { secrets }) });
  }
  if (config !== "later" && (isPassed || !ready.has(grid))) await beReady(grid, container, worker);
  return grid;
}

async function takeControl(
  container: ServiceWorkerContainer,
  registration: ServiceWorkerRegistration,
): Promise<ServiceWorker> {
  const worker = registration.active;
  if (worker === null) throw noWorker("registration", "it was removed while it was being installed");
  if (container.controller?.scriptURL === worker.scriptURL) return worker;
  const controlled = new Promise<void>((resolve) => {
    container.addEventListener("controllerchange", () => resolve(), { once: true });
  });
  await askWorker(worker, "claim", {}, { limit: JOIN_LIMIT_MS });
  await controlled;
  return worker;
}

async function makeGrid(
  container: ServiceWorkerContainer,
  registration: ServiceWorkerRegistration,
  worker: ServiceWorker,
): Promise<Grid> {
  const { secret, prefix = "grid", takesPaths = false } = await askWorker(worker, "profile", {});
  const known = grids.get(registration.scope);
  if (known !== undefined) return known;
  const scope = new URL(registration.scope);
  const handles = new Handles(new URL(`${prefix}/`, scope), secret, takesPaths, container);
  const grid = new Grid(scope, container, handles);
  grids.set(registration.scope, grid);
  keepWorkerAlive(container, () => grid.backgroundLimit, handOverOnLeaving(registration, container));
  return grid;
}

async function beReady(grid: Grid, container: ServiceWorkerContainer, worker: ServiceWorker): Promise<void> {
  // Where an older worker does not say, whoever reads hears what is wrong.
  await askNewer(worker, "ready", {});
  if (!ready.has(grid)) keepReady(container);
  ready.add(grid);
}

function within<T>(ms: number, text: string, work: Promise<T>): Promise<T> {
  return inTime(work, ms, pageTimers, () => {
    throw noWorker("timeout", text);
  });
}

const NO_PAGE = "connect is for web pages, and this is none. Call it in the browser alone";
const INSECURE = "browsers allow a Service Worker on https:// and on localhost only, and this page is on neither";
const UNSUPPORTED =
  "this browser has no Service Workers here. Some settings turn them off, and stand-ins for a browser such as jsdom have none";
const TOO_SLOW = `its scripts were not there within ${INSTALL_LIMIT_MS / 1000} s. Reload the page when the network is better`;
const NOT_IN_CONTROL = `it did not take control of this page within ${JOIN_LIMIT_MS / 1000} s. Close the app's other tabs and reload`;
const NOT_INSTALLED =
  "its script failed while it was being installed. The ready-made one needs gridfetch-relay.js, gridfetch-check.js, " +
  "gridfetch-keep.js and gridfetch-zip.js beside it: npx gridfetch install <folder> puts all of them there";
const SCOPE_HINT =
  "Put its script into the page's folder or one above; or send the script with the header Service-Worker-Allowed: / and " +
  'call connect({ scope: "/" })';
