import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AppServer } from "./AppServer.ts";

/** What Chromium and Firefox send for an address that is opened. */
const HTML = { Accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
const VISIT = { ...HTML, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document" };

let folder: string;
let app: AppServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gridfetch-app-"));
  await mkdir(join(folder, "assets"));
  await Promise.all([
    writeFile(join(folder, "index.html"), "the app"),
    writeFile(join(folder, "bootstrap.html"), "wait for the worker"),
    writeFile(join(folder, "gridfetch-worker.js"), "// worker"),
    writeFile(join(folder, "app-worker.js"), "// the app's worker"),
    writeFile(join(folder, "manifest.webmanifest"), "{}"),
    writeFile(join(folder, "assets/index-1234.js"), "// page"),
  ]);
  app = await AppServer.start({ folder, port: 0, documents: { "/grid.json": { servers: [] } } });
});

afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true });
});

/** Not Node's fetch, which sends a Sec-Fetch-Mode of its own. */
function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return new Promise((resolve, reject) => {
    request(new URL(path, app.url), { headers }, async (response) => {
      const body = await buffer(response);
      resolve(
        new Response(body, { status: response.statusCode!, headers: response.headers as Record<string, string> }),
      );
    })
      .once("error", reject)
      .end();
  });
}

describe("files of the app", () => {
  it.each([
    ["/", "text/html", "no-cache", "the app"],
    ["/gridfetch-worker.js", "text/javascript", "no-store", "// worker"],
    ["/app-worker.js", "text/javascript", "no-store", "// the app's worker"],
    ["/manifest.webmanifest", "application/manifest+json", "no-cache", "{}"],
    ["/assets/index-1234.js", "text/javascript", "max-age=31536000, immutable", "// page"],
  ])("%s", async (path, type, caching, text) => {
    const response = await get(path);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toContain(type);
    expect(response.headers.get("cache-control")).toBe(caching);
    expect(await response.text()).toBe(text);
  });

  it("a path that leads out of the folder is not found", async () => {
    expect((await get("/..%2f..%2fetc/passwd")).status).toBe(404);
  });
});

it("lets no other site frame the app, and the app alone frame what waits for the worker", async () => {
  const framing = async (path: string, headers = {}) => {
    const { headers: got } = await get(path, headers);
    return [got.get("content-security-policy"), got.get("x-frame-options")];
  };
  expect(await framing("/")).toEqual(["frame-ancestors 'none'", "DENY"]);
  expect(await framing("/uri/URI:LIT:me", VISIT)).toEqual(["frame-ancestors 'self'", "SAMEORIGIN"]);
});

describe("a name that leads to this machine", () => {
  it.each(["localhost:1", "127.0.0.1", "[::1]:8410"])("%s is its own", async (host) => {
    expect((await get("/", { Host: host })).status).toBe(200);
  });
  it.each(["rebound.example", "127.0.0.1.rebound.example", "localhost.rebound.example:80"])(
    "%s is not: neither the app nor the grid's secrets are told",
    async (host) => {
      for (const path of ["/", "/grid.json", "/uri/URI:LIT:me"])
        expect((await get(path, { Host: host })).status).toBe(421);
    },
  );
});

it("survives a request whose target is no URL", async () => {
  const response = await new Promise<number | undefined>((resolve, reject) => {
    const { hostname, port } = new URL(app.url);
    request({ hostname, port, path: "//" }, (answer) => resolve(answer.resume().statusCode))
      .once("error", reject)
      .end();
  });
  expect(response).toBe(400);
  expect((await get("/")).status).toBe(200);
});

it("serves its documents fresh, as JSON", async () => {
  const response = await get("/grid.json");
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(await response.json()).toEqual({ servers: [] });
});

describe("a grid URL that comes past the worker", () => {
  const paths = [
    "/grid/kR3vX8q",
    "/uri/URI:LIT:me",
    "/uri?uri=URI%3ALIT%3Ame",
    "/cap/URI:LIT:me",
    "/file/URI:LIT:me/a.webm",
    "/named/x/y",
  ];

  it.each(paths)("by a visit gets the page that waits for it: %s", async (path) => {
    const response = await get(path, VISIT);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toContain("text/html");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    expect(await response.text()).toBe("wait for the worker");
  });

  it("in a frame, too", async () => {
    const response = await get("/grid/kR3vX8q", { ...VISIT, "Sec-Fetch-Dest": "iframe" });
    expect(await response.text()).toBe("wait for the worker");
  });

  it.each<[string, Record<string, string>]>([
    ["a part of a page", { "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image", Accept: "*/*" }],
    ["a program's fetch", { "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", Accept: "*/*" }],
    ["saving a page, or resuming a download", { "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "empty" }],
    ["an object", { ...HTML, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "object" }],
    ["an embed", { ...HTML, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "embed" }],
    ["a visit that asks for a part", { ...HTML, ...VISIT, Range: "bytes=0-" }],
    ["a download manager", HTML],
    ["a download manager that goes on", { ...HTML, Range: "bytes=5-" }],
    ["curl", { Accept: "*/*" }],
  ])("as %s gets an error and nothing of a page", async (_, headers) => {
    for (const path of paths) {
      const response = await get(path, headers);
      expect(response.status).toBe(503);
      expect(response.headers.get("content-range")).toBe(null);
      expect(response.headers.get("cache-control")).toBe("no-store");
      expect(response.headers.get("content-type")).toContain("text/plain");
      expect(await response.text()).toContain("Service Worker");
    }
  });
});

it("takes the next port where one is taken", async () => {
  const other = await AppServer.start({ folder, port: app.port, documents: {} });
  try {
    expect(other.port).toBeGreaterThan(app.port);
    expect(await (await fetch(other.url)).text()).toBe("the app");
  } finally {
    await other.close();
  }
});
