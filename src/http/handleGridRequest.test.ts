import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GridError } from "../base/GridError.ts";
import type { HandleRecord } from "../base/HandleRecord.ts";
import { sleep } from "../base/wait.ts";
import { FakeFile } from "../files/testing/FakeFile.ts";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import type { Cap } from "../formats/Cap.ts";
import { FailurePacer } from "./FailurePacer.ts";
import { gridPaths } from "./GridPaths.ts";
import { handleGridRequest } from "./handleGridRequest.ts";
import { Openings } from "./Openings.ts";

const CAP = "URI:CHK:aaaqeayeaudaocajbifqydiob4:24y63wrthzkhrpunuww4bnvkrjck6vs2zbunsmbv2cutlll3uukq:3:10:1024";
const DIRECTORY = "URI:DIR2-RO:aaaqeayeaudaocajbifqydiob4:24y63wrthzkhrpunuww4bnvkrjck6vs2zbunsmbv2cutlll3uukq";
const ETAG = '"hdis5iaveku6lnlaiccydyid7q-"';
const SECRET = "aaaqeayeaudaocajbifqydiob4";
const content = Uint8Array.from({ length: 1024 }, (_, i) => (i * 7) % 251);
const TOO_FEW = new GridError(
  "NOT_ENOUGH_SHARES",
  {
    needed: 3,
    found: 2,
    servers: [
      { server: "alice", outcome: "share 4" },
      { server: "bob", outcome: "no share" },
      { server: "carol", outcome: "HTTP 500" },
    ],
  },
  "2 of the 3 shares that are needed were found. Try again later.",
);

let file: FakeFile;
let clock: VirtualClock;
let failures: FailurePacer;
let streaming: number;
let opened: Cap[];
let grids: (string | undefined)[];
let failed: unknown[];
let records: Map<string, HandleRecord>;
let isOffline: boolean;
let serversMoved: boolean;
let unopenable: GridError | undefined;
/** What comes before the file takes so long, each, in milliseconds. */
let delay: number;
let forbidden: string[];
let isKeptFromLocalNetwork: boolean;

beforeEach(() => {
  file = new FakeFile(content);
  clock = new VirtualClock();
  failures = new FailurePacer(clock);
  streaming = 0;
  opened = [];
  grids = [];
  failed = [];
  records = new Map();
  isOffline = false;
  serversMoved = false;
  unopenable = undefined;
  delay = 0;
  forbidden = [];
  isKeptFromLocalNetwork = false;
});

const handle = (path: string, init: RequestInit = {}) => answer(new Request(`https://app.example${path}`, init));

function answer(request: Request): Promise<Response> {
  return handleGridRequest(request, {
    paths: gridPaths(new URL("https://app.example/"), { tahoeForms: true }),
    async findHandle(handle) {
      if (delay > 0) await sleep(delay, clock);
      return records.get(handle);
    },
    async open(cap, grid) {
      if (delay > 0) await sleep(delay, clock);
      opened.push(cap);
      grids.push(grid);
      if (unopenable !== undefined) throw unopenable;
      return file;
    },
    async directory() {
      throw new Error("no directory in this test");
    },
    archive: async () => ({ archive: file, tag: "abc234" }),
    clock,
    failures,
    haveServersMoved: async () => serversMoved,
    openings: new Openings(clock, false),
    client: "page",
    streaming({ ended }) {
      streaming++;
      void ended.then(() => streaming--);
    },
    failed: (error) => failed.push(error),
    isOffline: () => isOffline,
    forbidden: async () => forbidden,
    isKeptFromLocalNetwork: async () => isKeptFromLocalNetwork,
  });
}

const get = (headers: Record<string, string> = {}, path = `/uri/${CAP}`) => handle(path, { headers });
const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer());

describe("an archive", () => {
  beforeEach(() => {
    const record = {
      cap: "URI:DIR2:hidden",
      filename: "all.zip",
      download: true,
      type: "application/zip",
      grid: "",
      zip: [],
    };
    records.set("known", record);
  });

  it("has its length, its tag and its name at once, is saved, and is had in part while it is the same", async () => {
    const head = await handle("/grid/known/file.zip", { method: "HEAD" });
    expect(Object.fromEntries(head.headers)).toMatchObject({
      "accept-ranges": "bytes",
      "content-disposition": 'attachment; filename="all.zip"',
      "content-length": "1024",
      "content-type": "application/zip",
      etag: '"ZIP:abc234"',
    });
    expect(file.reads).toEqual([]);
    const rest = await get({ Range: "bytes=1000-", "If-Range": '"ZIP:abc234"' }, "/grid/known/file.zip");
    expect([rest.status, await bytesOf(rest)]).toEqual([206, content.slice(1000)]);
    const other = await get({ Range: "bytes=1000-", "If-Range": '"ZIP:other"' }, "/grid/known/file.zip");
    expect([other.status, (await bytesOf(other)).length]).toEqual([200, 1024]);
  });

  it("that fails on its way is a broken body", async () => {
    file.failure = new GridError("BAD_HASH", { what: "segment" }, "no good");
    file.failsAt = 500;
    const broken = await get({}, "/grid/known");
    expect(broken.status).toBe(200);
    await expect(broken.arrayBuffer()).rejects.toBe(file.failure);
  });
});

describe("GET", () => {
  it("reads from the grid that is named", async () => {
    await get({}, `/uri/${CAP}?grid=work`);
    await get({});
    expect(grids).toEqual(["work", undefined]);
  });

  it("sends the whole file", async () => {
    const response = await get({}, `/file/${CAP}/@@named=/film.webm`);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toEqual({
      "accept-ranges": "bytes",
      "cache-control": "private, no-store",
      "content-disposition": 'inline; filename="film.webm"',
      "content-length": "1024",
      "content-type": "video/webm",
      "cross-origin-embedder-policy": "require-corp",
      "cross-origin-resource-policy": "same-origin",
      etag: ETAG,
      "referrer-policy": "no-referrer",
      "server-timing": "gridfetch",
      "x-content-type-options": "nosniff",
      "x-frame-options": "SAMEORIGIN",
    });
    expect(await bytesOf(response)).toEqual(content);
    expect(opened[0]).toMatchObject({ kind: "CHK", needed: 3, total: 10, size: 1024 });
  });

  it("sends exactly a range, and asks the file for no more", async () => {
    const response = await get({ Range: "bytes=300-555" }, `/uri/${CAP}?filename=a.mp3`);
    expect(response.status).toBe(206);
    expect(response.headers.get("Content-Range")).toBe("bytes 300-555/1024");
    expect(response.headers.get("Content-Length")).toBe("256");
    expect(await bytesOf(response)).toEqual(content.slice(300, 556));
    expect(file.reads).toMatchObject([{ offset: 300, length: 256 }]);
  });

  it("sends an empty file", async () => {
    file = new FakeFile(new Uint8Array());
    const response = await get({}, "/uri/URI:LIT:");
    expect([response.status, response.headers.get("Content-Length")]).toEqual([200, "0"]);
    expect(response.headers.has("ETag")).toBe(false);
    expect((await bytesOf(response)).length).toBe(0);
  });

  it("reads a cap with colons raw or encoded alike", async () => {
    await get({}, `/uri/${encodeURIComponent(CAP)}`);
    await get({}, `/cap/${CAP}`);
    expect(opened[0]).toEqual(opened[1]);
  });

  it("saves under the name that was asked for", async () => {
    const saved = await get({}, `/uri/${CAP}?filename=%C3%BC%22.webm&save=true`);
    expect(saved.headers.get("Content-Disposition")).toBe(
      `attachment; filename="__.webm"; filename*=UTF-8''%C3%BC%22.webm`,
    );
    expect(saved.headers.get("Content-Type")).toBe("video/webm");
    const nameless = await get({}, `/uri/${CAP}?save=true`);
    expect(nameless.headers.get("Content-Disposition")).toBe('attachment; filename="unknown"');
  });

  it("follows /uri?uri= by a redirect", async () => {
    const response = await handle(`/uri?uri=${CAP}&filename=a.txt`, { redirect: "manual" });
    expect(response.status).toBe(302);
    expect(response.headers.get("Location")).toBe(`https://app.example/uri/${encodeURIComponent(CAP)}?filename=a.txt`);
    expect(opened).toEqual([]);
  });
});

describe("without a byte from the grid", () => {
  afterEach(() => expect(file.reads).toEqual([]));

  it("HEAD says what GET would", async () => {
    const whole = await handle(`/uri/${CAP}?filename=a.mp3`, { method: "HEAD" });
    expect([whole.status, whole.headers.get("Content-Length"), whole.body]).toEqual([200, "1024", null]);
    expect(whole.headers.get("Content-Type")).toBe("audio/mpeg");
    const part = await handle(`/uri/${CAP}`, { method: "HEAD", headers: { Range: "bytes=-24" } });
    expect([part.status, part.headers.get("Content-Range")]).toEqual([206, "bytes 1000-1023/1024"]);
    expect(part.headers.get("Content-Length")).toBe("24");
    const none = await handle(`/uri/${CAP}`, { method: "HEAD", headers: { Range: "bytes=1024-" } });
    expect([none.status, none.headers.get("Content-Range"), none.body]).toEqual([416, "bytes */1024", null]);
    const bad = await handle("/uri/nonsense", { method: "HEAD" });
    expect([bad.status, bad.body]).toEqual([400, null]);
  });

  it.each(["bytes=1024-", "bytes=1024-1030", "bytes=99999999999999999999-"])("416 for %s", async (Range) => {
    const response = await get({ Range });
    expect(response.status).toBe(416);
    expect(response.headers.get("Content-Range")).toBe("bytes */1024");
    expect(response.headers.has("Content-Disposition")).toBe(false);
    expect(await response.text()).toBe("First beyond end of file\n");
  });

  it.each([ETAG, ETAG.replaceAll('"', ""), `W/${ETAG}`, `"x", ${ETAG}`, "*"])(
    "304 for If-None-Match: %s",
    async (tag) => {
      const response = await get({ "If-None-Match": tag, Range: "bytes=0-1" });
      expect([response.status, response.headers.get("ETag"), response.body]).toEqual([304, ETAG, null]);
    },
  );

  it.each(["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])("405 for %s", async (method) => {
    const response = await handle(`/uri/${CAP}`, { method });
    expect([response.status, response.headers.get("Allow")]).toEqual([405, "GET, HEAD"]);
    expect(await response.text()).toMatch(/GET or HEAD/);
  });

  it.each([
    ["/uri/nonsense", /does not start with URI:/],
    [`/uri/${CAP.replace("3:10", "11:10")}`, /k is more than N/],
    [`/uri/${CAP}/child`, /no children/],
    ["/uri/%ff", /UTF-8/],
    [`/uri/${CAP}?save=perhaps`, /boolean/],
    [`/uri/${CAP}?t=nonsense`, /bad t=/],
  ])("400 for %s", async (path, reason) => {
    const response = await get({}, path);
    expect(response.status).toBe(400);
    expect(response.headers.get("Content-Type")).toBe("text/plain; charset=utf-8");
    const text = await response.text();
    expect(text).toMatch(reason);
    expect(text).not.toContain(SECRET);
  });
});

describe("a file without a telling name", () => {
  const picture = Uint8Array.from({ length: 4_000 }, (_, i) => "\x89PNG\r\n\x1a\n".charCodeAt(i) || i % 256);
  const typeOf = async (path: string, headers: Record<string, string> = {}, method = "GET") => {
    const response = await handle(path, { headers, method });
    await response.arrayBuffer();
    return response.headers.get("Content-Type");
  };

  beforeEach(() => {
    file = new FakeFile(picture);
    file.chunkLength = 2_000;
  });

  it.each(["", "?filename=picture", "?filename=picture.unheardof", "?filename=.png"])(
    "has the type of its start %s",
    async (query) => {
      expect(await typeOf(`/uri/${CAP}${query}`)).toBe("image/png");
      expect(file.reads.length).toBe(1);
    },
  );

  it("has it in every range, and its start is read once", async () => {
    const { size } = file;
    for (const Range of ["bytes=1-1", "bytes=0-1", "bytes=2000-", `bytes=${size - 1}-`]) {
      expect(await typeOf(`/uri/${CAP}`, { Range })).toBe("image/png");
    }
    expect(file.reads.filter(({ offset }) => offset === 0).length).toBe(2);
  });

  it("is not read for a range further on, unless that is to be shown as a document", async () => {
    expect(await typeOf(`/uri/${CAP}`, { Range: "bytes=2000-" })).toBe("application/octet-stream");
    expect(file.reads.map(({ offset }) => offset)).toEqual([2_000]);
    const navigation = new Request(`https://app.example/uri/${CAP}`, { headers: { Range: "bytes=2000-" } });
    // Only browsers make such a request.
    Object.defineProperty(navigation, "mode", { value: "navigate" });
    const response = await answer(navigation);
    expect(response.headers.get("Content-Type")).toBe("image/png");
  });

  it("has it for HEAD once it is known, without a read for it", async () => {
    expect(await typeOf(`/uri/${CAP}`, {}, "HEAD")).toBe("application/octet-stream");
    expect(file.reads).toEqual([]);
    await typeOf(`/uri/${CAP}`);
    expect(await typeOf(`/uri/${CAP}`, {}, "HEAD")).toBe("image/png");
  });

  it("is read where its start cannot be", async () => {
    const broken = new FakeFile(picture);
    broken.failure = TOO_FEW;
    broken.failsAt = 0;
    const sound = new FakeFile(picture);
    file.read = (options = {}) => (options.offset === 0 ? broken : sound).read(options);
    const response = await get({ Range: "bytes=500-509" });
    expect([response.status, response.headers.get("Content-Type")]).toEqual([206, "application/octet-stream"]);
    expect(response.headers.get("Content-Security-Policy")).toMatch(/^sandbox;/);
    expect(await bytesOf(response)).toEqual(picture.slice(500, 510));
  });
});

/** Every destination of the Fetch Standard (section 2.2.5), some that browsers have besides, and one that nobody has. */
const DESTINATIONS: Readonly<Record<string, number>> = {
  "": 200,
  audio: 200,
  audioworklet: 403,
  document: 200,
  embed: 200,
  font: 200,
  frame: 200,
  iframe: 200,
  image: 200,
  json: 403,
  manifest: 403,
  object: 200,
  paintworklet: 403,
  report: 403,
  script: 403,
  serviceworker: 403,
  sharedworker: 403,
  style: 403,
  text: 403,
  track: 200,
  video: 200,
  webidentity: 403,
  worker: 403,
  xslt: 403,
  dictionary: 403,
  fencedframe: 403,
  speculationrules: 403,
  "one-to-come": 403,
};

describe("a use", () => {
  const use = (destination: string, mode: RequestMode): Promise<Response> => {
    const request = new Request(`https://app.example/uri/${CAP}?filename=a.svg`);
    Object.defineProperties(request, { destination: { value: destination }, mode: { value: mode } });
    return answer(request);
  };

  it.each(Object.entries(DESTINATIONS))("as %j is answered with %i", async (destination, status) => {
    for (const mode of ["no-cors", "cors"] as const) {
      const response = await use(destination, mode);
      expect(response.status).toBe(status);
      expect(file.reads.length > 0).toBe(status === 200);
      await response.body?.cancel();
    }
  });

  it("of a drawing's part in the page itself is refused", async () => {
    expect((await use("image", "same-origin")).status).toBe(403);
    // What a program reads is not in the page.
    expect((await use("", "same-origin")).status).toBe(200);
  });
});

describe("an opaque URL", () => {
  const handle = "ZkV4c3ZqYnJpa2xkYWZtbg";
  const record: HandleRecord = { cap: CAP, filename: "", download: false, type: "", grid: "" };

  it("is answered as its record says, whatever stands after the handle", async () => {
    records.set(handle, { ...record, filename: "ü.webm", download: true });
    const response = await get({ Range: "bytes=0-9" }, `/grid/${handle}/file.html?t=uri&filename=a.html&save=false`);
    expect([response.status, response.headers.get("Content-Type")]).toEqual([206, "video/webm"]);
    expect(response.headers.get("Content-Disposition")).toMatch(/^attachment; .*%C3%BC\.webm$/);
    expect(await bytesOf(response)).toEqual(content.slice(0, 10));
  });

  it.each([
    ["video/mp4", null],
    ["text/html", /^sandbox;/],
    ["image/svg+xml", /^sandbox;/],
  ])("has the type %s if that was asked for, and its sandbox", async (type, sandbox) => {
    records.set(handle, { ...record, filename: "a.bin", type });
    const { headers } = await get({}, `/grid/${handle}`);
    expect(headers.get("Content-Type")).toBe(type);
    if (sandbox === null) expect(headers.has("Content-Security-Policy")).toBe(false);
    else expect(headers.get("Content-Security-Policy")).toMatch(sandbox);
  });

  it("is 404 where nobody knows it", async () => {
    for (const unknown of [handle, "", "x", `${handle}/`, `${handle}/more`]) {
      const response = await get({}, `/grid/${unknown}`);
      expect(response.status).toBe(404);
      expect(await response.text()).toMatch(/stands for nothing in this browser/);
    }
    expect(opened).toEqual([]);
  });

  it("tells nothing of its cap where that is broken", async () => {
    records.set(handle, { ...record, cap: `${CAP}:${SECRET}` });
    const response = await get({}, `/grid/${handle}`);
    expect(response.status).toBe(400);
    expect(await response.text()).not.toContain(SECRET);
  });
});

describe("conditions", () => {
  it("If-None-Match of another tag changes nothing", async () => {
    expect((await get({ "If-None-Match": '"other", W/"more"' })).status).toBe(200);
  });
  it.each([
    [ETAG, 206],
    ['"other"', 200],
    [`W/${ETAG}`, 200],
    ["Wed, 21 Oct 2015 07:28:00 GMT", 200],
  ])("a Range with If-Range: %s is answered %i", async (tag, status) => {
    expect((await get({ Range: "bytes=0-1", "If-Range": tag })).status).toBe(status);
  });
});

describe("isolation", () => {
  const sandboxOf = async (name: string, query = "") =>
    (await get({}, `/file/${CAP}/@@named=/${name}${query}`)).headers.get("Content-Security-Policy") ?? "";

  it.each(["a.html", "a.svg", "a.xhtml", "a.xml", "a.js", "a.txt", "a", "a.unheardof"])(
    "%s is sandboxed",
    async (name) => {
      expect(await sandboxOf(name)).toMatch(/^sandbox; default-src 'none';/);
      expect(await sandboxOf(name)).not.toContain("allow-");
    },
  );
  it.each(["a.webm", "a.mp4", "a.png", "a.mp3", "a.pdf"])(
    "%s, which cannot be shown sandboxed, is not",
    async (name) => {
      expect(await sandboxOf(name)).toBe("");
    },
  );
  it("a name in the query decides, not one in the path", async () => {
    expect(await sandboxOf("a.png", "?filename=a.html")).toMatch(/^sandbox;/);
  });
});

describe("every answer carries the worker's mark and the safe headers", () => {
  it.each<[status: number, path: string, init?: RequestInit]>([
    [200, `/uri/${CAP}`],
    [200, `/uri/${CAP}`, { method: "HEAD" }],
    [200, `/uri/${CAP}?t=json`],
    [200, `/uri/${CAP}?t=uri`],
    [200, `/uri/${CAP}?t=info`],
    [206, `/uri/${CAP}`, { headers: { Range: "bytes=0-1" } }],
    [302, `/uri?uri=${CAP}`],
    [304, `/uri/${CAP}`, { headers: { "If-None-Match": ETAG } }],
    [400, "/uri/nonsense"],
    [400, "/uri/nonsense", { headers: { Accept: "application/json" } }],
    [400, `/uri/${CAP}?t=nonsense`],
    [404, "/grid/AAAAAAAAAAAAAAAAAAAAAA"],
    [405, `/uri/${CAP}`, { method: "POST" }],
    [412, `/uri/${CAP}`, { headers: { "If-Match": '"other"' } }],
    [416, `/uri/${CAP}`, { headers: { Range: "bytes=5000-" } }],
    [500, `/uri/${DIRECTORY}`],
  ])("%i of %s", async (status, path, init) => {
    const response = await handle(path, init);
    expect(response.status).toBe(status);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "cache-control": "private, no-store",
      "cross-origin-embedder-policy": "require-corp",
      "referrer-policy": "no-referrer",
      "server-timing": "gridfetch",
      "x-content-type-options": "nosniff",
      "x-frame-options": "SAMEORIGIN",
    });
  });
});

describe("failures before the first byte", () => {
  it("410 says how many shares were found and what became of each server", async () => {
    file.failsAt = 0;
    file.failure = TOO_FEW;
    const response = await get({ Range: "bytes=0-" });
    expect(response.status).toBe(410);
    expect(response.headers.has("Content-Range")).toBe(false);
    expect(response.headers.get("Content-Type")).toBe("text/plain; charset=utf-8");
    const text = await response.text();
    expect(text).toMatch(/^NotEnoughSharesError: 2 of the 3 shares/);
    for (const line of ["alice: share 4", "bob: no share", "carol: HTTP 500"]) expect(text).toContain(line);
    expect(text).not.toContain(SECRET);
    expect(streaming).toBe(0);
  });

  it.each([
    [new GridError("SERVER_UNREACHABLE", { server: "alice", reason: "x" }, "Server alice could not be read."), 503],
    [new GridError("BAD_CONFIG", { reason: "x" }, "The grid configuration cannot be used."), 503],
    [new GridError("BAD_SEGMENT", { segment: 1, storageIndexPrefix: "hdis" }, "This file is broken."), 500],
    [new GridError("UNSUPPORTED_CAP", { kind: "URI:DIR2" }, "Directories cannot be read."), 400],
  ])("%s is %i", async (failure, status) => {
    file.failsAt = 0;
    file.failure = failure;
    const response = await get();
    expect(response.status).toBe(status);
    expect(await response.text()).toBe(`${failure.message}\n`);
  });

  it("tells nothing of an error that is not gridfetch's own", async () => {
    file.failsAt = 0;
    file.failure = new Error(`cannot parse ${CAP}`);
    const response = await get();
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain(SECRET);
  });

  it("504, and a read that ends, where nothing comes for 40 s", async () => {
    file.hangs = true;
    const pending = get();
    await clock.run(39_999);
    expect(file.reads[0]?.signal?.aborted).toBe(false);
    await clock.run(1);
    const response = await pending;
    expect(response.status).toBe(504);
    expect(await response.text()).toMatch(/40 s/);
    expect(file.reads[0]?.signal?.aborted).toBe(true);
  });

  it("504 after 40 s in all, whatever they are spent on: a browser gives up after 50 s", async () => {
    records.set("film", { cap: CAP, filename: "", download: false, type: "", grid: "" });
    delay = 15_000;
    file.hangs = true;
    const pending = handle("/grid/film");
    await clock.run(39_999);
    expect(file.reads).toHaveLength(1);
    await clock.run(1);
    expect((await pending).status).toBe(504);
    delay = 60_000;
    const stuck = handle("/grid/film");
    await clock.run(40_000);
    expect((await stuck).status).toBe(504);
  });

  it("is not what cuts a body: it may take as long as it takes", async () => {
    const reader = (await get()).body!.getReader();
    await clock.run(100_000);
    let received = 0;
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) received += piece.value.length;
    expect(received).toBe(content.length);
  });

  it("is tried once more where the servers have moved meanwhile, and not again", async () => {
    file.failsAt = 0;
    file.failure = TOO_FEW;
    serversMoved = true;
    expect((await get()).status).toBe(410);
    expect(opened).toHaveLength(2);
    expect(failed).toHaveLength(1);
  });

  it("is held back for a second from who asks again at once, whatever failed", async () => {
    records.set("film", { cap: CAP, filename: "", download: false, type: "", grid: "" });
    unopenable = new GridError("NO_VERSION", { servers: [], versions: [] }, "No version.");
    for (const path of ["/grid/film", `/uri/${CAP}`]) {
      opened = [];
      expect((await handle(path)).status).toBe(410);
      const again = Array.from({ length: 3 }, () => handle(path));
      await clock.run(999);
      expect(opened).toHaveLength(1);
      await clock.run(1);
      for (const { status } of await Promise.all(again)) expect(status).toBe(410);
      // Of another part nothing is known.
      opened = [];
      await handle(path, { headers: { Range: "bytes=500-" } });
      expect(opened).toHaveLength(1);
    }
  });

  it("leaves no timer behind once bytes have come", async () => {
    await bytesOf(await get());
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("an error for a program", () => {
  it("is its code and details, and is also told to whoever runs the worker", async () => {
    file.failsAt = 0;
    file.failure = TOO_FEW;
    const response = await get({ Accept: "application/json" });
    expect([response.status, response.headers.get("Content-Type")]).toEqual([410, "application/json"]);
    const { code, details, message } = TOO_FEW;
    expect(await response.json()).toEqual({ code, details, message });
    expect(failed).toEqual([TOO_FEW]);
  });

  it("tells nothing of one that is not gridfetch's own", async () => {
    file.failsAt = 0;
    file.failure = new Error(`about ${SECRET}`);
    const response = await get({ Accept: "application/json" });
    expect(response.status).toBe(500);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ code: "INTERNAL" });
    expect(text).not.toContain(SECRET);
  });
});

describe("failures after the first byte", () => {
  it("error the body, which is never a short success", async () => {
    file.failsAt = 500;
    file.failure = TOO_FEW;
    const response = await get();
    expect(response.status).toBe(200);
    await expect(response.arrayBuffer()).rejects.toBe(TOO_FEW);
    expect(streaming).toBe(0);
  });

  it("so does a read that ends early", async () => {
    file.missing = 1;
    await expect((await get()).arrayBuffer()).rejects.toMatchObject({ code: "INTERNAL" });
  });
});

describe("cancelling", () => {
  it("the body stops the read behind it", async () => {
    const body = (await get()).body as ReadableStream<Uint8Array>;
    const reader = body.getReader();
    await reader.read();
    expect(streaming).toBe(1);
    await reader.cancel("seen enough");
    await clock.run(0);
    expect(file.cancels).toEqual(["seen enough"]);
    expect(streaming).toBe(0);
    const { pulls } = file;
    await clock.run(1_000);
    expect(file.pulls).toBe(pulls);
  });

  it("the request stops a read that has not begun to answer", async () => {
    file.hangs = true;
    const stop = new AbortController();
    const pending = handle(`/uri/${CAP}`, { signal: stop.signal });
    const outcome = expect(pending).rejects.toThrow("changed my mind");
    await clock.run(10);
    stop.abort(new Error("changed my mind"));
    await outcome;
    expect(clock.pendingTimers).toBe(0);
  });

  it("the request stops a body that is being read", async () => {
    const stop = new AbortController();
    const response = await handle(`/uri/${CAP}`, { signal: stop.signal });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    stop.abort(new Error("changed my mind"));
    await expect(reader.read()).rejects.toThrow("changed my mind");
    expect(streaming).toBe(0);
  });

  it("reads no further than the consumer does", async () => {
    const reader = ((await get()).body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    await clock.run(1_000);
    expect(file.pulls).toBeLessThanOrEqual(2);
    await reader.cancel();
  });
});

describe("asking again for what has just failed", () => {
  // With a name: nothing else than the range is read.
  const path = `/uri/${CAP}?filename=a.webm`;

  beforeEach(() => {
    file.failure = TOO_FEW;
    file.failsAt = 600;
  });

  it("waits, and then tries afresh", async () => {
    expect((await get({ Range: "bytes=600-" }, path)).status).toBe(410);
    const second = get({ Range: "bytes=600-" }, path);
    await clock.run(999);
    expect(file.reads.length).toBe(1);
    file.failsAt = Number.POSITIVE_INFINITY;
    await clock.run(1);
    expect((await second).status).toBe(206);
  });

  it("at the byte where a body broke off waits as well", async () => {
    await expect((await get({ Range: "bytes=500-" }, path)).arrayBuffer()).rejects.toBe(TOO_FEW);
    const again = get({ Range: "bytes=600-" }, path);
    await clock.run(999);
    expect(file.reads.length).toBe(1);
    await clock.run(1);
    expect((await again).status).toBe(410);
  });

  it("does not hold up other bytes of the file, nor the same ones later", async () => {
    await get({ Range: "bytes=600-" }, path);
    expect((await get({ Range: "bytes=0-9" }, path)).status).toBe(206);
    await clock.run(1_000);
    expect((await get({ Range: "bytes=600-" }, path)).status).toBe(410);
  });

  it("can be given up while it waits", async () => {
    await get({ Range: "bytes=600-" }, path);
    const stop = new AbortController();
    const pending = handle(path, { headers: { Range: "bytes=600-" }, signal: stop.signal });
    const outcome = expect(pending).rejects.toThrow("gone");
    await clock.run(10);
    stop.abort(new Error("gone"));
    await outcome;
    expect(clock.pendingTimers).toBe(0);
    expect(file.reads.length).toBe(1);
  });
});

describe("words that help", () => {
  const VERIFY = CAP.replace("CHK", "CHK-Verifier");
  const JSON_WANTED = { Accept: "application/json" };
  const HANDLE = "AAAAAAAAAAAAAAAAAAAAAA";
  const hold = (cap: string) => records.set(HANDLE, { cap, filename: "", download: false, type: "", grid: "" });
  const messageOf = async (response: Response) => ((await response.json()) as { message: string }).message;
  /** After the pause that follows each failure. */
  const handleAgain: typeof handle = async (...request) => {
    await clock.run(1_000);
    return handle(...request);
  };

  it.each(["", "nonsense", "URI:CHK:aaaq", VERIFY])(
    "CAP-4 a gateway's jargon is told to nobody but a person at a gateway's URL (%j)",
    async (cap) => {
      hold(cap);
      const byHandle = await handle(`/grid/${HANDLE}`);
      const asJson = await handleAgain(`/grid/${HANDLE}`, { headers: JSON_WANTED });
      expect([byHandle.status, asJson.status]).toEqual([400, 400]);
      const words = [await byHandle.text(), await messageOf(asJson)];
      expect(failed.map((error) => (error as Error).message)).toEqual([words[1], words[1]]);
      expect(words.join()).not.toMatch(/GET|t=json/);
      if (cap === "") return;
      const ofGateway = await handle(`/uri/${encodeURIComponent(cap)}`);
      expect(await ofGateway.text()).toBe(`GET unknown URI type: can only do t=json here. ${words[1]}\n`);
      expect(failed.at(-1)).toMatchObject({ message: words[1] });
      expect(await messageOf(await handleAgain(`/uri/${encodeURIComponent(cap)}`, { headers: JSON_WANTED }))).toBe(
        words[1],
      );
    },
  );

  it("CAP-5 a directory's cap: it says where its files are", async () => {
    hold(DIRECTORY);
    const answer = await handle(`/grid/${HANDLE}`, { headers: JSON_WANTED });
    expect(await answer.json()).toMatchObject({
      code: "UNSUPPORTED_CAP",
      message: expect.stringMatching(
        /^This is the address of a directory, and no file\. .* below this address, .* \{ listing: true \}\.$/,
      ),
    });
  });

  it("CAP-6 a verify cap: it says which one is needed", async () => {
    hold(VERIFY);
    expect(await (await handle(`/grid/${HANDLE}`)).text()).toBe(
      "This is a verify cap: with it shares can be checked, and nothing be read. Ask for the read cap.\n",
    );
  });

  it("READ-6 offline: one line, and not one a server", async () => {
    isOffline = true;
    file.failsAt = 0;
    file.failure = TOO_FEW;
    const answer = await get();
    expect([answer.status, await answer.text()]).toEqual([
      503,
      "You are offline, and the grid cannot be reached. What is kept offline can be read.\n",
    ]);
    expect(failed).toEqual([expect.objectContaining({ code: "OFFLINE" })]);
  });

  it("READ-6 but servers that have all answered were reached", async () => {
    isOffline = true;
    file.failsAt = 0;
    const servers = [{ server: "alice", outcome: "no share" }];
    file.failure = new GridError("NOT_ENOUGH_SHARES", { needed: 3, found: 0, servers }, "None has it.");
    expect(await (await get()).text()).toMatch(/^NoSharesError: None has it\./);
  });

  it("READ-7 a policy that keeps the worker from servers: it names the policy and the servers", async () => {
    forbidden = ["https://one.example", "wss://relay.example"];
    file.failsAt = 0;
    file.failure = TOO_FEW;
    const answer = await handle(`/uri/${CAP}`, { headers: JSON_WANTED });
    expect(await answer.json()).toMatchObject({
      code: "NOT_ENOUGH_SHARES",
      details: TOO_FEW.details,
      message:
        "The Content-Security-Policy that the worker's script was served with forbids requests to https://one.example, " +
        `wss://relay.example: its connect-src must name them. ${TOO_FEW.message}`,
    });
  });

  it("READ-9 a browser that keeps the page from the local network: it says what to allow", async () => {
    isKeptFromLocalNetwork = true;
    file.failsAt = 0;
    file.failure = TOO_FEW;
    const { message, code } = await (await handle(`/uri/${CAP}`, { headers: JSON_WANTED })).json();
    expect(code).toBe("NOT_ENOUGH_SHARES");
    expect(message).toMatch(
      /^The browser keeps this page from servers on this device or in the local network until you allow it: /,
    );
    expect(message.endsWith(TOO_FEW.message)).toBe(true);
  });

  it("READ-8 a handle that stands for nothing: it says why that may be, and what to do", async () => {
    expect(await (await handle(`/grid/${HANDLE}`)).text()).toMatch(
      /^This address stands for nothing in this browser: .* Open the file again where you found it\.\n$/,
    );
  });
});
