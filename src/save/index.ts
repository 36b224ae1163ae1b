/** Files, folders and choices of files onto the person's disk. A module of its own, so that only pages that save load it. */
export type { Save, SaveEvent } from "./Save.ts";
export { openSaves, type SaveOptions, type Saves, type SaveWay } from "./Saves.ts";
