import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createServer } from "node:tls";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { parse, stringify } from "yaml";
import { utf8 } from "../../base/bytes.ts";
import { encodeBase32 } from "../../formats/base32.ts";
import { parseCap } from "../../formats/parseCap.ts";
import { storageIndexText } from "../../formats/storageIndex.ts";
import { parseGridConfig } from "../../servers/parseGridConfig.ts";
import { parseNurl } from "../../servers/parseNurl.ts";
import { permutedServers } from "../../servers/permutedServers.ts";
import { serversFromConfig } from "../../servers/serversFromConfig.ts";
import { newTlsIdentity } from "../grid/GridFolder.ts";
import { runGridfetch } from "../testing/runGridfetch.ts";
import { TahoeClient } from "../testing/TahoeClient.ts";
import { TahoeGrid, tahoeBin } from "../testing/TahoeGrid.ts";

const MINUTE = 60_000;
const TLS_ID = "1WUX44xKjKdpGLohmFcBNuIRN-8rlv1Iij_7rQ34alg";
const SWISSNUM = "gwnh6mfqmxo3bvjncrvsbmwv2e";
const NURL = `pb://${TLS_ID}@192.0.2.1:4001/${SWISSNUM}#v=1`;
const KEY = "hylgbivt4uhrw6n62l66cqolgn573tkeb25kmm5h43hbwkihrarq";
const ID = `v0-${KEY}`;
const FURL = `pb://eydgnbjacfbv27ofy6iw6qo2eo6b6rmm@tcp:192.0.2.1:4001/${SWISSNUM}`;
const SEED = "aaaqeayeaudaocajbifqydiob4";

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gridfetch-config-"));
});

afterEach(() => rm(folder, { recursive: true }));

async function listWith(ann: Record<string, unknown>, id = ID): Promise<string> {
  const path = join(folder, "servers.yaml");
  await writeFile(path, stringify({ storage: { [id]: { ann } } }));
  return path;
}

async function make(...options: string[]) {
  const { status, stdout, stderr } = await runGridfetch(["grid-config", ...options]);
  if (status !== 0) throw new Error(stderr);
  const document = JSON.parse(`${stdout}`);
  return { document, grid: parseGridConfig(document)[0], told: stderr };
}

const full = {
  nickname: "Oak",
  "anonymous-storage-FURL": FURL,
  "anonymous-storage-NURLs": [NURL],
  "permutation-seed-base32": SEED,
};

describe("from a server list", () => {
  it("gives each server its ways, the proxy first, and the swissnum once", async () => {
    const ways = ["--proxy", "https://app.example/grid", "--relay", "wss://relay.example/"];
    const { document, told } = await make("--servers", await listWith(full), "--name", "home", ...ways);
    expect(document).toEqual({
      name: "home",
      servers: [
        {
          id: ID,
          nickname: "Oak",
          "permutation-seed-base32": SEED,
          addresses: [
            { url: `https://app.example/grid/${TLS_ID}/` },
            { nurl: `pb://${TLS_ID}@192.0.2.1:4001/#v=1`, relay: "wss://relay.example/" },
          ],
          swissnum: SWISSNUM,
        },
      ],
    });
    expect(told).toBe("");
  });

  it("keeps the swissnums out of the document, in a file that only its owner reads", async () => {
    const secrets = join(folder, "secrets.json");
    // Whoever could read what is there shall not read what comes.
    await writeFile(secrets, "before", { mode: 0o644 });
    const list = await listWith(full);
    const { document, told } = await make(
      "--servers",
      list,
      "--relay",
      "ws://127.0.0.1:1/",
      "--without-secrets",
      secrets,
    );
    expect(JSON.stringify(document)).not.toContain(SWISSNUM);
    expect(JSON.parse(await readFile(secrets, "utf8"))).toEqual({ [ID]: SWISSNUM });
    expect((await stat(secrets)).mode & 0o777).toBe(0o600);
    expect(told).not.toContain(SWISSNUM);
  });

  it("says that browsers need a way to a NURL", async () => {
    const { document, told } = await make("--servers", await listWith(full));
    expect(document.servers[0].addresses).toEqual([{ nurl: `pb://${TLS_ID}@192.0.2.1:4001/#v=1` }]);
    expect(told).toContain("add --relay URL or --proxy URL");
  });

  it("says what a list without seeds means", async () => {
    const { document, told } = await make(
      "--servers",
      await listWith({ ...full, "permutation-seed-base32": undefined }),
    );
    expect(document.servers[0]).not.toHaveProperty("permutation-seed-base32");
    expect(told).toContain("Server Oak: the list has no permutation seed for it, so its place follows from its id");
  });

  it("takes the seed that a node announces where a list has only NURLs", async () => {
    const { document, told } = await make("--servers", await listWith({ "anonymous-storage-NURLs": [NURL] }));
    expect(document.servers[0]["permutation-seed-base32"]).toBe(encodeBase32(utf8(KEY)));
    expect(told).toContain("the list has only NURLs for it");
  });

  it("leaves out what cannot be used, and fails where nothing is left", async () => {
    const list = await listWith({ nickname: "Ash", "anonymous-storage-FURL": FURL });
    const { status, stdout, stderr } = await runGridfetch(["grid-config", "--servers", list]);
    expect([status, `${stdout}`]).toEqual([1, ""]);
    expect(stderr).not.toContain(SWISSNUM);
    const both = ["--servers", list, "--servers", join(folder, "more.yaml")];
    await writeFile(join(folder, "more.yaml"), stringify({ storage: { "v0-elm": { ann: full } } }));
    const { document, told } = await make(...both);
    expect(document.servers).toHaveLength(1);
    expect(told).toContain("Server Ash is left out: it has a FURL only");
  });

  it.each([
    [[], "no grid is named"],
    [["--servers", "x", "--relay", "https://relay.example/"], "wss:// or ws://"],
    [["--servers", "x", "--proxy", "https://me:secret@app.example/"], "without user"],
  ])("%j is wrong usage", async (options, reason) => {
    const { status, stderr } = await runGridfetch(["grid-config", ...options]);
    expect(status).toBe(2);
    expect(stderr).toContain(reason);
  });
});

describe("from a node directory", () => {
  it("finds the node's own server, and gives a list the seed that it lacks", async () => {
    const node = join(folder, "node");
    await mkdir(join(node, "private"), { recursive: true });
    const { key, cert } = await newTlsIdentity();
    const server = createServer({ key, cert }).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const files = {
      "node.pubkey": `pub-${ID}\n`,
      "permutation-seed": `${SEED}\n`,
      "tahoe.cfg": "[node]\nnickname = Oak Tree\n[storage]\nenabled = true\n",
      "private/storage.furl": `pb://eydgnbjacfbv27ofy6iw6qo2eo6b6rmm@tcp:127.0.0.1:${port},tcp:[::1]:1,tor:x.onion:1/sesame\n`,
      "private/node.pem": `${key}${cert}`,
      // As a node makes it.
      "private/servers.yaml": "",
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(node, name), text);
    const { document, told } = await make("--node", node);
    const [listed] = document.servers;
    expect(listed).toMatchObject({ id: ID, nickname: "Oak Tree", "permutation-seed-base32": SEED, swissnum: "sesame" });
    expect(listed.addresses).toEqual([
      { nurl: expect.stringMatching(new RegExp(`^pb://[\\w-]{43}@127\\.0\\.0\\.1:${port}/#v=1$`)) },
      { nurl: expect.stringMatching(/^pb:\/\/[\w-]{43}@\[::1\]:1\/#v=1$/) },
    ]);
    expect(told).not.toContain("seed");
    const list = await listWith({ "anonymous-storage-NURLs": [NURL] });
    const merged = await make("--servers", list, "--node", node);
    expect(merged.document.servers).toHaveLength(1);
    expect(merged.document.servers[0]).toMatchObject({ "permutation-seed-base32": SEED, swissnum: SWISSNUM });
  });

  it("finds what introducers have told a client", async () => {
    await mkdir(join(folder, "private"));
    await writeFile(join(folder, "private/introducer_default_cache.yaml"), stringify([{ ann: full, key_s: ID }]));
    expect((await make("--node", folder)).document.servers).toMatchObject([{ id: ID, swissnum: SWISSNUM }]);
  });

  it("says what is no node directory", async () => {
    await expect(make("--node", folder)).rejects.toThrow("it is not the directory of a storage server that has run");
  });
});

describe.skipIf(tahoeBin === undefined)("with real Tahoe-LAFS (GRIDFETCH_TAHOE)", () => {
  it("knows servers by their directories, and their order by whatever list clients have", {
    timeout: 5 * MINUTE,
  }, async () => {
    const grid = await TahoeGrid.start(tahoeBin!, 6);
    try {
      const nodes = grid.servers.flatMap(({ storageFolder }) => ["--node", dirname(storageFolder)]);
      const { document } = await make(...nodes);
      expect(document.servers).toEqual(
        grid.servers.map(({ id, nickname, permutationSeed, nurl }) => ({
          id,
          nickname,
          "permutation-seed-base32": permutationSeed,
          addresses: [{ nurl: nurl.replace(/\/[^/]*#/, "/#") }],
          swissnum: parseNurl(nurl).swissnum,
        })),
      );
      // What a list of NURLs alone is given.
      for (const { id, permutationSeed } of grid.servers) expect(permutationSeed).toBe(encodeBase32(utf8(id.slice(3))));
      const { storage } = parse(await readFile(grid.serversFile, "utf8"));
      const entries = Object.entries<{ ann: Record<string, unknown> }>(storage);
      const lists: Record<string, Record<string, unknown>> = {
        seeds: storage,
        ids: Object.fromEntries(
          entries.map(([id, { ann }]) => [id, { ann: { ...ann, "permutation-seed-base32": undefined } }]),
        ),
        names: Object.fromEntries(
          entries.map(([, { ann }], index) => [
            `oak-${index}`,
            { ann: { ...ann, "permutation-seed-base32": undefined } },
          ]),
        ),
      };
      for (const [name, list] of Object.entries(lists)) {
        const path = join(folder, `${name}.yaml`);
        await writeFile(path, stringify({ storage: list }));
        const { grid: config } = await make("--servers", path);
        await expectOrder(grid, path, permutedServersOf(config));
      }
    } finally {
      await grid.stop();
    }
  });
});

type Order = (storageIndex: Uint8Array) => string[];

function permutedServersOf(config: Parameters<typeof serversFromConfig>[0]): Order {
  const servers = serversFromConfig(config, () => undefined);
  return (storageIndex) => permutedServers(servers, storageIndex).map(({ id }) => id);
}

/**
 * A client that makes one share of a file puts it on one of the first two servers in the file's order. With six of
 * servers and twelve files another order would pass this one time in half a million.
 */
async function expectOrder(grid: TahoeGrid, serversFile: string, order: Order): Promise<void> {
  const home = dirname(grid.serversFile);
  const client = await TahoeClient.start(tahoeBin!, {
    folder: await mkdtemp(join(home, "client-")),
    template: join(home, "template"),
    serversFile,
    serverCount: grid.servers.length,
    convergence: grid.convergence,
    encoding: { needed: 1, total: 1 },
  });
  const ids = Object.keys(parse(await readFile(serversFile, "utf8")).storage);
  try {
    for (let n = 0; n < 12; n++) {
      // By the gateway: the command takes seconds to start.
      const body = utf8(`${serversFile} ${n} `.padEnd(100, "x"));
      const reply = await fetch(new URL("/uri", client.gateway), { method: "PUT", body });
      const cap = parseCap((await reply.text()).trim());
      if (cap.kind !== "CHK") throw new Error("not a CHK cap");
      const si = storageIndexText(cap.storageIndex);
      const holders = grid.servers.map(({ storageFolder }) =>
        stat(join(storageFolder, "shares", si.slice(0, 2), si)).then(
          () => true,
          () => false,
        ),
      );
      const holder = (await Promise.all(holders)).indexOf(true);
      expect(order(cap.storageIndex).slice(0, 2)).toContain(ids[holder]);
    }
  } finally {
    await client.stop();
  }
}
