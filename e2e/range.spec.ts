import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "./testing/demoGrid.ts";
import { fetchInPage, openQuietPage, sha256 } from "./testing/inPage.ts";

const NAME = "gridfetch-sample.webm";
const content = readFileSync(fileURLToPath(new URL(`../src/node/demo/samples/${NAME}`, import.meta.url)));
const SIZE = content.length;
const MiB = 1024 * 1024;

test.beforeEach(({ page }) => openQuietPage(page));

test.describe("Range", () => {
  const parts: [header: string, first: number, last: number][] = [
    ["bytes=0-", 0, SIZE - 1],
    ["bytes=0-0", 0, 0],
    ["bytes=0-1", 0, 1],
    ["bytes=1-", 1, SIZE - 1],
    ["bytes=-5", SIZE - 5, SIZE - 1],
    [`bytes=-${SIZE + 5000}`, 0, SIZE - 1],
    [`bytes=${SIZE - 1}-`, SIZE - 1, SIZE - 1],
    [`bytes=${SIZE - 24}-${SIZE + 5000}`, SIZE - 24, SIZE - 1],
    ["bytes=0-99999999999999999999", 0, SIZE - 1],
    // Around a segment's edge, and over one.
    [`bytes=${MiB - 1}-${MiB}`, MiB - 1, MiB],
    [`bytes=${MiB}-${MiB}`, MiB, MiB],
    [`bytes=${MiB - 17}-${2 * MiB + 17}`, MiB - 17, 2 * MiB + 17],
    ["bytes=0-0,5-6", 0, 0],
    ["bytes= 0-1", 0, 1],
  ];
  test("satisfiable: 206 and exactly those bytes", async ({ page, demo }) => {
    for (const [header, first, last] of parts) {
      const got = await fetchInPage(page, `/uri/${demo.sample(NAME).cap}`, { headers: { Range: header } });
      expect.soft(got.status, header).toBe(206);
      expect.soft(got.headers["content-range"], header).toBe(`bytes ${first}-${last}/${SIZE}`);
      expect.soft(got.headers["content-length"], header).toBe(String(last - first + 1));
      expect
        .soft([got.length, got.sha256], header)
        .toEqual([last - first + 1, sha256(content.subarray(first, last + 1))]);
    }
  });

  test("not a range: ignored", async ({ page, demo }) => {
    for (const header of ["bytes=5-2", "bytes=", "bytes=a-b", "bogus=1-2", "bytes=0-9, x"]) {
      const got = await fetchInPage(page, `/uri/${demo.sample(NAME).cap}`, { headers: { Range: header } });
      expect.soft([got.status, got.headers["content-range"], got.length], header).toEqual([200, undefined, SIZE]);
      expect.soft(got.sha256, header).toBe(sha256(content));
    }
  });

  test("beyond the end: 416, without asking the grid", async ({ page, demo }) => {
    for (const header of [`bytes=${SIZE}-`, `bytes=${SIZE}-${SIZE + 5}`, "bytes=99999999999999999999-"]) {
      const got = await fetchInPage(page, `/uri/${demo.sample(NAME).cap}`, { headers: { Range: header } });
      expect.soft([got.status, got.headers["content-range"]], header).toEqual([416, `bytes */${SIZE}`]);
    }
    expect(requests(demo.grid.status())).toBe(0);
  });
});

test("HEAD answers as GET would, without asking the grid", async ({ page, demo }) => {
  const { cap } = demo.sample(NAME);
  const whole = await fetchInPage(page, `/file/${cap}/@@named=/${NAME}`, { method: "HEAD" });
  expect(whole).toMatchObject({ status: 200, length: 0 });
  expect(whole.headers).toMatchObject({
    "accept-ranges": "bytes",
    "content-length": String(SIZE),
    "content-type": "video/webm",
  });
  const part = await fetchInPage(page, `/uri/${cap}`, { method: "HEAD", headers: { Range: "bytes=10-19" } });
  expect([part.status, part.headers["content-range"]]).toEqual([206, `bytes 10-19/${SIZE}`]);
  expect(requests(demo.grid.status())).toBe(0);
});

test("the forms of a grid URL bring the same bytes", async ({ page, demo }) => {
  const { cap } = demo.sample("letter.txt");
  const letter = await fetchInPage(page, `/uri/${cap}`);
  expect(letter.text).toContain("Hello from the grid");
  for (const url of [
    `/uri/${encodeURIComponent(cap)}`,
    `/cap/${cap}`,
    `/file/${cap}/@@named=/letter.txt`,
    `/named/${cap}/letter.txt`,
    `/uri?uri=${encodeURIComponent(cap)}`,
  ]) {
    const same = await fetchInPage(page, url);
    expect([same.status, same.sha256], url.split("/")[1] as string).toEqual([200, letter.sha256]);
  }
});

test("names decide the type, and how a download is saved", async ({ page, demo }) => {
  const { cap } = demo.sample("letter.txt");
  const named = async (path: string) => (await fetchInPage(page, path)).headers;
  expect((await named(`/file/${cap}/@@named=/a.html`))["content-type"]).toBe("text/html; charset=utf-8");
  expect((await named(`/uri/${cap}?filename=a.pdf`))["content-type"]).toBe("application/pdf");
  // Without a name the first bytes decide.
  expect((await named(`/uri/${cap}`))["content-type"]).toBe("text/plain; charset=utf-8");
  const saved = await named(`/uri/${cap}?filename=${encodeURIComponent("Brief „ä“.txt")}&save=true`);
  expect(saved["content-disposition"]).toBe(
    `attachment; filename="Brief ___.txt"; filename*=UTF-8''Brief%20%E2%80%9E%C3%A4%E2%80%9C.txt`,
  );
});

test("a tag that the page has already is answered with 304", async ({ page, demo }) => {
  const url = `/uri/${demo.sample("letter.txt").cap}`;
  const { etag = "" } = (await fetchInPage(page, url)).headers;
  expect(etag).toMatch(/^"[a-z2-7]{26}-"$/);
  const again = await fetchInPage(page, url, { headers: { "If-None-Match": etag } });
  expect([again.status, again.length]).toEqual([304, 0]);
});

test("literal caps need no grid", async ({ page, demo }) => {
  const got = await fetchInPage(page, "/uri/URI:LIT:nbswy3dpfqqgo4tjmq", { headers: { Range: "bytes=7-" } });
  expect([got.status, got.text, got.headers["content-range"]]).toEqual([206, "grid", "bytes 7-10/11"]);
  expect(requests(demo.grid.status())).toBe(0);
});

test("what is not a readable cap is refused in words that do not repeat it", async ({ page }) => {
  const key = "aaaqeayeaudaocajbifqydiob4";
  for (const cap of [
    "nonsense",
    `URI:CHK:${key}:short:3:10:900`,
    `URI:DIR2-Verifier:${key}:24y63wrthzkhrpunuww4bnvkrjck6vs2zbunsmbv2cutlll3uukq`,
  ]) {
    const got = await fetchInPage(page, `/uri/${cap}`);
    expect([got.status, got.headers["content-type"]]).toEqual([400, "text/plain; charset=utf-8"]);
    expect(got.text).not.toContain(key);
  }
});

function requests(servers: { counters: { requests: number } }[]): number {
  return servers.reduce((sum, { counters }) => sum + counters.requests, 0);
}
