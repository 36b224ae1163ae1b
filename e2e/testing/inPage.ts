import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { Page } from "@playwright/test";

/** Opens the app and waits until its worker controls the page. */
export async function openApp(page: Page): Promise<void> {
  await page.goto("/");
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
}

/** Opens a page that the worker controls and that reads nothing itself: the test's reads are the only ones. */
export async function openQuietPage(page: Page): Promise<void> {
  await page.goto("/icon.svg");
  await page.evaluate(async () => {
    await navigator.serviceWorker.register("/gridfetch-worker.js?tahoe-forms");
  });
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
}

/** What `fetch` in the page got. */
export interface Fetched {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Of the body. */
  readonly length: number;
  readonly sha256: string;
  /** The body's first thousand characters. */
  readonly text: string;
}

export function fetchInPage(page: Page, url: string, init: RequestInit = {}): Promise<Fetched> {
  return page.evaluate(
    async ([url, init]) => {
      const response = await fetch(url, init);
      const body = await response.arrayBuffer();
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
      return {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        length: body.byteLength,
        sha256: Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join(""),
        text: new TextDecoder().decode(body.slice(0, 1000)),
      };
    },
    [url, init] as const,
  );
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/** Moves a paused video to a time in seconds and waits until that picture is shown. For `evaluate`. */
export async function seek(video: HTMLVideoElement, seconds: number): Promise<void> {
  video.pause();
  const landed = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
  video.currentTime = seconds;
  await landed;
}

/** A reload that passes by the worker and all caches, as with the shift key held. */
export async function shiftReload(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await Promise.all([page.waitForEvent("load"), session.send("Page.reload", { ignoreCache: true })]);
  await session.detach();
}
