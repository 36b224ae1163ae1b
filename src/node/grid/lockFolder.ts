import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { GridError } from "../../base/GridError.ts";

/**
 * Takes a folder for this process: two grids on the same shares and the same state would spoil both. The lock of a
 * process that is gone does not count.
 *
 * @returns gives it back
 * @throws GridError BAD_CONFIG if a running process has it
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, "grid.lock");
  for (let attempt = 0; ; attempt++) {
    try {
      await writeFile(file, `${process.pid}\n`, { flag: "wx" });
      let isHeld = true;
      return async () => {
        // Late or twice, it may be another's by now.
        if (isHeld) await rm(file, { force: true });
        isHeld = false;
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = Number(await readFile(file, "utf8").catch(() => ""));
    if (isRunning(holder) || attempt > 2) {
      const reason = `a grid runs in ${folder} already (process ${holder})`;
      throw new GridError("BAD_CONFIG", { reason }, `The grid cannot be started: ${reason}. If not, delete ${file}.`);
    }
    await rm(file, { force: true });
  }
}

function isRunning(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid < 1) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // It is there, and another user's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
