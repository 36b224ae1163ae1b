import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { WebSocket } from "ws";
import { parseNurl } from "../../servers/parseNurl.ts";
import { RELAY_CODES, SOCKET_CODES } from "../../servers/relayCodes.ts";
import { type DevelopmentGrid, startDevelopmentGrid } from "../grid/developmentGrid.ts";
import { until } from "../relay/testing/RelayStage.ts";
import { runGridfetch } from "../testing/runGridfetch.ts";
import { runCommandLine } from "./runCommandLine.ts";

const ORIGIN = "https://app.example";
const NO_TLS = Buffer.from("no TLS at all\r\n\r\n");
let folder: string;
let grid: DevelopmentGrid;
let list: string;
let stop: () => Promise<number>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gridfetch-relay-"));
  grid = await startDevelopmentGrid({ folder: join(folder, "grid"), servers: 2, https: true });
  list = join(folder, "servers.json");
});

afterEach(() => stop?.());

afterAll(async () => {
  await grid.close();
  await rm(folder, { recursive: true });
});

/** Writes a list of some of the grid's servers. */
async function listServers(...indexes: number[]): Promise<string[]> {
  const { storage } = JSON.parse(await readFile(grid.serversFile, "utf8"));
  const entries = Object.entries(storage).filter((_, index) => indexes.includes(index));
  await writeFile(list, JSON.stringify({ storage: Object.fromEntries(entries) }));
  return indexes.map((index) => parseNurl(grid.addresses[index]!.nurl!).tlsId);
}

async function start(...options: string[]) {
  const stopping = new AbortController();
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  let hangup = () => {};
  const terminal = {
    stdin: new PassThrough().end(),
    stdout,
    stderr,
    signal: stopping.signal,
    onHangup: (listener: () => void) => {
      hangup = listener;
    },
  };
  const running = runCommandLine(["relay", "--servers", list, "--origin", ORIGIN, "--port", "0", ...options], terminal);
  const told: Record<string, unknown>[] = [];
  createInterface({ input: stdout }).on("line", (line) => told.push(JSON.parse(line)));
  let errors = "";
  stderr.on("data", (text) => {
    errors += text;
  });
  stop = () => {
    stopping.abort();
    return running;
  };
  await until(() => told.length > 0);
  const { port, metrics } = told[0] as { port: number; metrics: number };
  const client = (tlsId: string) => new WebSocket(`ws://127.0.0.1:${port}/?token=${tlsId}`, { origin: ORIGIN });
  return { told, client, port, metrics, hangup: () => hangup(), errors: () => errors };
}

/** Says something to the server through a relay, and waits for what it says to that, or for the relay's close code. */
async function outcome(socket: WebSocket): Promise<number | "server"> {
  const send = () => socket.send(NO_TLS);
  if (socket.readyState === WebSocket.OPEN) send();
  else socket.on("open", send);
  const [code] = (await once(socket, "close")) as [number];
  // It breaks off, or says that this is no TLS and ends.
  return code === RELAY_CODES.SERVER_BROKE_OFF || code === SOCKET_CODES.SERVER_ENDED ? "server" : code;
}

it("reads its list again on SIGHUP, and cuts nobody", async () => {
  const [oak] = await listServers(0);
  const { told, client, hangup } = await start("--allow-private");
  const open = client(oak!);
  await once(open, "open");
  await until(() => told.some(({ event }) => event === "open"));
  const [ash] = await listServers(1);
  expect(await outcome(client(ash!))).toBe(RELAY_CODES.UNKNOWN_SERVER);
  hangup();
  await until(() => told.some(({ event }) => event === "reloaded"));
  expect(await outcome(client(ash!))).toBe("server");
  expect(await outcome(client(oak!))).toBe(RELAY_CODES.UNKNOWN_SERVER);
  expect(open.readyState).toBe(WebSocket.OPEN);
  // To the server that has left the list, by the connection that was there before.
  expect(await outcome(open)).toBe("server");
});

it("RELAY-4: keeps its list where the new one cannot be read, and says why", async () => {
  const [oak] = await listServers(0);
  const { told, client, hangup, errors } = await start("--allow-private");
  for (const [text, why] of [
    ["storage: {", "neither YAML nor JSON"],
    ["storage: {}", "it lists no servers"],
  ]) {
    await writeFile(list, text!);
    const before = told.length;
    hangup();
    await until(() => told.slice(before).some(({ event }) => event === "not reloaded"));
    expect(told.at(-1)?.why).toContain(why);
    expect(errors()).toMatch(new RegExp(`^The list before stays in force\\..*${why}`, "m"));
  }
  expect(await outcome(client(oak!))).toBe("server");
});

it("RELAY-2: connects nobody to loopback unless it may, and says so at once", async () => {
  const [oak] = await listServers(0);
  const { told, client, errors } = await start();
  await until(() => errors().includes("--allow-private"));
  expect(errors()).toMatch(new RegExp(`^Server ${oak} has not proven .*127\\.0\\.0\\.1 is a private`));
  expect(await outcome(client(oak!))).toBe(RELAY_CODES.SERVER_UNREACHABLE);
  await until(() => told.some(({ event }) => event === "close"));
  expect(told.find(({ event }) => event === "close")).toMatchObject({ error: "PRIVATE_ADDRESS" });
});

it("RELAY-3: connects nobody to a server with another key, and says so at once", async () => {
  await listServers(0);
  const other = "A".repeat(43);
  await writeFile(list, (await readFile(list, "utf8")).replace(/pb:\/\/[^@]+/, `pb://${other}`));
  const { client, errors } = await start("--allow-private");
  await until(() => errors() !== "");
  expect(errors()).toBe(
    `Server ${other} has not proven to own its key, and gets no connections: its TLS key is not the one that its NURL names.\n`,
  );
  expect(await outcome(client(other))).toBe(RELAY_CODES.SERVER_UNREACHABLE);
});

it("tells figures and health on an address of their own, and nothing of visitors", async () => {
  const [oak] = await listServers(0);
  const { client, port, metrics, told } = await start("--allow-private", "--metrics", "127.0.0.1:0");
  await outcome(client(oak!));
  await outcome(client("A".repeat(43)));
  await until(() => told.filter(({ event }) => event === "close" || event === "refused").length === 2);
  const ask = async (path: string, from = metrics) => {
    const answer = await fetch(`http://127.0.0.1:${from}${path}`);
    return { status: answer.status, type: answer.headers.get("content-type"), text: await answer.text() };
  };
  const { status, type, text } = await ask("/metrics");
  expect([status, type]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
  // Of the format: a HELP and a TYPE line for each name, then its values.
  for (const line of text.trimEnd().split("\n")) {
    expect(line).toMatch(
      /^(?:# (?:HELP|TYPE) gridfetch_relay_\w+ .+|gridfetch_relay_\w+(?:\{\w+="[\w ]+"\})? [\d.]+)$/,
    );
  }
  expect(text).toContain("gridfetch_relay_connections 0\n");
  expect(text).toContain("gridfetch_relay_servers 1\n");
  expect(text).toContain("gridfetch_relay_servers_proven 1\n");
  expect(text).toContain("gridfetch_relay_connections_total 1\n");
  expect(text).toContain('gridfetch_relay_refused_total{why="unknown server"} 1\n');
  expect(text).toContain(`gridfetch_relay_bytes_total{direction="to_servers"} ${NO_TLS.length}\n`);
  for (const secret of ["127.0.0.1", oak!, ORIGIN, parseNurl(grid.addresses[0]!.nurl!).swissnum!]) {
    expect(text).not.toContain(secret);
  }
  expect(await ask("/healthz")).toMatchObject({ status: 200, text: "ok\n" });
  expect((await ask("/")).status).toBe(404);
  expect((await ask("/metrics", port)).status).toBe(403);
});

it("RELAY-1: says what to do where a port is taken", async () => {
  await listServers(0);
  const squatter = createServer().listen(0, "127.0.0.1");
  await once(squatter, "listening");
  const taken = `${(squatter.address() as AddressInfo).port}`;
  const run = (...options: string[]) => runGridfetch(["relay", "--servers", list, "--origin", ORIGIN, ...options]);
  expect(await run("--port", taken)).toMatchObject({
    status: 1,
    stderr: `Port ${taken} of 127.0.0.1 is taken: use --port with another one.\n`,
  });
  expect(await run("--port", "0", "--metrics", taken)).toMatchObject({
    status: 1,
    stderr: `Port ${taken} of 127.0.0.1 is taken: use --metrics with another one.\n`,
  });
  squatter.close();
});

it.each(["", "x", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", ":9100", "::1:9100"])(
  "--metrics %j is wrong usage",
  async (text) => {
    await listServers(0);
    const result = await runGridfetch(["relay", "--servers", list, "--origin", ORIGIN, "--metrics", text]);
    expect([result.status, result.stderr]).toEqual([2, expect.stringContaining("127.0.0.1:9100")]);
  },
);
