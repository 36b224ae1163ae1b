import { utf8 } from "../../base/bytes.ts";
import { fill } from "../../base/fill.ts";
import type { FileNode, ReadOptions } from "../../files/FileNode.ts";
import { FakeFile } from "../../files/testing/FakeFile.ts";
import { ZipArchive } from "../ZipArchive.ts";
import type { ZipEntry } from "../ZipEntry.ts";

/** 2026-11-30 12:34:57 UTC. */
export const SOME_TIME = Date.UTC(2026, 10, 30, 12, 34, 57);

export function entryOf(path: string, size: number, modified: number | undefined = SOME_TIME): ZipEntry {
  return { path, cap: path, version: undefined, size, modified };
}

/** An archive of files, each with all that was read of it. A path that ends in a slash is a folder. */
export function archiveOf(files: Readonly<Record<string, FileNode>>): ZipArchive {
  const entries = Object.entries(files).map(([path, { size }]) => entryOf(path, size));
  return new ZipArchive(entries, async ({ path }) => files[path]!);
}

export const folder = new FakeFile(new Uint8Array());

export function textFile(text: string): FakeFile {
  return new FakeFile(utf8(text));
}

/** A file of zeroes, of any size, that counts what is read of it. */
export class Zeroes implements FileNode {
  readonly size: number;
  bytesRead = 0;

  constructor(size: number) {
    this.size = size;
  }

  read({ offset = 0, length = this.size - offset }: ReadOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    let left = length;
    return new ReadableStream(
      {
        pull: (controller) => {
          const chunk = zeroes.subarray(0, Math.min(left, zeroes.length));
          left -= chunk.length;
          this.bytesRead += chunk.length;
          if (chunk.length > 0) controller.enqueue(chunk);
          else controller.close();
        },
      },
      { highWaterMark: 0 },
    );
  }
}

const zeroes = new Uint8Array(1024 * 1024);

/** All bytes of a part of an archive; all of it unless given. */
export async function bytesOf(archive: ZipArchive, offset = 0, length = archive.size - offset): Promise<Uint8Array> {
  return fill(new Uint8Array(length), archive.read({ offset, length }));
}
