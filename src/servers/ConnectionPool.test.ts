import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../files/testing/VirtualClock.ts";
import { StreamFailure } from "./ByteStream.ts";
import { ConnectionPool } from "./ConnectionPool.ts";
import { HttpConnection } from "./HttpConnection.ts";
import { memoryStreams } from "./testing/memoryStreams.ts";

const never = new AbortController().signal;
const refused = new StreamFailure("relay-busy", "too many connections");

interface Opening {
  readonly signal: AbortSignal;
  succeed(): HttpConnection;
  fail(): void;
}

/** A pool whose connections come about when the test says so. */
function start({ mayOpenAhead = false } = {}) {
  const clock = new VirtualClock();
  const openings: Opening[] = [];
  const opened = new Set<HttpConnection>();
  const open = (signal: AbortSignal): Promise<HttpConnection> =>
    new Promise((resolve, reject) => {
      // As a stream that was closed in the middle of the handshake.
      const leave = (): void => settle(() => reject(new StreamFailure("broke-off", "the connection was closed")));
      const settle = (how: () => void): void => {
        const index = openings.indexOf(opening);
        if (index >= 0) openings.splice(index, 1);
        how();
      };
      const opening: Opening = {
        signal,
        succeed() {
          const connection = new HttpConnection(memoryStreams()[0]);
          opened.add(connection);
          settle(() => resolve(connection));
          return connection;
        },
        fail: () => settle(() => reject(refused)),
      };
      signal.addEventListener("abort", leave);
      openings.push(opening);
    });
  const pool = new ConnectionPool({ open, mayOpenAhead }, clock);
  /** A connection that somebody has, no other being there. */
  const hold = async (): Promise<HttpConnection> => {
    const taken = pool.take(never);
    openings[0]!.succeed();
    return taken;
  };
  return { pool, openings, opened, clock, hold };
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("whoever needs a connection", () => {
  it("gets one that another is done with, where that is sooner than a new one", async () => {
    const { pool, openings } = start();
    const first = pool.take(never);
    const connection = openings[0]!.succeed();
    expect(await first).toBe(connection);
    const second = pool.take(never);
    expect(openings).toHaveLength(1);
    pool.give(connection);
    expect(await second).toBe(connection);
  });

  it("gets a new one, where that is sooner", async () => {
    const { pool, openings } = start();
    const [first, second] = [pool.take(never), pool.take(never)];
    const [a, b] = [...openings].map((opening) => opening.succeed());
    expect([await first, await second]).toEqual([a, b]);
  });

  it("finds the new one that was not needed, still opening or idle, and opens no other", async () => {
    const { pool, openings, hold } = start();
    const connection = await hold();
    const second = pool.take(never);
    pool.give(connection);
    await second;
    const third = pool.take(never);
    expect(openings).toHaveLength(1);
    const spare = openings[0]!.succeed();
    expect(await third).toBe(spare);
    pool.give(spare);
    expect(await pool.take(never)).toBe(spare);
    expect(openings).toHaveLength(0);
  });

  it("does not fail with an opening that another has left, while one of its own is under way", async () => {
    const { pool, openings, hold } = start();
    const connection = await hold();
    const [second, third] = [pool.take(never), pool.take(never)];
    pool.give(connection);
    await second;
    openings[0]!.fail();
    await turn();
    const fresh = openings[0]!.succeed();
    expect(await third).toBe(fresh);
  });

  it("is told why there is none, each by the failure of one opening", async () => {
    const { pool, openings } = start();
    const asked = [pool.take(never), pool.take(never)];
    openings[1]!.fail();
    await expect(asked[0]).rejects.toBe(refused);
    const connection = openings[0]!.succeed();
    expect(await asked[1]).toBe(connection);
  });

  it("never gets one that is of no more use", async () => {
    const { pool, openings, hold } = start();
    const connection = await hold();
    const second = pool.take(never);
    connection.close();
    pool.give(connection);
    const fresh = openings[0]!.succeed();
    expect(await second).toBe(fresh);
  });
});

describe("an opening", () => {
  it("ends with the last who waits, and before that with nobody's leaving", async () => {
    const { pool, openings } = start();
    const reason = new Error("enough");
    const [hung, leaving] = [new AbortController(), new AbortController()];
    const left = [pool.take(hung.signal), pool.take(leaving.signal)];
    const [first, second] = openings;
    hung.abort(reason);
    await expect(left[0]).rejects.toBe(reason);
    // Which of them will succeed is not known.
    expect([first!.signal.aborted, second!.signal.aborted]).toEqual([false, false]);
    leaving.abort(reason);
    await expect(left[1]).rejects.toBe(reason);
    expect([first!.signal.aborted, second!.signal.aborted]).toEqual([true, true]);
    await expect(pool.take(AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(openings).toHaveLength(0);
  });

  it("fails for whom it takes too long, with that reason", async () => {
    const { pool, clock } = start();
    const taken = expect(pool.take(never)).rejects.toMatchObject({ why: "server-away" });
    await clock.run(30_000);
    await taken;
  });

  it("that nobody waits for any more ends by itself", async () => {
    const { pool, openings, clock, hold } = start();
    const connection = await hold();
    const second = pool.take(never);
    pool.give(connection);
    await second;
    expect(openings).toHaveLength(1);
    await clock.run(30_000);
    expect(openings).toHaveLength(0);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("where one may be opened ahead", () => {
  it("whoever takes the last that is there has another opened, for the next", async () => {
    const { pool, openings, hold } = start({ mayOpenAhead: true });
    const connection = await hold();
    expect(openings).toHaveLength(1);
    const spare = openings[0]!.succeed();
    await turn();
    expect(openings).toHaveLength(0);
    expect(await pool.take(never)).toBe(spare);
    expect(openings).toHaveLength(1);
    pool.give(connection);
    pool.give(spare);
    expect(await pool.take(never)).toBe(spare);
    expect(openings).toHaveLength(1);
  });

  it("an opening outlasts the last who waited: the next finds it", async () => {
    const { pool, openings } = start({ mayOpenAhead: true });
    const leaving = [new AbortController(), new AbortController()];
    const left = leaving.map(({ signal }) => pool.take(signal));
    for (const controller of leaving) controller.abort(new Error("enough"));
    await Promise.allSettled(left);
    expect(openings).toHaveLength(1);
    const next = pool.take(never);
    const connection = openings[0]!.succeed();
    expect(await next).toBe(connection);
  });

  it("one that hangs is not what the next gets: nobody waits for it after three seconds", async () => {
    const { pool, openings, clock } = start({ mayOpenAhead: true });
    const leaving = new AbortController();
    const left = pool.take(leaving.signal);
    await clock.run(2_000);
    leaving.abort(new Error("enough"));
    await expect(left).rejects.toThrow("enough");
    expect(openings).toHaveLength(1);
    await clock.run(1_000);
    expect([openings.length, clock.pendingTimers]).toEqual([0, 0]);
    const next = pool.take(never);
    await clock.run(10_000);
    // It is waited for.
    const connection = openings[0]!.succeed();
    expect(await next).toBe(connection);
  });

  it("one that was waited for too long goes with who waited, or gets another", async () => {
    const { pool, openings, clock, hold } = start({ mayOpenAhead: true });
    const leaving = new AbortController();
    const left = pool.take(leaving.signal);
    await clock.run(15_000);
    leaving.abort(new Error("enough"));
    await expect(left).rejects.toThrow("enough");
    expect(openings).toHaveLength(0);
    const held = await hold();
    const second = pool.take(never);
    await clock.run(5_000);
    pool.give(held);
    expect(await second).toBe(held);
    await clock.run(3_000);
    expect(openings).toHaveLength(0);
  });

  it("none that idles stays longer than a minute", async () => {
    const { pool, openings, clock, hold } = start({ mayOpenAhead: true });
    const connection = await hold();
    const spare = openings[0]!.succeed();
    await turn();
    pool.give(connection);
    await clock.run(60_000);
    expect([connection.isUsable, spare.isUsable]).toEqual([false, false]);
    expect([openings.length, clock.pendingTimers]).toEqual([0, 0]);
  });
});

it.each([false, true])(
  "serves everybody, each a connection to itself, and opens no more than are needed at once, in any history, ahead of need: %s",
  async (mayOpenAhead) => {
    type Step = { readonly what: "take" | "leave" | "give" | "spoil" | "open" | "refuse"; readonly which: number };
    const steps = fc.array(
      fc.record({
        what: fc.constantFrom<Step["what"][]>(
          "take",
          "take",
          "leave",
          "give",
          "give",
          "spoil",
          "open",
          "open",
          "refuse",
        ),
        which: fc.nat(20),
      }),
      { maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (history) => {
        const { pool, openings, opened, clock } = start({ mayOpenAhead });
        const waiting = new Set<AbortController>();
        const held: HttpConnection[] = [];
        let most = 0;
        const takeOne = (): void => {
          const leaving = new AbortController();
          waiting.add(leaving);
          const done = pool.take(leaving.signal).then(
            (connection) => {
              expect(connection.isUsable).toBe(true);
              expect(held).not.toContain(connection);
              held.push(connection);
            },
            (error: unknown) => expect([refused, leaving.signal.reason]).toContain(error),
          );
          void done.finally(() => waiting.delete(leaving));
          most = Math.max(most, waiting.size + held.length);
        };
        const give = (which: number, isSpoilt: boolean): void => {
          const [connection] = held.splice(which % Math.max(1, held.length), 1);
          if (connection === undefined) return;
          if (isSpoilt) connection.close();
          pool.give(connection);
        };
        for (const { what, which } of history) {
          if (what === "take") takeOne();
          if (what === "leave") [...waiting][which % Math.max(1, waiting.size)]?.abort(new Error("left"));
          if (what === "give" || what === "spoil") give(which, what === "spoil");
          if (what === "open") openings[which % Math.max(1, openings.length)]?.succeed();
          if (what === "refuse") openings[which % Math.max(1, openings.length)]?.fail();
          await turn();
          const open = [...opened].filter(({ isUsable }) => isUsable).length;
          expect(openings.length).toBeGreaterThanOrEqual(waiting.size);
          expect(open + openings.length).toBeLessThanOrEqual(most + (mayOpenAhead ? 1 : 0));
          // Nobody waits while a connection idles.
          if (waiting.size > 0) expect(open).toBe(held.length);
        }
        while (waiting.size > 0) {
          openings[0]!.succeed();
          await turn();
        }
        for (const connection of held) connection.close();
        await clock.run(60_000);
        expect([openings.length, clock.pendingTimers]).toEqual([0, 0]);
      }),
    );
  },
);
