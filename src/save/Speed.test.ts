import { expect, it } from "vitest";
import { Speed } from "./Speed.ts";

it("is that of the last ten seconds", () => {
  const speed = new Speed();
  expect(speed.at(0, 500)).toBeUndefined();
  expect(speed.at(1_000, 1_500)).toBe(1_000);
  expect(speed.at(5_000, 1_500)).toBe(200);
  // What was at the start counts no more.
  expect(speed.at(14_000, 10_500)).toBe(1_000);
  expect(speed.at(40_000, 10_500)).toBeUndefined();
});
