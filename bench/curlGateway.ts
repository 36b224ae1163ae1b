import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Seconds until the first bytes, and until the end. */
export interface GatewayRead {
  readonly seconds: number;
  readonly firstByte: number;
}

/**
 * Reads a file from a Tahoe-LAFS gateway.
 * @param size how many bytes must come
 * @param range `<first>-<last>`
 */
export async function curlGateway(gateway: string, cap: string, size: number, range?: string): Promise<GatewayRead> {
  const url = new URL(`uri/${encodeURIComponent(cap)}`, gateway).href;
  const format = "%{size_download} %{time_total} %{time_starttransfer}";
  const args = ["-s", "-o", "/dev/null", "-w", format, ...(range === undefined ? [] : ["-r", range]), url];
  const { stdout } = await promisify(execFile)("curl", args, { timeout: 120_000 });
  const [bytes, seconds, firstByte] = stdout.split(" ").map(Number);
  if (bytes !== size || seconds === undefined || firstByte === undefined) {
    throw new Error(`curl got ${bytes} of ${size} bytes from the gateway`);
  }
  return { seconds, firstByte };
}
