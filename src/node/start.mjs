// `npm start`: from a fresh clone to a page that plays a video from a development grid.
import { buildIfStale } from "./setup/buildIfStale.mjs";
import { installPackages } from "./setup/installPackages.mjs";

try {
  await installPackages();
  await buildIfStale();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
// The address is made here because the file exists only now, and never where types are checked.
await import(new URL("../../dist/node/demo.js", import.meta.url).href);
