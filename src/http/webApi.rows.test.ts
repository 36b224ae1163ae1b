import { describe, expect, it } from "vitest";
import { FakeFile } from "../files/testing/FakeFile.ts";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import { FailurePacer } from "./FailurePacer.ts";
import { gridPaths } from "./GridPaths.ts";
import { type GridRequestContext, handleGridRequest } from "./handleGridRequest.ts";
import { Openings } from "./Openings.ts";

/*
 * Every rule of docs/webapi.md about files as a row: a request, and what is answered. `F` stands for the cap of a file of 1024
 * bytes, `L` for a literal one of two, `V` for the file's verify cap.
 */

const F = "URI:CHK:aaaqeayeaudaocajbifqydiob4:24y63wrthzkhrpunuww4bnvkrjck6vs2zbunsmbv2cutlll3uukq:3:10:1024";
const V = "URI:CHK-Verifier:hdis5iaveku6lnlaiccydyid7q:24y63wrthzkhrpunuww4bnvkrjck6vs2zbunsmbv2cutlll3uukq:3:10:1024";
const L = "URI:LIT:nbuq";
const ETAG = '"hdis5iaveku6lnlaiccydyid7q-"';
const SECRET = "aaaqeayeaudaocajbifqydiob4";
const LF = "\n";

interface Expected {
  readonly status: number;
  /** Headers, or null for those that must be missing. */
  readonly headers?: Readonly<Record<string, string | null>>;
  /** The whole body, or a part of it. */
  readonly body?: string | RegExp;
}

type Row = [request: string, expected: Expected, headers?: Readonly<Record<string, string>>];

const type = (value: string): Expected => ({ status: 200, headers: { "Content-Type": value } });
const part = (range: string, length: number): Expected => ({
  status: 206,
  headers: { "Content-Range": `bytes ${range}/1024`, "Content-Length": String(length), "Accept-Ranges": "bytes" },
});
const WHOLE: Expected = { status: 200, headers: { "Content-Range": null, "Content-Length": "1024" } };
const BEYOND: Expected = {
  status: 416,
  headers: { "Content-Range": "bytes */1024", "Content-Disposition": null },
  body: /^First beyond end of file/,
};
const bad = (body: RegExp): Expected => ({
  status: 400,
  headers: { "Content-Type": "text/plain; charset=utf-8" },
  body,
});
const found = (location: string): Expected => ({
  status: 302,
  headers: { Location: `https://app.example/${location}` },
});
const quoted = (cap: string) => encodeURIComponent(cap);
const ranged = (range: string, expected: Expected): Row => ["GET /uri/F?filename=a.mp3", expected, { Range: range }];

const URLS: Row[] = [
  ["GET /uri/F", WHOLE],
  [`GET /uri/${quoted(F)}`, WHOLE],
  ["GET /cap/F", WHOLE],
  ["GET /uri/ro.F", WHOLE],
  ["GET /uri/imm.F", WHOLE],
  ["GET /uri?uri=F&filename=a%20b&t=json", found(`uri/${quoted(F)}?filename=a+b&t=json`)],
  ["GET /uri/?uri=F", found(`uri/${quoted(F)}`)],
  ["GET /cap?uri=F", found(`cap/${quoted(F)}`)],
  ["GET /uri?uri=V", found(`uri/${quoted(V)}`)],
  ["GET /uri", bad(/^GET \/uri requires uri=/)],
  ["GET /uri?uri=", bad(/^Invalid capability/)],
  ["GET /uri?uri=nonsense", bad(/^Invalid capability/)],
  ["GET /uri?uri=x:y", bad(/^Invalid capability/)],
  ["GET /file/F", { ...WHOLE, headers: { "Content-Disposition": null } }],
  ["GET /file/F/", { ...WHOLE, headers: { "Content-Disposition": null } }],
  ["GET /file/F/any/number/of.png", type("image/png")],
  ["GET /named/F/a.png", type("image/png")],
  ["GET /file/F/@@named=/a.png", type("image/png")],
  ["GET /file/ro.F/a.png", type("image/png")],
  ["GET /file/L/a.png", type("image/png")],
  ["GET /file/F/a%2Fb.png", { status: 200, headers: { "Content-Disposition": 'inline; filename="a_b.png"' } }],
  ["GET /file/V/a.png", bad(/is not a file-cap/)],
  ["GET /file/nonsense/a.png", bad(/is not a file-cap/)],
  ["GET /file/", bad(/is not a file-cap/)],
  ["GET /file//a.png", bad(/is not a file-cap/)],
  ["GET /uri/F/", bad(/^Files have no children named/)],
  ["GET /uri/F/x", bad(/^Files have no children named/)],
  ["GET /uri/%ff", bad(/UTF-8/)],
  ["GET /file/F/%ff", bad(/UTF-8/)],
];

const ARGUMENTS: Row[] = [
  ["GET /file/F/a.png?filename=b.mp4", type("video/mp4")],
  ["GET /file/F/a.png?filename=", type("image/png")],
  ["GET /uri/F?filename=a.png&filename=b.mp4", type("image/png")],
  ["GET /uri/F?filename&filename=b.mp4", type("video/mp4")],
  ["GET /uri/F?filename=a+b.png", { status: 200, headers: { "Content-Disposition": 'inline; filename="a b.png"' } }],
  ["GET /file/F/a+b.png", { status: 200, headers: { "Content-Disposition": 'inline; filename="a+b.png"' } }],
  ...["true", "T", "1", "On", "TRUE"].map(
    (yes): Row => [
      `GET /uri/F?filename=a.png&save=${yes}`,
      { status: 200, headers: { "Content-Disposition": 'attachment; filename="a.png"' } },
    ],
  ),
  ...["false", "f", "0", "off"].map(
    (no): Row => [
      `GET /uri/F?filename=a.png&save=${no}`,
      { status: 200, headers: { "Content-Disposition": 'inline; filename="a.png"' } },
    ],
  ),
  ["GET /uri/F?save=perhaps", bad(/^invalid boolean argument/)],
  ["GET /uri/F?save=", bad(/^invalid boolean argument/)],
  ["GET /uri/F?save", WHOLE],
  ["GET /uri/F?save=1", { status: 200, headers: { "Content-Disposition": 'attachment; filename="unknown"' } }],
  ["GET /uri/F?json", WHOLE],
  ["GET /uri/F?t=", WHOLE],
  ["GET /uri/F?t&t=uri", { status: 200, body: F }],
  ["GET /uri/F?t=%20uri%20", { status: 200, body: F }],
  ["GET /uri/F?format=MDMF&mutable=true&replace=x&offset=5&private-key=x&when_done=y&ophandle=3", WHOLE],
];

const METHODS: Row[] = ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "FOO"].flatMap((method): Row[] =>
  ["/uri/F", "/file/F/a.png", "/uri", "/uri/nonsense", "/grid/x"].map((path) => [
    `${method} ${path}`,
    { status: 405, headers: { Allow: "GET, HEAD" } },
  ]),
);

const CONTENT: Row[] = [
  ["GET /uri/F", { status: 200, headers: { "Accept-Ranges": "bytes", "Content-Length": "1024", ETag: ETAG } }],
  ["GET /uri/L", { status: 200, headers: { "Accept-Ranges": "bytes", "Content-Length": "2", ETag: null }, body: "hi" }],
  [
    "GET /uri/F?filename=x.tar.gz",
    { status: 200, headers: { "Content-Type": "application/gzip", "Content-Encoding": null } },
  ],
  ["GET /uri/F?filename=x.txt.bz2", { status: 200, headers: { "Content-Encoding": null } }],
  ["GET /uri/F?filename=.html", type("application/octet-stream")],
  ["GET /uri/F?filename=a.JPG", type("image/jpeg")],
  ["GET /uri/F?filename=a.ts", type("video/mp2t")],
  ["GET /uri/F?filename=a.mkv", type("video/x-matroska")],
  ["GET /uri/F?filename=a.flac", type("audio/flac")],
  ["GET /uri/L?filename=notes", type("text/plain; charset=utf-8")],
  [
    "GET /uri/F?filename=%C3%BC%22.mp4&save=1",
    {
      status: 200,
      headers: { "Content-Disposition": `attachment; filename="__.mp4"; filename*=UTF-8''%C3%BC%22.mp4` },
    },
  ],
];

const RANGES: Row[] = [
  // Safari's first question about a film or a sound: it plays nothing unless the answer is these two bytes, as a 206.
  ranged("bytes=0-1", part("0-1", 2)),
  // All that Chromium's and Firefox's players ask.
  ranged("bytes=0-", part("0-1023", 1024)),
  ranged("bytes=0-9", part("0-9", 10)),
  ranged("bytes=1-", part("1-1023", 1023)),
  ranged("bytes=-5", part("1019-1023", 5)),
  ranged("bytes=-0", WHOLE),
  ranged("bytes=-5000", part("0-1023", 1024)),
  ranged("bytes=1000-5000", part("1000-1023", 24)),
  ranged("bytes=1023-1023", part("1023-1023", 1)),
  ranged("bytes=1024-1030", BEYOND),
  ranged("bytes=1024-", BEYOND),
  ranged("bytes=99999999999999999999-", BEYOND),
  ranged("bytes=5-2", WHOLE),
  ranged("bytes=0-0,5-6", part("0-0", 1)),
  ranged("bytes=0-9, 2000-", part("0-9", 10)),
  ranged("bytes=2000-,0-1", part("0-1", 2)),
  ranged("bytes=2000-3000,0-4", part("0-4", 5)),
  ranged("bytes=2000-3000,1024-", BEYOND),
  ranged("bytes=", WHOLE),
  ranged("bytes", WHOLE),
  ranged("bogus=1-2", WHOLE),
  ranged("Bytes=0-1", part("0-1", 2)),
  ranged("bytes=a-b", WHOLE),
  ranged("bytes=--5", WHOLE),
  ranged("bytes= 0-1", part("0-1", 2)),
  ranged("bytes=0 - 1", part("0-1", 2)),
  ["GET /uri/L", { status: 206, headers: { "Content-Range": "bytes 1-1/2" }, body: "i" }, { Range: "bytes=-1" }],
  ["GET /uri/URI:LIT:", { status: 416, headers: { "Content-Range": "bytes */0" } }, { Range: "bytes=0-0" }],
  ["GET /uri/URI:LIT:", { status: 200, headers: { "Content-Length": "0" } }, { Range: "bytes=-1" }],
  ["HEAD /uri/F", { status: 200, headers: { "Content-Length": "1024", "Accept-Ranges": "bytes" }, body: "" }],
  ["HEAD /uri/F", { status: 206, headers: { "Content-Range": "bytes 0-9/1024" }, body: "" }, { Range: "bytes=0-9" }],
  ["HEAD /uri/F", { status: 416, headers: { "Content-Range": "bytes */1024" }, body: "" }, { Range: "bytes=1024-" }],
  ["HEAD /uri/F?t=json", { status: 400, body: "" }],
];

const NOT_MODIFIED: Expected = { status: 304, headers: { ETag: ETAG, "Content-Length": null }, body: "" };

const CONDITIONS: Row[] = [
  ...[ETAG, ETAG.replaceAll('"', ""), `W/${ETAG}`, `"x", ${ETAG}`, `"x",${ETAG}`, `x ${ETAG}`, "*"].map(
    (tag): Row => ["GET /uri/F", NOT_MODIFIED, { "If-None-Match": tag }],
  ),
  ["HEAD /uri/F", NOT_MODIFIED, { "If-None-Match": ETAG }],
  ["GET /uri/F", NOT_MODIFIED, { "If-None-Match": ETAG, Range: "bytes=0-9" }],
  ["GET /uri/F", WHOLE, { "If-None-Match": '"other"' }],
  ["GET /uri/F", WHOLE, { "If-None-Match": '""' }],
  ["GET /uri/F?t=json", { status: 200 }, { "If-None-Match": ETAG }],
  ["GET /uri/F?t=json", { status: 304 }, { "If-None-Match": ETAG.replace('-"', '-json"') }],
  ["GET /uri/L", { status: 200 }, { "If-None-Match": '"x"' }],
  ["GET /uri/L", { status: 304, headers: { ETag: null } }, { "If-None-Match": "*" }],
  ["GET /uri/F", WHOLE, { "If-Match": ETAG }],
  ["GET /uri/F", WHOLE, { "If-Match": `"x", ${ETAG}` }],
  ["GET /uri/F", WHOLE, { "If-Match": "*" }],
  ["GET /uri/F", { status: 412 }, { "If-Match": '"other"' }],
  ["GET /uri/F", { status: 412 }, { "If-Match": `W/${ETAG}` }],
  ["GET /uri/F", { status: 412 }, { "If-Match": '"other"', "If-None-Match": ETAG }],
  ["HEAD /uri/F", { status: 412, body: "" }, { "If-Match": '"other"' }],
  ["GET /uri/L", { status: 412 }, { "If-Match": '"x"' }],
  ["GET /uri/F", part("0-9", 10), { Range: "bytes=0-9", "If-Range": ETAG }],
  ["GET /uri/F", WHOLE, { Range: "bytes=0-9", "If-Range": `W/${ETAG}` }],
  ["GET /uri/F", WHOLE, { Range: "bytes=0-9", "If-Range": '"other"' }],
  ["GET /uri/F", WHOLE, { Range: "bytes=0-9", "If-Range": "Wed, 21 Oct 2015 07:28:00 GMT" }],
  ["GET /uri/F", WHOLE, { Range: "bytes=2000-2001", "If-Range": '"other"' }],
  ["GET /uri/F", WHOLE, { "If-Modified-Since": "Wed, 21 Oct 2099 07:28:00 GMT" }],
  ["GET /uri/F", WHOLE, { "If-Unmodified-Since": "Wed, 21 Oct 1999 07:28:00 GMT" }],
];

const PLAIN = { "Content-Type": "text/plain", "Content-Security-Policy": expect.stringMatching(/^sandbox;/) as string };
const JSON_OF_F = [
  "[",
  ' "filenode",',
  " {",
  '  "mutable": false,',
  '  "format": "CHK",',
  '  "size": 1024,',
  `  "ro_uri": "${F}",`,
  `  "verify_uri": "${V}"`,
  " }",
  `]${LF}`,
].join(LF);
const JSON_OF_L = `[${LF} "filenode",${LF} {${LF}  "mutable": false,${LF}  "format": "CHK",${LF}  "size": 2,${LF}  "ro_uri": "${L}"${LF} }${LF}]${LF}`;

const VIEWS: Row[] = [
  ["GET /uri/F?t=json", { status: 200, headers: { ...PLAIN, ETag: ETAG.replace('-"', '-json"') }, body: JSON_OF_F }],
  ["GET /file/F/a.png?t=json", { status: 200, headers: PLAIN, body: JSON_OF_F }],
  ["GET /uri/L?t=json", { status: 200, headers: { ...PLAIN, ETag: null }, body: JSON_OF_L }],
  ["GET /uri/F?t=uri", { status: 200, headers: PLAIN, body: F }],
  ["GET /uri/imm.F?t=uri", { status: 200, body: F }],
  [`GET /uri/${F.replace(":3:10:1024", ":03:010:01024")}?t=uri`, { status: 200, body: F }],
  ["GET /uri/ro.L?t=readonly-uri", { status: 200, body: L }],
  ["GET /uri/F?t=readonly-uri", { status: 200, headers: { ETag: ETAG.replace('-"', '-readonly-uri"') }, body: F }],
  [
    "GET /uri/F?t=info",
    {
      status: 200,
      headers: { "Content-Type": "text/html; charset=utf-8", ETag: null },
      body: /hdis5iaveku6lnlaiccydyid7q/,
    },
  ],
  ["GET /uri/F?t=bogus", bad(/^GET file: bad t=bogus/)],
  ["GET /uri/F?t=bogus", bad(/^GET file: bad t=bogus/), { "If-None-Match": "*" }],
  ["GET /uri/F?t=rename-form", bad(/^GET file: bad t=rename-form/)],
  [`GET /uri/F?t=${F}`, bad(/^GET file: bad t=\n$/)],
];

const UNKNOWN_JSON = `[${LF} "unknown",${LF} {}${LF}]${LF}`;

const UNKNOWN: Row[] = [
  ["GET /uri/V", bad(/^GET unknown URI type/)],
  ["GET /uri/V?t=uri", bad(/^GET unknown URI type/)],
  ["GET /uri/V?t=json", { status: 200, headers: PLAIN, body: UNKNOWN_JSON }],
  ["GET /uri/nonsense", bad(/^GET unknown URI type.*does not start with URI:/)],
  ["GET /uri/URI:NEW:abc", bad(/^GET unknown URI type.*its kind/)],
  ["GET /uri/nonsense?t=json", { status: 200, body: UNKNOWN_JSON }],
  [
    "GET /uri/ro.x:y?t=json",
    { status: 200, body: `[${LF} "unknown",${LF} {${LF}  "ro_uri": "ro.x:y"${LF} }${LF}]${LF}` },
  ],
  [
    "GET /uri/imm.x:y?t=json",
    {
      status: 200,
      body: `[${LF} "unknown",${LF} {${LF}  "ro_uri": "imm.x:y",${LF}  "mutable": false${LF} }${LF}]${LF}`,
    },
  ],
  ["GET /uri/ro.%C3%A4%F0%9F%98%80?t=json", { status: 200, body: /"ro_uri": "ro\.\\u00e4\\ud83d\\ude00"/ }],
  [`GET /uri/ro.URI:DIR2:${SECRET}:x?t=json`, { status: 200, body: UNKNOWN_JSON }],
  [`GET /uri/imm.URI:CHK:${SECRET}?t=json`, { status: 200, body: UNKNOWN_JSON }],
  [`GET /uri/URI:CHK:${SECRET}`, bad(/1 field after its kind/)],
  [`GET /uri/URI:CHK:${SECRET}:short:3:10:9`, bad(/the UEB hash/)],
  [`GET /uri/${F.toUpperCase()}`, bad(/the key/)],
  [`GET /uri/${F.replace(":3:10:", ":11:10:")}`, bad(/k is more than N/)],
  [`GET /uri/${F.replace(/\d+$/, "0")}`, bad(/the size is 0/)],
  ["HEAD /uri/nonsense", { status: 400, body: "" }],
  // What verifies what can change, and directories.
  ...["SSK", "MDMF", "DIR2", "DIR2-MDMF", "DIR2-CHK"].flatMap((kind): Row[] => {
    const cap = `URI:${kind}-Verifier:${V.split(":")
      .slice(2, kind === "DIR2-CHK" ? undefined : 4)
      .join(":")}`;
    return [
      [`GET /uri/${cap}`, bad(/^GET unknown URI type.*verify cap/)],
      [`GET /uri/${cap}?t=json`, { status: 200, body: UNKNOWN_JSON }],
      [`GET /file/${cap}/a.png`, bad(/is not a file-cap/)],
    ];
  }),
  // More power than the prefix allows.
  [`GET /uri/imm.URI:DIR2-RO:${V.split(":").slice(2, 4).join(":")}?t=json`, { status: 200, body: UNKNOWN_JSON }],
];

const SECTIONS: [title: string, rows: Row[]][] = [
  ["URLs", URLS],
  ["arguments", ARGUMENTS],
  ["methods", METHODS],
  ["content", CONTENT],
  ["Range", RANGES],
  ["conditions", CONDITIONS],
  ["views", VIEWS],
  ["unknown, broken and verify caps", UNKNOWN],
];

for (const [title, rows] of SECTIONS) {
  describe(title, () => {
    it.each(rows)("%s %j", async (request, expected, headers = {}) => {
      const { response, reads } = await answer(request, headers);
      expect(response.status).toBe(expected.status);
      for (const [header, value] of Object.entries(expected.headers ?? {})) {
        expect(response.headers.get(header), header).toEqual(value);
      }
      const body = await response.text();
      if (typeof expected.body === "string") expect(body).toBe(expected.body);
      else if (expected.body) expect(body).toMatch(expected.body);
      // On every answer.
      expect(response.headers.get("Referrer-Policy")).toBe("no-referrer");
      expect(response.headers.get("X-Frame-Options")).toBe("SAMEORIGIN");
      expect(response.headers.get("X-Content-Type-Options")).toBe("nosniff");
      expect(response.headers.get("Cache-Control")).toContain("no-store");
      expect(response.headers.get("Access-Control-Allow-Origin")).toBeNull();
      expect(response.headers.get("Content-Encoding")).toBeNull();
      // Errors repeat no cap, and nothing but a file's content is read.
      if (response.status >= 400) expect(body).not.toContain(SECRET);
      if (response.status >= 300 || request.startsWith("HEAD")) expect(reads).toBe(0);
    });
  });
}

async function answer(
  request: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ response: Response; reads: number }> {
  const [method = "", path = ""] = request.split(" ");
  const filled = path.replaceAll(/(?<=[/=.])F(?=$|[/?&])/g, F).replaceAll(/(?<=[/=.])L(?=$|[/?&])/g, L);
  const url = `https://app.example${filled.replaceAll(/(?<=[/=.])V(?=$|[/?&])/g, V)}`;
  const clock = new VirtualClock();
  const file = new FakeFile(Uint8Array.from({ length: 1024 }, (_, i) => i % 256));
  const context: Partial<GridRequestContext> = {
    paths: gridPaths(new URL("https://app.example/"), { tahoeForms: true }),
    findHandle: async () => undefined,
    open: (cap) => (cap.kind === "LIT" ? new FakeFile(cap.data) : file),
    clock,
    failures: new FailurePacer(clock),
    haveServersMoved: async () => false,
    openings: new Openings(clock, false),
    client: "page",
    streaming: () => undefined,
    failed: () => undefined,
  };
  const response = await handleGridRequest(new Request(url, { method, headers }), context as GridRequestContext);
  return { response, reads: file.reads.length };
}
