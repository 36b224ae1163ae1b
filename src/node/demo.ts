import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SingleBar } from "cli-progress";
import { Command, InvalidArgumentError } from "commander";
import type { UploadReport } from "./demo/putSamples.ts";
import { type Demo, startDemo } from "./demo/startDemo.ts";

// What `npm start` runs once everything is built: a grid, files on it, and the app to see them with.

interface Arguments {
  readonly port: number;
  readonly servers: number;
  readonly folder: string;
}

/** The checkout: this program is in dist/node/. */
const checkout = fileURLToPath(new URL("../../", import.meta.url));

const command = new Command("npm start --")
  .description("Starts a development grid with sample files on it, and the app that plays them.")
  .option("--port <number>", "the app's port; the next free one is taken where this one is in use", integer, 8410)
  .option("--servers <number>", "how many storage servers the grid has", integer, 10)
  .option("--folder <path>", "where the grid is kept", join(checkout, ".gridfetch"))
  .parse();

const stop = new AbortController();
const stopped = new Promise<void>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    // Once: the second one ends the program at once, should something hang.
    process.once(signal, () => {
      stop.abort(new Error("Stopped."));
      resolve();
    });
  }
});

try {
  const demo = await start(command.opts<Arguments>());
  await stopped;
  await demo.close();
} catch (error) {
  console.error(stop.signal.aborted ? "Stopped." : error instanceof Error ? error.message : error);
  process.exitCode = stop.signal.aborted ? 130 : 1;
}

async function start({ port, servers, folder }: Arguments): Promise<Demo> {
  console.log(`Starting a grid of ${servers} storage servers; it is kept in ${folder}`);
  const demo = await startDemo({
    folder,
    appFolder: join(checkout, "dist/app"),
    samplesFolder: join(checkout, "src/node/demo/samples"),
    port,
    servers,
    log: console.log,
    report: uploadReport(),
    signal: stop.signal,
  });
  if (demo.app.port !== port) console.log(`Port ${port} is taken: the app has port ${demo.app.port} now.`);
  console.log(`\n  Open ${demo.app.url}\n\nCtrl-C stops it.`);
  return demo;
}

/** A bar for each file on a terminal, a line for each elsewhere. */
function uploadReport(): UploadReport {
  if (!process.stdout.isTTY) {
    return { uploading: () => undefined, uploaded: (name) => console.log(`Put ${name} onto the grid.`) };
  }
  const bar = new SingleBar({ format: "Putting {name} onto the grid {bar} {percentage}%", barsize: 24 });
  return {
    uploading(name, done, total) {
      if (done === 0) bar.start(total, 0, { name });
      else bar.update(done);
    },
    uploaded: () => bar.stop(),
  };
}

function integer(text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It is not a number.");
}
