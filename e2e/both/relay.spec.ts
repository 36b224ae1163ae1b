import type { Page } from "puppeteer-core";
import { goldenPlaintext } from "../../src/formats/testing/golden.ts";
import { parseNurl } from "../../src/servers/parseNurl.ts";
import { expect, test } from "../testing/bothBrowsers.ts";
import { sha256 } from "../testing/inPage.ts";
import { openControlledTab } from "../testing/openControlledTab.ts";
import { RelayedGrid } from "../testing/RelayedGrid.ts";

test.describe("servers behind a relay", () => {
  const plaintext = goldenPlaintext("relay", 3_000_000);
  const whole = { status: 200, length: 3_000_000, sha256: sha256(plaintext) };
  let relayed: RelayedGrid;

  test.beforeAll(async () => {
    relayed = await RelayedGrid.start(plaintext);
  });

  test.afterAll(async () => {
    await relayed?.close();
  });

  test("files are read, whole and in ranges, over one WebSocket for all servers", async ({ tab }) => {
    await openControlledTab(tab, relayed.app.url);
    expect(await fetchHash(tab, relayed.cap)).toEqual(whole);
    expect(await fetchHash(tab, relayed.cap, "bytes=1048570-2097160")).toEqual({
      status: 206,
      length: 1_048_591,
      sha256: sha256(plaintext.subarray(1_048_570, 2_097_161)),
    });
    expect(relayed.opened).toBe(1);
    expect(relayed.streams).toBeGreaterThan(1);
    // Four for each server, and one ahead.
    expect(relayed.streams).toBeLessThanOrEqual(5 * 5);
  });

  test("a relay that restarts is used again", async ({ tab }) => {
    await openControlledTab(tab, relayed.app.url);
    expect(await fetchHash(tab, relayed.cap, "bytes=0-99")).toMatchObject({ status: 206 });
    await relayed.startRelay();
    await expect.poll(() => fetchHash(tab, relayed.cap), { timeout: 60_000 }).toEqual(whole);
  });

  for (const [answer, protocol] of [
    ["chooses what websockify chooses", "binary"],
    ["chooses no subprotocol", false],
  ] as const) {
    test(`a relay that ${answer} is spoken to as websockify is`, async ({ tab }) => {
      await relayed.startPlainRelay(protocol);
      await openControlledTab(tab, relayed.app.url);
      expect(await fetchHash(tab, relayed.cap)).toEqual(whole);
      expect(relayed.opened).toBeGreaterThan(1);
      await relayed.startRelay();
    });
  }

  test("servers whose keys are not the pinned ones hear nothing, and the reason is told", async ({ tab }) => {
    relayed.grid.reset();
    await relayed.startRelay(withWrongPin);
    await openControlledTab(tab, relayed.app.url);
    const { status, text } = await tab.evaluate(async (url) => {
      const reply = await fetch(url);
      return { status: reply.status, text: await reply.text() };
    }, urlOf(relayed.cap));
    expect(status).toBe(410);
    expect(text).toContain("its TLS key is not the one that its NURL names");
    for (const { nurl } of relayed.grid.addresses) expect(text).not.toContain(parseNurl(nurl!).swissnum);
    for (const { counters } of relayed.grid.status()) expect(counters.requests).toBe(0);
    await relayed.startRelay();
  });
});

/** The same server, said to have another key. */
function withWrongPin(nurl: string): string {
  return nurl.replace(/^pb:\/\/(.)/, (_, first) => `pb://${first === "A" ? "B" : "A"}`);
}

function urlOf(cap: string): string {
  return `/uri/${encodeURIComponent(cap)}`;
}

function fetchHash(tab: Page, cap: string, range?: string): Promise<unknown> {
  return tab.evaluate(
    async (url, headers) => {
      const reply = await fetch(url, { headers });
      const body = await reply.arrayBuffer();
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
      const hex = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
      return { status: reply.status, length: body.byteLength, sha256: hex };
    },
    urlOf(cap),
    range === undefined ? {} : { Range: range },
  );
}
