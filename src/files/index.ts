/** The reader itself, without worker or page: for Node, for pages, for workers of one's own. */
export { type Clock, systemClock } from "../base/Clock.ts";
export { EventLog, type LogEvent, type LogLevel, type LogListener } from "../base/EventLog.ts";
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
export { defaultLimits, type Limits } from "../base/limits.ts";
export type { Cap, ChkCap, ChkVerifyCap, DirectoryCap, LitCap, MutableCap } from "../formats/Cap.ts";
export { formatCap, verifyCapOf } from "../formats/formatCap.ts";
export { parseCap } from "../formats/parseCap.ts";
export { fetchTransport } from "../servers/fetchTransport.ts";
export type { HttpReply, HttpRequest, HttpTransport } from "../servers/HttpTransport.ts";
export { parseGridConfig } from "../servers/parseGridConfig.ts";
export type { Nurl } from "../servers/parseNurl.ts";
export type { Server } from "../servers/Server.ts";
export type { ServerList } from "../servers/ServerList.ts";
export { StaticServerList } from "../servers/StaticServerList.ts";
export { type Address, type MakeTransport, serversFromConfig } from "../servers/serversFromConfig.ts";
export type { Background } from "./Background.ts";
export { createFileNodes, type FileNodes, type FileNodesOptions } from "./createFileNodes.ts";
export type { FileNode, ReadOptions } from "./FileNode.ts";
