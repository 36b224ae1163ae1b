import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The version in the package's own package.json: some folders up, fewer in the built program than in the source. */
export function packageVersion(): string {
  for (let folder = new URL(".", import.meta.url); ; folder = new URL("..", folder)) {
    const file = fileURLToPath(new URL("package.json", folder));
    if (existsSync(file)) return String(JSON.parse(readFileSync(file, "utf8")).version);
    if (folder.pathname === "/") return "unknown";
  }
}
