import { open } from "node:fs/promises";
import { type Clock, systemClock } from "../../base/Clock.ts";
import { EventLog, traced } from "../../base/EventLog.ts";
import { packageVersion } from "./packageVersion.ts";

/** What a command does, written down as it happens: a line of JSON for each event, after one that says what it is. So what is there of a command that was killed can be read. */
export interface TraceFile {
  readonly log: EventLog;
  /** Writes what is left. @throws what the disk says */
  close(): Promise<void>;
}

/** @throws what the disk says */
export async function openTraceFile(path: string, clock: Clock = systemClock): Promise<TraceFile> {
  const file = await open(path, "w");
  const log = new EventLog(clock);
  let lines: string[] = [lineOf({ gridfetch: packageVersion(), trace: 1 })];
  let writing: Promise<unknown> | undefined;
  const stop = log.listen((event) => {
    lines.push(lineOf(traced(event, clock)));
    // What fails is told by closing, which tries the same again.
    writing ??= writeAll().catch(() => undefined);
  });

  async function writeAll(): Promise<void> {
    try {
      while (lines.length > 0) {
        const text = lines.join("");
        lines = [];
        await file.write(text);
      }
    } finally {
      writing = undefined;
    }
  }

  return {
    log,
    async close() {
      stop();
      try {
        await writing;
        await writeAll();
      } finally {
        await file.close();
      }
    },
  };
}

function lineOf(value: object): string {
  return `${JSON.stringify(value)}\n`;
}
