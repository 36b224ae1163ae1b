import { expect, test } from "vitest";
import { utf8 } from "../base/bytes.ts";
import { childCapKeyOf, dataKeyOf, fingerprintOf, mutableStorageIndexOf, readKeyOf } from "./mutableKeys.ts";

// What Tahoe-LAFS 1.20.0 makes of the same keys.
const writeKey = Uint8Array.from({ length: 16 }, (_, i) => i);
const readKey = "cadaf6f34ba7ee41b9b4bf76a8f34793";

test("a write key leads to its read key, and that to the storage index", () => {
  expect(hex(readKeyOf(writeKey))).toBe(readKey);
  expect(hex(mutableStorageIndexOf(bytes(readKey)))).toBe("05d82de538db1406e16fc5ff4d6690a3");
});

test("a public key has its fingerprint", () => {
  expect(hex(fingerprintOf(utf8("pubkey")))).toBe("4f2ce430cc986bc7eee86471e5ba6f5a402606dad61a2b8197bfb87169ddbb6c");
});

test("salts make keys for data and for children's caps", () => {
  expect(hex(dataKeyOf(new Uint8Array(16).fill(1), bytes(readKey)))).toBe("733459a1624cbbeeea8626a7b3462a13");
  expect(hex(childCapKeyOf(new Uint8Array(16).fill(2), writeKey))).toBe("09368c172547ecb4b6a10ed912dcb8a6");
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}
