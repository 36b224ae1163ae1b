import { expect, test } from "vitest";
import { zfec } from "./index.ts";

test("the example in the package's documentation", () => {
  const code = { needed: 2, total: 4 };
  const primaries = [Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5, 6)];
  const [third, fourth] = zfec.encode(code, primaries, [2, 3]) as [Uint8Array, Uint8Array];
  const out = new Uint8Array(6);
  zfec.decode(
    code,
    new Map([
      [2, third],
      [3, fourth],
    ]),
    out,
  );
  expect(out).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 6));
});
