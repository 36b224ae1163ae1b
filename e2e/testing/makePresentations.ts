import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** Of the film, in seconds; and of a segment. */
const LENGTH = 24;
const SEGMENT = 4;
/** The heights of the two qualities. */
export const HEIGHTS = [360, 180] as const;

const SUBTITLES = Array.from(
  { length: LENGTH / SEGMENT },
  (_, i) => `00:00:${two(i * SEGMENT)}.000 --> 00:00:${two((i + 1) * SEGMENT)}.000\nPart ${i + 1}\n`,
).join("\n");

function two(number: number): string {
  return String(number).padStart(2, "0");
}

/**
 * Makes presentations of a film in a folder, as operators do it: HLS in MPEG-2 TS, one file a segment, with subtitles; the same under AES-128; HLS
 * in fragmented MP4, one file a quality, read by byte ranges; and DASH likewise. Two qualities each.
 */
export async function makePresentations(ffmpeg: string, film: string, folder: string): Promise<void> {
  const make = async (name: string, options: (at: (file: string) => string) => readonly string[]): Promise<void> => {
    const own = join(folder, name);
    await mkdir(own, { recursive: true });
    await promisify(execFile)(ffmpeg, [...input(film), ...options((file) => join(own, file))]);
  };
  const key = join(folder, "..", "key-info");
  await mkdir(join(folder, "encrypted"), { recursive: true });
  await writeFile(join(folder, "encrypted/key.bin"), Buffer.from("an AES-128 key!!"));
  await writeFile(key, `key.bin\n${join(folder, "encrypted/key.bin")}\n${"0".repeat(31)}7\n`);
  await make("ts", (at) => [...twoStreams, ...hls, "-hls_segment_filename", at("%v-%d.ts"), at("%v.m3u8")]);
  await make("encrypted", (at) => [
    ...[...twoStreams, ...hls, "-hls_key_info_file", key],
    ...["-hls_segment_filename", at("%v-%d.ts"), at("%v.m3u8")],
  ]);
  await make("ranges", (at) => [
    ...[...twoStreams, ...hls, "-hls_segment_type", "fmp4", "-hls_flags", "single_file"],
    ...["-hls_segment_filename", at("%v.mp4"), at("%v.m3u8")],
  ]);
  await make("dash", (at) => [
    ...["-map", "[high]", "-map", "[low]", "-map", "0:a", ...codecs],
    ...[
      "-f",
      "dash",
      "-seg_duration",
      `${SEGMENT}`,
      "-single_file",
      "1",
      "-single_file_name",
      "$RepresentationID$.mp4",
    ],
    ...["-adaptation_sets", "id=0,streams=v id=1,streams=a", at("index.mpd")],
  ]);
  await addSubtitles(join(folder, "ts"));
}

function input(film: string): string[] {
  const scale = HEIGHTS.map((height, i) => `[${i}v]scale=-2:${height}[${i === 0 ? "high" : "low"}]`);
  const filter = `[0:v]split=2[0v][1v];${scale.join(";")}`;
  return ["-hide_banner", "-loglevel", "error", "-y", "-i", film, "-t", `${LENGTH}`, "-filter_complex", filter];
}

/** A picture can be jumped to at each segment's start, and is shown at its own time: frames that refer to later ones would put all off by two. */
const codecs = [
  ...["-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-force_key_frames", `expr:gte(t,n_forced*${SEGMENT})`],
  ...["-b:v:0", "400k", "-b:v:1", "150k", "-c:a", "aac", "-b:a", "48k"],
];
const twoStreams = ["-map", "[high]", "-map", "0:a", "-map", "[low]", "-map", "0:a", ...codecs];
const hls = [
  ...["-f", "hls", "-hls_time", `${SEGMENT}`, "-hls_playlist_type", "vod"],
  ...["-master_pl_name", "index.m3u8", "-var_stream_map", "v:0,a:0 v:1,a:1"],
];

async function addSubtitles(folder: string): Promise<void> {
  await writeFile(join(folder, "subtitles.vtt"), `WEBVTT\n\n${SUBTITLES}`);
  const list = ["#EXTM3U", `#EXT-X-TARGETDURATION:${LENGTH}`, "#EXT-X-PLAYLIST-TYPE:VOD", `#EXTINF:${LENGTH},`];
  await writeFile(join(folder, "subtitles.m3u8"), [...list, "subtitles.vtt", "#EXT-X-ENDLIST", ""].join("\n"));
  const index = join(folder, "index.m3u8");
  const media = '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="English",LANGUAGE="en",URI="subtitles.m3u8"';
  const text = (await readFile(index, "utf8")).replace(/^(#EXT-X-STREAM-INF:.*)$/gm, '$1,SUBTITLES="subs"');
  await writeFile(index, text.replace(/^(#EXT-X-VERSION.*)$/m, `$1\n${media}`));
}
