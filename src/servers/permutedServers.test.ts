import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { encodeBase32 } from "../formats/base32.ts";
import { permutationSeedOf } from "./permutedServers.ts";
import type { Server } from "./Server.ts";
import { StaticServerList } from "./StaticServerList.ts";

const server = (id: string): Server => ({
  id,
  name: id,
  permutationSeed: permutationSeedOf(id),
  storage: {} as Server["storage"],
  mutableStorage: {} as Server["storage"],
});
const key = Uint8Array.from({ length: 32 }, (_, i) => 7 * i + 1);

it("takes the announced seed, else the key in the id, else a hash of the id", () => {
  const id = `v0-${encodeBase32(key)}`;
  expect([...permutationSeedOf(id, "aaaq")]).toEqual([0, 1]);
  expect(permutationSeedOf(id)).toEqual(key);
  expect([...permutationSeedOf("oak")]).toEqual([...createHash("sha256").update("oak").digest()]);
  // One character short of a key, and a key in upper case: both are just names.
  for (const name of [id.slice(0, -1), id.toUpperCase()]) {
    expect([...permutationSeedOf(name)]).toEqual([...createHash("sha256").update(name).digest()]);
  }
});

it("B-01: orders servers by SHA-1 of storage index and seed, differently for each file", () => {
  const servers = Array.from({ length: 20 }, (_, i) => server(`s${i}`));
  const list = new StaticServerList(servers);
  const orders = [1, 2].map((file) => {
    const storageIndex = new Uint8Array(16).fill(file);
    const place = (one: Server) => createHash("sha1").update(storageIndex).update(one.permutationSeed).digest("hex");
    const expected = [...servers].sort((a, b) => (place(a) < place(b) ? -1 : 1)).map(({ id }) => id);
    expect(list.inOrderFor(storageIndex).map(({ id }) => id)).toEqual(expected);
    return expected.join();
  });
  expect(orders[0]).not.toBe(orders[1]);
  expect(list.known()).toEqual(servers);
});
