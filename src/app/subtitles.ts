import type { Entry } from "../base/Entry.ts";
import { fetchFromWorker } from "../client/fetchFromWorker.ts";
import type { Grid } from "../client/Grid.ts";
import { listDirectory } from "./listDirectory.ts";

/** Longer than those of any film. */
const MOST_TEXT = 2 * 1024 * 1024;
const ENDING = /\.(?:vtt|srt)$/i;

/** Subtitles that lie beside a film, by its name. */
export interface Subtitles {
  /** For the player's menu. */
  readonly label: string;
  /** As its file's name has it, `en`; empty where it has none. */
  readonly language: string;
  readonly cap: string;
  readonly name: string;
}

/** When something is said, in seconds, and what. */
export interface Line {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * Puts the subtitles into the player's menu that lie beside the film: `Film.vtt`, `Film.en.srt`. None is read before it is chosen.
 *
 * @param folder the cap of the directory in which the film is
 * @throws as `Grid.list`
 */
export async function offerSubtitles(
  media: HTMLMediaElement,
  film: string,
  folder: string,
  grid: Grid,
  signal: AbortSignal,
): Promise<void> {
  const unread = new Map<TextTrack, Subtitles>();
  for (const each of subtitlesOf(film, await listDirectory(grid, folder, signal)))
    unread.set(media.addTextTrack("subtitles", each.label, each.language), each);
  media.textTracks.addEventListener("change", () => {
    for (const [track, subtitles] of unread) {
      if (track.mode !== "showing") continue;
      unread.delete(track);
      void read(subtitles, grid, signal).then(
        (lines) => {
          for (const { start, end, text } of lines) track.addCue(new VTTCue(start, end, text));
        },
        // Chosen once more, it is tried again.
        () => unread.set(track, subtitles),
      );
    }
  });
}

async function read({ cap, name }: Subtitles, grid: Grid, signal: AbortSignal): Promise<Line[]> {
  const url = grid.url(cap, { filename: name });
  const response = await fetchFromWorker(url, { headers: { Range: `bytes=0-${MOST_TEXT - 1}` }, signal });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return linesOf(await response.text());
}

/** Those that have the film's name, with a language after it or without. */
export function subtitlesOf(film: string, entries: readonly Entry[]): Subtitles[] {
  const stem = `${film.replace(/\.[^.]+$/, "")}.`.toLowerCase();
  return entries.flatMap(({ name, cap, kind }) => {
    const lower = name.toLowerCase();
    if (kind !== "file" || cap === undefined || !ENDING.test(name) || !lower.startsWith(stem)) return [];
    const language = name
      .slice(stem.length)
      .replace(ENDING, "")
      .replace(/^(?:vtt|srt)$/i, "");
    return [{ label: labelOf(language), language: isLanguage(language) ? language : "", cap, name }];
  });
}

function labelOf(language: string): string {
  if (language === "") return "Subtitles";
  return (isLanguage(language) && new Intl.DisplayNames(undefined, { type: "language" }).of(language)) || language;
}

function isLanguage(text: string): boolean {
  return /^[a-z]{2,3}(?:-[a-z\d]{2,8})*$/i.test(text);
}

/** `00:01:02,500 --> 00:01:04,000` of SubRip, `01:02.500 --> 01:04.000` of WebVTT. */
const TIMES = /^\s*((?:\d+:)?\d{1,2}:\d{2}[.,]\d{3})\s+-->\s+((?:\d+:)?\d{1,2}:\d{2}[.,]\d{3})/;

/** What is said when, of a text in SubRip's form or WebVTT's. What is neither is left out. */
export function linesOf(text: string): Line[] {
  return text
    .replace(/\r\n?/g, "\n")
    .split(/\n{2,}/)
    .flatMap((block) => {
      const rows = block.split("\n");
      const at = rows.findIndex((row) => TIMES.test(row));
      const [, start, end] = TIMES.exec(rows[at] ?? "") ?? [];
      if (start === undefined || end === undefined) return [];
      const said = rows.slice(at + 1).join("\n");
      return [{ start: secondsOf(start), end: secondsOf(end), text: said.trimEnd() }];
    });
}

function secondsOf(time: string): number {
  return time
    .replace(",", ".")
    .split(":")
    .reduce((sum, part) => 60 * sum + Number(part), 0);
}
