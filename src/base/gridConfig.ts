/**
 * The document that tells an app which servers make up its grid, usually `/grid.json`: one grid, or several of which the
 * first is meant where none is named. `parseGridConfig` checks it.
 */
export type GridConfigDocument = GridConfig | { readonly grids: readonly GridConfig[] };

/** One grid. */
export interface GridConfig {
  /** What URLs and pages call it; each of several grids has one. */
  readonly name?: string;
  readonly servers: readonly ServerConfig[];
}

/** A storage server of a grid. */
export interface ServerConfig {
  /** As the grid's other clients have it, for instance `v0-…`: it decides where a file's shares are looked for first. */
  readonly id: string;
  readonly nickname?: string;
  /** Only where the server announces one. */
  readonly "permutation-seed-base32"?: string;
  /** Ways to the server, best first: one or more. */
  readonly addresses: readonly AddressConfig[];
  /**
   * Secret. Only where the server wants one, no NURL has it, the page does not give it, and the proxy in front of the
   * server does not add it.
   */
  readonly swissnum?: string;
}

/** A way to a server. A browser can use a URL, or a NURL with a relay; Node can use all. */
export type AddressConfig = UrlAddressConfig | NurlAddressConfig;

/** HTTP as the platform's own client speaks it: a development grid's server, or a proxy before a real one. */
export interface UrlAddressConfig {
  /** The server's root, http or https. May be a path of a proxy. */
  readonly url: string;
}

/** TLS pinned to the server's key: through a relay, or without one where the platform has sockets. */
export interface NurlAddressConfig {
  /** `pb://<tls id>@<host>:<port>/<swissnum>#v=1`, in which the swissnum may be missing. */
  readonly nurl: string;
  /** The relay's WebSocket, ws or wss; which server is meant is said in its query. */
  readonly relay?: string;
}

/** Swissnums by server id, kept out of the document: whoever has one may use that server. */
export type ServerSecrets = Readonly<Record<string, string>>;
