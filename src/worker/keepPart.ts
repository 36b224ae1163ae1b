/** What fetches files to keep them offline: most visitors keep none. A script of its own for the ready-made worker. */
export { Keeper } from "../files/Keeper.ts";
export { BrowserFetches } from "./BrowserFetches.ts";
