import { describe, expect, it } from "vitest";
import { isPassive, typeOfName, UNKNOWN_TYPE } from "./contentType.ts";

const TYPES: [name: string | undefined, type: string | undefined][] = [
  ["page.html", "text/html; charset=utf-8"],
  ["photo.jpg", "image/jpeg"],
  ["PHOTO.JPG", "image/jpeg"],
  ["film.mp4", "video/mp4"],
  ["film.m4v", "video/mp4"],
  ["film.webm", "video/webm"],
  ["film.mkv", "video/x-matroska"],
  ["segment.ts", "video/mp2t"],
  ["list.m3u8", "application/vnd.apple.mpegurl"],
  ["song.mp3", "audio/mpeg"],
  ["song.ogg", "audio/ogg"],
  ["song.flac", "audio/flac"],
  ["code.js", "text/javascript; charset=utf-8"],
  ["code.mjs", "text/javascript; charset=utf-8"],
  ["code.py", "text/x-python; charset=utf-8"],
  ["code.java", "text/plain; charset=utf-8"],
  ["change.patch", "text/plain; charset=utf-8"],
  ["style.css", "text/css; charset=utf-8"],
  ["drawing.svg", "image/svg+xml"],
  ["data.json", "application/json"],
  ["code.wasm", "application/wasm"],
  ["paper.pdf", "application/pdf"],
  ["notes.md", "text/markdown; charset=utf-8"],
  ["notes.txt", "text/plain; charset=utf-8"],
  ["subtitles.vtt", "text/vtt; charset=utf-8"],
  ["photo.webp", "image/webp"],
  ["photo.avif", "image/avif"],
  ["font.woff2", "font/woff2"],
  ["all.zip", "application/zip"],
  ["all.tar", "application/x-tar"],
  ["all.tar.gz", "application/gzip"],
  ["all.tgz", "application/gzip"],
  ["letter.txt.gz", "application/gzip"],
  ["a.b.webm", "video/webm"],
  ["signs.ass", "text/plain; charset=utf-8"],
  ["comic.cbz", "application/vnd.comicbook+zip"],
  ["table.parquet", "application/vnd.apache.parquet"],
  ["places.sqlite", "application/vnd.sqlite3"],
  ["Thumbs.DB", "application/vnd.sqlite3"],
  ["grid.h5", "application/x-hdf5"],
  ["array.npy", "application/octet-stream"],
  ["world.pmtiles", "application/vnd.pmtiles"],
  ["roads.fgb", "application/vnd.flatgeobuf"],
  ["duck.glb", "model/gltf-binary"],
  ["duck.gltf", "model/gltf+json"],
  ["dir/photo.png", "image/png"],
  // Only an extension, none at all, or none that anybody knows.
  [".html", undefined],
  ["dir/.html", undefined],
  [".gz", undefined],
  ["README", undefined],
  ["dot.", undefined],
  ["film.unheardof", undefined],
  ["x.constructor", undefined],
  ["", undefined],
  [undefined, undefined],
];

describe("typeOfName", () => {
  it.each(TYPES)("%s is %s", (name, type) => expect(typeOfName(name)).toBe(type));
});

describe("isPassive", () => {
  const passive = ["a.png", "a.jpg", "a.webp", "a.mp4", "a.webm", "a.mp3", "a.flac", "a.pdf"];
  const active = [
    "a.html",
    "a.xhtml",
    "a.svg",
    "a.xml",
    "a.xsl",
    "a.rss",
    "a.js",
    "a.txt",
    "a.vtt",
    "a.rdf",
    "a",
    "a.mml",
    "a.mpd",
    "a.kml",
    "a.gltf",
    "a.wasm",
  ];
  it.each(passive)("%s is", (name) => expect(isPassive(typeOfName(name) ?? UNKNOWN_TYPE)).toBe(true));
  it.each(active)("%s is not", (name) => expect(isPassive(typeOfName(name) ?? UNKNOWN_TYPE)).toBe(false));
  it.each([
    "image/svg+xml",
    "IMAGE/SVG+XML",
    "image/x+xml",
    "video/xml",
    "image/svg",
    "application/pdf+xml",
    "image/",
    "x",
  ])("%s, as somebody may ask for it, is not", (type) => expect(isPassive(type)).toBe(false));
  it("parameters and case change nothing", () => expect(isPassive("Video/MP4; codecs=avc1")).toBe(true));
});
