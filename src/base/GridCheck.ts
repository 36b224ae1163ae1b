/**
 * What a check of a grid found out: for each server and each of its addresses whether it works, and if not why and what to do.
 * No swissnum is in any of it.
 */
export interface GridCheck {
  /** The grid's, where it has one. */
  readonly name?: string;
  readonly servers: readonly ServerCheck[];
}

/** What a check found out about one server. */
export interface ServerCheck {
  readonly id: string;
  /** Nickname, else the start of the id. */
  readonly name: string;
  /** Does one of its addresses work at least? */
  readonly works: boolean;
  readonly addresses: readonly AddressCheck[];
}

/** What a check found out about one address of a server. */
export interface AddressCheck {
  /** For people: a URL, or host and port and by which relay. */
  readonly address: string;
  readonly works: boolean;
  /** Milliseconds from a request to its reply, over a connection that is there. */
  readonly latency?: number;
  /** The server's software, in its own words, for instance `tahoe-lafs/1.20.0`. */
  readonly version?: string;
  /** What is wrong; with an address that works, what could be better. */
  readonly finding?: Finding;
}

/** Something that is wrong, or that could be better. */
export interface Finding {
  readonly problem: CheckProblem;
  /** What is the matter, in a sentence. */
  readonly what: string;
  /** What to do about it, in a sentence or two. */
  readonly advice: string;
}

/** What kinds of things are wrong with an address. */
export type CheckProblem =
  /** An address that this platform cannot use: in a browser, a NURL without a relay. */
  | "unusable"
  /** A page that was loaded by https may not use http or ws. */
  | "mixed-content"
  /** The browser keeps the page from this machine or the local network, until the person at it allows that. */
  | "local-network"
  /** Something answers, but does not allow this page to read its answers. */
  | "cors"
  /** Nothing answers: a wrong name or port, a firewall, a certificate that the browser refuses. Browsers tell no more. */
  | "unreachable"
  /** Nothing answers at the relay's address. */
  | "relay-unreachable"
  /** The relay turned the connection down and did not say why. */
  | "relay-refused"
  /** The relay does not serve pages of this origin. */
  | "relay-origin"
  /** The relay does not know the server. */
  | "relay-token"
  /** The relay has too many connections. */
  | "relay-busy"
  /** The relay or the proxy works, and cannot reach the server behind it. */
  | "server-away"
  /** This browser cannot speak TLS to the server: the WebAssembly module is missing, or forbidden. */
  | "no-module"
  /** The server owns another key than the configuration names. */
  | "wrong-key"
  /** Something shows the server's certificate and does not own its key. */
  | "impostor"
  /** The connection ended in the middle. */
  | "broke-off"
  /** The swissnum is wrong or missing (HTTP 401). */
  | "wrong-swissnum"
  /** The proxy forbids it (HTTP 403). */
  | "forbidden"
  /** What answers does not speak the storage protocol. */
  | "not-a-storage-server"
  /** It answers HTTP 5xx. */
  | "server-error"
  /** No answer in time. */
  | "timeout"
  /** It works, slowly. */
  | "slow";
