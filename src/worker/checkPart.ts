/** What finds out why a server cannot be used: asked for by those who set a grid up. A script of its own for the ready-made worker. */
export { checkGrid } from "../servers/checkGrid.ts";
