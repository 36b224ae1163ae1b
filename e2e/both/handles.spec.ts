import type { Page } from "puppeteer-core";
import { expect, test } from "../testing/bothBrowsers.ts";
import { ask, makeHandle } from "../testing/handles.ts";
import { openControlledTab } from "../testing/openControlledTab.ts";
import { RecordingProxy } from "../testing/RecordingProxy.ts";

test("no cap and no key reaches a server, the console, an event or an error", async ({ tab, demo }) => {
  const proxy = await RecordingProxy.start(demo.appUrl);
  try {
    const heard: string[] = [];
    tab.on("console", (message) => heard.push(message.text()));
    tab.on("pageerror", (error) => heard.push(String(error)));
    await tab.evaluateOnNewDocument(() => {
      const events: string[] = [];
      Object.assign(window, { events });
      navigator.serviceWorker.addEventListener("message", ({ data }) => events.push(JSON.stringify(data)));
    });
    // Every list, player and link of the app.
    await tab.goto(proxy.url);
    await tab.waitForSelector("#files a");
    const letter = await hrefOf(tab, "letter.txt");
    for (const name of ["letter.txt", "hills.jpg", "melody.mp3", "gridfetch-sample.webm"]) {
      expect(await fetchText(tab, await hrefOf(tab, name))).toMatchObject({ status: 200 });
    }
    expect((await fetchText(tab, `/grid/${"x".repeat(22)}`)).status).toBe(404);
    heard.push(...(await tab.evaluate(() => (window as unknown as { events: string[] }).events)));
    expect(heard.join()).toContain('"kind":"read"');
    // A request that comes past the worker: there is none.
    await tab.evaluate(async () => {
      for (const registration of await navigator.serviceWorker.getRegistrations()) await registration.unregister();
    });
    await tab.goto("about:blank");
    await tab.goto(letter);
    await tab.waitForFunction(() => document.body.textContent?.includes("Starting") === false);
    await expect.poll(() => tab.evaluate(() => document.contentType)).toBe("text/plain");
    expect(proxy.seen.some((each) => each.startsWith(`GET ${new URL(letter).pathname}\n`))).toBe(true);

    expect(proxy.storageRequests).toBeGreaterThan(10);
    const said = [...proxy.seen, ...heard, letter].join("\n");
    for (const name of ["letter.txt", "hills.jpg", "melody.mp3", "gridfetch-sample.webm"]) {
      const [, , key, uebHash] = demo.sample(name).cap.split(":");
      for (const secret of ["URI:", "URI%3A", key, uebHash]) expect(said).not.toContain(secret);
    }
  } finally {
    await proxy.close();
  }
});

test("a URL stays good over a reload and the crash of the browser", async ({ browserUnderTest, tab, demo }) => {
  await tab.goto(demo.appUrl);
  await tab.waitForSelector("#files a");
  const url = await hrefOf(tab, "letter.txt");
  const { text, status } = await fetchText(tab, url);
  expect(status).toBe(200);
  await tab.reload();
  await tab.waitForSelector("#files a");
  expect(await hrefOf(tab, "letter.txt")).toBe(url);
  await browserUnderTest.restart("kill");
  const quiet = await browserUnderTest.newTab();
  await openControlledTab(quiet, demo.appUrl);
  expect(await fetchText(quiet, url)).toEqual({ status: 200, text });
});

test("a page tells a worker that has lost all what its URLs stand for", async ({ browserUnderTest, tab, demo }) => {
  await tab.goto(demo.appUrl);
  await tab.waitForSelector("#files a");
  const url = await hrefOf(tab, "letter.txt");
  await tab.evaluate(
    () =>
      new Promise((resolve) => {
        const request = indexedDB.deleteDatabase("gridfetch-handles");
        request.onsuccess = resolve;
      }),
  );
  if (browserUnderTest.kind === "chromium") await browserUnderTest.stopWorkers(tab);
  expect(await fetchText(tab, url)).toMatchObject({ status: 200 });
});

test("a revoked URL, one of nobody's and a query that asks for the cap open nothing", async ({ tab, demo }) => {
  await openControlledTab(tab, demo.appUrl);
  const { cap } = demo.sample("letter.txt");
  const url = await makeHandle(tab, cap, { filename: "letter.txt" });
  for (const view of ["", "?t=uri", "?t=json", "?t=info"]) {
    const { status, text } = await fetchText(tab, url + view);
    expect(status).toBe(200);
    expect(text).not.toContain("URI:");
  }
  await ask(tab, "revoke", { handle: url.slice("/grid/".length) });
  for (const unknown of [url, `/grid/${"x".repeat(22)}`, "/grid/", "/grid/x"]) {
    const { status, text } = await fetchText(tab, unknown);
    expect(status).toBe(404);
    expect(text).toMatch(/stands for nothing in this browser/);
  }
});

/** The opaque URL under which the app lists a file. */
function hrefOf(tab: Page, name: string): Promise<string> {
  return tab.evaluate((name) => {
    const links = [...document.querySelectorAll<HTMLAnchorElement>("#files a")];
    return links.find((link) => link.textContent === name)?.href ?? "";
  }, name);
}

function fetchText(tab: Page, url: string): Promise<{ status: number; text: string }> {
  return tab.evaluate(async (url) => {
    const response = await fetch(url);
    return { status: response.status, text: (await response.text()).slice(0, 2_000) };
  }, url);
}
