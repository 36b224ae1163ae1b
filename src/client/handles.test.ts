import { createHmac } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { HandleEntry } from "../base/HandleRecord.ts";
import { announcement, isQuestion, reply } from "../channel/messages.ts";
import { Grid } from "./Grid.ts";
import { Handles } from "./handles.ts";
import type { UrlOptions } from "./UrlOptions.ts";

const folder = new URL("https://app.example/sub/films/");
const cap = "URI:CHK:aaaqeayeaudaocajbifqydiob4:24y63wrthzkhrpunuww4bnvkrjck6vs2zbunsmbv2cutlll3uukq:3:10:900";
const secret = Uint8Array.from({ length: 32 }, (_, i) => i);

/** The worker: what it was told, and whether it answers. */
let told: (readonly HandleEntry[])[];
let revoked: string[];
let isAwake: boolean;
let container: ServiceWorkerContainer;
let handles: Handles;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  told = [];
  revoked = [];
  isAwake = true;
  const controller = {
    postMessage(data: unknown, [port]: [MessagePort]) {
      if (!isQuestion(data)) throw new Error("not a question");
      if (data.kind === "handles") told.push(data.payload.entries);
      if (data.kind === "revoke") revoked.push(data.payload.handle);
      if (isAwake) port.postMessage(reply(data.kind, {}));
      port.close();
    },
  };
  container = Object.assign(new EventTarget(), { controller }) as unknown as ServiceWorkerContainer;
  handles = new Handles(folder, secret, true, container);
});
afterEach(() => {
  vi.useRealTimers();
});

const hear = (data: unknown) => container.dispatchEvent(new MessageEvent("message", { data }));
const handleOf = (url: string) => url.slice(folder.href.length).split("/")[0] ?? "";

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe("a URL", () => {
  it("is the worker's folder and a keyed hash of all that makes it, and nothing else", () => {
    const message = JSON.stringify([cap, "film.webm", true, "video/webm", "home"]);
    const digest = createHmac("sha256", secret).update(message).digest().subarray(0, 16).toString("base64url");
    const options = { filename: "film.webm", download: true, type: "video/webm", grid: "home" };
    expect(handles.url(cap, options)).toBe(`https://app.example/sub/films/${digest}/file.webm`);
  });

  it("of an archive ends in .zip, and stands for the folder, or for the choice, in its order", async () => {
    const dir = "URI:DIR2:aaa:bbb";
    const all = [
      handles.url(dir, {}),
      handles.url(dir, { zip: true }),
      handles.url(dir, { zip: true, filename: "Our year" }),
      handles.zip([{ cap, filename: "a" }], {}),
      handles.zip([{ cap, filename: "b" }], {}),
      handles.zip(
        [
          { cap, filename: "b" },
          { cap, filename: "a" },
        ],
        { filename: "Our year.ZIP", nameInUrl: true },
      ),
    ];
    expect(new Set(all.map(handleOf)).size).toBe(all.length);
    expect(all.map((url) => url.slice(folder.href.length + 22))).toEqual([
      "/",
      "/file.zip",
      "/file.zip",
      "/file.zip",
      "/file.zip",
      "/Our%20year.ZIP",
    ]);
    await pass(0);
    const archive = { download: true, type: "application/zip", grid: "" };
    expect(told[0]?.slice(1).map(({ record }) => record)).toEqual([
      { ...archive, cap: dir, filename: "archive.zip", zip: [] },
      { ...archive, cap: dir, filename: "Our year.zip", zip: [] },
      { ...archive, cap: "", filename: "archive.zip", zip: [{ cap, filename: "a" }] },
      { ...archive, cap: "", filename: "archive.zip", zip: [{ cap, filename: "b" }] },
      {
        ...archive,
        cap: "",
        filename: "Our year.ZIP",
        zip: [
          { cap, filename: "b" },
          { cap, filename: "a" },
        ],
      },
    ]);
  });

  it("of an archive takes a list with something in it, of caps and names, and not of thousands", () => {
    const wrong = (choice: unknown) => () => handles.zip(choice as never, {});
    expect(wrong([])).toThrow(expect.objectContaining({ code: "BAD_ARGUMENT" }));
    expect(wrong(cap)).toThrow(expect.objectContaining({ code: "BAD_ARGUMENT" }));
    expect(wrong([{ cap }])).toThrow(expect.objectContaining({ code: "BAD_ARGUMENT" }));
    expect(wrong([{ cap: 7, filename: "a" }])).toThrow(expect.objectContaining({ code: "BAD_CAP" }));
    const many = (count: number) => wrong(Array(count).fill({ cap, filename: "a" }));
    expect(many(1001)).toThrow(
      expect.objectContaining({ code: "BAD_ARGUMENT", message: expect.stringContaining("1000 files") }),
    );
    expect(many(1000)).not.toThrow();
  });

  it("is the same for the same arguments, and another for any other", () => {
    const all: UrlOptions[] = [
      {},
      { filename: "a" },
      { type: "a/b" },
      { grid: "a" },
      { download: true },
      { filename: "a", download: true },
    ];
    const urls = all.map((options) => handles.url(cap, options));
    expect(new Set(urls).size).toBe(all.length);
    expect(all.map((options) => new Handles(folder, secret, true, container).url(cap, options))).toEqual(urls);
    expect(new Handles(folder, new Uint8Array(32), true, container).url(cap, {})).not.toBe(urls[0]);
    for (const url of urls) expect(url).toMatch(/^https:\/\/app\.example\/sub\/films\/[\w-]{22}$/);
  });

  it.each<[string, UrlOptions, string]>([
    ["what its name ends in", { filename: "Our film.MP4" }, "/file.mp4"],
    ["the last of several extensions", { filename: "a.tar.gz" }, "/file.gz"],
    ["nothing where the name has none", { filename: "README" }, ""],
    ["nothing for a hidden file", { filename: ".profile" }, ""],
    ["nothing that is no extension", { filename: "Sent to Mr. Smith & wife" }, ""],
    ["its whole name if that is asked for", { filename: "ä/b?.mp4", nameInUrl: true }, "/%C3%A4%2Fb%3F.mp4"],
    ["a name of half a character", { filename: "\ud83d.mp4", nameInUrl: true }, "/%EF%BF%BD.mp4"],
    ["nothing that leads elsewhere", { filename: "..", nameInUrl: true }, ""],
    ["nothing where there is no name", { nameInUrl: true }, ""],
  ])("ends in %s", (_, options, ending) => {
    const url = handles.url(cap, options);
    const { nameInUrl: __, ...others } = options;
    expect(new URL(url).href).toBe(`${folder}${handleOf(handles.url(cap, others))}${ending}`);
  });

  it.each(["URI:DIR2:a:b", "URI:DIR2-CHK:a:b:3:10:9", "ro.URI:DIR2-MDMF-RO:a:b", "see URI%3ADIR2-LIT%3A for it"])(
    "of a folder ends in a slash, below which is what is in it (%s)",
    (cap) => {
      const [url, shown] = [handles.url(cap, { filename: "all.zip" }), handles.url(cap, { listing: true })];
      for (const each of [url, shown]) expect(each).toMatch(/\/films\/[\w-]{22}\/$/);
      expect(handles.url(cap, { listing: false })).not.toBe(shown);
      expect(handles.url(cap, { filename: "all.zip", listing: false })).toBe(url);
    },
  );

  it("W-11: ends in its handle for a worker that knows nothing else", () => {
    const old = new Handles(folder, secret, false, container);
    expect(old.url(cap, { filename: "film.mp4" })).toMatch(/\/films\/[\w-]{22}$/);
  });

  it.each<[string, UrlOptions]>([
    ["x".repeat(9_000), {}],
    [cap, { filename: "x".repeat(2_000) }],
    [cap, { type: "nonsense" }],
    [cap, { type: "a/b\r\nSet-Cookie: c" }],
    // Of two types a browser takes the last.
    [cap, { type: "image/png;a, text/html" }],
    [cap, { type: "image/png; a=b, text/html" }],
    [cap, { type: 'image/png; a="b", text/html; c="d"' }],
    [cap, { type: 'image/png; a="\\", text/html; c="d"' }],
    [cap, { type: `image/png; a='; b="', text/html; c="d"` }],
  ])("cannot be made of what no header can hold", (text, options) => {
    expect(() => handles.url(text, options)).toThrow(expect.objectContaining({ code: "BAD_URL" }));
  });
});

it("may have a type with parameters", () => {
  const types = ["text/plain; charset=utf-8", 'video/mp4; codecs="avc1.42E01E, mp4a.40.2"', "audio/ogg;codecs=opus"];
  for (const type of types) expect(handles.url(cap, { type })).toMatch(/films/);
});

describe("the worker is told", () => {
  it("of many at once, and of each once", async () => {
    handles.url(cap, {});
    handles.url(cap, { filename: "a.png" });
    handles.url(cap, {});
    await pass(100);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject([{ record: { cap, filename: "" } }, { record: { cap, filename: "a.png" } }]);
    handles.url(cap, {});
    await pass(100_000);
    expect(told).toHaveLength(1);
  });

  it("again and again until it answers", async () => {
    isAwake = false;
    handles.url(cap, {});
    await pass(60_000);
    expect(told.length).toBeGreaterThan(2);
    isAwake = true;
    await pass(60_000);
    const { length } = told;
    await pass(600_000);
    expect(told).toHaveLength(length);
  });

  it("again when it asks, if it was made here", async () => {
    const handle = handleOf(handles.url(cap, {}));
    await pass(100);
    hear(announcement("handleWanted", { handle }));
    hear(
      announcement("handleWanted", {
        handle: handleOf(new Handles(folder, new Uint8Array(32), true, container).url("x", {})),
      }),
    );
    hear({ kind: "handleWanted", handle });
    await pass(100);
    expect(told.flat().filter((entry) => entry.handle === handle)).toHaveLength(2);
  });
});

describe("revoking", () => {
  it("is told to the worker, and the page does not bring it back", async () => {
    const url = handles.url(cap, { filename: "film.mp4", nameInUrl: true });
    await pass(100);
    const revoking = handles.revoke(url);
    await pass(100);
    await revoking;
    expect(revoked).toEqual([handleOf(url)]);
    hear(announcement("handleWanted", { handle: handleOf(url) }));
    await pass(100);
    expect(told).toHaveLength(1);
  });

  it("in another tab counts here too, until the URL is made again", async () => {
    const handle = handleOf(handles.url(cap, {}));
    await pass(100);
    hear(announcement("handleRevoked", { handle }));
    hear(announcement("handleWanted", { handle }));
    await pass(100);
    expect(told).toHaveLength(1);
    handles.url(cap, {});
    await pass(100);
    expect(told).toHaveLength(2);
  });
});

describe("what is given as a cap", () => {
  it("CAP-1 may have blanks, quotes or a gateway's URL around it: the URL is that of the cap", async () => {
    const url = handles.url(cap, {});
    const quoted = encodeURIComponent(cap);
    for (const text of [` ${cap}\n`, `"${cap}"`, quoted, `http://127.0.0.1:3456/uri/${quoted}?save=true`])
      expect(handles.url(text, {})).toBe(url);
    await pass(0);
    expect(told.flat().map(({ record }) => record.cap)).toEqual([cap]);
  });

  it("CAP-3 must be a text", () => {
    const grid = new Grid(new URL("/", folder), container, handles);
    expect(() => grid.url(undefined as never)).toThrow(
      expect.objectContaining({ code: "BAD_CAP", message: expect.stringContaining("of type undefined") }),
    );
  });

  it.each(["open", "keep", "keepOf"] as const)("CAP-3 %s rejects, and does not throw", async (what) => {
    const grid = new Grid(new URL("/", folder), container, handles);
    await expect(grid[what](null as never)).rejects.toMatchObject({
      code: "BAD_CAP",
      message: expect.stringContaining("it is null"),
    });
  });
});
