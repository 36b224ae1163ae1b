import { addAbortSignal } from "node:stream";
import { capOf } from "../../base/findCap.ts";
import { GridError } from "../../base/GridError.ts";
import type { ByteRange } from "../../base/range.ts";
import { createFileNodes, type FileNodes } from "../../files/createFileNodes.ts";
import type { Cap } from "../../formats/Cap.ts";
import { parseCap } from "../../formats/parseCap.ts";
import { StaticServerList } from "../../servers/StaticServerList.ts";
import { type ConnectOptions, serversToRead } from "./connectGrid.ts";
import type { RangeOption } from "./optionParsers.ts";
import { openOutput } from "./output.ts";
import { progressBar } from "./progressBar.ts";
import type { Terminal } from "./Terminal.ts";
import { openTraceFile } from "./traceFile.ts";
import { UsageError } from "./UsageError.ts";

/** A cap with a whole file in it may be long, but not on a command's input. */
const CAP_LIMIT = 1024 * 1024;

export interface GetOptions extends ConnectOptions {
  readonly output?: string;
  readonly range?: RangeOption;
  readonly trace?: string;
}

/** Reads a file, or a range of it, from the grid: of a mutable file the latest version. A cap of `-` is read from stdin. */
export async function getCommand(capText: string, options: GetOptions, terminal: Terminal): Promise<void> {
  if (capText === "-" && options.servers === "-") {
    throw new UsageError("stdin can be the cap or the server list, not both");
  }
  const cap = parseCap(capOf(capText === "-" ? await readLine(terminal) : capText));
  const servers = new StaticServerList(cap.kind === "LIT" ? [] : await serversToRead(options, terminal));
  const trace = options.trace === undefined ? undefined : await openTraceFile(options.trace);
  try {
    await write(cap, createFileNodes({ servers, ...(trace && { log: trace.log }) }), options, terminal);
  } finally {
    await trace?.close();
  }
}

async function write(cap: Cap, files: FileNodes, options: GetOptions, terminal: Terminal): Promise<void> {
  const node = await files.openLatest(cap, terminal.signal);
  const { offset, length } = clipRange(options.range, node.size);
  const toStdout = options.output === undefined || options.output === "-";
  const output = await openOutput(toStdout ? undefined : options.output, terminal);
  const progress = progressBar(terminal, toStdout);
  try {
    let done = 0;
    progress.show("Reading", done, length);
    for await (const piece of node.read({ offset, length, signal: terminal.signal })) {
      await output.write(piece);
      done += piece.length;
      progress.show("Reading", done, length);
    }
    await output.finish();
  } catch (error) {
    await output.discard();
    throw error;
  } finally {
    progress.stop();
  }
}

/**
 * What of a range is in the file: what lies past the end is left out.
 *
 * @throws GridError BAD_RANGE for a range without a byte in it
 */
function clipRange(range: RangeOption | undefined, size: number): ByteRange {
  if (range === undefined) return { offset: 0, length: size };
  const { first, last = size - 1 } = range;
  if (first >= size) {
    const reason = `the file has ${size} bytes, and the range starts after them`;
    throw new GridError("BAD_RANGE", { reason }, `The range cannot be read: ${reason}.`);
  }
  return { offset: first, length: Math.min(last, size - 1) - first + 1 };
}

async function readLine({ stdin, signal }: Terminal): Promise<string> {
  let text = "";
  try {
    for await (const piece of addAbortSignal(signal, stdin)) {
      text += piece;
      if (text.includes("\n")) break;
      if (text.length > CAP_LIMIT)
        throw new GridError("BAD_CAP", { reason: "too long" }, "The text on stdin is too long for a cap.");
    }
  } finally {
    signal.throwIfAborted();
  }
  return text;
}
