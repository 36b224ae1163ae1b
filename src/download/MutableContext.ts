import type { DownloadContext } from "./DownloadContext.ts";

/** What every part of one mutable file's download works with. */
export type MutableContext = Pick<
  DownloadContext,
  "servers" | "health" | "codec" | "clock" | "limits" | "storageIndexText"
>;
