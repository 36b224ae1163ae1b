import { concatBytes, utf8 } from "../base/bytes.ts";
import { isFolder, type ZipEntry } from "./ZipEntry.ts";

// The records of a ZIP file, after PKWARE's APPNOTE 6.3.10 (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT), of which the
// numbers in comments are the sections. A file is stored as it is. Its CRC-32 stands after it, in a data descriptor.

type Bytes = Uint8Array<ArrayBuffer>;
/** A number and how many bytes it takes, the lowest first. */
type Field = readonly [bytes: 2 | 4 | 8, value: number];

/** A field with this value has its number in the ZIP64 extra field, or record, instead (4.4.1.4). */
const IN_ZIP64 = 0xffff_ffff;
const IN_ZIP64_SHORT = 0xffff;
/** Bit 3, the CRC and the sizes are in the data descriptor; bit 11, names are UTF-8 (4.4.4). */
const DESCRIPTOR_FOLLOWS = 1 << 3;
const UTF8_NAMES = 1 << 11;
/** Which version of the format a reader needs (4.4.3.2): 2.0 knows folders, 4.5 ZIP64. */
const VERSION = 20;
const VERSION_ZIP64 = 45;
/** As made on a Unix system, so that the mode counts (4.4.2). */
const MADE_BY = (3 << 8) | VERSION_ZIP64;
/** As `stat` has them: a file that its owner may write and all may read, a folder likewise. */
const FILE_MODE = 0o100644;
const FOLDER_MODE = 0o040755;
/** What DOS calls a folder, in the lowest byte of the external attributes. */
const DOS_FOLDER = 1 << 4;

/** What stands before a file's bytes (4.3.7). A folder, and an empty file, is nothing but this. */
export function localHeader(entry: ZipEntry): Bytes {
  const name = utf8(entry.path);
  // Both sizes have to be there, and are 0 as they are where no ZIP64 is needed (4.4.8, 4.5.3).
  const extra = concatBytes([...(isLarge(entry) ? [zip64Extra([0, 0])] : []), timeExtra(entry)]);
  const size = isLarge(entry) ? IN_ZIP64 : 0;
  const fields = record(
    [4, 0x04034b50],
    ...commonFields(entry, isLarge(entry)),
    [4, 0],
    [4, size],
    [4, size],
    [2, name.length],
    [2, extra.length],
  );
  return concatBytes([fields, name, extra]);
}

/** What stands after a file's bytes (4.3.9); nothing where there are none. */
export function dataDescriptor(entry: ZipEntry, crc: number): Bytes {
  if (entry.size === 0) return new Uint8Array();
  const bytes = isLarge(entry) ? 8 : 4;
  return record([4, 0x08074b50], [4, crc], [bytes, entry.size], [bytes, entry.size]);
}

/**
 * An entry in the central directory (4.3.12).
 * @param offset where its local header begins
 */
export function centralHeader(entry: ZipEntry, crc: number, offset: number): Bytes {
  const name = utf8(entry.path);
  const isFar = offset >= IN_ZIP64;
  const large = [...(isLarge(entry) ? [entry.size, entry.size] : []), ...(isFar ? [offset] : [])];
  const extra = concatBytes([...(large.length > 0 ? [zip64Extra(large)] : []), timeExtra(entry)]);
  const size = isLarge(entry) ? IN_ZIP64 : entry.size;
  const attributes = isFolder(entry) ? FOLDER_MODE * 0x10000 + DOS_FOLDER : FILE_MODE * 0x10000;
  const fields = record(
    [4, 0x02014b50],
    [2, MADE_BY],
    ...commonFields(entry, large.length > 0),
    [4, crc],
    [4, size],
    [4, size],
    [2, name.length],
    [2, extra.length],
    [2, 0], // no comment
    [2, 0], // on the first disk
    [2, 0], // not known to be text
    [4, attributes],
    [4, isFar ? IN_ZIP64 : offset],
  );
  return concatBytes([fields, name, extra]);
}

/**
 * What an archive ends with (4.3.14 to 4.3.16).
 * @param count of entries
 * @param offset where the central directory begins
 * @param length of the central directory, in bytes
 */
export function endRecords(count: number, offset: number, length: number): Bytes {
  const isZip64 = count >= IN_ZIP64_SHORT || offset >= IN_ZIP64 || length >= IN_ZIP64;
  const zip64End = record(
    [4, 0x06064b50],
    [8, 44], // bytes of this record from here on
    [2, MADE_BY],
    [2, VERSION_ZIP64],
    [4, 0], // one disk, on which all is
    [4, 0],
    [8, count],
    [8, count],
    [8, length],
    [8, offset],
  );
  const locator = record([4, 0x07064b50], [4, 0], [8, offset + length], [4, 1]);
  const end = record(
    [4, 0x06054b50],
    [2, 0],
    [2, 0],
    [2, Math.min(count, IN_ZIP64_SHORT)],
    [2, Math.min(count, IN_ZIP64_SHORT)],
    [4, Math.min(length, IN_ZIP64)],
    [4, Math.min(offset, IN_ZIP64)],
    [2, 0], // no comment
  );
  return concatBytes(isZip64 ? [zip64End, locator, end] : [end]);
}

function isLarge({ size }: ZipEntry): boolean {
  return size >= IN_ZIP64;
}

/** What the two headers of an entry have alike. */
function commonFields(entry: ZipEntry, isZip64: boolean): Field[] {
  return [
    [2, isZip64 ? VERSION_ZIP64 : VERSION],
    [2, UTF8_NAMES | (entry.size > 0 ? DESCRIPTOR_FOLLOWS : 0)],
    [2, 0], // stored
    ...dosTime(entry.modified ?? 0),
  ];
}

function zip64Extra(values: readonly number[]): Bytes {
  return record([2, 0x0001], [2, 8 * values.length], ...values.map((value): Field => [8, value]));
}

/**
 * The time in seconds since 1970 (Info-ZIP's extended timestamp, 4.6.1: 0x5455). Worth its nine bytes: a DOS time names no time zone, and
 * the same folder must be the same bytes wherever the browser is. Left out where it does not fit into 31 bits.
 */
function timeExtra({ modified }: ZipEntry): Bytes {
  const seconds = Math.floor((modified ?? -1) / 1000);
  if (!(seconds >= 0 && seconds <= 0x7fff_ffff)) return new Uint8Array();
  const hasModified = 1;
  return concatBytes([record([2, 0x5455], [2, 5]), Uint8Array.of(hasModified), record([4, seconds])]);
}

/** Time and date of MS-DOS (4.4.6), in UTC: two seconds are one, and the years are 1980 to 2107. */
function dosTime(milliseconds: number): [Field, Field] {
  const date = new Date(Math.min(Math.max(milliseconds, FIRST_DOS_TIME), LAST_DOS_TIME));
  const time = (date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1);
  const day = ((date.getUTCFullYear() - 1980) << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate();
  return [
    [2, time],
    [2, day],
  ];
}

const FIRST_DOS_TIME = Date.UTC(1980, 0, 1);
const LAST_DOS_TIME = Date.UTC(2107, 11, 31, 23, 59, 58);

function record(...fields: readonly Field[]): Bytes {
  const bytes = new Uint8Array(fields.reduce((sum, [length]) => sum + length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [length, value] of fields) {
    if (length === 2) view.setUint16(at, value, true);
    else if (length === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += length;
  }
  return bytes;
}
