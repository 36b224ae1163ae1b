// Writes src/http/mediaTypes.ts again: `node src/http/testing/make-media-types.mjs`, after an update of mrmime.
import { writeFileSync } from "node:fs";
import { mediaTypesFile } from "./mediaTypesFile.mjs";

writeFileSync(new URL("../mediaTypes.ts", import.meta.url), mediaTypesFile());
