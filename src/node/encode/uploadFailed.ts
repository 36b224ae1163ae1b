import { GridError } from "../../base/GridError.ts";

/** @param reason continues "The file was not stored: …" */
export function uploadFailed(reason: string, options?: ErrorOptions): GridError<"UPLOAD_FAILED"> {
  return new GridError("UPLOAD_FAILED", { reason }, `The file was not stored: ${reason}.`, options);
}
