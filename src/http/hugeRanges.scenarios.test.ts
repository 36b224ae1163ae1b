import { beforeEach, expect, it } from "vitest";
import { HugeFile } from "../files/testing/HugeFile.ts";
import { installSynchronousCrypto } from "../files/testing/installSynchronousCrypto.ts";
import { SimulatedGrid } from "../files/testing/SimulatedGrid.ts";
import { formatCap } from "../formats/formatCap.ts";
import { FailurePacer } from "./FailurePacer.ts";
import { handleGridRequest } from "./handleGridRequest.ts";

beforeEach(() => installSynchronousCrypto());

it.each([
  ["bytes=9007199254740980-", 9007199254740980, 11],
  ["bytes=-5", 9007199254740986, 5],
  ["bytes=4294967290-4294967299", 4294967290, 10],
  ["bytes=4503599627370490-4503599627370500", 4503599627370490, 11],
])("S9 Q-01 S-01 Range: %s of a real file of 2^53-1 bytes", async (range, offset, length) => {
  const grid = new SimulatedGrid(4);
  const file = new HugeFile(53, [2 ** 32, 2 ** 52]);
  file.serveOn(grid);
  const request = new Request(`https://app.example/uri/${formatCap(file.cap)}`, { headers: { Range: range } });
  const response = await grid.clock.runUntil(
    handleGridRequest(request, {
      base: new URL("https://app.example/"),
      open: (cap) => grid.nodes.open(cap),
      clock: grid.clock,
      failures: new FailurePacer(grid.clock),
      streaming: () => {},
    }),
  );
  expect(response.status).toBe(206);
  expect(response.headers.get("Content-Range")).toBe(`bytes ${offset}-${offset + length - 1}/${file.size}`);
  expect(response.headers.get("Content-Length")).toBe(String(length));
  const body = Buffer.from(await grid.clock.runUntil(response.arrayBuffer()));
  expect(body.equals(file.plaintext(offset, length))).toBe(true);
});
