import { expect, it } from "vitest";
import { defaultLimits } from "../base/limits.ts";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import { HealthBook } from "./HealthBook.ts";
import type { Server } from "./Server.ts";

const named = (name: string) => ({ name }) as Server;

it("judges a server that nobody has asked by those that are in the list now", () => {
  const [slow, other, fast, newcomer] = [named("slow"), named("other"), named("fast"), named("newcomer")];
  let list: readonly Server[] = [slow, other, fast, newcomer];
  const health = new HealthBook(new VirtualClock(), defaultLimits, { known: () => list });
  health.of(slow).sawLatency(8_000);
  health.of(other).sawLatency(8_000);
  health.of(fast).sawLatency(20);
  expect(health.expected(newcomer, 0)).toBe(8_000);
  list = [fast, newcomer];
  expect(health.expected(newcomer, 0)).toBe(20);
});
