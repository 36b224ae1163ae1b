import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { openDB } from "idb";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { systemClock } from "../base/Clock.ts";
import { storeNoKeys } from "../database/testing/storeNoKeys.ts";
import { ConfigStore } from "./ConfigStore.ts";

const SECRETS = { "v0-oak": "open-sesame" };
const opened: ConfigStore[] = [];
const open = (): ConfigStore => {
  const store = new ConfigStore(systemClock);
  opened.push(store);
  return store;
};

beforeEach(() => vi.stubGlobal("indexedDB", new IDBFactory()));
afterEach(() => {
  vi.restoreAllMocks();
  for (const store of opened.splice(0)) store.close();
  vi.unstubAllGlobals();
});

it("keeps what was passed over a restart, each kind by itself, until it is taken away", async () => {
  const store = open();
  expect(await store.load("secrets")).toBeUndefined();
  await store.save("secrets", SECRETS);
  await store.save("config", { servers: [] });
  store.close();
  const next = open();
  expect(await next.load("secrets")).toEqual(SECRETS);
  await next.save("secrets", undefined);
  expect(await next.load("secrets")).toBeUndefined();
  expect(await next.load("config")).toEqual({ servers: [] });
});

it("writes no secret as text, and a key that cannot be taken out", async () => {
  await open().save("secrets", SECRETS);
  const database = await openDB("gridfetch-grids");
  const sealed = await database.get("documents", "secrets");
  const key: CryptoKey = await database.get("keys", "key");
  database.close();
  expect(Buffer.from(sealed.ciphertext).includes("sesame")).toBe(false);
  expect(key.extractable).toBe(false);
  await expect(crypto.subtle.exportKey("raw", key)).rejects.toThrow();
});

it("never uses a nonce twice", async () => {
  const store = open();
  const nonces = new Set<string>();
  for (let i = 0; i < 3; i++) {
    await store.save("secrets", SECRETS);
    const database = await openDB("gridfetch-grids");
    nonces.add(String((await database.get("documents", "secrets")).nonce));
    database.close();
  }
  expect(nonces.size).toBe(3);
});

it("has nothing where the key is gone, or a record was put in another's place", async () => {
  const store = open();
  await store.save("secrets", SECRETS);
  const database = await openDB("gridfetch-grids");
  await database.put("documents", await database.get("documents", "secrets"), "config");
  expect(await store.load("config")).toBeUndefined();
  await database.clear("keys");
  database.close();
  expect(await store.load("secrets")).toBeUndefined();
});

it("makes one key where two workers begin at once", async () => {
  const [first, second] = [open(), open()];
  await Promise.all([first.save("secrets", SECRETS), second.save("config", { servers: [] })]);
  expect(await second.load("secrets")).toEqual(SECRETS);
  expect(await first.load("config")).toEqual({ servers: [] });
});

it("says so where there is no database", async () => {
  vi.stubGlobal("indexedDB", undefined);
  await expect(open().save("secrets", SECRETS)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
});

it("writes nothing where the browser stores no keys, and says why", async () => {
  storeNoKeys();
  await expect(open().save("secrets", SECRETS)).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
    message: expect.stringMatching(/stores no keys/),
  });
  // Whoever reads must learn that there may be something that nobody has kept.
  await expect(open().load("secrets")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
});

it("makes a key anew where the browser cannot read the old one any more", async () => {
  await open().save("secrets", SECRETS);
  const database = await openDB("gridfetch-grids");
  await database.put("keys", null, "key");
  database.close();
  expect(await open().load("secrets")).toBeUndefined();
  await open().save("secrets", SECRETS);
  expect(await open().load("secrets")).toEqual(SECRETS);
});
