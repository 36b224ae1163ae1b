import type { ElementHandle, Page } from "puppeteer-core";
import { readTimeCode } from "../readTimeCode.ts";
import { pause } from "./chance.ts";

/** Puts a player on the page, which may have others, and waits until it knows what it plays. */
export async function addPlayer(tab: Page, id: string, kind: "video" | "audio", url: string): Promise<void> {
  await tab.evaluate(
    async ([id, kind, url]) => {
      const player = document.createElement(kind);
      player.id = id;
      player.muted = true;
      player.src = url;
      document.documentElement.append(player);
      await new Promise((resolve, reject) => {
        player.addEventListener("loadeddata", resolve, { once: true });
        player.addEventListener("error", () => reject(new Error(player.error?.message)), { once: true });
      });
    },
    [id, kind, url] as const,
  );
}

/** Moves a paused player to a time in seconds and waits until it is there. */
export async function seekPlayer(tab: Page, id: string, seconds: number): Promise<void> {
  await tab.evaluate(
    async ([id, seconds]) => {
      const player = document.getElementById(id) as HTMLMediaElement;
      player.pause();
      const landed = new Promise((resolve, reject) => {
        player.addEventListener("seeked", resolve, { once: true });
        player.addEventListener("error", () => reject(new Error(player.error?.message)), { once: true });
      });
      player.currentTime = seconds;
      await landed;
    },
    [id, seconds] as const,
  );
}

/** The tenth of a second that the sample video shows in a player: see `shownBy`. */
export async function shownTenth(tab: Page, id: string): Promise<number> {
  const video = await tab.$(`#${id}`);
  if (video === null) throw new Error(`no player ${id}`);
  return shownBy(video);
}

/**
 * The tenth of a second that a paused sample video shows: what is in the picture, not what the player believes. The picture may follow
 * the player's `seeked` a little later, where the machine is busy.
 */
export async function shownBy(video: ElementHandle<Element>): Promise<number> {
  for (let tries = 1; ; tries++) {
    const reading = video.evaluate(readTimeCode as (video: Element) => number);
    // No picture yet is no time code yet.
    const shown = tries < 50 ? await reading.catch(() => undefined) : await reading;
    const believed = await video.evaluate((video) => Math.floor(10 * (video as HTMLVideoElement).currentTime));
    if (shown !== undefined && (shown === believed || tries === 50)) return shown;
    await pause(100);
  }
}

/** Plays until the player's clock has gone on by so many seconds. */
export async function playFor(tab: Page, id: string, seconds: number): Promise<void> {
  await tab.evaluate(
    async ([id, seconds]) => {
      const player = document.getElementById(id) as HTMLMediaElement;
      const end = player.currentTime + seconds;
      await player.play();
      while (player.currentTime < end) {
        if (player.error) throw new Error(player.error.message);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    [id, seconds] as const,
  );
}
