import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { Duplex, PassThrough } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { expect, it, vi } from "vitest";
import type { WebSocket } from "ws";
import { RelayedConnection } from "./RelayedConnection.ts";
import { defaultRelayLimits } from "./relayLimits.ts";

/** A browser's side that takes nothing, and says what a test has it say. */
function browser() {
  const quiet = { pause() {}, resume() {}, send() {}, close() {}, terminate() {} };
  return Object.assign(new EventEmitter(), quiet) as unknown as WebSocket;
}

async function join(client: WebSocket, server: Duplex): Promise<void> {
  new RelayedConnection(client, async () => server as Socket, defaultRelayLimits);
  await pause(10);
}

it("bytes that come one by one wait at the server once there are many: each costs memory of its own", async () => {
  const client = browser();
  const server = new PassThrough({ highWaterMark: 100_000 });
  await join(client, server);
  server.write(Buffer.of(0));
  await pause(10);
  for (let byte = 0; byte < 1_000; byte++) server.write(Buffer.of(byte & 255));
  await pause(10);
  expect(server.readableLength).toBeGreaterThan(900);
  client.emit("close", 1000);
});

it("messages that were read together are one write, and empty ones none, before a server that takes nothing", async () => {
  const client = browser();
  const written: number[] = [];
  const server = new Duplex({ read() {}, write: (bytes: Buffer) => void written.push(bytes.length) });
  const write = vi.spyOn(server, "write");
  await join(client, server);
  for (let round = 0; round < 3; round++) {
    for (let message = 0; message < 5_000; message++) {
      client.emit("message", Buffer.of(message & 255), true);
      client.emit("message", Buffer.of(), true);
    }
    await pause(10);
  }
  // The next waits until the server has taken this one.
  expect([written, write.mock.calls.length]).toEqual([[5_000], 1]);
  client.emit("close", 1000);
});
