// Makes the files in samples/: `node src/node/demo/make-samples.mjs`. Needs ffmpeg 5 or newer with libx264, libvpx,
// libopus and libmp3lame, and the DejaVu fonts (Debian: `apt-get install ffmpeg fonts-dejavu-core`). The results are
// committed, so this runs only when they are to look different. Layout of the time code: samples/README.md.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SAMPLES = join(import.meta.dirname, "samples");
const SECONDS = 300;
const FPS = 20;
const FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";
// No dates, random ids or encoder versions in the files: the same ffmpeg makes the same bytes again.
const REPRODUCIBLE = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags", "+bitexact"];

const scratch = mkdtempSync(join(tmpdir(), "gridfetch-samples-"));
try {
  const landscape = join(scratch, "landscape.png");
  ffmpeg(["-f", "lavfi", "-i", hills(1280, 720), "-frames:v", "1", landscape]);
  ffmpeg(["-i", landscape, "-q:v", "4", ...REPRODUCIBLE, join(SAMPLES, "hills.jpg")]);

  const pictures = join(scratch, "pictures.nut");
  ffmpeg([
    ...["-f", "lavfi", "-i", `color=black:s=640x360:r=${FPS}:d=${SECONDS}`],
    ...["-i", landscape, "-f", "lavfi", "-i", balloon(48)],
    ...[
      "-filter_complex",
      testPattern(),
      "-map",
      "[out]",
      "-c:v",
      "libx264",
      "-qp",
      "0",
      "-preset",
      "ultrafast",
      pictures,
    ],
  ]);
  const keyframes = ["-g", `${2 * FPS}`, "-keyint_min", `${2 * FPS}`];
  ffmpeg([
    ...["-i", pictures, "-f", "lavfi", "-i", melody(SECONDS, 48000), "-map", "0:v", "-map", "1:a", ...keyframes],
    ...["-c:v", "libvpx-vp9", "-crf", "41", "-b:v", "0", "-cpu-used", "2", "-row-mt", "0", "-threads", "1"],
    ...[
      "-c:a",
      "libopus",
      "-b:a",
      "20k",
      "-cues_to_front",
      "1",
      ...REPRODUCIBLE,
      join(SAMPLES, "gridfetch-sample.webm"),
    ],
  ]);
  ffmpeg([
    ...["-i", pictures, "-f", "lavfi", "-i", melody(SECONDS, 48000), "-map", "0:v", "-map", "1:a", ...keyframes],
    // No B-frames: the picture for a time is the last one that starts at or before it, with no edit list to shift it.
    ...["-c:v", "libx264", "-profile:v", "high", "-bf", "0", "-sc_threshold", "0", "-crf", "31", "-preset", "slow"],
    ...["-threads", "1", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "28k", "-movflags", "+faststart"],
    ...[...REPRODUCIBLE, join(SAMPLES, "gridfetch-sample.mp4")],
  ]);
  ffmpeg([
    ...["-f", "lavfi", "-i", melody(20, 44100), "-c:a", "libmp3lame", "-b:a", "48k", "-id3v2_version", "0"],
    ...["-write_xing", "0", ...REPRODUCIBLE, join(SAMPLES, "melody.mp3")],
  ]);
  writeFileSync(join(SAMPLES, "leaflet.pdf"), leaflet());
  checkTimeCode("gridfetch-sample.webm");
  checkTimeCode("gridfetch-sample.mp4");
} finally {
  rmSync(scratch, { recursive: true });
}

function ffmpeg(args) {
  execFileSync("ffmpeg", ["-hide_banner", "-loglevel", "error", "-y", ...args], {
    stdio: ["ignore", "inherit", "inherit"],
  });
}

/** Reads the time code out of every frame as it came through the encoder: each block shrunk to one pixel. */
function checkTimeCode(name) {
  const blocks = "crop=576:12:32:322,scale=16:1:flags=area,format=gray";
  const args = ["-loglevel", "error", "-i", join(SAMPLES, name), "-vf", blocks, "-f", "rawvideo", "-"];
  const levels = execFileSync("ffmpeg", args, { maxBuffer: 2 ** 24 });
  if (levels.length !== 16 * FPS * SECONDS) throw new Error(`${name}: ${levels.length / 16} frames`);
  for (let frame = 0; frame < FPS * SECONDS; frame++) {
    const bits = [...levels.subarray(16 * frame, 16 * frame + 16)].map((level) => (level > 128 ? "1" : "0")).join("");
    const tenths = Math.floor(frame / (FPS / 10))
      .toString(2)
      .padStart(12, "0");
    const parity = tenths.replaceAll("0", "").length % 2;
    if (bits !== `10${tenths}${parity}1`) throw new Error(`${name}: frame ${frame} shows ${bits}`);
  }
}

/** One frame: a morning sky over four ridges, each nearer one darker. */
function hills(width, height) {
  const ridges = [
    "0.56+0.050*sin(ld(0)*6.1+0.4)+0.020*sin(ld(0)*17)",
    "0.66+0.050*sin(ld(0)*4.3+2.0)+0.015*sin(ld(0)*13+1)",
    "0.76+0.040*sin(ld(0)*5.2+4.0)+0.012*sin(ld(0)*19)",
    "0.87+0.030*sin(ld(0)*3.1+1.0)+0.008*sin(ld(0)*23)",
  ];
  const colours = [0xb3cacc, 0x86adad, 0x558789, 0x2f5e64];
  const sky = { top: 0xbcd6e4, horizon: 0xfbeeda, sun: 0xffd9a0 };
  const glow = "exp(-hypot((ld(0)-0.72)*1.78,ld(1)-0.36)*9)";
  const channel = (shift) => {
    const of = (colour) => (colour >> shift) & 255;
    const air = `(${of(sky.top)}+(${of(sky.horizon)}-${of(sky.top)})*min(1,ld(1)/0.6))`;
    let pixel = `${air}+(${of(sky.sun)}-${air})*${glow}`;
    for (const [i, ridge] of ridges.entries()) pixel = `if(gt(ld(1),${ridge}),${of(colours[i])},${pixel})`;
    return `'st(0,X/W);st(1,Y/H);${pixel}'`;
  };
  return `color=black:s=${width}x${height}:d=1,format=gbrp,geq=r=${channel(16)}:g=${channel(8)}:b=${channel(0)}`;
}

/** One frame: a disc, lit from above, on nothing. */
function balloon(size) {
  const r = size / 2;
  const light = `clip(1-hypot(X-${r},Y-${r * 0.6})/${size * 1.1},0,1)`;
  const alpha = `255*clip(${r - 1}-hypot(X-${r},Y-${r}),0,1)`;
  return `color=black:s=${size}x${size}:d=1,format=rgba,geq=r='255*(0.55+0.4*${light})':g='255*(0.2+0.4*${light})':b='255*(0.15+0.3*${light})':a='${alpha}'`;
}

/** The filter graph: landscape, drifting balloon, title, clock and time code. Everything follows the frame number n. */
function testPattern() {
  const clock = String.raw`%{eif\:floor(n/${60 * FPS})\:d\:2}\:%{eif\:mod(floor(n/${FPS})\,60)\:d\:2}`;
  const text = (what, size, x, y, more) =>
    `drawtext=fontfile=${FONT}:fontsize=${size}:text='${what}':x=${x}:y=${y}:${more}`;
  const steps = [
    text("gridfetch sample", 26, 32, 24, "fontcolor=0x2f5e64"),
    text(clock, 120, 148, 116, "fontcolor=white:shadowcolor=0x2f5e64@0.7:shadowx=3:shadowy=3"),
    "drawbox=x=28:y=312:w=584:h=32:color=0x101820:t=fill",
    ...timeCode(),
  ];
  return [
    "[1:v]scale=640:360,format=yuv420p[land]",
    "[0:v][land]overlay=eof_action=repeat[scene]",
    // The balloon is back where it started every 20 s.
    `[scene][2:v]overlay=eof_action=repeat:x='296+250*sin(2*PI*n/${20 * FPS})':y='58+14*sin(2*PI*n/${5 * FPS})'[moving]`,
    `[moving]${steps.join(",")},format=yuv420p[out]`,
  ].join(";");
}

/** One box a block: on while its bit of the running tenth of a second is 1. */
function timeCode() {
  const tenths = `floor(n/${FPS / 10})`;
  const bit = (b) => `mod(floor(${tenths}/${2 ** b}),2)`;
  const parity = Array.from({ length: 12 }, (_, b) => bit(b)).join("+");
  const lit = ["1", "0", ...Array.from({ length: 12 }, (_, i) => bit(11 - i)), `mod(${parity},2)`, "1"];
  return lit.map((on, i) => `drawbox=x=${32 + 36 * i}:y=316:w=36:h=24:color=0xf4f4ec:t=fill:enable='${on}'`);
}

/** A pentatonic scale, one struck note a second, the same ten notes every ten seconds. */
function melody(seconds, rate) {
  const pitch = "220*pow(2,floor(2.4*mod(floor(t),10))/12)";
  const into = "mod(t,1)";
  const struck = `(1-exp(-80*${into}))*exp(-3.5*${into})`;
  return `aevalsrc='0.22*${struck}*(sin(2*PI*${pitch}*${into})+0.25*sin(4*PI*${pitch}*${into}))':s=${rate}:c=mono:d=${seconds}`;
}

/** A PDF of one page, made of nothing but a drawing and a few lines in a font that every reader has. */
function leaflet() {
  const lines = [
    "This page came from a storage grid.",
    "It was cut into segments, encrypted, and spread over several servers as shares.",
    "Any k of the N shares are enough to bring it back;",
    "none of the servers could read it.",
  ];
  const content = [
    "0.94 0.97 0.97 rg 0 0 420 298 re f 0.18 0.37 0.39 rg 0 238 420 60 re f",
    "BT /F1 22 Tf 1 1 1 rg 32 259 Td (gridfetch sample) Tj ET",
    ...lines.map((line, i) => `BT /F1 10.5 Tf 0.1 0.2 0.2 rg 32 ${200 - 20 * i} Td (${line}) Tj ET`),
    ...Array.from(
      { length: 10 },
      (_, i) => `${i < 3 ? "0.33 0.53 0.54" : "0.75 0.84 0.84"} rg ${32 + 36 * i} 48 26 26 re f`,
    ),
  ].join("\n");
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 298] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
    `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  ];
  let file = "%PDF-1.4\n";
  const offsets = objects.map((object, i) => {
    const offset = file.length;
    file += `${i + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const rows = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
  const trailer = `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${file.length}\n%%EOF\n`;
  return `${file}xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${rows}${trailer}`;
}
