import { connect } from "../client/connect.ts";
import type { Grid } from "../client/Grid.ts";

/** Brings in the app's worker, which serves the app's own files besides the grid's. */
export function connectApp(): Promise<Grid> {
  return connect({ workerUrl: "/app-worker.js" });
}
