import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FakeFile } from "../files/testing/FakeFile.ts";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import { FailurePacer } from "../http/FailurePacer.ts";
import { gridPaths } from "../http/GridPaths.ts";
import { type GridRequestContext, handleGridRequest } from "../http/handleGridRequest.ts";
import { Openings } from "../http/Openings.ts";
import type { TahoeClient } from "./testing/TahoeClient.ts";
import { TahoeGrid, tahoeBin } from "./testing/TahoeGrid.ts";

/*
 * The same requests to a gateway of Tahoe-LAFS and to ours: the same answers, but for what docs/webapi.md lists. `F` stands for a
 * file's cap, `L` for a literal one.
 */

const MINUTE = 60_000;
const content = Uint8Array.from({ length: 1024 }, (_, i) => i % 251);

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** What must be the same. The tag: without its quotes, which the gateway leaves out. */
const COMPARED = ["accept-ranges", "content-length", "content-range", "etag"];

const SAME: [request: string, headers?: Record<string, string>][] = [
  ["GET /uri/F"],
  ["GET /cap/F"],
  ["GET /uri/ro.F"],
  ["GET /uri/imm.F"],
  ["GET /uri/L"],
  ["GET /file/F/a.png"],
  ["GET /named/F/x/y/a.mp4"],
  ["GET /file/F/@@named=/a.mp4"],
  ["GET /uri/F?filename=a.png&filename=b.mp4"],
  ["GET /uri/F?filename&filename=a.png"],
  ["GET /uri/F?filename=a.png&save=on"],
  ["GET /uri/F?save"],
  ["GET /uri/F?t&t=json"],
  ["GET /uri/F?t=%20json%20"],
  ["GET /uri/F?t=uri"],
  ["GET /uri/ro.F?t=uri"],
  ["GET /uri/F?t=readonly-uri"],
  ["GET /uri/L?t=json"],
  ["GET /uri/L?t=uri"],
  ["GET /uri/nonsense?t=json"],
  ["GET /uri/ro.x:y?t=json"],
  ["GET /uri/imm.x:y?t=json"],
  ["GET /uri/ro.URI:DIR2:aa:bb?t=json"],
  ["GET /uri/imm.URI:CHK:bad?t=json"],
  ...["0-9", "1-", "-5", "-0", "-5000", "1000-5000", "5-2", "0-0,5-6", "", "a-b", "--5"].map(
    (range): [string, Record<string, string>] => ["GET /uri/F", { Range: `bytes=${range}` }],
  ),
  ["GET /uri/F", { Range: "bytes= 0 - 1" }],
];

/** Refusals: the same status and the same first words, ours with the reason. */
const REFUSED: [request: string, words: RegExp, headers?: Record<string, string>][] = [
  ["GET /uri", /GET \/uri requires uri=/],
  ["GET /uri?uri=", /Invalid capability/],
  ["GET /uri?uri=nonsense", /Invalid capability/],
  ["GET /uri/nonsense", /GET unknown URI type/],
  ["GET /uri/nonsense?t=uri", /GET unknown URI type/],
  ["GET /uri/F?t=bogus", /GET file: bad t=bogus/],
  ["GET /uri/F?save=perhaps", /invalid boolean argument/],
  ["GET /uri/F?save=", /invalid boolean argument/],
  ["GET /uri/F/x", /Files have no children named/],
  ["GET /uri/F/", /Files have no children named/],
  ["GET /file/nonsense/x", /is not a file-cap/],
  ["GET /file/", /is not a file-cap/],
  ["HEAD /uri/F?t=json", /^$/],
  ["HEAD /uri/nonsense", /^$/],
  ["GET /uri/F", /First beyond end of file/, { Range: "bytes=1024-1030" }],
];

/** What docs/webapi.md says is different, with the gateway's answer and ours. */
const DIFFERENT: [request: string, theirs: number, ours: number, headers?: Record<string, string>][] = [
  ["GET /uri/F", 200, 416, { Range: "bytes=1024-" }],
  ["GET /uri/F", 200, 416, { Range: "bytes=99999999999999999999-" }],
  ["GET /uri/F", 200, 206, { Range: "Bytes=0-1" }],
  ["GET /uri/F", 200, 206, { Range: "bytes=0-9, 2000-" }],
  ["GET /uri/F", 200, 206, { Range: "bytes=2000-,0-1" }],
  ["GET /uri/F", 416, 206, { Range: "bytes=2000-3000,0-4" }],
  ["GET /uri/F", 206, 200, { Range: "bytes=0-1", "If-Range": '"other"' }],
  ["GET /uri/F", 200, 412, { "If-Match": '"other"' }],
  ["HEAD /uri/F", 200, 304, { "If-None-Match": "*" }],
  ["GET /uri/F?save=1", 500, 200],
  ["OPTIONS /uri/F", 501, 405],
  ["PUT /uri/F", 500, 405],
  ["POST /file/F/a.png", 400, 405],
];

describe.skipIf(tahoeBin === undefined)("beside a real Tahoe-LAFS gateway (GRIDFETCH_TAHOE)", () => {
  let grid: TahoeGrid;
  let client: TahoeClient;
  let cap: string;

  beforeAll(async () => {
    grid = await TahoeGrid.start(tahoeBin!, 1);
    client = await grid.startClient({ needed: 1, total: 1 });
    cap = await client.put(content);
  }, 3 * MINUTE);
  afterAll(() => grid?.stop(), MINUTE);

  const both = async (
    request: string,
    headers: Record<string, string> = {},
  ): Promise<[theirs: Answer, ours: Answer]> => {
    const [method = "", path = ""] = request.split(" ");
    const url = path.replace(/(?<=[/.])F(?=$|[/?])/, cap).replace(/(?<=[/.])L(?=$|[/?])/, "URI:LIT:nbuq");
    return Promise.all([ask(new URL(url, client.gateway), method, headers), answer(url, method, headers)]);
  };

  test.each(SAME)("%s %j is answered alike", async (request, headers = {}) => {
    const [theirs, ours] = await both(request, headers);
    expect(ours.status).toBe(theirs.status);
    for (const name of COMPARED) {
      expect(ours.headers.get(name)?.replaceAll('"', ""), name).toBe(theirs.headers.get(name) ?? undefined);
    }
    expect(ours.body.equals(theirs.body), ours.body.toString()).toBe(true);
    if (request.includes(".png") || request.includes(".mp4")) {
      expect(ours.headers.get("content-type")).toBe(theirs.headers.get("content-type"));
    }
    expect(ours.headers.get("referrer-policy")).toBe(theirs.headers.get("referrer-policy"));
  });

  test.each(REFUSED)("%s is refused alike", async (request, words, headers = {}) => {
    const [theirs, ours] = await both(request, headers);
    expect(ours.status).toBe(theirs.status);
    expect(theirs.body.toString()).toMatch(words);
    expect(ours.body.toString()).toMatch(words);
  });

  test.each(DIFFERENT)("%s: %i there, %i here", async (request, theirStatus, ourStatus, headers = {}) => {
    const [theirs, ours] = await both(request, headers);
    expect([theirs.status, ours.status]).toEqual([theirStatus, ourStatus]);
  });

  test("/uri?uri= leads to the same address", async () => {
    const [theirs, ours] = await both(`GET /uri?t=json&uri=${encodeURIComponent(cap)}`);
    expect([theirs.status, ours.status]).toEqual([302, 302]);
    const path = (location: string | null) => new URL(location ?? "").pathname + new URL(location ?? "").search;
    expect(path(ours.headers.get("location"))).toBe(path(theirs.headers.get("location")));
  });
});

function ask(url: URL, method: string, headers: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, headers: { ...headers, Connection: "close" } }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const pairs = Object.entries(response.headers).map(([name, value]): [string, string] => [name, `${value}`]);
        resolve({ status: response.statusCode ?? 0, headers: new Headers(pairs), body: Buffer.concat(chunks) });
      });
    });
    request.on("error", reject);
    request.end();
  });
}

async function answer(url: string, method: string, headers: Record<string, string>): Promise<Answer> {
  const clock = new VirtualClock();
  const scope = new URL("https://app.example/");
  const context: Partial<GridRequestContext> = {
    paths: gridPaths(scope, { tahoeForms: true }),
    open: (opened) => new FakeFile(opened.kind === "LIT" ? opened.data : content),
    clock,
    failures: new FailurePacer(clock),
    haveServersMoved: async () => false,
    openings: new Openings(clock, false),
    client: "page",
    streaming: () => undefined,
    failed: () => undefined,
  };
  const request = new Request(new URL(url, scope), { method, headers });
  const response = await handleGridRequest(request, context as GridRequestContext);
  return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) };
}
