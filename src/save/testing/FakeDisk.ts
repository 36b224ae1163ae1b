import type { DiskFile } from "../DiskFile.ts";

/** A chosen file, as browsers write it: what is written takes its place when the writing is closed, and is lost otherwise. */
export class FakeDisk {
  readonly name = "film.mp4";
  content: Uint8Array<ArrayBuffer> = new Uint8Array();
  /** How often what was written was put in its place. */
  closings = 0;
  /** Bytes that were copied to be added to. */
  copied = 0;
  /** What the next write fails with. */
  fault: Error | undefined;

  get handle(): DiskFile {
    return this as unknown as DiskFile;
  }

  async getFile(): Promise<Blob> {
    return new Blob([this.content]);
  }

  async createWritable({ keepExistingData }: { keepExistingData: boolean }) {
    let room = keepExistingData ? this.content.slice() : new Uint8Array();
    let { length } = room;
    this.copied += length;
    const resize = (to: number) => {
      if (to > room.length) {
        const larger = new Uint8Array(2 * to);
        larger.set(room);
        room = larger;
      }
      if (to > length) room.fill(0, length, to);
      length = to;
    };
    return {
      write: async ({ position, data }: { position: number; data: Uint8Array }) => {
        if (this.fault) throw this.fault;
        if (position + data.length > length) resize(position + data.length);
        room.set(data, position);
      },
      truncate: async (to: number) => resize(to),
      close: async () => {
        if (this.fault) throw this.fault;
        this.content = room.slice(0, length);
        this.closings++;
      },
      abort: async () => undefined,
    };
  }
}
