import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { stringify } from "yaml";
import { readServerList } from "./readServerList.ts";

const TLS_ID = "1WUX44xKjKdpGLohmFcBNuIRN-8rlv1Iij_7rQ34alg";
const SWISSNUM = "gwnh6mfqmxo3bvjncrvsbmwv2e";
let folder = "";
let path = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gridfetch-list-"));
  path = join(folder, "servers.yaml");
});

afterEach(() => rm(folder, { recursive: true }));

it("reads NURLs, a development grid's URLs, and says which entries cannot be used", async () => {
  await writeFile(
    path,
    `# As in private/servers.yaml
storage:
  v0-oak:
    ann:
      nickname: Oak
      permutation-seed-base32: aaaqeayeaudaocajbifqydiob4
      anonymous-storage-FURL: pb://x@tcp:127.0.0.1:1/${SWISSNUM}
      anonymous-storage-NURLs:
        - pb://${TLS_ID}@127.0.0.1:4001/${SWISSNUM}#v=1
  v0-elm:
    ann: { gridfetch-url: "http://127.0.0.1:4002/" }
  v0-ash:
    ann: { nickname: Ash, anonymous-storage-FURL: "pb://x@tcp:127.0.0.1:1/${SWISSNUM}" }
  v0-fir:
    ann: { nickname: Fir, anonymous-storage-NURLs: ["pb://nonsense/${SWISSNUM}"] }
  v0-yew:
`,
  );
  const { servers, unusable } = await readServerList(path);
  expect(servers.map(({ server: { id, name }, swissnum }) => [id, name, swissnum])).toEqual([
    ["v0-oak", "Oak", SWISSNUM],
    ["v0-elm", "v0-elm", undefined],
  ]);
  expect(servers[0]?.server.permutationSeed).toHaveLength(16);
  expect(unusable.map(({ name }) => name)).toEqual(["Ash", "Fir", "v0-yew"]);
  expect(unusable[0]?.reason).toContain("FURL only");
  expect(unusable[1]?.reason).toContain("must have the form");
  expect(JSON.stringify(unusable)).not.toContain(SWISSNUM);
});

it("reads what a client has heard from an introducer", async () => {
  const nurl = `pb://${TLS_ID}@127.0.0.1:4001/${SWISSNUM}#v=1`;
  const ann = {
    nickname: "Oak",
    "anonymous-storage-NURLs": [nurl],
    "permutation-seed-base32": "aaaqeayeaudaocajbifqydiob4",
  };
  await writeFile(path, stringify([{ ann, key_s: "v0-oak" }]));
  const { servers } = await readServerList(path);
  expect(servers.map(({ server: { id, name }, swissnum }) => [id, name, swissnum])).toEqual([
    ["v0-oak", "Oak", SWISSNUM],
  ]);
});

it("reads the same as JSON", async () => {
  const entry = { ann: { "gridfetch-url": "http://127.0.0.1:4002/", nickname: "Elm" } };
  await writeFile(path, JSON.stringify({ storage: { "v0-elm": entry } }));
  expect((await readServerList(path)).servers.map(({ server }) => server.name)).toEqual(["Elm"]);
});

it.each([
  ["storage: [", "neither YAML nor JSON"],
  ["introducers: {}", '"storage"'],
  ["storage: []", '"storage"'],
  ["[{ ann: {} }]", "no key_s"],
  [`storage: { v0-ash: { ann: { anonymous-storage-FURL: "pb://${SWISSNUM}" } } }`, "FURL only"],
  [`storage: { a: &a { ann: ${SWISSNUM} }, b: *c }`, "neither YAML nor JSON"],
])("refuses %s", async (text, reason) => {
  await writeFile(path, text);
  const error = await readServerList(path).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "BAD_CONFIG", message: expect.stringContaining(reason) });
  expect(String(error)).not.toContain(SWISSNUM);
});

it("names the file that is not there", async () => {
  await expect(readServerList(path)).rejects.toThrow(`The server list ${path} cannot be used: ENOENT`);
});
