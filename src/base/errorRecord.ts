import { GridError, type GridErrorCode, type GridErrorDetails, isGridError } from "./GridError.ts";

/** A GridError as plain data, for a message or a response: neither keeps a class. */
export interface ErrorRecord {
  readonly code: GridErrorCode;
  readonly details: GridErrorDetails[GridErrorCode];
  readonly message: string;
}

/** Of an error that is not gridfetch's own nothing is told: its message may hold anything. */
export function toErrorRecord(error: unknown): ErrorRecord {
  if (isGridError(error)) return { code: error.code, details: error.details, message: error.message };
  const message = "Something unexpected went wrong inside gridfetch.";
  return { code: "INTERNAL", details: { reason: "an error that is not a GridError" }, message };
}

export function fromErrorRecord({ code, details, message }: ErrorRecord): GridError {
  return new GridError(code, details, message);
}

/** Has it the shape? Its code may be one that only a later version knows. */
export function isErrorRecord(value: unknown): value is ErrorRecord {
  return (
    typeof value === "object" &&
    value !== null &&
    "code" in value &&
    typeof value.code === "string" &&
    "message" in value &&
    typeof value.message === "string" &&
    "details" in value &&
    typeof value.details === "object"
  );
}
