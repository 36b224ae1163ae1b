import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable, Writable } from "node:stream";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type DevelopmentGrid, startDevelopmentGrid } from "../grid/developmentGrid.ts";
import { sizeText } from "./progressBar.ts";
import { runCommandLine } from "./runCommandLine.ts";

const LIT = "URI:LIT:nbswy3dpfqqgo4tjmq";
const plaintext = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) % 253));

let folder = "";
let grid: DevelopmentGrid;
let file = "";
let cap = "";
/** A folder for each test. */
let out = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gridfetch-cli-"));
  grid = await startDevelopmentGrid({ folder: join(folder, "grid"), servers: 4 });
  file = join(folder, "plain");
  await writeFile(file, plaintext);
  const { status, stdout } = await run(["put", file, "--servers", grid.serversFile, "--n", "4", "--k", "2"]);
  expect(status).toBe(0);
  cap = stdout.toString().trim();
});

afterAll(async () => {
  await grid.close();
  await rm(folder, { recursive: true });
});

beforeEach(async () => {
  out = await mkdtemp(join(folder, "out-"));
});

afterEach(() => grid.reset());

/** Runs a command whose output is kept. */
async function run(args: string[], stdin = "", stop = new AbortController()) {
  const [stdout, stderr] = [new PassThrough({ highWaterMark: 10_000_000 }), new PassThrough()];
  const status = await runCommandLine(args, { stdin: Readable.from([stdin]), stdout, stderr, signal: stop.signal });
  const text = stderr.read()?.toString() ?? "";
  return { status, stdout: (stdout.read() as Buffer | null) ?? Buffer.alloc(0), stderr: text as string };
}

const get = (args: string[], stdin?: string, stop?: AbortController) =>
  run(["get", ...args, "--servers", grid.serversFile], stdin, stop);

/** What Node says on stderr by itself while something is done. */
async function warningsOf(work: () => Promise<void>): Promise<Error[]> {
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  process.on("warning", note);
  await work();
  // They come in a tick of their own.
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", note);
  return warnings;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe("get", () => {
  it("writes the file to stdout, or to a file that appears when it is complete", async () => {
    const toStdout = await get([cap]);
    expect([toStdout.status, toStdout.stderr]).toEqual([0, ""]);
    expect(toStdout.stdout.equals(plaintext)).toBe(true);
    expect((await get([cap, "-o", join(out, "copy")])).status).toBe(0);
    expect((await readFile(join(out, "copy"))).equals(plaintext)).toBe(true);
    expect(await readdir(out)).toEqual(["copy"]);
  });

  it("BB-04 writes down what it does, of a read that fails too, with no secret in it", async () => {
    const path = join(out, "trace");
    const trace = async () =>
      (await readFile(path, "utf8"))
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
    expect((await get([cap, "-o", join(out, "copy"), "--trace", path])).status).toBe(0);
    const [head, ...events] = await trace();
    expect(head).toMatchObject({ trace: 1 });
    expect(events.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(["read.start", "query.done", "request.done", "read.end"]),
    );
    expect(Math.abs(events[0].wallAt - Date.now())).toBeLessThan(60_000);
    for (const { index } of grid.status()) grid.setDials(index, { down: true });
    expect((await get([cap, "-o", join(out, "other"), "--trace", path])).status).toBe(1);
    expect((await trace()).map(({ kind }) => kind)).toContain("query.failed");
    const text = await readFile(path, "utf8");
    for (const secret of cap.split(":").slice(2, 4)) expect(text).not.toContain(secret);
    expect((await get([cap, "--trace", join(out, "no", "such")])).status).toBe(1);
  });

  it("reads the cap from stdin", async () => {
    expect((await get(["-"], `${cap}\n`)).stdout.equals(plaintext)).toBe(true);
  });

  it("stops waiting for a cap when the user does", async () => {
    const stop = new AbortController();
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const args = ["get", "-", "--servers", grid.serversFile];
    const running = runCommandLine(args, { stdin: new PassThrough(), stdout, stderr, signal: stop.signal });
    await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    expect(await running).toBe(130);
    expect(String(stderr.read())).toBe("Stopped.\n");
  });

  it("does not let others read what only its owner could, and leaves a part of that name alone", async () => {
    const path = join(out, "copy");
    await writeFile(path, "before", { mode: 0o600 });
    await writeFile(`${path}.part`, "mine");
    expect((await get([cap, "-o", path])).status).toBe(0);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await readFile(path)).equals(plaintext)).toBe(true);
    expect(await readFile(`${path}.part`, "utf8")).toBe("mine");
  });

  it.each([
    ["0-0", 0, 1],
    ["100000-200000", 100_000, 200_001],
    ["299999-", 299_999, 300_000],
    ["299990-400000", 299_990, 300_000],
  ])("reads the range %s", async (range, start, end) => {
    expect((await get([cap, "--range", range])).stdout.equals(plaintext.subarray(start, end))).toBe(true);
  });

  it("refuses a range after the file's end", async () => {
    const { status, stdout, stderr } = await get([cap, "--range", "300000-"]);
    expect([status, stdout.length]).toEqual([1, 0]);
    expect(stderr).toBe("The range cannot be read: the file has 300000 bytes, and the range starts after them.\n");
  });

  it.each(["5-4", "-5", "5", "a-b", "0-1,3-4"])("the range %s is wrong usage", async (range) => {
    const { status, stdout, stderr } = await get([cap, `--range=${range}`]);
    expect([status, stdout.length]).toEqual([2, 0]);
    expect(stderr).toMatch(/^error: option '--range <a-b>' argument .* is invalid/);
  });

  it("reads from the grid of a configuration", async () => {
    const { status, stdout } = await run(["get", cap, "--config", grid.configFile]);
    expect([status, stdout.equals(plaintext)]).toEqual([0, true]);
    const both = await get([cap, "--config", grid.configFile]);
    expect(both).toMatchObject({ status: 2, stderr: expect.stringContaining("name one grid") });
  });

  it("reads a file in a cap without a grid", async () => {
    expect((await run(["get", LIT])).stdout.toString()).toBe("hello, grid");
  });

  it("CAP-1 takes a cap out of what was pasted", async () => {
    const url = `http://127.0.0.1:3456/file/${encodeURIComponent(LIT)}/@@named=/hello.txt`;
    for (const given of [` "${LIT}"`, url]) expect((await run(["get", given])).stdout.toString()).toBe("hello, grid");
  });

  it("leaves what was there and no part where the file cannot be read", async () => {
    await writeFile(join(out, "copy"), "before");
    for (const { index } of grid.status()) grid.setDials(index, { corrupt: "all" });
    const { status, stderr } = await get([cap, "-o", join(out, "copy")]);
    expect(status).toBe(1);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).not.toContain(cap.slice(8, 34));
    expect(await readdir(out)).toEqual(["copy"]);
    expect(await readFile(join(out, "copy"), "utf8")).toBe("before");
  });

  it("stops when the user does, and leaves no part", async () => {
    for (const { index } of grid.status()) grid.setDials(index, { bandwidth: 20_000 });
    const stop = new AbortController();
    const running = get([cap, "-o", join(out, "copy")], "", stop);
    await until(() => grid.status().some(({ counters }) => counters.bytesSent > 0));
    stop.abort();
    expect(await running).toMatchObject({ status: 130, stderr: "Stopped.\n" });
    expect(await readdir(out)).toEqual([]);
    await until(() => grid.status().every(({ counters }) => counters.activeRequests === 0));
  });

  it("writes into a pipe or device and does not replace it", async () => {
    expect((await get([cap, "-o", "/dev/null"])).status).toBe(0);
    expect((await readdir("/dev")).filter((name) => name.endsWith(".part"))).toEqual([]);
    const pipe = join(out, "pipe");
    expect(spawnSync("mkfifo", [pipe]).status).toBe(0);
    const [{ status }, read] = await Promise.all([get([cap, "-o", pipe]), readFile(pipe)]);
    expect([status, read.equals(plaintext)]).toEqual([0, true]);
    expect((await stat(pipe)).isFIFO()).toBe(true);
  });

  it("writes after what is there already where a device leads to a file, as /dev/stdout does in a shell", async () => {
    const log = await open(join(out, "log"), "a");
    await log.write("before\n");
    expect((await get([cap, "-o", `/dev/fd/${log.fd}`])).status).toBe(0);
    await log.close();
    expect((await readFile(join(out, "log"))).equals(Buffer.concat([Buffer.from("before\n"), plaintext]))).toBe(true);
    expect(await readdir(out)).toEqual(["log"]);
  });

  it("has the whole file on disk before it has its name, and then the name", async () => {
    const synced: (number | "folder")[] = [];
    const handle = await open(file);
    const prototype = Object.getPrototypeOf(handle) as typeof handle;
    await handle.close();
    const sync = vi.spyOn(prototype, "sync").mockImplementation(async function (this: typeof handle) {
      const state = await this.stat();
      expect((await readdir(out)).includes("copy")).toBe(state.isDirectory());
      synced.push(state.isDirectory() ? "folder" : state.size);
    });
    try {
      expect((await get([cap, "-o", join(out, "copy")])).status).toBe(0);
    } finally {
      sync.mockRestore();
    }
    expect(synced).toEqual([plaintext.length, "folder"]);
  });

  it("fails when its output is closed", async () => {
    const stdout = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error("closed"), { code: "EPIPE" })),
    });
    const stderr = new PassThrough();
    const args = ["get", cap, "--servers", grid.serversFile];
    const signal = new AbortController().signal;
    expect(await runCommandLine(args, { stdin: Readable.from([]), stdout, stderr, signal })).toBe(1);
    expect(String(stderr.read())).toBe("The output was closed before all was written.\n");
  });

  it.each([
    [["URI:CHK:nonsense"], /cap/],
    [["URI:DIR2:aaaa:bbbb"], /the write key is not right/],
    [[`URI:DIR2-LIT:${LIT.slice(8)}`], /directory/],
    [[LIT, "-o", "."], /is a folder/],
    [[LIT, "-o", "/no/such/folder/x"], /ENOENT/],
  ])("fails with one line for %j", async (args, reason) => {
    const { status, stderr } = await get(args);
    expect(status).toBe(1);
    expect(stderr).toMatch(reason);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});

describe("put", () => {
  it("prints the cap alone on stdout", async () => {
    expect(cap).toMatch(/^URI:CHK:[a-z2-7]{26}:[a-z2-7]{52}:2:4:300000$/);
    const { stdout, stderr } = await run(["put", file, "--servers", grid.serversFile, "--n", "4", "--k", "2"]);
    // Another key: no convergence secret was given.
    expect(stdout.toString()).not.toBe(`${cap}\n`);
    expect(stderr).toBe("4 shares are on 4 servers.\n");
  });

  it("makes the same cap with the same secret, given as text or file", async () => {
    const put = (...options: string[]) =>
      run(["put", file, "--servers", grid.serversFile, "--segment-size", "1000", ...options]).then(
        ({ stdout }) => `${stdout}`,
      );
    await writeFile(join(out, "convergence"), "mzxw6ytb\n");
    const first = await put("--convergence", "mzxw6ytb");
    expect(await put("--convergence-file", join(out, "convergence"))).toBe(first);
    expect(await put("--convergence", "mzxw6ytc")).not.toBe(first);
  });

  it.each([
    [1, ["--convergence", "A1"], /convergence secret.*base32/],
    [2, ["--convergence", "mzxw6ytb", "--convergence-file", "x"], /cannot both/],
    [2, ["--k", "5", "--n", "4"], /k must be/],
    [2, ["--k", "0"], /number from 1 to 256/],
    [2, ["--n", "257"], /number from 1 to 256/],
    [2, ["--k", "11"], /k must be/],
    [2, ["--segment-size", "0"], /number from 1 to 67108864/],
    [2, ["--segment-size", "67108865"], /number from 1 to 67108864/],
  ])("ends with status %i and one line for %j", async (expected, options, reason) => {
    const { status, stdout, stderr } = await run(["put", file, "--servers", grid.serversFile, ...options]);
    expect([status, stdout.length]).toEqual([expected, 0]);
    expect(stderr).toMatch(reason);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  it("has no warning of Node's for however many shares", async () => {
    const warnings = await warningsOf(async () => {
      const { status } = await run(["put", file, "--servers", grid.serversFile, "--k", "3", "--n", "60"]);
      expect(status).toBe(0);
    });
    expect(warnings).toEqual([]);
  });

  it("fails without a grid, or without the file", async () => {
    expect(await run(["put", file])).toMatchObject({ status: 2, stderr: expect.stringContaining("--servers FILE") });
    const missing = await run(["put", join(out, "none"), "--servers", grid.serversFile]);
    expect(missing).toMatchObject({ status: 1, stderr: expect.stringContaining("ENOENT") });
  });
});

describe("grid", () => {
  it("runs until it is stopped, with the dials turned", async () => {
    const stop = new AbortController();
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const args = [
      "grid",
      "--folder",
      join(out, "grid"),
      "--count",
      "2",
      "--dial",
      "1:latency=7",
      "--dial",
      "all:short",
    ];
    const running = runCommandLine(args, { stdin: Readable.from([]), stdout, stderr, signal: stop.signal });
    const [text] = (await once(stdout, "data")) as [Buffer];
    const control = /Dials +(http:\S+)/.exec(text.toString())?.[1];
    const state = (await (await fetch(control!)).json()) as { url: string; dials: object }[];
    expect(state.map(({ dials }) => dials)).toMatchObject([
      { latency: 0, short: true },
      { latency: 7, short: true },
    ]);
    for (const { url } of state) expect(text.toString()).toContain(url);
    stop.abort();
    expect(await running).toBe(0);
    await expect(fetch(control!)).rejects.toThrow();
  });

  it("prints NURLs with --https", async () => {
    const stop = new AbortController();
    const stdout = new PassThrough();
    const args = ["grid", "--folder", join(out, "grid"), "--count", "1", "--https"];
    const terminal = { stdin: Readable.from([]), stdout, stderr: new PassThrough(), signal: stop.signal };
    const running = runCommandLine(args, terminal);
    expect(String(await once(stdout, "data"))).toMatch(/pb:\/\/[\w-]{43}@127\.0\.0\.1:\d+\/[a-z2-7]{26}#v=1/);
    stop.abort();
    expect(await running).toBe(0);
  });

  it.each([
    [["--dial", "9:down"], /no server 9/],
    [["--dial", "0:speed=1"], /no dial "speed"/],
    [["--count", "0"], /1 to 100/],
    [["--count", "101"], /1 to 100/],
  ])("%j is wrong usage", async (options, reason) => {
    const { status, stderr } = await run(["grid", "--folder", join(out, "grid"), "--count", "2", ...options]);
    expect(status).toBe(2);
    expect(stderr).toMatch(reason);
  });
});

it("proxy-config has no warning of Node's for however many servers", async () => {
  const tlsId = "1WUX44xKjKdpGLohmFcBNuIRN-8rlv1Iij_7rQ34alg";
  const entries = Array.from({ length: 40 }, (_, index) => {
    const nurl = `pb://${tlsId}@127.0.0.1:9/gwnh6mfqmxo3bvjncrvsbmwv2e#v=1`;
    return [`v0-${index}`, { ann: { "anonymous-storage-NURLs": [nurl] } }];
  });
  await writeFile(join(out, "many.json"), JSON.stringify({ storage: Object.fromEntries(entries) }));
  const args = ["--servers", join(out, "many.json"), "--origin", "https://app.example", "--folder", join(out, "nginx")];
  const warnings = await warningsOf(async () => {
    const { status, stderr } = await run(["proxy-config", ...args]);
    expect([status, stderr]).toEqual([1, expect.stringContaining("no server of it can be used")]);
  });
  expect(warnings).toEqual([]);
});

describe("usage", () => {
  it("--version says which this is", async () => {
    const { status, stdout } = await run(["--version"]);
    const { version } = JSON.parse(await readFile(new URL("../../../package.json", import.meta.url), "utf8"));
    expect([status, `${stdout}`]).toEqual([0, `${version}\n`]);
  });

  it("--help says what there is", async () => {
    const { status, stdout } = await run(["--help"]);
    expect(status).toBe(0);
    for (const command of ["put", "get", "grid"]) expect(stdout.toString()).toContain(command);
    expect((await run(["help", "grid"])).stdout.toString()).toContain("corrupt[=data|all]");
  });

  it.each([[["get"]], [["get", "--no-such", LIT]], [["put", "a", "--k", "x"]], [["get", LIT, "more"]]])(
    "%j is wrong usage",
    async (args) => {
      const { status, stderr } = await run(args);
      expect(status).toBe(2);
      expect(stderr).toMatch(/^error: /);
    },
  );

  const gatewayUrl = `http://127.0.0.1:3456/uri/${encodeURIComponent(LIT)}`;
  const nurl = "pb://PiPoFgA5WUoziU9lZOGxNIu9egCI1CxKy3PurtWcAJ0@storage.example:1/nbswy3dp#v=1";
  it.each([
    [[LIT]],
    [[gatewayUrl]],
    [["get", `--${gatewayUrl}`]],
    [["check", "--servers", LIT]],
    [[nurl]],
    [["grid-config", "--servers", nurl]],
  ])("repeats no cap and no NURL that stands in the wrong place: %#", async (args) => {
    const { status, stderr } = await run(args);
    expect(status).toBeGreaterThan(0);
    expect(stderr).not.toMatch(/nbswy3dp/i);
  });
});

it.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 KiB"],
  [3_145_728, "3.0 MiB"],
  [2 ** 53, "8.0 PiB"],
])("%d bytes are %s", (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});
