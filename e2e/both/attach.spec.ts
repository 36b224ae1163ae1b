import { join } from "node:path";
import type { Page } from "puppeteer-core";
import type { AppServer } from "../../src/node/demo/AppServer.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
import { pause } from "../testing/chance.ts";
import { type ClientWindow, openClientTab, startClientApp } from "../testing/clientApp.ts";
import { playFor, shownTenth } from "../testing/player.ts";
import { putFatFilm } from "../testing/putFatFilm.ts";

declare const window: ClientWindow & typeof globalThis;

/** More than any of the browsers reads ahead in a minute of it. */
const WIDE = 100_000_000;

let app: AppServer;
test.beforeAll(async ({ demo }) => {
  app = await startClientApp(demo, join(demo.folder, "attach-app"));
});
test.afterAll(() => app.close());
test.beforeEach(({ tab }) => openClientTab(tab, app));

test.describe("a player with an attached film", () => {
  test.describe.configure({ timeout: 240_000 });

  test("goes on where it was after all servers were away for 30 s", async ({ tab, demo }) => {
    const cap = await putFatFilm(demo, WIDE);
    await attachFilm(tab, cap, "film.mp4");
    await playFor(tab, "film", 2);
    for (const { index } of demo.grid.status()) demo.grid.setDials(index, { down: true });
    // What is buffered would last: here nothing is.
    await tab.$eval("#film", (film) => {
      (film as HTMLVideoElement).currentTime = 200.05;
    });
    await pause(30_000);
    demo.grid.reset();
    await expect.poll(() => standOf(tab), { timeout: 150_000 }).toBe("past");
    await tab.$eval("#film", (film) => (film as HTMLVideoElement).pause());
    expect(await shownTenth(tab, "film")).toBeGreaterThan(2_010);
  });
});

test("a player that cannot play its file stops trying, and the signal takes a film off it", async ({ tab, demo }) => {
  await attachFilm(tab, demo.sample("letter.txt").cap, "film.mp4");
  const errors = () => tab.evaluate(() => (window as unknown as { errors: number }).errors);
  // The first, and two tries.
  await expect.poll(errors, { timeout: 60_000 }).toBe(3);
  await pause(5_000);
  expect(await errors()).toBe(3);

  const src = await tab.evaluate(async (cap) => {
    const stop = new AbortController();
    const film = document.getElementById("film") as HTMLVideoElement;
    window.grid.attach(film, cap, { filename: "film.webm", signal: stop.signal });
    await new Promise((resolve) => film.addEventListener("loadeddata", resolve, { once: true }));
    stop.abort();
    return film.getAttribute("src");
  }, demo.sample("gridfetch-sample.webm").cap);
  expect(src).toBeNull();
});

/** "past" where the player has gone on; else how it does, for whoever reads why a test has failed. */
function standOf(tab: Page): Promise<string> {
  return tab.$eval("#film", (film) => {
    const { currentTime, error, networkState, paused, readyState, seeking } = film as HTMLVideoElement;
    const { errors } = window as unknown as { errors: number };
    if (currentTime > 202 && error === null) return "past";
    return JSON.stringify({ currentTime, error: error?.message, errors, networkState, paused, readyState, seeking });
  });
}

/** Puts a player on the page that counts its errors. */
async function attachFilm(tab: Page, cap: string, filename: string): Promise<void> {
  await tab.evaluate(
    (cap, filename) => {
      const counts = Object.assign(window, { errors: 0 });
      const film = document.createElement("video");
      film.id = "film";
      film.muted = true;
      film.addEventListener("error", () => counts.errors++);
      document.body.append(film);
      window.grid.attach(film, cap, { filename });
    },
    cap,
    filename,
  );
}
