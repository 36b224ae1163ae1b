import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { visibleLines, visibleText } from "../../base/visibleText.ts";
import { parseGridConfig } from "../../servers/parseGridConfig.ts";
import { type DevelopmentGrid, startDevelopmentGrid } from "../grid/developmentGrid.ts";
import { newTlsIdentity } from "../grid/GridFolder.ts";
import { readRelayServers } from "../relay/readRelayServers.ts";
import { FoolscapPort } from "../testing/FoolscapPort.ts";
import { runGridfetch } from "../testing/runGridfetch.ts";
import { answersPlainly } from "../transport/answersPlainly.ts";
import { tlsIdOf } from "../transport/tlsIdOf.ts";

const TLS_ID = "1WUX44xKjKdpGLohmFcBNuIRN-8rlv1Iij_7rQ34alg";
const SWISSNUM = "opensesame";
const NURL = `pb://${TLS_ID}@oak.example:4001/${SWISSNUM}#v=1`;
const TOR = `pb+tor://${TLS_ID}@${"oak".repeat(18)}oa.onion:4001/${SWISSNUM}#v=1`;
const FURL = `pb://eydgnbjacfbv27ofy6iw6qo2eo6b6rmm@tcp:oak.example:4001/${SWISSNUM}`;
const SEED = "aaaqeayeaudaocajbifqydiob4";
const OAK = "v0-hylgbivt4uhrw6n62l66cqolgn573tkeb25kmm5h43hbwkihrarq";
const ELM = "v0-koompto5qfbc2yt652edlxzc555n7zlwa7bj7nsbpldfzghlacpa";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gridfetch-lists-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function listFile(content: unknown): Promise<string> {
  const path = join(folder, "list");
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

/** What an introducer's client keeps. */
const heard = (...anns: readonly [id: string | undefined, ann: object][]) =>
  anns.map(([key_s, ann]) => ({ key_s, ann: { "permutation-seed-base32": SEED, ...ann } }));

async function gridConfig(content: unknown, ...options: string[]) {
  const { status, stdout, stderr } = await runGridfetch([
    "grid-config",
    "--servers",
    await listFile(content),
    ...options,
  ]);
  const servers = status === 0 ? parseGridConfig(JSON.parse(`${stdout}`))[0].servers : [];
  return { status, servers, told: stderr };
}

const oak = { nickname: "oak", "anonymous-storage-NURLs": [NURL] };

describe("of an entry", () => {
  it("uses the plain NURL beside one for Tor, and says nothing", async () => {
    const { servers, told } = await gridConfig(heard([OAK, { ...oak, "anonymous-storage-NURLs": [TOR, NURL] }]));
    expect(servers.map(({ addresses }) => addresses)).toEqual([[{ nurl: NURL.replace(SWISSNUM, "") }]]);
    expect(told).toBe("Browsers reach no NURL by themselves: add --relay URL or --proxy URL.\n");
  });

  it.each<[string, [string | undefined, object], string]>([
    [
      "LIST-1",
      [ELM, { nickname: "elm", "anonymous-storage-FURL": FURL }],
      "Server elm is left out: it has a FURL only: Foolscap only",
    ],
    [
      "LIST-2",
      [ELM, { nickname: "elm", "anonymous-storage-NURLs": [TOR] }],
      "Server elm is left out: it is on another network alone",
    ],
    [
      "LIST-3",
      [ELM, { nickname: "elm", "anonymous-storage-NURLs": [FURL] }],
      "Server elm is left out: a FURL is given where a NURL is wanted",
    ],
    [
      "LIST-4",
      [ELM, { ...oak, nickname: "e".repeat(201) }],
      `Server ${"e".repeat(200)} is left out: its entry: "nickname" must be`,
    ],
    [
      "LIST-5",
      [ELM, { ...oak, nickname: "elm", "permutation-seed-base32": "UPPER" }],
      'Server elm is left out: its entry: "permutation-seed-base32" must be',
    ],
    ["LIST-6", ["v0-with blank", { ...oak, nickname: "elm" }], 'Server elm is left out: its entry: "id" must be'],
    ["LIST-7", [OAK, { ...oak, nickname: "elm" }], "Server elm is left out: its id is that of an entry before it"],
    ["LIST-8", ["__proto__", { ...oak, nickname: "elm" }], "Server elm is left out: its key_s is no server's key"],
    ["LIST-9", [undefined, { ...oak, nickname: "elm" }], "Server elm is left out: it has no key_s"],
  ])("%s: what is wrong with one leaves out one server, and the reason is told", async (_tag, wrong, expected) => {
    const { servers, told } = await gridConfig(heard([OAK, oak], wrong));
    expect(servers.map(({ nickname }) => nickname)).toEqual(["oak"]);
    expect(told).toContain(expected);
    expect(told).not.toContain(SWISSNUM);
    const path = await listFile(heard([OAK, oak], wrong));
    expect([...(await readRelayServers(path)).servers.values()]).toEqual([[{ host: "oak.example", port: 4001 }]]);
  });

  it("LIST-10: a NURL that is wrong beside one that is right is passed over, and that is told", async () => {
    const { servers, told } = await gridConfig(heard([OAK, { ...oak, "anonymous-storage-NURLs": ["pb://x", NURL] }]));
    expect(servers[0]?.addresses).toHaveLength(1);
    expect(told).toContain("Server oak: one of its NURLs is passed over: a NURL must have the form");
  });

  it("reads Gridsync's settings, which have no level ann", async () => {
    const settings = {
      nickname: "Some grid",
      introducer: "pb://ffffffffffffffffffffffffffffffff@introducer.example:1/gggg",
      "shares-total": "10",
      storage: { [OAK]: oak, [ELM]: { nickname: "elm", "anonymous-storage-FURL": FURL } },
    };
    const { servers, told } = await gridConfig(settings);
    expect(servers.map(({ id, nickname }) => [id, nickname])).toEqual([[OAK, "oak"]]);
    expect(told).toContain("Server elm is left out: it has a FURL only: Foolscap only");
  });

  it("LIST-11: another's TLS key makes no two servers one, whichever comes first", async () => {
    const rogue = { nickname: "rogue", "anonymous-storage-NURLs": [`pb://${TLS_ID}@rogue.example:1/other#v=1`] };
    const entries: [string, object][] = [
      [ELM, { ...rogue, "permutation-seed-base32": "mfrgg" }],
      [OAK, oak],
    ];
    for (const list of [entries, entries.toReversed()]) {
      const { servers, told } = await gridConfig(heard(...list));
      expect(servers.find(({ id }) => id === OAK)).toEqual({
        id: OAK,
        nickname: "oak",
        "permutation-seed-base32": SEED,
        addresses: [{ nurl: NURL.replace(SWISSNUM, "") }],
        swissnum: SWISSNUM,
      });
      expect(told).toContain("names the same TLS key as that of");
    }
  });

  it.each(["__proto__", "constructor"])("%s is an id like any other", async (id) => {
    const secrets = join(folder, "secrets.json");
    const list = `{"storage": {"${id}": {"ann": ${JSON.stringify(oak)}}}}`;
    const { servers } = await gridConfig(list, "--without-secrets", secrets);
    expect(servers).toMatchObject([{ id, nickname: "oak" }]);
    expect(servers[0]?.swissnum).toBeUndefined();
    expect(JSON.parse(await readFile(secrets, "utf8"))).toEqual(JSON.parse(`{"${id}": "${SWISSNUM}"}`));
    expect((await gridConfig(list)).servers).toMatchObject([{ id, swissnum: SWISSNUM }]);
    expect((await gridConfig(list.replace(SWISSNUM, ""))).servers[0]).not.toHaveProperty("swissnum");
  });

  it("LIST-12: says every reason where no server is left", async () => {
    const { status, told } = await gridConfig(
      heard([OAK, { nickname: "oak", "anonymous-storage-FURL": FURL }], [ELM, { nickname: "elm" }]),
    );
    expect(status).toBe(1);
    expect(told.split("\n")).toEqual([
      expect.stringMatching(/^Server oak is left out: it has a FURL only/),
      "Server elm is left out: it has no anonymous-storage-NURLs.",
      "No grid configuration can be made: no server can be used, for the reasons above.",
      "",
    ]);
  });
});

describe("of a whole list", () => {
  it.each<[string, unknown, string]>([
    ["LIST-13", "\n", "it is empty. A node that knows servers has them in its private/servers.yaml"],
    ["LIST-14", "storage: {}", "it lists no servers."],
    ["LIST-14", "storage:", "it lists no servers."],
    ["LIST-14", "[]", "it lists no servers."],
    [
      "LIST-15",
      "tahoe: URI:DIR2:aaaa:bbbb\nmine: URI:DIR2:cccc:dddd\n",
      "it holds caps, as a node's private/aliases does.",
    ],
    ["LIST-16", "[node]\nnickname = oak\n[client]\nshares.needed = 3\n", "it is a node's tahoe.cfg."],
    [
      "LIST-17",
      "introducers:\n  one: {furl: 'pb://x@y/introducer'}\n",
      'it has no map "storage": it names introducers, and no servers.',
    ],
    [
      "LIST-17",
      '{"nickname": "grid", "introducer": "pb://x@y/introducer"}',
      'it has no map "storage": it names introducers, and no servers.',
    ],
    ["LIST-18", { servers: [] }, "it is a grid configuration. Give it with --config"],
    ["LIST-19", 'storage:\n  a: "\n  b: [', "it is neither YAML nor JSON (line "],
    ["LIST-20", `storage:\n  ${OAK}: {}\n  ${OAK}: {}\n`, "line 3 has a key that is there before"],
  ])("%s: %j is told in words of its own, by every command", async (_tag, content, expected) => {
    const path = await listFile(content);
    const commands = [
      ["check"],
      ["get", "URI:CHK:aaaaaaaaaaaaaaaaaaaaaaaaaa:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1:1:56"],
      ["grid-config"],
      ["proxy-config", "--origin", "https://app.example", "--folder", join(folder, "nginx")],
      ["relay", "--origin", "https://app.example"],
    ];
    for (const command of commands) {
      const { status, stderr } = await runGridfetch([...command, "--servers", path]);
      expect([command[0], status]).toEqual([command[0], 1]);
      expect(stderr).toContain(`The server list ${path} cannot be used: ${expected}`);
      expect(stderr).not.toContain("..");
    }
  });

  it("LIST-21: a folder is told as one", async () => {
    const { status, stderr } = await runGridfetch(["check", "--servers", folder]);
    expect(status).toBe(1);
    expect(stderr).toContain("it is a folder. Name the list in it");
  });

  it.each([JSON.stringify(heard([OAK, oak])), JSON.stringify({ storage: {} }), "storage: {}"])(
    "LIST-28: %s in the place of a grid configuration is told as one",
    async (content) => {
      const { status, stderr } = await runGridfetch(["check", "--config", await listFile(content)]);
      expect(status).toBe(1);
      expect(stderr).toMatch(/^The grid configuration cannot be used: .* --servers\.\n$/);
    },
  );

  it("is read from stdin, once", async () => {
    const { stdout } = await runGridfetch(["grid-config", "--servers", "-"], JSON.stringify(heard([OAK, oak])));
    expect(JSON.parse(`${stdout}`).servers).toMatchObject([{ id: OAK }]);
    for (const twice of [
      ["get", "-", "--servers", "-"],
      ["grid-config", "--servers", "-", "--servers", "-"],
    ]) {
      expect(await runGridfetch(twice)).toMatchObject({ status: 2, stderr: expect.stringContaining("stdin can be") });
    }
  });

  it("may be NURLs, one a line: those of one key are one server", async () => {
    const other = `pb://${TLS_ID.replace("1W", "2W")}@elm.example:4002/${SWISSNUM}#v=1`;
    const more = NURL.replace("oak.", "lan.");
    const { servers, told } = await gridConfig(`# ours\n${NURL}\n\n${other}\n${more}\n${FURL}\n`);
    expect(servers.map(({ id, addresses }) => [id, addresses.length])).toEqual([
      [TLS_ID, 2],
      [TLS_ID.replace("1W", "2W"), 1],
    ]);
    expect(told).toContain("Server line 6 is left out: a FURL is given");
    expect(told).not.toContain(SWISSNUM);
  });
});

describe("with servers", () => {
  let grid: DevelopmentGrid;
  let home = "";
  let list: { storage: Record<string, { ann: { nickname: string; "anonymous-storage-NURLs": string[] } }> };
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "gridfetch-lists-grid-"));
    grid = await startDevelopmentGrid({ folder: home, servers: 3, https: true });
    list = JSON.parse(await readFile(grid.serversFile, "utf8"));
  });
  afterAll(async () => {
    await grid.close();
    await rm(home, { recursive: true });
  });

  it("puts, gets and checks by the next address where the first is dead", async () => {
    const changed = structuredClone(list);
    for (const { ann } of Object.values(changed.storage)) {
      const [nurl = ""] = ann["anonymous-storage-NURLs"];
      ann["anonymous-storage-NURLs"] = [nurl.replace(/@.*\//, "@127.0.0.1:1/"), nurl];
    }
    const servers = ["--servers", await listFile(changed)];
    const file = join(folder, "file");
    await writeFile(file, "x".repeat(5_000));
    const put = await runGridfetch(["put", file, ...servers, "--k", "2", "--n", "3"]);
    expect([put.status, put.stderr]).toEqual([0, "3 shares are on 3 servers.\n"]);
    const got = await runGridfetch(["get", `${put.stdout}`.trim(), ...servers]);
    expect([got.status, `${got.stdout}`]).toEqual([0, "x".repeat(5_000)]);
    const check = await runGridfetch(["check", ...servers]);
    expect(`${check.stdout}`).toContain("3 of 3 servers can be used");
  });

  it("LIST-27: nginx gets one place for a key, and the address of the server that has it", async () => {
    const [id = "", { ann }] = Object.entries(list.storage)[0]!;
    const [nurl = ""] = ann["anonymous-storage-NURLs"];
    const nginx = join(folder, "nginx");
    const run = async (rogue: string) => {
      const path = await listFile({
        storage: { rogue: { ann: { "anonymous-storage-NURLs": [rogue] } }, [id]: { ann } },
      });
      const args = ["proxy-config", "--servers", path, "--origin", "https://app.example", "--folder", nginx];
      const { status, stderr } = await runGridfetch(args);
      expect(status).toBe(0);
      expect((await readFile(join(nginx, "locations.conf"), "utf8")).match(/^location .*/gm)).toHaveLength(1);
      expect(await readFile(join(nginx, "http.conf"), "utf8")).not.toContain("127.0.0.1:1 ");
      return stderr;
    };
    const told = await run(nurl);
    expect(told).not.toContain("Server rogue is left out");
    expect(told).toContain(`Server ${ann.nickname} is left out: its TLS key is that of rogue`);
    // The certificate is there from before now, and this one cannot show it.
    expect(await run(nurl.replace(/@.*\//, "@127.0.0.1:1/"))).toContain(
      "Server rogue is left out: its TLS key is that of",
    );
  });

  it("shows control characters and those that turn text around, and sends none to a terminal", async () => {
    const nasty = "a\x1b]0;title\x07\x1b[31mred\nsecond\x9b2J line \u202egpj";
    const changed = structuredClone(list);
    for (const { ann } of Object.values(changed.storage)) ann.nickname = nasty;
    changed.storage["v0-none\u202e\x1b"] = { ann: { nickname: "", "anonymous-storage-NURLs": [] } };
    const path = await listFile(changed);
    const config = join(folder, "grid.json");
    await writeFile(
      config,
      JSON.stringify({ servers: (await configured()).map((one) => ({ ...one, nickname: nasty })) }),
    );
    const cap = "URI:CHK:aaaaaaaaaaaaaaaaaaaaaaaaaa:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1:1:56";
    const commands = [
      ["check", "--servers", path],
      ["check", "--servers", path, "--json"],
      ["check", "--config", config],
      ["check", "--config", config, "--json"],
      ["get", cap, "--servers", path],
      ["get", cap, "--config", config],
      ["grid-config", "--servers", path],
      ["proxy-config", "--servers", path, "--origin", "https://app.example", "--folder", join(folder, "nginx")],
      ["proxy-config", "--servers", path, "--origin", "https://app.example", "--folder", join(folder, "nginx\u202e")],
      ["check", "--servers", join(folder, "none\x1b[31m\u202e")],
      ["bad\x1b[31m\u202e"],
    ];
    for (const command of commands) {
      const { stdout, stderr } = await runGridfetch(command);
      const text = `${stdout}${stderr}`;
      expect([command[0], visibleLines(text)]).toEqual([command[0], text]);
      expect(text).toContain("<U+202E>");
    }
    const { stdout } = await runGridfetch(["grid-config", "--servers", path]);
    expect(JSON.parse(`${stdout}`).servers[0].nickname).toBe(visibleText(nasty));
  });

  const configured = async () => JSON.parse(await readFile(grid.configFile, "utf8")).servers as object[];
});

describe("an old server", () => {
  it("LIST-22: check and proxy-config say that it speaks Foolscap only, and are not kept waiting", async () => {
    const old = await FoolscapPort.open();
    onTestFinished(() => old.close());
    const path = await listFile(`pb://${TLS_ID}@127.0.0.1:${old.port}/${SWISSNUM}#v=1`);
    const { stdout } = await runGridfetch(["check", "--servers", path]);
    expect(`${stdout}`).toMatch(/FAILS {2}not-a-storage-server .*\n.*Foolscap only, as Tahoe-LAFS before 1\.19/);
    const nginx = ["proxy-config", "--origin", "https://app.example", "--folder", join(folder, "nginx")];
    expect((await runGridfetch([...nginx, "--servers", path])).stderr).toContain("Foolscap only");
  });

  it("a newer server does not answer in the clear", async () => {
    const newer = createServer((socket) => socket.once("data", () => socket.end())).listen(0, "127.0.0.1");
    onTestFinished(() => void newer.close());
    await once(newer, "listening");
    const { port } = newer.address() as AddressInfo;
    expect(await answersPlainly({ host: "127.0.0.1", port }, new AbortController().signal)).toBe(false);
  });

  it("LIST-23: what answers a NURL without TLS is no storage server", async () => {
    const plain = createServer((socket) =>
      socket.on("error", () => undefined).end("220 mail.example ESMTP\r\n"),
    ).listen(0, "127.0.0.1");
    onTestFinished(() => void plain.close());
    await once(plain, "listening");
    const { port } = plain.address() as AddressInfo;
    const { stdout } = await runGridfetch([
      "check",
      "--servers",
      await listFile(NURL.replace("oak.example:4001", `127.0.0.1:${port}`)),
    ]);
    expect(`${stdout}`).toContain("FAILS  not-a-storage-server");
    expect(`${stdout}`).toContain("it does not speak TLS");
  });

  it.each<[string, (port: number) => number, string]>([
    [
      "LIST-24",
      (port) => port,
      "Server old oak is left out: it speaks no TLS: Foolscap only, as Tahoe-LAFS before 1.19 does, or one with force_foolscap.",
    ],
    [
      "LIST-25",
      () => 1,
      "Server old oak is left out: no list has its NURL, and it cannot be asked at 127.0.0.1:1 whether it speaks HTTP (ECONNREFUSED).",
    ],
  ])("%s: its folder gives no NURL", async (_tag, place, expected) => {
    const old = await FoolscapPort.open();
    onTestFinished(() => old.close());
    const node = await nodeFolder(place(old.port));
    const { status, stdout, stderr } = await runGridfetch(["grid-config", "--node", node.folder]);
    expect([status, `${stdout}`]).toEqual([1, ""]);
    expect(stderr).toContain(expected);
    // A list that has its NURL is believed.
    const nurl = `pb://${node.tlsId}@127.0.0.1:9/${SWISSNUM}#v=1`;
    await writeFile(
      join(node.folder, "private/introducer_default_cache.yaml"),
      JSON.stringify(heard([OAK, { "anonymous-storage-NURLs": [nurl] }])),
    );
    const listed = await runGridfetch(["grid-config", "--node", node.folder]);
    expect(JSON.parse(`${listed.stdout}`).servers).toMatchObject([
      { id: OAK, nickname: "old oak", addresses: [{ nurl: nurl.replace(SWISSNUM, "") }] },
    ]);
  });

  it("LIST-26: a node's own folder tells whose a TLS key is", async () => {
    const node = await nodeFolder(1);
    const nurl = (host: string) => `pb://${node.tlsId}@${host}:9/${SWISSNUM}#v=1`;
    const list = heard(
      [ELM, { nickname: "elm", "anonymous-storage-NURLs": [nurl("rogue.example")] }],
      [OAK, { "anonymous-storage-NURLs": [nurl("oak.example")] }],
    );
    const { servers, told } = await gridConfig(list, "--node", node.folder);
    expect(servers).toMatchObject([{ id: OAK, addresses: [{ nurl: expect.stringContaining("@oak.example:9/") }] }]);
    expect(told).toContain(
      "Server elm is left out: its NURL names the TLS key of old oak, whose node directory has it.",
    );
    // A static list may call it by any name.
    const named = { storage: { mine: { ann: { "anonymous-storage-NURLs": [nurl("oak.example")] } } } };
    expect((await gridConfig(named, "--node", node.folder)).servers).toMatchObject([
      { id: "mine", nickname: "old oak", "permutation-seed-base32": SEED },
    ]);
  });

  async function nodeFolder(port: number) {
    const node = join(folder, "node");
    await mkdir(join(node, "private"), { recursive: true });
    const { key, cert } = await newTlsIdentity();
    const files = {
      "node.pubkey": `pub-${OAK}\n`,
      "permutation-seed": `${SEED}\n`,
      "tahoe.cfg": "[node]\nnickname = old oak\n",
      "private/storage.furl": `pb://eydgnbjacfbv27ofy6iw6qo2eo6b6rmm@tcp:127.0.0.1:1,tcp:127.0.0.1:${port}/${SWISSNUM}\n`,
      "private/node.pem": `${key}${cert}`,
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(node, name), text);
    return { folder: node, tlsId: tlsIdOf(new X509Certificate(cert)) };
  }
});
