import type { RelayFacts } from "./RelayLog.ts";

/** What is now, asked for when somebody reads. */
export interface RelayGauges {
  readonly connections: number;
  readonly streams: number;
  readonly pendingSockets: number;
  readonly servers: number;
  readonly provenServers: number;
}

/**
 * Figures of a relay for Prometheus, by its log's events. Of visitors there are numbers alone: no address, no origin, no
 * server that they speak with.
 */
export class RelayMetrics {
  readonly #started = Date.now() / 1000;
  readonly #refused = new Map<string, number>();
  readonly #closed = new Map<string, number>();
  readonly #closedStreams = new Map<string, number>();
  #opened = 0;
  #openedStreams = 0;
  #toServers = 0;
  #fromServers = 0;
  #reloads = 0;
  #failedReloads = 0;

  /** Hears an event, as a RelayLog. */
  note(event: string, { why, code, toServer = 0, fromServer = 0 }: RelayFacts): void {
    switch (event) {
      case "open":
        this.#opened++;
        break;
      case "refused":
        count(this.#refused, `${why}`);
        break;
      case "stream open":
        this.#openedStreams++;
        break;
      case "close":
      case "stream close":
        count(event === "close" ? this.#closed : this.#closedStreams, `${code}`);
        this.#toServers += Number(toServer);
        this.#fromServers += Number(fromServer);
        break;
      case "reloaded":
        this.#reloads++;
        break;
      case "not reloaded":
        this.#failedReloads++;
    }
  }

  /** In Prometheus' text format, version 0.0.4. */
  text({ connections, streams, pendingSockets, servers, provenServers }: RelayGauges): string {
    const labelled = (values: ReadonlyMap<string, number>, label: string): Value[] =>
      [...values].map(([name, value]) => [`{${label}="${name}"}`, value]);
    return [
      metric("connections", "gauge", "WebSockets of pages.", [["", connections]]),
      metric("streams", "gauge", "Streams to servers in WebSockets that carry several.", [["", streams]]),
      metric("pending_sockets", "gauge", "Sockets that are silent yet, or refused.", [["", pendingSockets]]),
      metric("servers", "gauge", "Servers of the list.", [["", servers]]),
      metric("servers_proven", "gauge", "Servers of the list that have proven their keys.", [["", provenServers]]),
      metric("connections_total", "counter", "WebSockets that were opened.", [["", this.#opened]]),
      metric("streams_total", "counter", "Streams that were opened.", [["", this.#openedStreams]]),
      metric("refused_total", "counter", "Requests that were refused, by reason.", labelled(this.#refused, "why")),
      metric("closed_total", "counter", "WebSockets that were closed, by close code.", labelled(this.#closed, "code")),
      metric("streams_closed_total", "counter", "Streams that ended, by code.", labelled(this.#closedStreams, "code")),
      metric("bytes_total", "counter", "Bytes of connections and streams that were closed.", [
        ['{direction="to_servers"}', this.#toServers],
        ['{direction="from_servers"}', this.#fromServers],
      ]),
      metric("reloads_total", "counter", "Times that the list was read again.", [
        ['{result="taken"}', this.#reloads],
        ['{result="failed"}', this.#failedReloads],
      ]),
      metric("resident_memory_bytes", "gauge", "Memory of the process.", [["", process.memoryUsage.rss()]]),
      metric("start_time_seconds", "gauge", "When the relay started, since 1970.", [["", this.#started]]),
    ].join("");
  }
}

type Value = readonly [labels: string, value: number];

function metric(name: string, type: "counter" | "gauge", help: string, values: readonly Value[]): string {
  const full = `gridfetch_relay_${name}`;
  const lines = values.map(([labels, value]) => `${full}${labels} ${value}\n`);
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join("")}`;
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
