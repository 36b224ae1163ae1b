import { textResponse } from "./errorResponse.ts";

/** Only what looks like a view's name is repeated: anything may stand there, a cap too. `what` as in "GET file". */
export function badView(what: string, t: string): Response {
  return textResponse(400, `${what}: bad t=${/^[a-z-]{1,20}$/.test(t) ? t : ""}`);
}
