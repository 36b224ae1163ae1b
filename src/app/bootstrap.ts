import { connect } from "../client/connect.ts";

/**
 * What a web server answers for a grid URL whose request came past the Service Worker: the first visit by a link, or a
 * shift-reload. It brings the page under the worker's control and loads the URL again, which the worker then answers.
 */

/** Loading again leads here again within this time only where the worker, against its word, does not answer. */
const LOOP_MS = 10_000;

const message = document.getElementById("message") as HTMLElement;
const again = document.getElementById("again") as HTMLButtonElement;

again.addEventListener("click", () => {
  history.replaceState(null, "");
  location.reload();
});

if (Date.now() - lastTry() < LOOP_MS) {
  explain("The Service Worker is there, but this address did not reach it. An extension or a setting may keep it out.");
} else {
  await connect().then(loadAgain, (error: unknown) => {
    explain(error instanceof Error ? error.message : "The Service Worker could not be started.");
  });
}

/** The history entry remembers, and it alone: other tabs and later visits start afresh. */
function lastTry(): number {
  const state: unknown = history.state;
  return typeof state === "object" && state !== null && "triedAt" in state ? Number(state.triedAt) : 0;
}

function loadAgain(): void {
  history.replaceState({ triedAt: Date.now() }, "");
  location.reload();
}

function explain(reason: string): void {
  message.textContent = reason;
  again.hidden = false;
}
