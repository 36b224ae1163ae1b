import { expect, it } from "vitest";
import type { Entry } from "../base/Entry.ts";
import { linesOf, subtitlesOf } from "./subtitles.ts";

const entry = (name: string, kind: Entry["kind"] = "file") => ({ name, kind, cap: "URI:LIT:" }) as Entry;

it("finds those that have the film's name, in whichever case, and says the language", () => {
  const names = [
    "Film.vtt",
    "film.EN.srt",
    "Film.pt-BR.vtt",
    "Film.director.vtt",
    "Film 2.vtt",
    "Film.txt",
    "Film.mp4",
  ];
  expect(
    subtitlesOf(
      "Film.mp4",
      names.map((name) => entry(name)),
    ).map(({ name, language, label }) => [name, language, label]),
  ).toEqual([
    ["Film.vtt", "", "Subtitles"],
    ["film.EN.srt", "EN", "English"],
    ["Film.pt-BR.vtt", "pt-BR", "Brazilian Portuguese"],
    ["Film.director.vtt", "", "director"],
  ]);
  expect(subtitlesOf("Film.mp4", [entry("Film.vtt", "directory")])).toEqual([]);
});

it("reads SubRip and WebVTT, and leaves out what is neither", () => {
  const srt =
    "\ufeff1\r\n00:00:01,500 --> 00:00:03,000\r\nOne\r\ntwo\r\n\r\n2\r\n01:00:00,000 --> 01:00:01,000\r\nThree\r\n";
  expect(linesOf(srt)).toEqual([
    { start: 1.5, end: 3, text: "One\ntwo" },
    { start: 3_600, end: 3_601, text: "Three" },
  ]);
  const vtt = "WEBVTT\n\nNOTE a note\n\nfirst\n00:01.000 --> 00:02.500 align:start\n<i>One</i>\n\nnothing\n";
  expect(linesOf(vtt)).toEqual([{ start: 1, end: 2.5, text: "<i>One</i>" }]);
  expect(linesOf("")).toEqual([]);
});
