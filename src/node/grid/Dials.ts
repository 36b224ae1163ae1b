import { GridError } from "../../base/GridError.ts";

/** How a development server misbehaves. */
export interface Dials {
  /** Milliseconds before each answer. */
  readonly latency: number;
  /** Bytes a second, of all answers together; 0 for no limit. */
  readonly bandwidth: number;
  /** Connections are destroyed, those that are there and new ones. */
  readonly down: boolean;
  /** Requests are taken and not answered, and answers under way stop, until the dial is turned back. */
  readonly hang: boolean;
  /** Served shares have wrong bits: in their blocks ("data") or everywhere ("all"). */
  readonly corrupt: "none" | "data" | "all";
  /** Reads of a share end after half of what their Content-Range says. */
  readonly short: boolean;
  /** Each request is answered with this HTTP status, 400 to 599; 0 for none. */
  readonly error: number;
}

export const noDials: Dials = {
  latency: 0,
  bandwidth: 0,
  down: false,
  hang: false,
  corrupt: "none",
  short: false,
  error: 0,
};

const RULES: { readonly [K in keyof Dials]: { readonly rule: string; holds(value: unknown): boolean } } = {
  latency: { rule: "0 to 600000 milliseconds", holds: (value) => isInteger(value, 0, 600_000) },
  bandwidth: { rule: "0 to 10^12 bytes a second", holds: (value) => isInteger(value, 0, 1e12) },
  down: { rule: "true or false", holds: (value) => typeof value === "boolean" },
  hang: { rule: "true or false", holds: (value) => typeof value === "boolean" },
  corrupt: { rule: '"none", "data" or "all"', holds: (value) => ["none", "data", "all"].includes(value as string) },
  short: { rule: "true or false", holds: (value) => typeof value === "boolean" },
  error: { rule: "0, or an HTTP status from 400 to 599", holds: (value) => value === 0 || isInteger(value, 400, 599) },
};

/**
 * Checks settings from outside.
 * @throws GridError BAD_CONFIG for a dial that does not exist or a setting that it does not have
 */
export function checkDials(settings: unknown): Partial<Dials> {
  if (typeof settings !== "object" || settings === null || Array.isArray(settings)) {
    throw badDial("the settings must be an object");
  }
  for (const [name, value] of Object.entries(settings)) {
    const dial = Object.hasOwn(RULES, name) ? RULES[name as keyof Dials] : undefined;
    if (dial === undefined) throw badDial(`there is no dial "${name}", only ${Object.keys(RULES).join(", ")}`);
    if (!dial.holds(value)) throw badDial(`"${name}" must be ${dial.rule}`);
  }
  return settings;
}

/** What a `--dial` on the command line says: which servers (all if undefined), and their settings. */
export interface DialOption {
  readonly server: number | undefined;
  readonly settings: Partial<Dials>;
}

/**
 * Reads `<server>:<dial>[=<value>],…`, as in `3:latency=200,bandwidth=100000` or `all:down`. A name alone turns a dial on;
 * `corrupt` alone is `corrupt=data`.
 *
 * @throws GridError BAD_CONFIG
 */
export function parseDialOption(text: string): DialOption {
  const [, server, list] = /^(\d{1,4}|all):(.+)$/.exec(text) ?? [];
  if (server === undefined || list === undefined) {
    throw badDial("a dial is written <server>:<dial>=<value>,… as in 3:latency=200,bandwidth=100000 or all:down");
  }
  const settings = Object.fromEntries(list.split(",").map(parseSetting));
  return { server: server === "all" ? undefined : Number(server), settings: checkDials(settings) };
}

function parseSetting(text: string): [name: string, value: unknown] {
  const [name = "", value] = text.split("=", 2);
  if (value === undefined) return [name, name === "corrupt" ? "data" : true];
  if (/^\d+$/.test(value)) return [name, Number(value)];
  return [name, value === "true" ? true : value === "false" ? false : value];
}

function isInteger(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

function badDial(reason: string): GridError<"BAD_CONFIG"> {
  return new GridError("BAD_CONFIG", { reason }, `The dial cannot be set: ${reason}.`);
}
