/**
 * The tenth of a second that the sample video shows (its README has the time code's layout). For `page.evaluate`, so it
 * uses nothing from outside.
 * @throws Error where the picture has no whole time code
 */
export function readTimeCode(video: HTMLVideoElement): number {
  const canvas = document.createElement("canvas");
  canvas.width = 640;
  canvas.height = 360;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error("no 2d canvas here");
  context.drawImage(video, 0, 0, 640, 360);
  const row = context.getImageData(0, 328, 640, 1).data;
  const green = (block: number) => row[4 * (50 + 36 * block) + 1] ?? 0;
  const threshold = (green(0) + green(1)) / 2;
  const bits = Array.from({ length: 16 }, (_, block) => (green(block) > threshold ? 1 : 0));
  const tenths = bits.slice(2, 14).reduce<number>((value, bit) => 2 * value + bit, 0);
  const parity = bits.slice(2, 14).reduce<number>((sum, bit) => sum + bit, 0) % 2;
  const framed = bits[0] === 1 && bits[1] === 0 && bits[15] === 1 && green(0) - green(1) > 100;
  if (!framed || bits[14] !== parity) throw new Error(`no time code in this picture: ${bits.join("")}`);
  return tenths;
}
