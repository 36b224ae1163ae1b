/** For pages: bring the Service Worker in and use its URLs. */
export type { CapInfo, Entry } from "../base/Entry.ts";
export type { LogEvent, LogLevel, TraceEvent } from "../base/EventLog.ts";
export type { ErrorRecord } from "../base/errorRecord.ts";
export type { AddressCheck, CheckProblem, Finding, GridCheck, ServerCheck } from "../base/GridCheck.ts";
export {
  GridError,
  type GridErrorCode,
  type GridErrorDetails,
  isGridError,
  type ServerOutcome,
} from "../base/GridError.ts";
export type {
  AddressConfig,
  GridConfig,
  GridConfigDocument,
  NurlAddressConfig,
  ServerConfig,
  ServerSecrets,
  UrlAddressConfig,
} from "../base/gridConfig.ts";
export type { ZipChoice } from "../base/HandleRecord.ts";
export type { Keep, KeepEvent } from "../base/Keep.ts";
export type { ReadEvent, ReadStarted } from "../channel/ReadEvent.ts";
export { type TahoeUrlOptions, tahoeUrl } from "../formats/tahoeUrl.ts";
export { type ConnectOptions, connect } from "./connect.ts";
export type {
  AttachOptions,
  Grid,
  GridSettings,
  InfoOptions,
  OpenOptions,
  PrefetchOptions,
  StorageRoom,
  TraceOptions,
} from "./Grid.ts";
export type { FileReadOptions, GridFile } from "./GridFile.ts";
export type { UrlOptions, ZipOptions } from "./UrlOptions.ts";
export type { TrustedScript } from "./whyNotRegistered.ts";
