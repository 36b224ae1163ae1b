/** A small picture of a picture or a film. A module of its own, so that only pages that show some load it. */
export { type PosterOptions, poster } from "./poster.ts";
