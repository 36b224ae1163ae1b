import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

/** A path in the checkout, from its top. */
const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Puts the TLS module beside the worker, which loads it for a relay. */
const tlsModule: Plugin = {
  name: "gridfetch-tls",
  applyToEnvironment: ({ name }) => name === "serviceWorker",
  async generateBundle() {
    const fileName = "gridfetch-tls.wasm";
    this.emitFile({ type: "asset", fileName, source: await readFile(at(`src/servers/tls/${fileName}`)) });
  },
};

// The bench, bundled as the programs that it measures are: one for Node, one for the Service Worker.
export default defineConfig({
  root: at("bench/page"),
  publicDir: at("bench/page"),
  cacheDir: at(".cache/vite"),
  plugins: [tlsModule],
  environments: {
    serviceWorker: {
      consumer: "client",
      build: {
        outDir: at("dist/bench-web"),
        emptyOutDir: true,
        rolldownOptions: {
          input: at("bench/worker/benchWorker.ts"),
          output: { format: "iife", entryFileNames: "gridfetch-worker.js" },
        },
      },
    },
    node: {
      consumer: "server",
      resolve: { external: true },
      build: {
        outDir: at("dist/bench"),
        emptyOutDir: true,
        copyPublicDir: false,
        target: "node20",
        minify: false,
        rolldownOptions: {
          input: { bench: at("bench/main.ts"), proxies: at("bench/proxies.ts") },
          output: { format: "esm", entryFileNames: "[name].js" },
        },
      },
    },
  },
  builder: {
    async buildApp(builder) {
      for (const name of ["serviceWorker", "node"]) {
        const environment = builder.environments[name];
        if (environment) await builder.build(environment);
      }
    },
  },
});
