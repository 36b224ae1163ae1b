// Runs before anything else, on whatever Node there is: so only syntax and calls that every Node knows.
var parts = process.versions.node.split(".");
var major = Number(parts[0]);
var minor = Number(parts[1]);
// The range that vite 8 supports.
var fits = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22;
if (!fits) {
  console.error(
    "gridfetch needs Node 20.19 or newer (of Node 22: 22.12 or newer); this is Node " + process.versions.node + "."
  );
  console.error(
    "Install a current Node, from nodejs.org or with your version manager, and run the same command again."
  );
  process.exit(1);
}
