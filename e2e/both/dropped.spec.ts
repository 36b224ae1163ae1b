import { formatCap } from "../../src/formats/formatCap.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
import { pause } from "../testing/chance.ts";
import type { DemoGrid } from "../testing/demoGrid.ts";
import { openControlledTab } from "../testing/openControlledTab.ts";
import { total } from "../testing/total.ts";

const MB = 1_000_000;

interface Way {
  readonly name: string;
  /** Asks for a file. In the page, as the next is. */
  readonly ask: (url: string) => void;
  /** Drops what was asked for. */
  readonly drop: () => void;
}

const ways: Record<string, Way> = {
  "a video that is removed": {
    name: "film.mp4",
    ask: (url) => {
      const video = document.createElement("video");
      video.preload = "auto";
      video.src = url;
      document.documentElement.append(video);
    },
    drop: () => {
      const video = document.querySelector("video");
      video?.remove();
      video?.removeAttribute("src");
      video?.load();
    },
  },
  "a fetch that is aborted": {
    name: "data.zip",
    ask: (url) => {
      const handle = new AbortController();
      Object.assign(window, { handle });
      fetch(url, { signal: handle.signal }).catch(() => undefined);
    },
    drop: () => {
      (window as unknown as { handle: AbortController }).handle.abort();
    },
  },
  "a frame that is removed": {
    name: "letter.txt",
    ask: (url) => {
      const frame = document.createElement("iframe");
      frame.src = url;
      document.documentElement.append(frame);
    },
    drop: () => {
      document.querySelector("iframe")?.remove();
    },
  },
  "a page that is left": {
    name: "film.mp4",
    ask: (url) => {
      const video = document.createElement("video");
      video.preload = "auto";
      video.src = url;
      document.documentElement.append(video);
      fetch(`${url}?fetched`).catch(() => undefined);
    },
    drop: () => {
      setTimeout(() => location.assign("?next"));
    },
  },
};

test("nothing is fetched for nobody: of what is dropped before its first byte hardly any comes", async ({
  tab,
  demo,
}) => {
  await openControlledTab(tab, demo.appUrl);
  for (const [seed, [what, { name, ask, drop }]] of Object.entries(ways).entries()) {
    const cap = formatCap(await demo.placeLarge(200 * MB, 70 + seed));
    const before = total(demo, "bytesSent");
    setAll(demo, true);
    await tab.evaluate(ask, `/file/${encodeURIComponent(cap)}/@@named=/${name}`);
    await expect.poll(() => total(demo, "activeRequests"), { message: what }).toBeGreaterThan(0);
    // Longer than WebKit is given nothing for.
    await pause(1_500);
    await tab.evaluate(drop);
    await pause(500);
    setAll(demo, false);
    await expect.poll(() => total(demo, "activeRequests"), { message: what, timeout: 60_000 }).toBe(0);
    await pause(1_500);
    expect([total(demo, "activeRequests"), what]).toEqual([0, what]);
    expect(total(demo, "bytesSent") - before, what).toBeLessThan(10 * MB);
  }
});

function setAll({ grid }: DemoGrid, hang: boolean): void {
  for (const server of grid.status().keys()) grid.setDials(server, { hang });
}
