import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { type FileHandle, open, realpath, rename, rm, stat } from "node:fs/promises";
import type { Terminal } from "./Terminal.ts";

/** Where a file's bytes go. */
export interface Output {
  write(bytes: Uint8Array): Promise<void>;
  /** All is written. */
  finish(): Promise<void>;
  /** Something went wrong: leaves nothing that looks like the file. */
  discard(): Promise<void>;
}

/**
 * A file, or stdout where no path is given. The file is made as `<path>.<random>.part` and takes its name when it is
 * complete, so that a file of that name is never half of one. It may be read by whoever could read what it replaces.
 */
export async function openOutput(path: string | undefined, terminal: Terminal): Promise<Output> {
  return path === undefined ? stdoutOutput(terminal) : fileOutput(path);
}

async function fileOutput(path: string): Promise<Output> {
  const existing = await stat(path).catch(() => undefined);
  if (existing?.isDirectory()) throw new Error(`${path} is a folder: name a file.`);
  // A pipe or a device is written to; to put a file in its place would do harm.
  if (existing !== undefined && !existing.isFile()) return plainOutput(await open(path, "w"));
  // A link stays, and its file is replaced.
  const target = existing === undefined ? path : await realpath(path);
  const part = `${target}.${randomUUID().slice(0, 8)}.part`;
  const output = plainOutput(await open(part, "wx", existing?.mode));
  return {
    write: output.write,
    async finish() {
      await output.finish();
      await rename(part, target);
    },
    async discard() {
      await output.discard();
      await rm(part, { force: true });
    },
  };
}

function plainOutput(file: FileHandle): Output {
  return {
    async write(bytes) {
      for (let written = 0; written < bytes.length; ) written += (await file.write(bytes, written)).bytesWritten;
    },
    finish: () => file.close(),
    discard: () => file.close(),
  };
}

function stdoutOutput({ stdout, signal }: Terminal): Output {
  // With a listener it rejects the next write, and without one it would end the process.
  let failure: Error | undefined;
  stdout.on("error", (error: Error) => {
    failure = error;
  });
  const check = () => {
    if (failure !== undefined) throw failure;
  };
  return {
    async write(bytes) {
      check();
      if (!stdout.write(bytes)) await once(stdout, "drain", { signal });
      check();
    },
    async finish() {
      // The callback comes when what was written before has gone out.
      await new Promise<void>((resolve, reject) => stdout.write("", (error) => (error ? reject(error) : resolve())));
      check();
    },
    async discard() {},
  };
}
