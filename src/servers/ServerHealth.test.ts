import { expect, it } from "vitest";
import { defaultLimits } from "../base/limits.ts";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import { ServerHealth } from "./ServerHealth.ts";

const { secondChance } = defaultLimits;

it("failures of one moment, and those before the next chance, put a server off once", async () => {
  const clock = new VirtualClock();
  const health = new ServerHealth(clock, defaultLimits);
  for (let i = 0; i < 7; i++) health.failed();
  await clock.run(secondChance - 1);
  expect(health.isOnProbation).toBe(true);
  await clock.run(1);
  expect(health.isOnProbation).toBe(false);
});

it("each chance that is missed doubles the wait, and a success ends it", async () => {
  const clock = new VirtualClock();
  const health = new ServerHealth(clock, defaultLimits);
  for (const wait of [1, 2, 4, 8, 16, 32, 64, 64]) {
    health.failed();
    await clock.run(wait * secondChance - 1);
    expect(health.isOnProbation).toBe(true);
    await clock.run(1);
    expect(health.isOnProbation).toBe(false);
  }
  health.failed();
  health.succeeded();
  expect(health.isOnProbation).toBe(false);
  health.failed();
  await clock.run(secondChance);
  expect(health.isOnProbation).toBe(false);
});

it("a body that comes in a burst does not pass for the server's steady speed", () => {
  const health = new ServerHealth(new VirtualClock(), defaultLimits);
  for (const ms of [100, 100, 0, 100]) health.sawThroughput(100_000, ms);
  expect(health.steadyBytesPerMs).toBeGreaterThan(1_000);
  expect(health.steadyBytesPerMs).toBeLessThan(2_000);
});
