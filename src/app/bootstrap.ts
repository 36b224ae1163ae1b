import { connectApp } from "./connectApp.ts";

/**
 * What a web server answers for a grid URL whose request came past the Service Worker: the first visit by a link, or a
 * shift-reload. It brings the page under the worker's control and loads the URL again, which the worker then answers.
 */

/** Loading again leads here so many times within this time only where the worker, against its word, does not answer. */
const MOST_TRIES = 3;
const LOOP_MS = 15_000;

const message = document.getElementById("message") as HTMLElement;
const again = document.getElementById("again") as HTMLButtonElement;

again.addEventListener("click", () => {
  history.replaceState(null, "");
  location.reload();
});

const triesBefore = recentTries();
if (triesBefore >= MOST_TRIES) {
  explain("The Service Worker is there, but this address did not reach it. An extension or a setting may keep it out.");
} else {
  await connectApp().then(loadAgain, (error: unknown) => {
    explain(error instanceof Error ? error.message : "The Service Worker could not be started.");
    // Over a slow line it is there only after that.
    navigator.serviceWorker?.addEventListener("controllerchange", loadAgain);
  });
}

/** The history entry remembers, and it alone: other tabs and later visits start afresh. */
function recentTries(): number {
  const state: unknown = history.state;
  if (typeof state !== "object" || state === null || !("tries" in state) || !("at" in state)) return 0;
  return Date.now() - Number(state.at) < LOOP_MS ? Number(state.tries) : 0;
}

function loadAgain(): void {
  history.replaceState({ tries: triesBefore + 1, at: Date.now() }, "");
  location.reload();
}

function explain(reason: string): void {
  message.textContent = reason;
  again.hidden = false;
}
