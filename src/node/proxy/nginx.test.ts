import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect as connectHttp2 } from "node:http2";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "selfsigned";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseCap } from "../../formats/parseCap.ts";
import { storageIndexText } from "../../formats/storageIndex.ts";
import { goldenPlaintext } from "../../formats/testing/golden.ts";
import { fetchTransport } from "../../servers/fetchTransport.ts";
import { HttpStorageClient } from "../../servers/HttpStorageClient.ts";
import type { HttpTransport } from "../../servers/HttpTransport.ts";
import { parseNurl } from "../../servers/parseNurl.ts";
import { newTlsIdentity } from "../grid/GridFolder.ts";
import { freePort } from "../testing/freePort.ts";
import { runGridfetch } from "../testing/runGridfetch.ts";
import { TahoeGrid, tahoeBin } from "../testing/TahoeGrid.ts";
import { tlsIdOf } from "../transport/tlsIdOf.ts";
import { NginxServer, nginxBin } from "./testing/NginxServer.ts";

const MINUTE = 60_000;
const ORIGIN = "https://app.example";
const signal = AbortSignal.timeout(10 * MINUTE);

/** A storage server's stand-in, which answers as it is told. */
class Upstream {
  readonly requests: { method: string; url: string; headers: Record<string, unknown> }[] = [];
  /** Of the next answers. */
  status = 206;
  delay = 0;
  readonly nurl: string;
  readonly #server;

  private constructor(server: ReturnType<typeof createServer>, cert: string) {
    this.#server = server;
    const { port } = server.address() as AddressInfo;
    this.nurl = `pb://${tlsIdOf(new X509Certificate(cert))}@127.0.0.1:${port}/sesame#v=1`;
    server.on("request", (request, response) => {
      const { method = "", url = "", headers } = request;
      this.requests.push({ method, url, headers });
      response.setHeader("Content-Type", "text/html");
      response.setHeader("Content-Range", "bytes 0-9/*");
      // What has a cookie no cache keeps.
      if (!url.endsWith("/1")) response.setHeader("Set-Cookie", "a=b");
      response.setHeader("X-Accel-Redirect", "/secret");
      response.setHeader("Access-Control-Allow-Origin", "*");
      response.setHeader("Cache-Control", "private");
      response.setHeader("Cache-Status", "mine; hit");
      response.setHeader("Vary", "*");
      response.writeHead(this.status);
      setTimeout(() => {
        response.write("01234");
        response.end("56789");
      }, this.delay);
    });
  }

  static async start(identity: { key: string; cert: string }): Promise<Upstream> {
    const server = createServer(identity).listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Upstream(server, identity.cert);
  }

  get tlsId(): string {
    return parseNurl(this.nurl).tlsId;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

function listOf(nurls: Record<string, string>): string {
  const entries = Object.entries(nurls).map(([nickname, nurl]) => [
    `v0-${nickname}`,
    { ann: { nickname, "anonymous-storage-NURLs": [nurl] } },
  ]);
  return JSON.stringify({ storage: Object.fromEntries(entries) });
}

async function expired(): Promise<{ key: string; cert: string }> {
  const { private: key, cert } = await generate([{ name: "commonName", value: "newpb_thingy" }], {
    notBeforeDate: new Date("2024-01-01T00:00:00Z"),
    notAfterDate: new Date("2025-01-01T00:00:00Z"),
  });
  return { key, cert };
}

describe.skipIf(nginxBin === undefined)("with nginx (GRIDFETCH_NGINX)", () => {
  let folder: string;
  let upstream: Upstream;
  let old: Upstream;
  let nginx: NginxServer;
  /** The app's own origin, with the locations in it. */
  let own: string;
  /** An origin of the proxy's own, over TLS. */
  let other: string;
  let front: string;
  let told: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "gridfetch-nginx-"));
    upstream = await Upstream.start(await newTlsIdentity());
    old = await Upstream.start(await expired());
    const list = join(folder, "servers.json");
    await writeFile(list, listOf({ oak: upstream.nurl, elm: old.nurl }));
    const identity = await newTlsIdentity();
    front = identity.cert;
    const [certificate, key] = [join(folder, "front.pem"), join(folder, "front.key")];
    await writeFile(certificate, identity.cert);
    await writeFile(key, identity.key);
    const [ownPort, otherPort] = [await freePort(), await freePort()];
    own = `http://127.0.0.1:${ownPort}/grid-servers/`;
    other = `https://127.0.0.1:${otherPort}/`;
    const run = (...options: string[]) =>
      runGridfetch(["proxy-config", "--servers", list, "--origin", ORIGIN, ...options]);
    const same = await run("--folder", join(folder, "same"));
    const cross = await run(
      ...["--folder", join(folder, "cross"), "--url", other, "--tls-certificate", certificate, "--tls-key", key],
    );
    told = same.stderr;
    expect([same.status, cross.status]).toEqual([0, 0]);
    const [http = "", locations = ""] = `${same.stdout}`.match(/^include .*;$/gm) ?? [];
    expect(`${cross.stdout}`).toMatch(/^# Into http \{ … \}:\ninclude .*http\.conf;\n$/);
    // Two configurations in one nginx: their names must not meet.
    const second = `include ${join(folder, "cross/http.conf")};`;
    const app = `server { listen 127.0.0.1:${ownPort}; ${locations} location /secret { internal; return 200 secret; } }`;
    // As an operator may have it for all else.
    const cache = "proxy_cache_path cache keys_zone=all:1m; proxy_cache all; proxy_cache_valid any 1h;";
    nginx = await NginxServer.start(join(folder, "nginx"), `${cache}\n${http}\n${second}\n${app}`, ownPort);
  }, 2 * MINUTE);

  afterAll(async () => {
    await nginx?.stop();
    upstream?.close();
    old?.close();
    await rm(folder, { recursive: true });
  });

  const path = () => `${upstream.tlsId}/storage/v1/immutable/aaaa/0`;
  /** Over HTTP/2, with the front's certificate trusted. */
  async function ask(
    headers: Record<string, string>,
    at = path(),
  ): Promise<{ head: Record<string, unknown>; text: string }> {
    const session = connectHttp2(other, { ca: front });
    try {
      const stream = session.request({ ":path": `/${at}`, ...headers });
      const [head] = (await once(stream, "response")) as [Record<string, unknown>];
      let text = "";
      for await (const piece of stream) text += piece;
      return { head, text };
    } finally {
      session.close();
    }
  }

  it("passes on what a reader asks and gets, and nothing else", async () => {
    upstream.requests.length = 0;
    const headers = {
      Accept: "application/cbor",
      Authorization: "Tahoe-LAFS c2VzYW1l",
      Range: "bytes=0-9",
      Cookie: "session=mine",
      "X-Forwarded-For": "192.0.2.1",
    };
    const reply = await fetch(own + path(), { headers });
    expect([reply.status, await reply.text()]).toEqual([206, "0123456789"]);
    const [request] = upstream.requests;
    expect(request?.url).toBe("/storage/v1/immutable/aaaa/0");
    const { host, ...passed } = request!.headers;
    expect(passed).toEqual({
      accept: "application/cbor",
      authorization: "Tahoe-LAFS c2VzYW1l",
      range: "bytes=0-9",
    });
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      "content-range": "bytes 0-9/*",
      "content-security-policy": "sandbox; default-src 'none'",
      "content-disposition": "attachment",
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
    });
    for (const hidden of ["set-cookie", "access-control-allow-origin"]) expect(reply.headers.has(hidden)).toBe(false);
  });

  it("keeps no answer for the next who asks, with another secret or for another range", async () => {
    upstream.requests.length = 0;
    for (const Authorization of ["Tahoe-LAFS c2VzYW1l", "Tahoe-LAFS d3Jvbmc="]) {
      await (await fetch(own + path().replace(/0$/, "1"), { headers: { Authorization } })).arrayBuffer();
    }
    expect(upstream.requests.map(({ headers }) => headers.authorization)).toEqual([
      "Tahoe-LAFS c2VzYW1l",
      "Tahoe-LAFS d3Jvbmc=",
    ]);
  });

  it.each(["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])("refuses %s on the app's origin", async (method) => {
    upstream.requests.length = 0;
    expect((await fetch(own + path(), { method })).status).toBe(405);
    expect(upstream.requests).toEqual([]);
  });

  it("answers HEAD", async () => {
    const reply = await fetch(own + path(), { method: "HEAD" });
    expect([reply.status, reply.headers.get("content-range"), await reply.text()]).toEqual([206, "bytes 0-9/*", ""]);
  });

  it("refuses pages of other origins, scripts for workers, and paths that are no storage server's", async () => {
    upstream.requests.length = 0;
    expect((await fetch(own + path(), { headers: { Origin: "https://evil.example" } })).status).toBe(403);
    expect((await fetch(own + path(), { headers: { "Service-Worker": "script" } })).status).toBe(403);
    expect((await fetch(`${own}${upstream.tlsId}/statistics`)).status).toBe(404);
    expect((await fetch(`${own}${upstream.tlsId}/storage/v1/../../statistics`)).status).toBe(404);
    expect((await fetch(`${own}unknown/storage/v1/version`)).status).toBe(404);
    expect(upstream.requests).toEqual([]);
  });

  it("over HTTP/2, to another origin, answers preflights itself and exposes Content-Range", async () => {
    upstream.requests.length = 0;
    const preflight = await ask({ ":method": "OPTIONS", origin: ORIGIN, "access-control-request-method": "GET" });
    expect(preflight.head).toMatchObject({
      ":status": 204,
      "access-control-allow-origin": ORIGIN,
      "access-control-allow-methods": "GET, HEAD",
      "access-control-allow-headers": "Authorization, Range",
      "access-control-max-age": "7200",
    });
    expect(upstream.requests).toEqual([]);
    const { head, text } = await ask({ origin: ORIGIN, range: "bytes=0-9" });
    expect(text).toBe("0123456789");
    expect(head).toMatchObject({
      ":status": 206,
      "access-control-allow-origin": ORIGIN,
      "access-control-expose-headers": "Content-Range",
      vary: "Origin",
    });
  });

  it("lets nobody else read or write across origins", async () => {
    upstream.requests.length = 0;
    for (const method of ["GET", "OPTIONS"]) {
      const { head } = await ask({ ":method": method, origin: "https://evil.example" });
      expect([head[":status"], head["access-control-allow-origin"]]).toEqual([403, undefined]);
    }
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      expect((await ask({ ":method": method, origin: ORIGIN })).head[":status"]).toBe(405);
    }
    expect(upstream.requests).toEqual([]);
  });

  it("says at once which certificate has expired, and nginx refuses it", async () => {
    expect(told).toContain("Server elm: its certificate expired on 2025-01-01, so nginx refuses it (502)");
    old.requests.length = 0;
    expect((await fetch(`${own}${old.tlsId}/storage/v1/version`)).status).toBe(502);
    expect(old.requests).toEqual([]);
    expect(await nginx.logs()).toContain("certificate has expired");
  });

  it("keeps connections, and logs neither secrets nor who reads what", async () => {
    const reply = await fetch(own + path(), { headers: { Authorization: "Tahoe-LAFS c2VzYW1l" } });
    await reply.text();
    const logs = await nginx.logs();
    for (const secret of ["c2VzYW1l", "sesame", "immutable/aaaa"]) expect(logs).not.toContain(secret);
  });

  it("does not write to a server with another key than the pinned one", async () => {
    // The key that nginx pins is gone, and its address is somebody else's now.
    const before = await Upstream.start(await newTlsIdentity());
    const list = join(folder, "gone.json");
    await writeFile(list, listOf({ ash: before.nurl }));
    const options = ["--servers", list, "--origin", ORIGIN, "--folder", join(folder, "gone")];
    expect((await runGridfetch(["proxy-config", ...options])).status).toBe(0);
    before.close();
    const { port: upstreamPort } = parseNurl(before.nurl);
    const impostor = createServer(await newTlsIdentity()).listen(upstreamPort, "127.0.0.1");
    let requests = 0;
    impostor.on("request", () => requests++);
    await once(impostor, "listening");
    const again = await runGridfetch(["proxy-config", ...options]);
    expect(again.stderr).toContain("keeps the certificate from before: its TLS key is not the one that its NURL names");
    const port = await freePort();
    const http = `include ${join(folder, "gone/http.conf")}; server { listen 127.0.0.1:${port}; include ${join(folder, "gone/locations.conf")}; }`;
    const strict = await NginxServer.start(join(folder, "strict"), http, port);
    const url = `http://127.0.0.1:${port}/grid-servers/${parseNurl(before.nurl).tlsId}/storage/v1/version`;
    expect((await fetch(url)).status).toBe(502);
    expect(requests).toBe(0);
    await strict.stop();
    impostor.close();
  });

  describe("with --cache", () => {
    const RIGHT = "Tahoe-LAFS c2VzYW1l";
    let caching: NginxServer;
    let root: string;

    beforeAll(async () => {
      const list = join(folder, "cached.json");
      await writeFile(list, listOf({ oak: upstream.nurl }));
      const port = await freePort();
      root = `http://127.0.0.1:${port}/grid-servers/${upstream.tlsId}/storage/v1/`;
      const own = join(folder, "cached");
      const options = ["--servers", list, "--origin", new URL(root).origin, "--folder", own, "--cache", "10m"];
      expect((await runGridfetch(["proxy-config", ...options])).status).toBe(0);
      const http = `proxy_cache_use_stale error updating; include ${own}/http.conf; server { listen 127.0.0.1:${port}; include ${own}/locations.conf; }`;
      caching = await NginxServer.start(join(folder, "cached-nginx"), http, port);
    });
    afterAll(() => caching?.stop());
    beforeEach(() => {
      upstream.requests.length = 0;
    });
    afterEach(() => {
      Object.assign(upstream, { status: 206, delay: 0 });
    });

    async function read(at: string, change: RequestInit & { headers?: Record<string, string> } = {}) {
      const headers = {
        Accept: "application/octet-stream",
        Authorization: RIGHT,
        Range: "bytes=0-9",
        ...change.headers,
      };
      const reply = await fetch(root + at, { ...change, headers });
      return { status: reply.status, text: await reply.text(), headers: reply.headers };
    }

    it("gives a range of an immutable share to the next who asks, as the server gave it", async () => {
      const first = await read("immutable/aaaa/1");
      const second = await read("immutable/aaaa/1");
      expect(upstream.requests).toHaveLength(1);
      expect([first, second].map(({ headers }) => headers.get("cache-status"))).toEqual([
        "gridfetch; fwd=uri-miss",
        "gridfetch; hit",
      ]);
      expect([second.status, second.text]).toEqual([206, "0123456789"]);
      for (const header of ["content-range", "content-type", "cache-control", "content-security-policy"]) {
        expect([header, second.headers.get(header)]).toEqual([header, first.headers.get(header)]);
      }
      for (const hidden of ["set-cookie", "vary"]) expect(second.headers.get(hidden) ?? "").not.toMatch(/a=b|\*/);
    });

    it("gives a server that left its cookie and its own ideas of caching no say", async () => {
      await read("immutable/aaaa/2");
      expect((await read("immutable/aaaa/2")).headers.has("set-cookie")).toBe(false);
      expect(upstream.requests).toHaveLength(1);
    });

    it("gives nothing to who shows another secret or none, and nobody another range or type", async () => {
      await read("immutable/aaaa/3");
      for (const headers of [
        { Authorization: "Tahoe-LAFS d3Jvbmc=" },
        { Authorization: "" },
        { Range: "bytes=0-8" },
        { Accept: "text/html" },
      ]) {
        expect((await read("immutable/aaaa/3", { headers })).headers.get("cache-status")).toMatch(/fwd=/);
      }
      expect(upstream.requests).toHaveLength(5);
    });

    it.each<[string, string, Parameters<typeof read>[1]?]>([
      ["a mutable share", "mutable/aaaa/1"],
      ["a list of shares", "immutable/aaaa/shares"],
      ["a version", "version"],
      ["what has a query", "immutable/aaaa/1?x"],
      ["a share without a range", "immutable/aaaa/4", { headers: { Range: "" } }],
      ["several ranges", "immutable/aaaa/4", { headers: { Range: "bytes=0-1,3-4" } }],
      ["a range without an end", "immutable/aaaa/4", { headers: { Range: "bytes=5-" } }],
      ["HEAD", "immutable/aaaa/4", { method: "HEAD" }],
    ])("asks for %s each time", async (_what, at, change) => {
      for (let n = 0; n < 2; n++)
        expect((await read(at, change)).headers.get("cache-status") ?? "").not.toContain("hit");
      expect(upstream.requests).toHaveLength(2);
      if (change?.method === "HEAD") expect(upstream.requests[0]?.method).toBe("HEAD");
      // A mutable share is nothing that readers should ask for in fixed pieces.
      if (at.startsWith("mutable")) expect((await read(at)).headers.has("cache-status")).toBe(false);
    });

    it.each([404, 401, 500, 200, 204, 416])("keeps no answer of status %d", async (status) => {
      upstream.status = status;
      const at = `immutable/aaaa/${status}`;
      expect((await read(at)).status).toBe(status);
      upstream.status = 206;
      expect((await read(at)).status).toBe(206);
    });

    it.each([
      "0-9999999",
      "36-349561",
      "9800000-10149525",
      "79800000-80149525",
      "4294967296-4299161599",
      "12379800000-12380149525",
    ])("keeps %s", async (range) => {
      for (let n = 0; n < 2; n++) await read("immutable/aaaa/5", { headers: { Range: `bytes=${range}` } });
      expect(upstream.requests).toHaveLength(1);
    });

    it.each(["0-10000000", "5-12345678901", "7000000-10000000", "123-129999999", "12345678901-22345678999"])(
      "takes no room for %s, which no reader asks for",
      async (range) => {
        for (let n = 0; n < 2; n++) await read("immutable/aaaa/6", { headers: { Range: `bytes=${range}` } });
        expect(upstream.requests).toHaveLength(2);
      },
    );

    it("asks a server once for what a hundred visitors want at the same time", async () => {
      upstream.delay = 300;
      const all = await Promise.all(Array.from({ length: 100 }, () => read("immutable/aaaa/7")));
      expect(new Set(all.map(({ status, text }) => `${status} ${text}`))).toEqual(new Set(["206 0123456789"]));
      expect(upstream.requests).toHaveLength(1);
    });

    it("takes no more room than it was given", async () => {
      expect(await readFile(join(folder, "cached/http.conf"), "utf8")).toContain("max_size=10m");
    });
  });

  describe.skipIf(tahoeBin === undefined)("before real Tahoe-LAFS servers (GRIDFETCH_TAHOE)", () => {
    let grid: TahoeGrid;
    let real: NginxServer;
    let root: string;
    let listed: string;

    beforeAll(async () => {
      grid = await TahoeGrid.start(tahoeBin!, 2);
      const port = await freePort();
      root = `http://127.0.0.1:${port}/grid-servers/`;
      listed = grid.serversFile;
      const { status } = await runGridfetch([
        ...["proxy-config", "--servers", listed, "--origin", new URL(root).origin, "--folder", join(folder, "real")],
      ]);
      expect(status).toBe(0);
      const http = `include ${join(folder, "real/http.conf")}; server { listen 127.0.0.1:${port}; include ${join(folder, "real/locations.conf")}; }`;
      real = await NginxServer.start(join(folder, "real-nginx"), http, port);
    }, 3 * MINUTE);

    afterAll(async () => {
      await real?.stop();
      await grid?.stop();
    }, MINUTE);

    const client = (index: number, swissnum?: string) => {
      const { tlsId, swissnum: right } = parseNurl(grid.servers[index]!.nurl);
      return new HttpStorageClient(fetchTransport(root + tlsId, "oak"), "oak", swissnum ?? right);
    };

    it("reads shares whole and in ranges, past their ends too", { timeout: 2 * MINUTE }, async () => {
      const tahoe = await grid.startClient({ needed: 1, total: 2 });
      const plaintext = goldenPlaintext("nginx", 3_000_000);
      const cap = parseCap(await tahoe.put(plaintext));
      await tahoe.stop();
      if (cap.kind !== "CHK") throw new Error("not a CHK cap");
      const si = storageIndexText(cap.storageIndex);
      const read = async (index: number, number: number, offset: number, length: number) => {
        const pieces: Uint8Array[] = [];
        for await (const piece of client(index).readShare(si, number, offset, length, signal)) pieces.push(piece);
        return Buffer.concat(pieces);
      };
      for (const index of [0, 1]) {
        const [number = -1] = await client(index).listShares(si, signal);
        const whole = await read(index, number, 0, 10_000_000);
        expect(whole.length).toBeGreaterThan(3_000_000);
        expect((await read(index, number, 1_234_567, 100_001)).equals(whole.subarray(1_234_567, 1_334_568))).toBe(true);
        expect(await read(index, number, whole.length, 10)).toHaveLength(0);
      }
      await expect(read(0, 77, 0, 10)).rejects.toMatchObject({ details: { status: 404 } });
    });

    it("gives what it keeps to who knows the swissnum alone", { timeout: 2 * MINUTE }, async () => {
      const tahoe = await grid.startClient({ needed: 1, total: 2 });
      const cap = parseCap(await tahoe.put(goldenPlaintext("nginx-cache", 300_000)));
      await tahoe.stop();
      if (cap.kind !== "CHK") throw new Error("not a CHK cap");
      const port = await freePort();
      const own = join(folder, "real-cached");
      const options = ["--origin", `http://127.0.0.1:${port}`, "--folder", own, "--cache", "1g"];
      expect((await runGridfetch(["proxy-config", "--servers", listed, ...options])).status).toBe(0);
      const http = `include ${own}/http.conf; server { listen 127.0.0.1:${port}; include ${own}/locations.conf; }`;
      const caching = await NginxServer.start(join(folder, "real-cached-nginx"), http, port);
      const { tlsId, swissnum } = parseNurl(grid.servers[0]!.nurl);
      const transport = fetchTransport(`http://127.0.0.1:${port}/grid-servers/${tlsId}`, "oak");
      const statuses: (string | undefined)[] = [];
      const watched: HttpTransport = {
        async request(request) {
          const reply = await transport.request(request);
          statuses.push(reply.header("cache-status"));
          return reply;
        },
      };
      const read = async (secret: string) => {
        const client = new HttpStorageClient(watched, "oak", secret);
        const [number = -1] = await new HttpStorageClient(watched, "oak", swissnum).listShares(si, signal);
        const pieces: Uint8Array[] = [];
        for await (const piece of client.readShare(si, number, 1000, 200_000, signal)) pieces.push(piece);
        return { bytes: Buffer.concat(pieces), isCached: client.isCached };
      };
      const si = storageIndexText(cap.storageIndex);
      const [first, second] = [await read(swissnum!), await read(swissnum!)];
      expect(second.bytes.equals(first.bytes)).toBe(true);
      expect([first, second].map(({ bytes, isCached }) => [bytes.length, isCached])).toEqual([
        [200_000, true],
        [200_000, true],
      ]);
      expect(statuses.filter((status) => status !== "gridfetch; fwd=bypass")).toEqual([
        "gridfetch; fwd=uri-miss",
        "gridfetch; hit",
      ]);
      await expect(read("wrong")).rejects.toMatchObject({ details: { status: 401 } });
      await caching.stop();
    });

    it("lets a wrong swissnum be seen as such", async () => {
      await expect(client(0, "wrong").listShares("aaaaaaaaaaaaaaaaaaaaaaaaaa", signal)).rejects.toMatchObject({
        details: { status: 401 },
      });
    });
  });
});
