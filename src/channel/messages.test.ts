import { expect, it } from "vitest";
import { toErrorRecord } from "../base/errorRecord.ts";
import { GridError } from "../base/GridError.ts";
import {
  announcement,
  failureReply,
  isAnnouncement,
  isMessage,
  isQuestion,
  isReply,
  misunderstoodReply,
  PROTOCOL,
  question,
  reply,
} from "./messages.ts";

const { oldest, newest } = PROTOCOL;
/** The message as a side that understands these versions would post it. */
const from = <T extends object>(gridfetch: { oldest: number; newest: number }, message: T) => ({
  ...message,
  gridfetch,
});

const STARTED = { type: "started", id: "1", url: undefined, delivered: 0, offset: 0, length: 9 } as const;

it.each([
  ["the same version", { oldest, newest }],
  ["a later one that still knows this one", { oldest, newest: newest + 5 }],
  ["an earlier one that this one still knows", { oldest: 0, newest: oldest }],
])("a message of %s is understood", (_, versions) => {
  expect(isQuestion(from(versions, question("ping", {})))).toBe(true);
  expect(isReply(from(versions, reply("ping", { streams: 1 })), "ping")).toBe(true);
  expect(isAnnouncement(from(versions, announcement("read", STARTED)))).toBe(true);
});

it.each([
  ["later", { oldest: newest + 1, newest: newest + 2 }],
  ["earlier", { oldest: oldest - 2, newest: oldest - 1 }],
])("a message of a much %s version is seen for what it is, and not taken for something else", (_, versions) => {
  const asked = from(versions, question("ping", {}));
  expect([isMessage(asked), isQuestion(asked)]).toEqual([true, false]);
  expect(isReply(from(versions, reply("ping", { streams: 1 })), "ping")).toBe(false);
  expect(isAnnouncement(from(versions, announcement("read", STARTED)))).toBe(false);
  // That it did not understand is said in a form that never changes.
  expect(isReply(from(versions, misunderstoodReply("ping")), "ping")).toBe(true);
});

it("fields and kinds that a later version has added do no harm", () => {
  expect(isReply({ ...reply("ping", { streams: 1 }), more: 1 }, "ping")).toBe(true);
  expect(isQuestion({ gridfetch: PROTOCOL, kind: "dance", payload: {} })).toBe(false);
  expect(isAnnouncement({ gridfetch: PROTOCOL, kind: "dance", content: {} })).toBe(false);
  for (const kind of ["toString", "__proto__", "constructor"]) {
    expect(isQuestion({ gridfetch: PROTOCOL, kind, payload: {} })).toBe(false);
  }
});

it("a failure crosses with its code and details", () => {
  const error = new GridError("BAD_CONFIG", { reason: "x" }, "The configuration cannot be used: x.");
  const failed = failureReply("check", toErrorRecord(error));
  expect(isReply(failed, "check")).toBe(true);
  expect(isReply(failed, "ping")).toBe(false);
  expect(failed).toMatchObject({ failure: { code: "BAD_CONFIG", details: { reason: "x" } } });
});

it.each([
  [undefined],
  [null],
  ["ping"],
  [{ kind: "ping" }],
  [{ gridfetch: 1, kind: "ping", payload: {} }],
  [{ gridfetch: { oldest: "1", newest: 9 }, kind: "ping", payload: {} }],
  [{ gridfetch: PROTOCOL, kind: 7, payload: {} }],
  [{ gridfetch: PROTOCOL, kind: "ping" }],
  [{ gridfetch: PROTOCOL, kind: "revoke", payload: { handle: "../uri/x" } }],
  [{ gridfetch: PROTOCOL, kind: "changeKeep", payload: { id: "x", to: "removed" } }],
  [{ gridfetch: PROTOCOL, kind: "changeKeep", payload: { id: "a".repeat(26), to: "kept" } }],
  [{ gridfetch: PROTOCOL, kind: "keep", payload: { cap: 7, grid: "" }, content: { id: "URI:CHK:", state: "removed" } }],
  [{ gridfetch: PROTOCOL, kind: "read", content: { type: "failed", id: "1", delivered: 0, error: "no record" } }],
])("what others post is nothing of ours: %j", (data) => {
  expect(isQuestion(data)).toBe(false);
  expect(isAnnouncement(data)).toBe(false);
  expect(isReply(data, "ping")).toBe(false);
});
