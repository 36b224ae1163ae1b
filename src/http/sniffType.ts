/** So many of a file's first bytes tell its type. */
export const SNIFFED_BYTES = 1024;

/**
 * The type of a file that has no telling name, by its first bytes, as the patterns of the WHATWG's MIME Sniffing
 * Standard (section 6) and a few more formats of media and archives say.
 *
 * Nothing is sniffed into what could act: a page, a drawing or a script without a name is text, and only its own name can
 * make it more. A DASH manifest is the one kind of XML, for players: opened as a document it is sandboxed, as all that is not
 * passive. Undefined for what is none of these.
 *
 * @param start the first `SNIFFED_BYTES` of the file, or all of it
 */
export function sniffType(start: Uint8Array): string | undefined {
  const bytes = start.subarray(0, SNIFFED_BYTES);
  const text = String.fromCharCode(...bytes);
  for (const [type, ...pieces] of SIGNATURES) {
    if (pieces.every(([offset, piece]) => text.startsWith(piece, offset))) return type;
  }
  const contained = typeOfContainer(text);
  if (contained !== undefined) return contained;
  if (isTransportStream(bytes)) return "video/mp2t";
  return isText(bytes) ? typeOfText(text) : undefined;
}

/** How files of a type begin. Of a list every piece must be there, at its offset. */
const SIGNATURES: readonly (readonly [type: string, ...pieces: (readonly [offset: number, bytes: string])[]])[] = [
  ["application/pdf", [0, "%PDF-"]],
  ["image/png", [0, "\x89PNG\r\n\x1a\n"]],
  ["image/jpeg", [0, "\xff\xd8\xff"]],
  ["image/gif", [0, "GIF87a"]],
  ["image/gif", [0, "GIF89a"]],
  ["image/webp", [0, "RIFF"], [8, "WEBPVP"]],
  // The reserved bytes too: two letters alone begin many a text.
  ["image/bmp", [0, "BM"], [6, "\0\0\0\0"]],
  ["image/x-icon", [0, "\0\0\x01\0"]],
  // TIFF, and BigTIFF with its constant size of offsets, in either order of bytes.
  ["image/tiff", [0, "II*\0"]],
  ["image/tiff", [0, "MM\0*"]],
  ["image/tiff", [0, "II+\0\x08\0"]],
  ["image/tiff", [0, "MM\0+\0\x08"]],
  ["image/jxl", [0, "\xff\x0a"]],
  ["image/jxl", [0, "\0\0\0\x0cJXL \r\n\x87\n"]],
  ["audio/wav", [0, "RIFF"], [8, "WAVE"]],
  ["video/x-msvideo", [0, "RIFF"], [8, "AVI "]],
  ["audio/aiff", [0, "FORM"], [8, "AIF"]],
  ["audio/flac", [0, "fLaC"]],
  ["audio/mpeg", [0, "ID3\x02"]],
  ["audio/mpeg", [0, "ID3\x03"]],
  ["audio/mpeg", [0, "ID3\x04"]],
  // Frames of MPEG layer III, and of AAC in ADTS. Not 0xff 0xfe: with that begins text in UTF-16.
  ["audio/mpeg", [0, "\xff\xfb"]],
  ["audio/mpeg", [0, "\xff\xfa"]],
  ["audio/mpeg", [0, "\xff\xf3"]],
  ["audio/mpeg", [0, "\xff\xf2"]],
  ["audio/mpeg", [0, "\xff\xe3"]],
  ["audio/aac", [0, "\xff\xf1"]],
  ["audio/aac", [0, "\xff\xf9"]],
  ["audio/midi", [0, "MThd\0\0\0\x06"]],
  ["font/woff", [0, "wOFF"]],
  ["font/woff2", [0, "wOF2"]],
  ["application/wasm", [0, "\0asm"]],
  ["application/zip", [0, "PK\x03\x04"]],
  ["application/gzip", [0, "\x1f\x8b\x08"]],
  ["application/x-bzip2", [0, "BZh"], [4, "1AY&SY"]],
  ["application/x-xz", [0, "\xfd7zXZ\0"]],
  ["application/x-7z-compressed", [0, "7z\xbc\xaf\x27\x1c"]],
  ["application/vnd.rar", [0, "Rar!\x1a\x07"]],
];

/** Text that players read has a word at its very start, or as its first element. */
function typeOfText(text: string): string {
  if (/^WEBVTT(?:[\n\r\t ]|$)/.test(text)) return "text/vtt; charset=utf-8";
  if (/^#EXTM3U(?:[\n\r\t ]|$)/.test(text)) return "application/vnd.apple.mpegurl";
  const [, root] = (/^(?:\xef\xbb\xbf)?\s*</.test(text) && /<([A-Za-z][^\s>]*)/.exec(text)) || [];
  return root === "MPD" ? "application/dash+xml" : "text/plain; charset=utf-8";
}

/** What is in containers: their first bytes say which, and a word near them what for. */
function typeOfContainer(text: string): string | undefined {
  if (text.startsWith("\x1a\x45\xdf\xa3"))
    return text.slice(0, 64).includes("webm") ? "video/webm" : "video/x-matroska";
  if (text.startsWith("OggS\0"))
    return !text.includes("theora") && /vorbis|OpusHead|FLAC|Speex/.test(text) ? "audio/ogg" : "video/ogg";
  if (text.slice(4, 8) === "ftyp") return typeOfBrand(text.slice(8, 12));
  return undefined;
}

/** ISO base media files say in their first box whose rules they keep. */
function typeOfBrand(brand: string): string {
  if (/^avi[fs]$/.test(brand)) return "image/avif";
  if (/^(?:hei[cx]|mif1)$/.test(brand)) return "image/heic";
  if (/^M4[AB] $/.test(brand)) return "audio/mp4";
  if (brand === "qt  ") return "video/quicktime";
  return "video/mp4";
}

/** Packets of 188 bytes, each with the same first one. */
function isTransportStream(bytes: Uint8Array): boolean {
  return bytes.length > 3 * 188 && [0, 1, 2, 3].every((packet) => bytes[packet * 188] === 0x47);
}

function isText(bytes: Uint8Array): boolean {
  if (bytes.length === 0 || bytes.some((byte) => BINARY.has(byte))) return false;
  try {
    // A character may be cut at the end.
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** "Binary data bytes" of the standard: control characters that no text holds. */
const BINARY: ReadonlySet<number> = new Set(
  Array.from({ length: 0x20 }, (_, byte) => byte).filter((byte) => !"\t\n\f\r\x1b".includes(String.fromCharCode(byte))),
);
