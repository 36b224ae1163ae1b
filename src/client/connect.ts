import { GridError, type GridErrorDetails } from "../base/GridError.ts";
import type { GridConfigDocument, ServerSecrets } from "../base/gridConfig.ts";
import { askWorker } from "./askWorker.ts";
import { Grid } from "./Grid.ts";
import { Handles } from "./handles.ts";
import { handOverOnLeaving } from "./handOver.ts";
import { keepWorkerAlive } from "./keepWorkerAlive.ts";
import { letUpdateIn } from "./letUpdateIn.ts";

/** Where the worker is, and what it is told at the start. */
export interface ConnectOptions {
  /**
   * The worker's script, on the page's own origin: `/gridfetch-worker.js` unless given. The ready-made one takes options in
   * its query: `?prefix=films` is the folder of grid URLs under the scope, `grid` unless given; `&tahoe-forms` answers
   * Tahoe-LAFS's own URLs as well. All pages of a scope should name the same.
   */
  readonly workerUrl?: string | URL;
  /** What the worker answers for, a path that ends in a slash: the folder of its script unless given. */
  readonly scope?: string;
  /**
   * A grid configuration in place of the one that the app serves, as a parsed document. It counts for all pages and stays
   * until another is passed; null goes back to the served one.
   */
  readonly config?: GridConfigDocument | null;
  /** Swissnums by server id, to be kept out of a served configuration. They stay until others are passed; null forgets them. */
  readonly secrets?: ServerSecrets | null;
}

/** Installing fetches one small script; a browser that takes longer than this will not get there. */
const CONTROL_LIMIT_MS = 20_000;

/**
 * Registers the Service Worker and resolves once it controls this page: grid URLs work from then on, and not before.
 * Fit for the first visit, for every later one, and for a page that was reloaded past the worker (shift-reload). May be
 * called more than once.
 *
 * @throws GridError NO_WORKER that says what stands in the way, in words for the person at the page; BAD_CONFIG that says
 *   what is wrong with `config` or `secrets`
 */
export async function connect(options: ConnectOptions = {}): Promise<Grid> {
  const container = serviceWorkers();
  const limit = timeLimit();
  try {
    const registration = await Promise.race([register(container, options), limit.passed]);
    if (!location.href.startsWith(registration.scope)) {
      throw noWorker("scope", `the worker answers for ${registration.scope} only, and this page is not there`);
    }
    const worker = await Promise.race([takeControl(container, registration), limit.passed]);
    // The browser holds messages back until the page is parsed, and that may wait for a script that waits for them.
    container.startMessages();
    keepWorkerAlive(container, handOverOnLeaving(registration, container));
    letUpdateIn(registration);
    const scope = new URL(registration.scope);
    const { secret, prefix = "grid" } = await Promise.race([askWorker(worker, "profile", {}), limit.passed]);
    const grid = new Grid(scope, container, new Handles(new URL(`${prefix}/`, scope), secret, container));
    if (options.config !== undefined || options.secrets !== undefined) {
      await Promise.race([grid.configure(options), limit.passed]);
    }
    return grid;
  } finally {
    limit.stop();
  }
}

function serviceWorkers(): ServiceWorkerContainer {
  if ("serviceWorker" in navigator) return navigator.serviceWorker;
  if (!isSecureContext) {
    throw noWorker(
      "insecure",
      "browsers allow a Service Worker on https:// and on localhost only, and this page is on neither",
    );
  }
  throw noWorker(
    "unsupported",
    "this browser has no Service Workers here. Private windows and some settings turn them off",
  );
}

async function register(
  container: ServiceWorkerContainer,
  { workerUrl = "/gridfetch-worker.js", scope }: ConnectOptions,
): Promise<ServiceWorkerRegistration> {
  try {
    // Never from the HTTP cache: an old worker would outlive its update by a day.
    return await container.register(workerUrl, { updateViaCache: "none", ...(scope !== undefined && { scope }) });
  } catch (cause) {
    const { pathname } = new URL(workerUrl, location.href);
    const reason = cause instanceof Error ? `: ${cause.message}` : "";
    throw noWorker("registration", `the browser did not accept ${pathname} as its script${reason}`, cause);
  }
}

async function takeControl(
  container: ServiceWorkerContainer,
  registration: ServiceWorkerRegistration,
): Promise<ServiceWorker> {
  const worker = await activeWorker(registration);
  if (container.controller?.scriptURL === worker.scriptURL) return worker;
  const controlled = new Promise<void>((resolve) => {
    container.addEventListener("controllerchange", () => resolve(), { once: true });
  });
  await askWorker(worker, "claim", {}, { limit: CONTROL_LIMIT_MS });
  await controlled;
  return worker;
}

async function activeWorker(registration: ServiceWorkerRegistration): Promise<ServiceWorker> {
  if (registration.active) return registration.active;
  const coming = registration.waiting ?? registration.installing;
  if (coming === null) throw noWorker("registration", "it was removed while it was being installed");
  await new Promise<void>((resolve, reject) => {
    coming.addEventListener("statechange", () => {
      if (coming.state === "activated") resolve();
      if (coming.state === "redundant")
        reject(noWorker("registration", "its script failed while it was being installed"));
    });
  });
  return coming;
}

function timeLimit(): { readonly passed: Promise<never>; stop(): void } {
  let timer: ReturnType<typeof setTimeout>;
  const passed = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const seconds = CONTROL_LIMIT_MS / 1000;
      reject(
        noWorker(
          "timeout",
          `it did not take control of this page within ${seconds} s. Close its other tabs and reload`,
        ),
      );
    }, CONTROL_LIMIT_MS);
  });
  return { passed, stop: () => clearTimeout(timer) };
}

function noWorker(
  reason: GridErrorDetails["NO_WORKER"]["reason"],
  text: string,
  cause?: unknown,
): GridError<"NO_WORKER"> {
  return new GridError("NO_WORKER", { reason }, `The Service Worker that reads the grid cannot work here: ${text}.`, {
    cause,
  });
}
