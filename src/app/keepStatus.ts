import type { Keep } from "../base/Keep.ts";
import { formatSize } from "./formatSize.ts";

/** How far keeping a file offline is, in a few words; empty where it is not kept. */
export function keepStatus(keep: Keep | undefined): string {
  if (keep === undefined) return "";
  const { state, keptBytes, size, reason } = keep;
  const part = `${formatSize(keptBytes)} of ${formatSize(size)}`;
  if (state === "kept") return "offline";
  if (state === "paused") return `paused, ${part} offline`;
  if (state === "failed") return reason?.message ?? `failed after ${part}`;
  return reason === undefined ? `keeping ${part}` : `waiting, ${part}`;
}
