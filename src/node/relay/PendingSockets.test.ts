import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { PendingSockets } from "./PendingSockets.ts";

it("does not hold a socket that has ended: nothing would tell when it goes", async () => {
  const pending = new PendingSockets(1, 1, 60_000);
  const socket = new PassThrough();
  expect(pending.hold(socket, "192.0.2.1")).toBe(true);
  socket.destroy();
  await new Promise((resolve) => socket.once("close", resolve));
  expect(pending.size).toBe(0);
  expect(pending.refuse(socket, "192.0.2.1")).toBe(false);
  expect(pending.size).toBe(0);
});
