/** What finds out why servers or a configuration cannot be used, and what a download does: asked for by those who set a grid up. A script of its own for the ready-made worker. */
export { jsonFault } from "../base/jsonFault.ts";
export { checkGrid } from "../servers/checkGrid.ts";
export { ServerTimings } from "./ServerTimings.ts";
export { Tracers } from "./Tracers.ts";
