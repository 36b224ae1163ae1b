import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isPassive } from "./contentType.ts";
import { SNIFFED_BYTES, sniffType } from "./sniffType.ts";

const TEXT = "text/plain; charset=utf-8";
const latin1 = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const sample = (name: string) => readFileSync(new URL(`../node/demo/samples/${name}`, import.meta.url));
const packets = (count: number) => `${"G".padEnd(188, "\0")}`.repeat(count);

const TYPES: [start: string, type: string | undefined][] = [
  ["%PDF-1.7", "application/pdf"],
  ["\x89PNG\r\n\x1a\n\0\0", "image/png"],
  ["\xff\xd8\xff\xe0", "image/jpeg"],
  ["GIF89a\x01", "image/gif"],
  ["RIFF\x01\x02\x03\x04WEBPVP8 ", "image/webp"],
  ["RIFF\x01\x02\x03\x04WAVEfmt ", "audio/wav"],
  ["\0\0\0\x20ftypisom\0", "video/mp4"],
  ["\0\0\0\x20ftypM4A \0", "audio/mp4"],
  ["\0\0\0\x20ftypavif\0", "image/avif"],
  ["\0\0\0\x20ftypqt  \0", "video/quicktime"],
  ["\x1a\x45\xdf\xa3\x01\x42\x82\x84webm", "video/webm"],
  ["\x1a\x45\xdf\xa3\x01\x42\x82\x88matroska", "video/x-matroska"],
  [`OggS\0${"\0".repeat(23)}\x01vorbis`, "audio/ogg"],
  [`OggS\0${"\0".repeat(23)}\x80theora`, "video/ogg"],
  ["fLaC\0", "audio/flac"],
  ["ID3\x04\0", "audio/mpeg"],
  ["\xff\xfb\x90\x64", "audio/mpeg"],
  ["\xff\xf1\x50", "audio/aac"],
  [packets(4), "video/mp2t"],
  ["PK\x03\x04\x14", "application/zip"],
  ["\x1f\x8b\x08\0", "application/gzip"],
  ["WEBVTT\n\n00:00", "text/vtt; charset=utf-8"],
  ["\0asm\x01\0\0\0", "application/wasm"],
  ["II*\0\x08\0\0\0", "image/tiff"],
  ["MM\0*\0\0\0\x08", "image/tiff"],
  ["II+\0\x08\0\0\0", "image/tiff"],
  ["MM\0+\0\x08\0\0", "image/tiff"],
  ["#EXTM3U\n#EXT-X-VERSION:3", "application/vnd.apple.mpegurl"],
  ["#EXTM3U", "application/vnd.apple.mpegurl"],
  ['<MPD xmlns="urn:mpeg:dash:schema:mpd:2011">', "application/dash+xml"],
  ["\xef\xbb\xbf<?xml version='1.0'?>\n<!-- made by x -->\n<MPD\n", "application/dash+xml"],
  // Text that looks like one of them, and like what could act.
  ["BM is a German abbreviation", TEXT],
  ["ID3 tags, explained", TEXT],
  ["WEBVTTs", TEXT],
  ["#EXTM3Ux", TEXT],
  [" #EXTM3U", TEXT],
  ["<MPDs>", TEXT],
  ["<html><MPD>", TEXT],
  ["see <MPD>", TEXT],
  ["II*", TEXT],
  ["<!doctype html><script>", TEXT],
  ["<?xml version='1.0'?><svg onload=''>", TEXT],
  ["#!/bin/sh", TEXT],
  ["\xef\xbb\xbfwith a mark", TEXT],
  ["\xe6\x97\xa5\xe6\x9c", TEXT],
  // Neither.
  ["", undefined],
  ["a\0b", undefined],
  ["latin \xe4 one", undefined],
  ["\xff\xfeU\0T\0F\0", undefined],
];

describe("sniffType", () => {
  it.each(TYPES)("%j is %s", (start, type) => expect(sniffType(latin1(start))).toBe(type));

  it.each([
    ["hills.jpg", "image/jpeg"],
    ["melody.mp3", "audio/mpeg"],
    ["leaflet.pdf", "application/pdf"],
    ["gridfetch-sample.mp4", "video/mp4"],
    ["gridfetch-sample.webm", "video/webm"],
    ["letter.txt", TEXT],
    // It might act: only its name can make it a drawing.
    ["shares.svg", TEXT],
  ])("%s is %s", (name, type) => expect(sniffType(sample(name))).toBe(type));

  it("looks at the start alone", () => {
    expect(sniffType(latin1(`${"a".repeat(SNIFFED_BYTES)}\0`))).toBe(TEXT);
    // A character that is cut by the end of what is looked at.
    expect(sniffType(latin1(`${"a".repeat(SNIFFED_BYTES - 1)}\xe6\x97\xa5`))).toBe(TEXT);
  });

  it("never finds anything that can act, nor calls passive what is text or XML, or could be compiled", () => {
    for (const [, type = ""] of TYPES) {
      expect(type).not.toMatch(/html|svg|script|css|json/);
      if (/^text\/|xml|wasm|mpegurl/.test(type)) expect(isPassive(type)).toBe(false);
    }
  });

  it("takes no longer for what is made to be hard", () => {
    expect(sniffType(latin1("<!---->".repeat(200)))).toBe(TEXT);
    expect(sniffType(latin1(" ".repeat(5_000)))).toBe(TEXT);
  });
});
