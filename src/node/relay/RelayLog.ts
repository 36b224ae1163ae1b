import type { Writable } from "node:stream";
import { visibleText } from "../../base/visibleText.ts";

/** What can be told of an event. */
export type RelayFacts = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** Hears what happens at a relay. Never a swissnum, a token that is none, or a byte that is relayed. */
export type RelayLog = (event: string, facts: RelayFacts) => void;

/** Writes a line of JSON for each event: `{"time":"<ISO 8601>","event":"open",…}`. */
export function relayLog(output: Writable): RelayLog {
  return (event, facts) => {
    output.write(`${visibleText(JSON.stringify({ time: new Date().toISOString(), event, ...facts }))}\n`);
  };
}
