import { describe, expect, it } from "vitest";
import { isPublicAddress, lookUpPublic } from "./lookUpPublic.ts";

describe("addresses", () => {
  it.each([
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:c0a8:101",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::10.0.0.1",
    "2002:7f00:1::",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
  ])("%s is not public", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each([
    "9.9.9.9",
    "100.63.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "192.167.1.1",
    "2001:db8::1",
    "2a00::1",
    "64:ff9b::9.9.9.9",
  ])("%s is public", (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
});

describe("names", () => {
  it("that lead to public and to private addresses lead to the public ones", async () => {
    const found = await lookUpPublic("oak.example", async () => ["10.0.0.1", "9.9.9.9", "::1", "2a00::1"]);
    expect(found).toEqual(["9.9.9.9", "2a00::1"]);
  });

  it("that lead to private addresses alone are refused, with what to do", async () => {
    const found = lookUpPublic("oak.example", async () => ["10.0.0.1", "::1"]);
    await expect(found).rejects.toMatchObject({
      code: "PRIVATE_ADDRESS",
      message: expect.stringMatching(/^oak\.example \(10\.0\.0\.1\) is a private.*--allow-private/),
    });
  });
});
