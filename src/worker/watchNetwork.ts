/** Calls back when the network may have changed. Where a browser does not tell its workers, a page does (`keepReady`). */
export function watchNetwork(changed: () => void): void {
  self.addEventListener("online", changed);
  (navigator as { connection?: EventTarget }).connection?.addEventListener("change", changed);
}
