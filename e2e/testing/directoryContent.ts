import { utf8 } from "../../src/base/bytes.ts";
import { encodeBase32 } from "../../src/formats/base32.ts";

/** The cap of an immutable directory that lies within its cap. */
export function literalDirectory(children: Readonly<Record<string, string>>): string {
  return `URI:DIR2-LIT:${encodeBase32(utf8(directoryContent(children)))}`;
}

/** What an immutable directory's file holds: its children's caps by their names. The cap of that file, with `DIR2-` in it, is the directory's. */
export function directoryContent(children: Readonly<Record<string, string>>, metadata = "{}"): string {
  const entries = Object.entries(children).map(([name, cap]) =>
    netstring([name, cap, "", metadata].map(netstring).join("")),
  );
  return entries.join("");
}

function netstring(text: string): string {
  return `${Buffer.byteLength(text)}:${text},`;
}
