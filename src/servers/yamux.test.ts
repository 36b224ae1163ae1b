import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FRAME_TYPES, type FrameHeader, FrameReader, writeHeader, YamuxError } from "./yamux.ts";

/** A frame as it was heard: its header, and its payload put together. */
interface Heard {
  readonly header: FrameHeader;
  readonly payload: number[];
  isWhole: boolean;
}

function listen(): { reader: FrameReader; heard: Heard[] } {
  const heard: Heard[] = [];
  const reader = new FrameReader({
    begin: (header) => void heard.push({ header, payload: [], isWhole: false }),
    data: (_, piece) => void heard.at(-1)!.payload.push(...piece),
    end() {
      heard.at(-1)!.isWhole = true;
    },
  });
  return { reader, heard };
}

const flags = fc.integer({ min: 0, max: 15 });
const stream = fc.integer({ min: 1, max: 0xffffffff });
const number = fc.integer({ min: 0, max: 0xffffffff });
const frame = fc.oneof(
  fc.record({ type: fc.constant(FRAME_TYPES.DATA), flags, stream, payload: fc.uint8Array({ maxLength: 300 }) }),
  fc.record({ type: fc.constant(FRAME_TYPES.WINDOW), flags, stream, length: number }),
  fc.record({
    type: fc.constantFrom(FRAME_TYPES.PING, FRAME_TYPES.GO_AWAY),
    flags,
    stream: fc.constant(0),
    length: number,
  }),
);

describe("frames", () => {
  it("are found again however the bytes are divided", () => {
    const division = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });
    fc.assert(
      fc.property(fc.array(frame), division, (frames, sizes) => {
        const headers = frames.map((one) => ({
          type: one.type,
          flags: one.flags,
          stream: one.stream,
          length: "payload" in one ? one.payload.length : one.length,
        }));
        const payloads = frames.map((one) => ("payload" in one ? [...one.payload] : []));
        const bytes = headers.flatMap((header, index) => [...writeHeader(header), ...payloads[index]!]);
        const { reader, heard } = listen();
        for (let at = 0, n = 0; at < bytes.length; n++) {
          const size = sizes[n % sizes.length]!;
          reader.push(Uint8Array.from(bytes.slice(at, at + size)));
          at += size;
        }
        expect(heard).toEqual(headers.map((header, index) => ({ header, payload: payloads[index], isWhole: true })));
      }),
    );
  });

  it("are heard from their headers on: whoever listens may refuse a payload before it has come", () => {
    const { reader, heard } = listen();
    reader.push(writeHeader({ type: FRAME_TYPES.DATA, flags: 0, stream: 1, length: 0xffffffff }));
    expect(heard).toMatchObject([{ header: { length: 0xffffffff }, isWhole: false }]);
  });

  it.each([
    ["another version", [1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]],
    ["an unknown type", [0, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]],
    ["unknown flags", [0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0]],
    ["data for no stream", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ["a window for no stream", [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
    ["a ping for a stream", [0, 2, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]],
  ])("with %s are refused", (_, bytes) => {
    const { reader, heard } = listen();
    expect(() => reader.push(Uint8Array.from(bytes))).toThrow(YamuxError);
    expect(heard).toEqual([]);
  });

  it("any bytes are frames or refused, and of no others", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          listen().reader.push(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(YamuxError);
        }
      }),
    );
  });
});
