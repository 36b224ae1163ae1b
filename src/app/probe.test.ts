import { describe, expect, it } from "vitest";
import { guessName } from "./probe.ts";

const latin1 = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

describe("guessName", () => {
  it.each([
    ["\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1fB\x86\x81\x01B\x82\x84webm", "file.webm"],
    ["\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1fB\x82\x88matroska", "file.mkv"],
    ["\0\0\0\x20ftypisom\0\0\x02\0", "file.mp4"],
    ["\0\0\0\x20ftypM4A \0\0\x02\0", "file.m4a"],
    ["\0\0\0\x1cftypavif", "file.avif"],
    ["OggS\0\x02", "file.ogg"],
    ["ID3\x04\0", "file.mp3"],
    ["\xff\xfb\x90", "file.mp3"],
    ["RIFF\x10\0\0\0WAVEfmt ", "file.wav"],
    ["RIFF\x10\0\0\0WEBPVP8 ", "file.webp"],
    ["\xff\xd8\xff\xe0\0\x10JFIF", "file.jpg"],
    ["\x89PNG\r\n\x1a\n", "file.png"],
    ["GIF89a", "file.gif"],
    ["%PDF-1.7\n", "file.pdf"],
    ['<?xml version="1.0"?>\n<svg xmlns="x">', "file.svg"],
    ["plain text", "file.txt"],
    ["gr\xc3\xbcn, cut off: \xc3", "file.txt"],
    ["", "file.txt"],
    // Shown as text, never as a page.
    ["<html><script>1</script>", "file.txt"],
    ["\x7fELF\x02\x01\x01\0\0", "file"],
    ["\xc3\x28 not UTF-8", "file"],
  ])("%j", (head, name) => expect(guessName(latin1(head))).toBe(name));
});
