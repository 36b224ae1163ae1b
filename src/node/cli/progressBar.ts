import { SingleBar } from "cli-progress";
import type { Terminal } from "./Terminal.ts";

/** A bar on a terminal; nothing where stderr is none, or where the bar would run into the output. */
export interface Progress {
  /** @param done and total in bytes */
  show(what: string, done: number, total: number): void;
  stop(): void;
}

/** @param toStdout the command's result goes to stdout, byte for byte */
export function progressBar(terminal: Terminal, toStdout: boolean): Progress {
  if (!terminal.stderr.isTTY || (toStdout && terminal.stdout.isTTY))
    return { show: () => undefined, stop: () => undefined };
  const bar = new SingleBar({
    stream: terminal.stderr,
    format: "{what} {bar} {percentage}% of {size}, {eta_formatted} left",
    barsize: 24,
    clearOnComplete: true,
    hideCursor: true,
  });
  let shown = "";
  return {
    show(what, done, total) {
      if (what !== shown) {
        bar.stop();
        bar.start(total, done, { what, size: sizeText(total) });
        shown = what;
      } else bar.update(done);
    },
    stop: () => bar.stop(),
  };
}

/** A number of bytes for people: 999 B, 1.5 KiB, 23.0 MiB. */
export function sizeText(bytes: number): string {
  const units = ["KiB", "MiB", "GiB", "TiB", "PiB"];
  if (bytes < 1024) return `${bytes} B`;
  let value = bytes / 1024;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${value.toFixed(1)} ${units[unit]}`;
}
