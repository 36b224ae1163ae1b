import { randomUUID } from "node:crypto";
import { type FileHandle, open, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** Where a file's bytes go. */
export interface Output {
  write(bytes: Uint8Array): Promise<void>;
  /** All is written. */
  finish(): Promise<void>;
  /** Something went wrong: leaves nothing that looks like the file. */
  discard(): Promise<void>;
}

/**
 * A file that is made as `<path>.<random>.part` and takes its name when it is complete and on disk. So a file of that name
 * is never half of one, after a power cut neither. A pipe or a device is written to.
 *
 * @param mode who may read and write it; unless given those who could read and write what it replaces
 */
export async function openReplacement(path: string, mode?: number): Promise<Output> {
  const existing = await stat(path).catch(() => undefined);
  if (existing?.isDirectory()) throw new Error(`${path} is a folder: name a file.`);
  // To put a file in the place of a pipe or a device would do harm. /dev/stdout may lead to a file: what the shell has
  // already written there stays.
  const isPlace = existing !== undefined && (!existing.isFile() || /^\/(?:dev|proc)\//.test(path));
  if (isPlace) return handleOutput(await open(path, "a"));
  // A link stays, and its file is replaced.
  const target = existing === undefined ? path : await realpath(path);
  const part = `${target}.${randomUUID().slice(0, 8)}.part`;
  const file = await open(part, "wx", mode ?? existing?.mode);
  const output = handleOutput(file);
  return {
    write: output.write,
    async finish() {
      await file.sync();
      await output.finish();
      await rename(part, target);
      await syncFolder(dirname(target));
    },
    async discard() {
      await output.discard();
      await rm(part, { force: true });
    },
  };
}

/** Writes a file that its owner alone may read, whoever could read what was there before. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const output = await openReplacement(path, 0o600);
  try {
    await output.write(Buffer.from(text));
    await output.finish();
  } catch (error) {
    await output.discard();
    throw error;
  }
}

function handleOutput(file: FileHandle): Output {
  return {
    async write(bytes) {
      for (let written = 0; written < bytes.length; ) written += (await file.write(bytes, written)).bytesWritten;
    },
    finish: () => file.close(),
    discard: () => file.close(),
  };
}

/** A name is on disk once its folder is. */
async function syncFolder(path: string): Promise<void> {
  // Windows opens no folders.
  if (process.platform === "win32") return;
  const folder = await open(path);
  await folder.sync().finally(() => folder.close());
}
