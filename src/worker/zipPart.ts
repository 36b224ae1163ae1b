/** What makes ZIP archives: of a folder, or of a choice of files. A script of its own for the ready-made worker. */
export { Archives } from "../zip/Archives.ts";
