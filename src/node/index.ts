/** What only Node can: servers by their NURLs, uploads, a grid for tests. */

export type { LogEvent, LogLevel, TraceEvent } from "../base/EventLog.ts";
export { UploadServer } from "./encode/UploadServer.ts";
export {
  defaultEncoding,
  type Encoding,
  type UploadOptions,
  type UploadProgress,
  type UploadResult,
  uploadFile,
} from "./encode/uploadFile.ts";
export {
  type DevelopmentGrid,
  type DevelopmentGridOptions,
  startDevelopmentGrid,
} from "./grid/developmentGrid.ts";
export { type OtlpAttribute, type OtlpSpan, type OtlpTraces, toOtlpJson } from "./toOtlpJson.ts";
export type { ListRemark } from "./transport/readAnnouncements.ts";
export type { ListSource } from "./transport/readListText.ts";
export { type ListedServer, type ReadServerList, readServerList } from "./transport/readServerList.ts";
