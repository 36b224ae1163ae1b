import { createHmac } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { keyedHash } from "./keyedHash.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

it("is RFC 4231's second test case", () => {
  const digest = keyedHash(Buffer.from("Jefe"), Buffer.from("what do ya want for nothing?"));
  expect(hex(digest)).toBe("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
});

it("is what Node computes, for every key and message", () => {
  const keys = fc.uint8Array({ maxLength: 64 });
  fc.assert(
    fc.property(keys, fc.uint8Array({ maxLength: 400 }), (key, message) => {
      expect(hex(keyedHash(key, message))).toBe(createHmac("sha256", key).update(message).digest("hex"));
    }),
    { numRuns: 300 },
  );
});
