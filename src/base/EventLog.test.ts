import { expect, it } from "vitest";
import { EventLog, type LogEvent } from "./EventLog.ts";

const clock = { now: () => 1_234, wallNow: () => 1_234, after: () => () => {} };

it("S5 hands every listener each event, with its time, level, scope and that scope's parent", () => {
  const log = new EventLog(clock);
  const heard: LogEvent[][] = [[], []];
  for (const events of heard) log.listen((event) => events.push(event));
  const node = log.scope("node");
  const read = node.child("read");
  read.log("info", "start", () => ({ offset: 5 }));
  node.log("warn", "odd");
  const expected = [
    { at: 1_234, level: "info", scope: read.id, parent: node.id, kind: "read.start", fields: { offset: 5 } },
    { at: 1_234, level: "warn", scope: node.id, parent: undefined, kind: "node.odd", fields: {} },
  ];
  expect(heard).toEqual([expected, expected]);
  expect(read.id).not.toBe(node.id);
});

it("S5 is cheap when nobody listens: no field is worked out, and nobody who came later hears of it", () => {
  const log = new EventLog(clock);
  const scope = log.scope("node");
  let worked = 0;
  const fields = (): Record<string, number> => ({ worked: ++worked });
  scope.log("info", "before", fields);
  const kinds: string[] = [];
  const stop = log.listen(({ kind }) => kinds.push(kind));
  scope.log("info", "meanwhile", fields);
  stop();
  stop();
  scope.log("info", "after", fields);
  expect(kinds).toEqual(["node.meanwhile"]);
  expect(worked).toBe(1);
});
