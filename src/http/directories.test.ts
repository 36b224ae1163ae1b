import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { overlaps } from "../base/range.ts";
import { installSynchronousCrypto } from "../files/testing/installSynchronousCrypto.ts";
import { type MutableGolden, mutableGolden, mutablePlaintext } from "../files/testing/mutableGolden.ts";
import { SimulatedGrid } from "../files/testing/SimulatedGrid.ts";
import { encodeBase32 } from "../formats/base32.ts";
import type { ChkCap, DirectoryCap, MutableCap } from "../formats/Cap.ts";
import { mutableBlockRange, parseMutableHeader } from "../formats/mutableHeader.ts";
import { parseCap } from "../formats/parseCap.ts";
import { storageIndexText } from "../formats/storageIndex.ts";
import { fetchFromGrid } from "./testing/fetchFromGrid.ts";

beforeAll(installSynchronousCrypto);

const directory = mutableGolden("directory");
const immutable = mutableGolden("immutable-directory");
const changing = mutableGolden("sdmf");

let grid: SimulatedGrid;
beforeEach(() => {
  grid = new SimulatedGrid(10);
  for (const golden of [directory, immutable, changing]) place(golden);
});

function place(golden: MutableGolden, version = 0): void {
  const parsed = parseCap(golden.cap) as DirectoryCap | MutableCap;
  const { storageIndex } = (parsed.kind === "DIR2" ? parsed.content : parsed) as MutableCap | ChkCap;
  for (const [number, bytes] of golden.versions[version] ?? []) {
    grid.servers[number]!.hold(storageIndexText(storageIndex), number, bytes);
  }
}

function fetchGrid(path: string, init?: RequestInit): Promise<Response> {
  return fetchFromGrid(grid, path, init);
}

const uri = (cap: string, rest = "") => `/uri/${encodeURIComponent(cap)}${rest}`;
const textOf = async (path: string) => (await fetchGrid(path)).text();

describe("t=json", () => {
  test.each([
    [directory.cap, directory.listing],
    [directory.readCap, directory.readListing],
    [`${directory.cap}/`, directory.listing],
    [immutable.cap, immutable.listing],
  ])("says what a gateway says (%#)", async (cap, listing) => {
    const isSlash = cap.endsWith("/");
    const response = await fetchGrid(uri(cap.replace(/\/$/, ""), `${isSlash ? "/" : ""}?t=json`));
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(JSON.parse(text)).toEqual(listing);
    // In the gateway's order, too: children as they are stored, and fields as clients have always seen them.
    expect(keysOf(JSON.parse(text))).toEqual(keysOf(listing));
  });

  test("of a mutable file has its size", async () => {
    const [kind, facts] = JSON.parse(await textOf(uri(changing.cap, "?t=json")));
    expect(kind).toBe("filenode");
    expect(facts).toMatchObject({
      mutable: true,
      format: "SDMF",
      size: 40,
      rw_uri: changing.cap,
      ro_uri: changing.readCap,
    });
    const [, readable] = JSON.parse(await textOf(uri(changing.readCap, "?t=json")));
    expect(readable).not.toHaveProperty("rw_uri");
  });

  test("of a mutable file of which no version can be read has none", async () => {
    grid = new SimulatedGrid(3);
    const response = await fetchGrid(uri(changing.cap, "?t=json"));
    expect(response.status).toBe(200);
    expect((await response.json())[1]).not.toHaveProperty("size");
  });

  test("of a child has what the directory says of it", async () => {
    const [kind, facts] = JSON.parse(await textOf(uri(directory.cap, "/literal.txt?t=json")));
    expect(kind).toBe("filenode");
    expect(facts).toMatchObject({ size: 5, format: "CHK" });
    expect(Object.keys(facts).at(-1)).toBe("metadata");
    expect(facts.metadata).toHaveProperty("tahoe.linkcrtime");
  });

  test("of a child of an unknown kind has its caps", async () => {
    const [kind, facts] = JSON.parse(await textOf(uri(directory.readCap, "/future.x?t=json")));
    expect(kind).toBe("unknown");
    expect(facts.ro_uri).toBe("ro.x-future:read");
    expect(Object.keys(facts)).toEqual(["ro_uri", "metadata"]);
  });

  test("of a child of an unknown kind says whether it can change, where that is known", async () => {
    const facts = async (cap: string) => JSON.parse(await textOf(uri(cap, "/future.x?t=json")))[1];
    expect(await facts(directory.cap)).toMatchObject({ rw_uri: "x-future:write", mutable: true });
    const still = literalDirectory("future.x", "x-future:read");
    expect(await facts(still)).toEqual({ ro_uri: "imm.x-future:read", mutable: false, metadata: {} });
    // Nothing of the kind in a listing.
    expect(JSON.parse(await textOf(uri(still, "?t=json")))[1].children["future.x"]).toEqual([
      "unknown",
      { metadata: {}, ro_uri: "imm.x-future:read" },
    ]);
  });

  test.each([
    ["32 levels", `${'{"a":'.repeat(31)}"}{[]\\"{"${"}".repeat(31)}`, false],
    ["33 levels", `${'{"a":'.repeat(32)}{}${"}".repeat(32)}`, true],
    ["5,000 levels", `{"a":${"[".repeat(4_999)}${"]".repeat(4_999)}}`, true],
  ])("has a child whose metadata nest %s", async (_, metadata, isLeftOut) => {
    const cap = literalDirectory("deep", "URI:LIT:nbuq", metadata);
    for (const path of ["?t=json", "/deep?t=json"]) {
      const [, facts] = JSON.parse(await textOf(uri(cap, path)));
      const child = path === "?t=json" ? facts.children.deep[1] : facts;
      expect(child.size).toBe(2);
      expect(child.metadata).toEqual(isLeftOut ? {} : JSON.parse(metadata));
    }
    expect(await textOf(uri(cap, "/deep"))).toBe("hi");
  });

  test.each(["mdmf", "mdmf read cap"])("of an MDMF file (%s)", async (which) => {
    const file = mutableGolden("mdmf");
    place(file);
    const cap = which === "mdmf" ? file.cap : file.readCap;
    const [, facts] = JSON.parse(await textOf(uri(cap, "?t=json")));
    expect(facts).toMatchObject({ mutable: true, format: "MDMF", size: file.size, ro_uri: file.readCap });
    expect("rw_uri" in facts).toBe(cap === file.cap);
    expect(facts.verify_uri).toMatch(/^URI:MDMF-Verifier:/);
  });

  test.each([directory.cap, immutable.cap])(
    "of a directory that cannot be had is an error in JSON (%#)",
    async (cap) => {
      grid = new SimulatedGrid(3);
      const response = await fetchGrid(uri(cap, "?t=json"));
      expect([response.status, response.headers.get("Content-Type")]).toEqual([410, "application/json"]);
      expect((await response.json()).error).toMatch(/^(?:UnrecoverableFileError|NoSharesError): /);
      // The page, and the way through it, are in words.
      for (const rest of ["", "/child"]) {
        const other = await fetchGrid(uri(cap, rest));
        expect([other.status, other.headers.get("Content-Type")]).toEqual([410, "text/plain; charset=utf-8"]);
        expect(await other.text()).toMatch(/^(?:UnrecoverableFileError|NoSharesError): /);
      }
    },
  );
});

describe("a path from a directory", () => {
  test.each([
    ["/literal.txt", "short"],
    [`/${encodeURIComponent("slash/in its name")}`, "also short"],
  ])("%s leads to the file", async (path, content) => {
    const response = await fetchGrid(uri(directory.cap, path));
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(content);
    expect(response.headers.get("Cache-Control")).toContain("no-store");
  });

  test("names the file, whose type follows", async () => {
    const response = await fetchGrid(uri(directory.cap, "/literal.txt?save=true"));
    expect(response.headers.get("Content-Type")).toBe("text/plain; charset=utf-8");
    expect(response.headers.get("Content-Disposition")).toContain('filename="literal.txt"');
  });

  test.each(["NFC", "NFD"])("finds a name in %s", async (form) => {
    const name = encodeURIComponent("größe.txt".normalize(form));
    expect((await fetchGrid(uri(directory.cap, `/${name}?t=uri`))).status).toBe(200);
  });

  test.each([
    ["/missing", 404, "No such child"],
    ["/missing/further", 404, "No such child"],
    ["/literal.txt/further", 400, "Files have no children"],
    ["/literal.txt/", 400, "Files have no children"],
    ["//literal.txt", 400, "empty part"],
    ["/future.x", 400, "GET unknown URI type"],
    ["/literal.txt?t=nonsense", 400, "GET file: bad t=nonsense"],
    ["?t=nonsense", 400, "GET directory: bad t=nonsense"],
    ["?t=rename-form", 400, "GET directory: bad t=rename-form"],
    ["/%ff", 400, "UTF-8"],
    // Its own shares are not here.
    ["/sub", 410, "none has such a file"],
    ["/sub/deeper", 410, "none has such a file"],
    ["/changing.txt", 410, "none has such a file"],
  ])("%s is %i", async (path, status, words) => {
    const response = await fetchGrid(uri(directory.cap, path));
    expect(response.status).toBe(status);
    const text = await response.text();
    expect(text).toContain(words);
    expect(text).not.toContain(directory.cap.split(":")[2]);
  });

  test("a verify cap leads nowhere", async () => {
    const verify = (JSON.parse(await textOf(uri(directory.cap, "?t=json")))[1] as { verify_uri: string }).verify_uri;
    expect((await fetchGrid(uri(verify, "/literal.txt"))).status).toBe(400);
    expect(JSON.parse(await textOf(uri(verify, "?t=json")))).toEqual(["unknown", {}]);
  });
});

describe("other views", () => {
  test.each([
    [directory.cap, "?t=uri", directory.cap],
    [directory.cap, "?t=readonly-uri", directory.readCap],
    [directory.readCap, "?t=uri", directory.readCap],
    [changing.cap, "?t=readonly-uri", changing.readCap],
    [immutable.cap, "?t=readonly-uri", immutable.cap],
    [`ro.${directory.readCap}`, "?t=uri", directory.readCap],
  ])("the cap itself (%#)", async (cap, query, text) => {
    expect(await textOf(uri(cap, query))).toBe(text);
  });

  test("t=info is a page about the cap", async () => {
    expect(await textOf(uri(directory.cap, "?t=info"))).toContain("directory in a mutable file (SDMF)");
  });
});

describe("the page of a directory", () => {
  test("shows what in a name would turn its letters around, and links to it all the same", async () => {
    const page = await textOf(uri(literalDirectory("photo\u202egpj.exe", "URI:LIT:nbuq")));
    expect(page).toContain("photo&#60;U+202E&#62;gpj.exe</a>");
    expect(page).toContain("photo%E2%80%AEgpj.exe");
    expect(page).not.toContain("\u202e");
  });

  test.each(["", "/"])("is there with and without a slash at the end (%j)", async (slash) => {
    const response = await fetchGrid(uri(directory.cap, slash));
    expect(response.status).toBe(200);
    expect(response.headers.get("Accept-Ranges")).toBeNull();
    // A range of it there is not.
    const ranged = await fetchGrid(uri(directory.cap, slash), { headers: { Range: "bytes=0-1" } });
    expect(ranged.status).toBe(200);
  });

  test("says of each child what it is", async () => {
    const kinds = async (cap: string) =>
      [...(await textOf(uri(cap))).matchAll(/<td>([A-Z?-]+)<\/td><td>[\d?]+<\/td>/g)].map(([, kind]) => kind).sort();
    expect(await kinds(directory.cap)).toEqual(expect.arrayContaining(["?", "DIR", "FILE", "SSK"]));
    expect(await kinds(directory.readCap)).toEqual(expect.arrayContaining(["?-RO", "DIR-RO", "FILE", "SSK"]));
    expect(await kinds(literalDirectory("empty", "URI:DIR2-LIT:"))).toEqual(["DIR-IMM"]);
    expect(await kinds(literalDirectory("future.x", "x-future:read"))).toEqual(["?-IMM"]);
  });

  test("links files by a way that does not hold the directory's cap, and can do nothing itself", async () => {
    const response = await fetchGrid(uri(directory.cap));
    expect(response.headers.get("Content-Type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("Content-Security-Policy")).toMatch(/^sandbox;.*default-src 'none'/);
    const html = await response.text();
    expect(html).toContain("Modifiable directory");
    expect(html).toContain("@@named=/gr%C3%B6%C3%9Fe.txt");
    expect(html).not.toContain(directory.cap.split(":")[2]);
    expect(html).not.toContain("x-future");
    expect(html.match(/rel="noreferrer"/g)).toHaveLength(5);
    expect(await textOf(uri(directory.readCap))).toContain("Read-only directory");
    expect(await textOf(uri(immutable.cap))).toContain("Immutable directory");
  });

  test("an empty directory says so", async () => {
    expect(await textOf("/uri/URI%3ADIR2-LIT%3A")).toContain("This directory is empty.");
  });

  test("names cannot become markup", async () => {
    const html = await textOf(uri(literalDirectory(`<img src=x onerror=alert(1)>"'&`, "URI:LIT:nbuq")));
    expect(html).not.toContain("<img");
    expect(html).toContain("&#60;img src=x onerror=alert(1)&#62;&#34;&#39;&#38;");
  });
});

describe("entity tags", () => {
  test("are those of what cannot change", async () => {
    const etag = (await fetchGrid(uri(immutable.cap, "?t=json"))).headers.get("ETag");
    expect(etag).toMatch(/^"DIR:[a-z2-7]{26}-json"$/);
    const again = await fetchGrid(uri(immutable.cap, "?t=json"), { headers: { "If-None-Match": etag as string } });
    expect(again.status).toBe(304);
    expect((await fetchGrid(uri(directory.cap))).headers.get("ETag")).toBeNull();
  });

  test("of a file that can change are those of its version", async () => {
    const golden = mutableGolden("versions");
    place(golden, 0);
    const etag = (await fetchGrid(uri(golden.cap))).headers.get("ETag") as string;
    expect(etag).toMatch(/^"[a-z2-7]{26}-1-[a-z2-7]{52}"$/);
    const ask = async (headers: Record<string, string>) => (await fetchGrid(uri(golden.cap), { headers })).status;
    const rest = { Range: "bytes=50-99" };
    expect(await ask({ ...rest, "If-Match": etag })).toBe(206);
    expect(await ask({ ...rest, "If-Range": etag })).toBe(206);
    place(golden, 1);
    expect(await ask({ ...rest, "If-Match": etag })).toBe(412);
    expect(await ask({ ...rest, "If-Range": etag })).toBe(200);
    expect((await fetchGrid(uri(golden.cap, "?t=json"))).headers.get("ETag")).toBeNull();
  });

  test.each(["", "json", "uri", "readonly-uri"])("have the view in them (%j)", async (t) => {
    const { headers } = await fetchGrid(uri(immutable.cap, `?t=${t}`));
    expect(headers.get("ETag")).toMatch(new RegExp(`^"DIR:[a-z2-7]{26}-${t}"$`));
  });

  test("are not on pages about the cap, and no condition makes a view of what is none", async () => {
    expect((await fetchGrid(uri(immutable.cap, "?t=info"))).headers.get("ETag")).toBeNull();
    const wrong = await fetchGrid(uri(immutable.cap, "?t=nonsense"), { headers: { "If-None-Match": "*" } });
    expect(wrong.status).toBe(400);
  });
});

describe("methods", () => {
  test.each(["", "?t=json", "?t=uri"])("HEAD of a directory tells what GET does (%j)", async (rest) => {
    const head = await fetchGrid(uri(immutable.cap, rest), { method: "HEAD" });
    const get = await fetchGrid(uri(immutable.cap, rest));
    expect(await head.text()).toBe("");
    expect(head.status).toBe(get.status);
    expect([...head.headers]).toEqual([...get.headers]);
  });

  test.each(["POST", "PUT", "DELETE", "OPTIONS"])("%s changes nothing", async (method) => {
    for (const rest of ["", "/", "/child", "?t=mkdir"]) {
      const response = await fetchGrid(uri(directory.cap, rest), { method });
      expect([response.status, response.headers.get("Allow")]).toEqual([405, "GET, HEAD"]);
    }
  });
});

describe("what is overwritten while it is asked for", () => {
  const golden = mutableGolden("mdmf-segments");
  const first = mutableBlockRange(parseMutableHeader(golden.versions[0]!.get(0)!), 0);

  /** Has the file overwritten when its first block is asked for, so many times. */
  function overwrite(times: number): void {
    let version = 0;
    for (const server of grid.servers) {
      server.behaviour.tamper = (number, offset, bytes) => {
        // Not a search's look at the share's start, which has some of the block in it.
        const isRead = offset > 0 && overlaps(first, offset, bytes.length);
        if (!isRead || number !== 0 || version === times) return bytes;
        place(golden, ++version % 2);
        return bytes.map((byte) => byte ^ 1);
      };
    }
  }

  test.each([1, 2])("is answered with its new content, %i times over", async (times) => {
    place(golden, 0);
    overwrite(times);
    const answer = await fetchGrid(uri(golden.cap), { headers: { Range: "bytes=0-999" } });
    expect(answer.status).toBe(206);
    const expected = Buffer.from(mutablePlaintext(golden, times % 2)).subarray(0, 1000);
    expect(Buffer.compare(Buffer.from(await answer.arrayBuffer()), expected)).toBe(0);
  });

  test("without end is given up in words that say so", async () => {
    place(golden, 0);
    overwrite(100);
    const answer = await fetchGrid(uri(golden.cap));
    expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining("overwritten while")]);
  });
});

describe("mutable files", () => {
  test("ranges and HEAD", async () => {
    const whole = Buffer.from(mutablePlaintext(changing));
    const part = await fetchGrid(uri(changing.cap), { headers: { Range: "bytes=10-19" } });
    expect([part.status, part.headers.get("Content-Range")]).toEqual([206, "bytes 10-19/40"]);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(whole.subarray(10, 20));
    const head = await fetchGrid(uri(changing.cap, "?filename=a.bin"), { method: "HEAD" });
    expect([head.status, head.headers.get("Content-Length")]).toEqual([200, "40"]);
  });

  test("HEAD finds out that there is none", async () => {
    grid = new SimulatedGrid(3);
    expect((await fetchGrid(uri(changing.cap), { method: "HEAD" })).status).toBe(410);
  });

  test("/file/ takes them by any of their caps, and no directory", async () => {
    for (const cap of [changing.cap, changing.readCap, `ro.${changing.readCap}`]) {
      expect((await fetchGrid(`/file/${encodeURIComponent(cap)}/a.bin`)).status).toBe(200);
    }
    const response = await fetchGrid(`/file/${encodeURIComponent(directory.cap)}/a.bin`);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("is not a file-cap");
  });
});

/** The cap of an immutable directory that holds one child and lies within its cap. */
function literalDirectory(name: string, cap: string, metadata = "{}"): string {
  const netstring = (text: string) => `${Buffer.byteLength(text)}:${text},`;
  const entry = netstring([name, cap, "", metadata].map(netstring).join(""));
  return `URI:DIR2-LIT:${encodeBase32(Buffer.from(entry))}`;
}

/** The keys of every object in a JSON value, in their order. */
function keysOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(keysOf);
  if (typeof value !== "object" || value === null) return undefined;
  return Object.entries(value).map(([key, inner]) => [key, keysOf(inner)]);
}
