import { addAbortSignal } from "node:stream";
import { GridError } from "../../base/GridError.ts";
import type { ByteRange } from "../../base/range.ts";
import { createFileNodes } from "../../files/createFileNodes.ts";
import { parseCap } from "../../formats/parseCap.ts";
import { StaticServerList } from "../../servers/StaticServerList.ts";
import { connectGrid } from "./connectGrid.ts";
import { openOutput } from "./output.ts";
import { progressBar } from "./progressBar.ts";
import type { Terminal } from "./Terminal.ts";

/** A cap with a whole file in it may be long, but not on a command's input. */
const CAP_LIMIT = 1024 * 1024;

export interface GetOptions {
  readonly servers?: string;
  readonly output?: string;
  readonly range?: string;
}

/** Reads a file, or a range of it, from the grid. A cap of `-` is read from stdin. */
export async function getCommand(capText: string, options: GetOptions, terminal: Terminal): Promise<void> {
  const cap = parseCap((capText === "-" ? await readLine(terminal) : capText).trim());
  const listed = cap.kind === "CHK" ? await connectGrid(options.servers, terminal) : [];
  const servers = new StaticServerList(listed.map(({ server }) => server));
  const node = createFileNodes({ servers }).open(cap);
  const { offset, length } = parseRangeOption(options.range, node.size);
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
 * What `--range` asks for: `<first>-<last>`, both included, counted from 0; `<first>-` is to the end. What lies past the
 * end is left out.
 *
 * @throws GridError BAD_RANGE for another text, or a range without a byte in it
 */
export function parseRangeOption(text: string | undefined, size: number): ByteRange {
  if (text === undefined) return { offset: 0, length: size };
  const [, first = "", last = ""] = /^(\d{1,16})-(\d{0,16})$/.exec(text) ?? [];
  const offset = Number(first);
  const end = last === "" ? size : Math.min(size, Number(last) + 1);
  if (first === "") throw badRange("it must have the form <first>-<last> or <first>-");
  if (offset >= size) throw badRange(`the file has ${size} bytes, and the range starts after them`);
  if (offset >= end) throw badRange("it ends before it starts");
  return { offset, length: end - offset };
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

function badRange(reason: string): GridError<"BAD_RANGE"> {
  return new GridError("BAD_RANGE", { reason }, `The range cannot be read: ${reason}.`);
}
