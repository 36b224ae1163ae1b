/** What finds out why servers or a configuration cannot be used: asked for by those who set a grid up. A script of its own for the ready-made worker. */
export { jsonFault } from "../base/jsonFault.ts";
export { checkGrid } from "../servers/checkGrid.ts";
