import { GridError } from "../base/GridError.ts";

// For JavaScript, which passes anything. The worker leaves what it cannot read unanswered, and takes it for another version's.

/** @throws GridError BAD_ARGUMENT that never holds the value: it may be a cap */
export function checkString(argument: string, value: unknown): asserts value is string {
  if (typeof value === "string") return;
  const given = value === null || value === undefined ? String(value) : `a value of type ${typeof value}`;
  throw badArgument(argument, `it must be a string, and ${given} was given`);
}

/** @throws GridError BAD_ARGUMENT for what cannot be sent to the worker: functions, elements, proxies of a framework */
export function checkData(argument: string, value: unknown): void {
  try {
    structuredClone(value);
  } catch {
    throw badArgument(argument, "it must be plain data, and something in it cannot be copied");
  }
}

export function badArgument(argument: string, reason: string): GridError<"BAD_ARGUMENT"> {
  return new GridError("BAD_ARGUMENT", { argument, reason }, `The argument "${argument}" cannot be used: ${reason}.`);
}
