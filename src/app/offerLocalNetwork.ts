import type { Grid } from "../client/Grid.ts";

/** Tells while the browser keeps this page from the grid's servers, and has it ask the person at a click. */
export async function offerLocalNetwork(banner: HTMLElement, grid: Grid): Promise<void> {
  const [words, button] = [banner.querySelector("span"), banner.querySelector("button")];
  const tell = (state: PermissionState): void => {
    banner.hidden = state === "granted";
    if (button) button.hidden = state === "denied";
    if (words) words.textContent = state === "denied" ? DENIED : ASKING;
  };
  button?.addEventListener("click", async () => {
    await grid.allowLocalNetwork().catch(() => false);
    tell(await grid.localNetwork().catch(() => "prompt" as const));
  });
  // A worker of another version does not say.
  tell(await grid.localNetwork().catch(() => "granted" as const));
}

const ASKING =
  "The grid's servers are on this device or in your network. Your browser will ask you whether this page may reach them.";
const DENIED =
  "Your browser keeps this page from the grid's servers, which are on this device or in your network. Its settings for this site have that under local network access.";
