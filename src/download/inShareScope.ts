import type { LogScope } from "../base/EventLog.ts";
import type { Share } from "./Share.ts";

/** Does a share's work as a scope of the log, which its requests belong to. @param signal tells a work that was called off from a failure */
export async function inShareScope<T>(
  share: Share,
  signal: AbortSignal,
  parent: LogScope,
  work: (scope: LogScope) => Promise<T>,
): Promise<T> {
  const scope = parent.child("share");
  scope.log("debug", "start", () => ({ server: share.server.name, share: share.number }));
  let end = "failed";
  try {
    const result = await work(scope);
    end = "done";
    return result;
  } finally {
    scope.log("debug", signal.aborted ? "cancelled" : end);
  }
}
