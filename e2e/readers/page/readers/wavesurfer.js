import WaveSurfer from "wavesurfer.js";

export async function read(url) {
  const container = document.body.appendChild(document.createElement("div"));
  const wave = WaveSurfer.create({ container });
  await wave.load(url);
  const [peaks] = wave.exportPeaks({ channels: 1, maxLength: 4 });
  return [wave.getDuration(), ...peaks.map((peak) => Math.round(Math.abs(peak)))];
}
