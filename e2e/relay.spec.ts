import { expect, test } from "@playwright/test";
import { fetchInPage } from "./testing/inPage.ts";
import { RelayedGrid } from "./testing/RelayedGrid.ts";

const TLS_MODULE = "/gridfetch-tls.wasm";

test("the TLS module, the relay's WebSocket and TLS to a small grid's servers are there before one is asked, and once", async ({
  page,
}) => {
  const relayed = await RelayedGrid.start(new Uint8Array(100_000));
  try {
    const fetched: string[] = [];
    page.context().on("request", (request) => fetched.push(new URL(request.url()).pathname));
    await page.goto(relayed.app.url);
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    await expect.poll(() => fetched).toContain(TLS_MODULE);
    await expect.poll(() => relayed.opened).toBe(1);
    await expect.poll(() => relayed.streams).toBe(5);
    const url = `/uri/${encodeURIComponent(relayed.cap)}`;
    expect(await fetchInPage(page, url)).toMatchObject({ status: 200, length: 100_000 });
    await fetchInPage(page, url);
    expect(fetched.filter((path) => path === TLS_MODULE)).toHaveLength(1);
    expect(relayed.opened).toBe(1);
  } finally {
    await relayed.close();
  }
});
