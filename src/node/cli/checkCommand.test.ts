import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { GridCheck } from "../../base/GridCheck.ts";
import type { ServerConfig } from "../../base/gridConfig.ts";
import { parseNurl } from "../../servers/parseNurl.ts";
import { AppServer } from "../demo/AppServer.ts";
import { type DevelopmentGrid, startDevelopmentGrid } from "../grid/developmentGrid.ts";
import { Relay } from "../relay/Relay.ts";
import { trusting } from "../relay/testing/trusting.ts";
import { runGridfetch } from "../testing/runGridfetch.ts";

let folder = "";
let grid: DevelopmentGrid;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gridfetch-check-"));
  grid = await startDevelopmentGrid({ folder, servers: 3, https: true });
});
afterEach(async () => {
  await grid.close();
  await rm(folder, { recursive: true });
});

const configured = async () => JSON.parse(await readFile(grid.configFile, "utf8")).servers as ServerConfig[];

/** Writes a configuration, and the result of a check of it. */
async function check(servers: readonly unknown[], ...options: string[]) {
  const path = join(folder, "mine.json");
  await writeFile(path, JSON.stringify({ servers }));
  const { status, stdout, stderr } = await runGridfetch(["check", "--config", path, "--json", ...options]);
  const { grids } = JSON.parse(stdout.toString()) as { grids: GridCheck[] };
  const problems = grids[0]!.servers.map(({ addresses }) => addresses.map(({ finding }) => finding?.problem));
  return { status, stdout: stdout.toString(), stderr, problems };
}

it("is content where all works, with TLS and pins, from a server list, a file and a URL", async () => {
  const { configFile, serversFile } = grid;
  const app = await AppServer.start({ folder, port: 0, documents: { "/grid.json": { servers: await configured() } } });
  try {
    for (const option of [
      ["--servers", serversFile],
      ["--config", configFile],
      ["--config", `${app.url}grid.json`],
    ]) {
      const { status, stdout, stderr } = await runGridfetch(["check", ...option]);
      expect([status, stderr]).toEqual([0, ""]);
      expect(stdout.toString()).toMatch(
        /^3 of 3 servers can be used\n {2}server-0 {2}works {2}\d+ ms {2}127\.0\.0\.1:\d+ {2}gridfetch development grid\n/,
      );
    }
  } finally {
    await app.close();
  }
});

it("tells a refused connection, a wrong key, a wrong swissnum and what is no storage server, and fails", async () => {
  const [first, second, third] = (await configured()) as [ServerConfig, ServerConfig, ServerConfig];
  const nurl = (server: ServerConfig) => (server.addresses[0] as { nurl: string }).nurl;
  const [, secondPin = ""] = /^pb:\/\/([^@]+)/.exec(nurl(second)) ?? [];
  const web = createServer((_, response) => response.end("<html>")).listen(0, "127.0.0.1");
  await once(web, "listening");
  try {
    const { port } = web.address() as AddressInfo;
    const { status, stdout, stderr, problems } = await check([
      { id: "v0-a", addresses: [{ url: "http://127.0.0.1:1/" }, first.addresses[0]] },
      { id: "v0-b", addresses: [{ nurl: nurl(first).replace(/pb:\/\/[^@]+/, `pb://${secondPin}`) }] },
      { id: "v0-c", addresses: [{ nurl: nurl(third).replace(/\/[a-z2-7]+#/, "/sesame#") }] },
      { id: "v0-d", addresses: [{ url: `http://127.0.0.1:${port}/` }] },
      { id: "v0-e", addresses: [{ nurl: nurl(third).replace(/\/[a-z2-7]+#/, "/#") }] },
    ]);
    expect(problems).toEqual([
      ["unreachable", undefined],
      ["wrong-key"],
      ["wrong-swissnum"],
      ["not-a-storage-server"],
      ["wrong-swissnum"],
    ]);
    expect([status, stderr]).toEqual([1, "5 of 6 addresses cannot be used.\n"]);
    expect(stdout).not.toContain("sesame");
    expect(stdout).toContain("ECONNREFUSED");
  } finally {
    web.close();
  }
});

it("LIST-29 tells a certificate that is not accepted from a server that does not answer", async () => {
  const [{ addresses }] = (await configured()) as [ServerConfig];
  const { host, port } = parseNurl((addresses[0] as { nurl: string }).nurl);
  const { stdout, problems } = await check([
    { id: "v0-a", addresses: [{ url: `https://${host}:${port}/` }, { url: "https://127.0.0.1:1/" }] },
  ]);
  expect(problems).toEqual([["unreachable", "unreachable"]]);
  const findings = (JSON.parse(stdout) as { grids: GridCheck[] }).grids[0]!.servers[0]!.addresses.map(
    ({ finding }) => `${finding?.what} ${finding?.advice}`,
  );
  expect(findings[0]).toMatch(
    /^Something answers, and its certificate is not accepted: \w*CERT\w*\. .*NODE_EXTRA_CA_CERTS/,
  );
  expect(findings[1]).toMatch(/^Nothing answers: ECONNREFUSED\. See whether the server or proxy runs/);
  // It is a terminal, and no tab.
  expect(findings.join()).not.toMatch(/\btab\b|worker/);
});

it("LIST-30 tells what is there in place of a grid configuration", async () => {
  const path = join(folder, "mine.json");
  const told = async (text: string) => {
    await writeFile(path, text);
    return (await runGridfetch(["check", "--config", path])).stderr;
  };
  expect(await told("<!doctype html><title>The app</title>")).toBe(
    "The grid configuration cannot be used: it is an HTML page, as web servers send for what they do not have.\n",
  );
  expect(await told('{\n  "servers": [,]\n}')).toContain("it is not JSON: see line 2, column 15. ");
  const [{ addresses }] = (await configured()) as [ServerConfig];
  const { host, port } = parseNurl((addresses[0] as { nurl: string }).nurl);
  const { stderr } = await runGridfetch(["check", "--config", `https://${host}:${port}/grid.json`]);
  expect(stderr).toMatch(/^The grid configuration cannot be used: it could not be fetched \(\w*CERT\w*\)\.\n$/);
});

it("tells what a relay refuses, and why", async () => {
  const servers = await configured();
  const nurls = servers.map(({ addresses }) => (addresses[0] as { nurl: string }).nurl);
  const [known, gone] = nurls.map((nurl) => parseNurl(nurl));
  const relay = await Relay.start({
    servers: trusting(
      new Map([
        [known!.tlsId, [{ host: known!.host, port: known!.port }]],
        [gone!.tlsId, [{ host: "127.0.0.1", port: 9 }]],
      ]),
    ),
    origins: ["https://app.example"],
    host: "127.0.0.1",
    port: 0,
    log: () => undefined,
  });
  try {
    const through = (port: number) => (server: ServerConfig, index: number) => ({
      ...server,
      addresses: [{ nurl: nurls[index], relay: `ws://127.0.0.1:${port}/` }],
    });
    const all = servers.map(through(relay.port));
    const asApp = await check(all, "--origin", "https://app.example");
    expect(asApp.problems).toEqual([[undefined], ["server-away"], ["relay-token"]]);
    expect((await check(all, "--origin", "https://evil.example")).problems[0]).toEqual(["relay-origin"]);
    expect((await check(servers.map(through(1)))).problems[0]).toEqual(["relay-unreachable"]);
  } finally {
    await relay.close();
  }
});

it("prints what is wrong and what to do about it", async () => {
  grid.setDials(1, { error: 500 });
  grid.setDials(2, { down: true });
  const { status, stdout } = await runGridfetch(["check", "--servers", grid.serversFile]);
  const lines = stdout.toString().split("\n");
  expect(status).toBe(1);
  expect(lines[0]).toBe("1 of 3 servers can be used");
  expect(lines[2]).toMatch(/^ {2}server-1 {2}FAILS {2}server-error {2}127/);
  expect(lines[3]).toMatch(/^ {12}The server answers HTTP 500\./);
  expect(lines[4]).toMatch(/^ {12}See the log/);
  expect(lines[5]).toMatch(/^ {2}server-2 {2}FAILS {2}unreachable {2}127/);
});

it("leaves out what a list has no address for, and fails for it", async () => {
  const list = JSON.parse(await readFile(grid.serversFile, "utf8"));
  list.storage["v0-ash"] = { ann: { nickname: "Ash", "anonymous-storage-FURL": "pb://sesame" } };
  const path = join(folder, "list.json");
  await writeFile(path, JSON.stringify(list));
  const { status, stderr } = await runGridfetch(["check", "--servers", path]);
  expect(status).toBe(1);
  expect(stderr).toContain("Server Ash is left out: it has a FURL only");
  expect(stderr).toContain("1 of 4 addresses cannot be used");
});

it.each<[string, string[], number, string]>([
  ["no grid", [], 2, "name one grid"],
  ["two", ["--servers", "a", "--config", "b"], 2, "name one grid"],
  ["a missing file", ["--config", "/nowhere/grid.json"], 1, "/nowhere/grid.json: ENOENT"],
  ["a web server that is not there", ["--config", "http://127.0.0.1:1/grid.json"], 1, "could not be fetched"],
])("says what is wrong with %s", async (_, args, expected, reason) => {
  const { status, stdout, stderr } = await runGridfetch(["check", ...args]);
  expect([status, stdout.toString()]).toEqual([expected, ""]);
  expect(stderr).toContain(reason);
});
