import { isGridError } from "../base/GridError.ts";
import { connect } from "../client/connect.ts";
import type { Grid } from "../client/Grid.ts";
import { say } from "./element.ts";
import type { Notice } from "./Notice.ts";

const WORKER = { workerUrl: "/app-worker.js" };

/**
 * Brings in the app's worker, which serves the app's own files besides the grid's. The app comes up without a configuration as
 * well: what is kept offline can be read.
 */
export function connectApp(): Promise<Grid> {
  return connect({ ...WORKER, config: "later" });
}

/** @throws GridError BAD_CONFIG that says why nothing can be read from the grid */
export async function checkConfig(): Promise<void> {
  await connect(WORKER);
}

/** After this a person wants to know that the app is still coming. */
const PATIENCE_MS = 20_000;

/** The same, for as long as it takes: over a slow line the worker fetches the whole app. What stands in the way is told meanwhile. */
export async function connectPatiently(notice: Notice): Promise<Grid> {
  let untell = () => {};
  const waitLonger = () => {
    untell = notice.tell("This takes longer than usual.", "The app is still being fetched. It goes on by itself.");
  };
  for (;;) {
    const patience = setTimeout(waitLonger, PATIENCE_MS);
    try {
      const grid = await connectApp().finally(() => clearTimeout(patience));
      untell();
      notice.clear();
      return grid;
    } catch (error) {
      const isSlow = isGridError(error, "NO_WORKER") && error.details.reason === "timeout";
      if (!isSlow) {
        notice.show("This page cannot read the grid.", error instanceof Error ? error.message : String(error));
        for (const waiting of document.querySelectorAll<HTMLElement>("#files-view .files .quiet, .screen .quiet"))
          say(waiting, "Not available while the grid cannot be read.");
      }
      await control(isSlow);
    }
  }
}

/** Resolves when there is a chance that a worker controls this page. @param isComing it may be there without controlling the page */
function control(isComing: boolean): Promise<unknown> {
  const container = navigator.serviceWorker as ServiceWorkerContainer | undefined;
  const changed = new Promise((resolve) => container?.addEventListener("controllerchange", resolve, { once: true }));
  return isComing ? Promise.race([changed, container?.ready ?? changed]) : changed;
}
