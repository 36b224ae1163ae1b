import { expect, it } from "vitest";
import { ConnectionLimits, holderOf } from "./ConnectionLimits.ts";

it.each([
  ["192.0.2.7", "192.0.2.7"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:db8:1:2::6", "2001:db8:1:2::/64"],
  ["2001:0DB8:0001:0002:0:0:0:1", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["::", "0:0:0:0::/64"],
  ["64:ff9b::192.0.2.7", "64:ff9b:0:0::/64"],
  ["fe80::1:2:3:4%eth0", "fe80:0:0:0::/64"],
  ["unknown", "unknown"],
  ["", ""],
])("%j is counted with %j", (address, holder) => {
  expect(holderOf(address)).toBe(holder);
});

/** How many an address gets, one after the other. */
function taken(limits: ConnectionLimits, address: string): number {
  for (let count = 0; ; count++) if (typeof limits.enter(address) === "string") return count;
}

it("no address gets more than it leaves to others, so that there is a place for the next", () => {
  const limits = new ConnectionLimits(100, 100);
  const addresses = Array.from({ length: 6 }, (_, index) => `192.0.2.${index}`);
  expect(addresses.map((address) => taken(limits, address))).toEqual([50, 25, 13, 6, 3, 2]);
});

it("an address gets as many as are allowed where there are enough, its whole IPv6 network too", () => {
  const limits = new ConnectionLimits(1000, 20);
  expect(taken(limits, "2001:db8::1")).toBe(20);
  expect(taken(limits, "2001:db8::2")).toBe(0);
  expect(taken(limits, "2001:db8:0:1::1")).toBe(20);
});
