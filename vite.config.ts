import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { EnvironmentOptions, Plugin, Rolldown } from "vite";
import { defineConfig } from "vitest/config";

/** A path in the checkout, from its top. */
const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Tests that need a build, Python, Tahoe-LAFS or nginx, or wait for sockets in real time. */
const surrounded = ["src/node/**/*.test.ts", "src/zip/ZipArchive.test.ts"];

/** Puts the TLS module, with its licences, beside the programs that load it when it is first needed. */
const tlsModule: Plugin = {
  name: "gridfetch-tls",
  applyToEnvironment: ({ name }) => name === "serviceWorker" || name === "node",
  async generateBundle() {
    for (const fileName of ["gridfetch-tls.wasm", "gridfetch-tls.LICENSES.txt"]) {
      this.emitFile({ type: "asset", fileName, source: await readFile(at(`src/servers/tls/${fileName}`)) });
    }
  },
};

/** Tells the app's worker which files the app has, once these are built. Maps are for developers, `gridfetch-*` is the library. */
const shellFiles: Plugin = {
  name: "gridfetch-shell",
  applyToEnvironment: ({ name }) => name === "appWorker",
  async load(id) {
    if (!id.endsWith("/shell/builtFiles.ts")) return undefined;
    const folder = at("dist/app");
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile() && !/^gridfetch-|^app-worker\.js|\.map$/.test(entry.name))
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
      .sort();
    const hash = createHash("sha256");
    for (const file of files) hash.update(file).update(await readFile(join(folder, file)));
    const version = hash.digest("hex").slice(0, 12);
    return `export const files = ${JSON.stringify(files)};\nexport const version = "${version}";\n`;
  },
};

/** The folders of the packages that these modules are from; the build's own helpers are of a package, too. */
function packagesOf(modules: readonly string[]): string[] {
  const folders = modules.flatMap((id) => {
    const helper = /^\0(rolldown|vite)\//.exec(id)?.[1];
    return helper ? at(`node_modules/${helper}`) : (/^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []);
  });
  return [...new Set(folders)].sort();
}

/** The licences of the packages in a build, as MIT, ISC and others want to be shown with every copy; each in its own words. */
async function licencesOf(packages: readonly string[]): Promise<string> {
  const texts = packages.map(async (folder) => {
    const { name, version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const file = (await readdir(folder)).find((each) => /^licen[cs]e/i.test(each));
    if (file === undefined) throw new Error(`${name} is bundled, and its package has no licence file.`);
    return `${name} ${version} (${license})\n\n${(await readFile(join(folder, file), "utf8")).trim()}\n`;
  });
  const line = `\n${"-".repeat(80)}\n\n`;
  return `The scripts beside this file contain code of these packages.\n${line}${(await Promise.all(texts)).join(line)}`;
}

/** What `import … from "gridfetch…"` gives: the page's client, the worker, the core, Node's part, the erasure code. */
const library = ["client", "client/poster", "client/selfTest", "save", "worker", "files", "node", "erasure"].map(
  (room) => at(`src/${room}/index.ts`),
);

/** A part of the ready-made worker that most never need, as a script that puts its exports under a global name. */
function workerPart(part: string, name: string): Record<string, EnvironmentOptions> {
  return {
    [name]: {
      consumer: "client",
      build: {
        outDir: at("dist/app"),
        emptyOutDir: false,
        copyPublicDir: false,
        rolldownOptions: {
          input: at(`src/worker/${part}Part.ts`),
          preserveEntrySignatures: "strict",
          output: { format: "iife", name, exports: "named", entryFileNames: `gridfetch-${part}.js` },
        },
      },
    },
  };
}

const { version } = JSON.parse(await readFile(at("package.json"), "utf8")) as { version: string };

// Three realms, three bundles, and the library: `vite build --app` makes all of them.
export default defineConfig({
  root: at("src/app"),
  publicDir: at("public"),
  cacheDir: at(".cache/vite"),
  plugins: [tlsModule, shellFiles],
  build: { sourcemap: true },
  environments: {
    // The page: dist/app/*.html and what they load.
    client: {
      define: { APP_VERSION: JSON.stringify(version) },
      build: {
        outDir: at("dist/app"),
        emptyOutDir: true,
        // What has Service Workers and modules preloads modules by itself, or can do without.
        modulePreload: { polyfill: false },
        rolldownOptions: { input: { index: at("src/app/index.html"), bootstrap: at("src/app/bootstrap.html") } },
      },
    },
    // The Service Worker: one classic script under a fixed name, since a browser finds updates by the script's URL, and a
    // worker's imports would have to be fetched again whenever it starts.
    serviceWorker: {
      consumer: "client",
      build: {
        outDir: at("dist/app"),
        emptyOutDir: false,
        copyPublicDir: false,
        rolldownOptions: {
          input: at("src/worker/serviceWorker.ts"),
          output: { format: "iife", entryFileNames: "gridfetch-worker.js" },
        },
      },
    },
    ...workerPart("relay", "gridfetchRelay"),
    ...workerPart("check", "gridfetchCheck"),
    ...workerPart("keep", "gridfetchKeep"),
    ...workerPart("zip", "gridfetchZip"),
    // The app's own worker, which knows the files that were built before it.
    appWorker: {
      consumer: "client",
      build: {
        outDir: at("dist/app"),
        emptyOutDir: false,
        copyPublicDir: false,
        rolldownOptions: {
          input: at("src/shell/appWorker.ts"),
          output: { format: "iife", entryFileNames: "app-worker.js" },
        },
      },
    },
    // Programs for Node. Packages stay outside: npm installs them beside.
    node: {
      consumer: "server",
      resolve: { external: true },
      build: {
        outDir: at("dist/node"),
        emptyOutDir: true,
        copyPublicDir: false,
        target: "node20",
        minify: false,
        rolldownOptions: {
          input: { gridfetch: at("src/node/gridfetch.ts"), demo: at("src/node/demo.ts") },
          // All beside one another: what one of them looks for beside itself is there, whichever holds the code that looks.
          output: { format: "esm", entryFileNames: "[name].js", chunkFileNames: "[name]-[hash].js" },
        },
      },
    },
    // The package's modules, one file for each of ours, so that what an app does not use is not in its bundle, and what
    // two entry points share is there once. Packages stay outside.
    library: {
      consumer: "client",
      build: {
        outDir: at("dist/lib"),
        emptyOutDir: true,
        copyPublicDir: false,
        sourcemap: false,
        minify: false,
        target: "es2022",
        modulePreload: false,
        rolldownOptions: {
          input: library,
          preserveEntrySignatures: "strict",
          external: /^(?:node:|@?[a-z])/,
          output: {
            format: "esm",
            preserveModules: true,
            preserveModulesRoot: at("src"),
            entryFileNames: "[name].js",
          },
        },
      },
    },
  },
  builder: {
    async buildApp(builder) {
      const modules = new Map<string, string[]>();
      // In turn: the page's build empties dist/app, which the worker's then adds to.
      for (const environment of Object.values(builder.environments)) {
        const { outDir } = environment.config.build;
        const { output } = (await builder.build(environment)) as Rolldown.RolldownOutput;
        const built = output.flatMap((each) => (each.type === "chunk" ? each.moduleIds : []));
        modules.set(outDir, [...(modules.get(outDir) ?? []), ...built]);
      }
      for (const [folder, ids] of modules) {
        const packages = packagesOf(ids);
        if (packages.length > 0)
          await writeFile(join(folder, "gridfetch-packages.LICENSES.txt"), await licencesOf(packages));
      }
    },
  },
  test: {
    root: at("."),
    // `npm run check` runs the first alone.
    projects: [
      { extends: true, test: { name: "unit", include: ["src/**/*.test.ts"], exclude: surrounded } },
      { extends: true, test: { name: "surrounded", include: ["e2e/**/*.test.ts", ...surrounded] } },
    ],
    environment: "node",
    // Vitest leaves one processor free, and of two that is half: many of these tests wait.
    maxWorkers: "100%",
    // Generous, for machines that do other things besides: a test that hangs is still found.
    testTimeout: 90_000,
    hookTimeout: 120_000,
  },
});
