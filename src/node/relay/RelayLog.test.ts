import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { relayLog } from "./RelayLog.ts";

it("writes a line of JSON for each event, and nothing that acts on a terminal", () => {
  const output = new PassThrough();
  relayLog(output)("open", { address: "192.0.2.1\x9b2J\u202e\n" });
  const line = `${output.read()}`;
  expect(JSON.parse(line)).toMatchObject({ event: "open", address: "192.0.2.1<U+009B>2J<U+202E>\n" });
  expect(line.match(/\n/g)).toHaveLength(1);
});
