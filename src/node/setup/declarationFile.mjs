/** tsc's output of each realm; a room is in one of them only. */
const REALMS = new Map([
  ["client", "page"],
  ["save", "page"],
  ["worker", "worker"],
  ["node", "node"],
]);

/**
 * Where `tsc -b` puts a module's declarations.
 * @param {string} module a source file, relative to src/
 */
export function declarationFile(module) {
  const [room = ""] = module.split("/");
  return `.cache/types/${REALMS.get(room) ?? "core"}/src/${module.replace(/\.ts$/, ".d.ts")}`;
}
