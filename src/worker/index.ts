/** For an app's own Service Worker: answer for grid URLs besides what it does already. */
export { createGridHandler, type GridHandler, type GridHandlerOptions } from "./createGridHandler.ts";
