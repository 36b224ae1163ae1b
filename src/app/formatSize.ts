const UNITS = ["B", "KB", "MB", "GB", "TB", "PB"];

/** A number of bytes for people, in decimal units: 2.4 MB. */
export function formatSize(bytes: number): string {
  const exponent = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1);
  const value = bytes / 1000 ** exponent;
  return `${exponent > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${UNITS[exponent]}`;
}
