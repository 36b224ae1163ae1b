import type { CapInfo, Entry } from "../base/Entry.ts";
import { isLogLevel, type LogLevel, type TraceEvent } from "../base/EventLog.ts";
import { type ErrorRecord, isErrorRecord } from "../base/errorRecord.ts";
import type { GridCheck } from "../base/GridCheck.ts";
import { type HandleEntry, isHandle, isHandleEntry } from "../base/HandleRecord.ts";
import { type HandOver, isKeepEvent, isKeepId, type Keep, type KeepEvent } from "../base/Keep.ts";
import { isReadEvent, type ReadEvent } from "./ReadEvent.ts";

/**
 * All that page and worker say to each other. To add to it: a line in `Questions` or `Announcements`, its check
 * beside it, and for a question an answer in `src/worker/pageQuestions.ts`.
 *
 * Pages and workers of different versions meet: an update arrives while a page is open. So every message says which
 * versions of this protocol its sender understands, and is understood where the ranges overlap.
 * - What is added (a kind, a field that may be missing) raises `newest`. Who does not know a kind says so, and a page that asks
 *   one does without the answer where it can.
 * - What is changed or taken away raises `oldest` too: the two sides then leave each other alone, loudly.
 */
export const PROTOCOL: Versions = { oldest: 1, newest: 8 };

/** The versions of the protocol that a side understands, both ends included. */
export interface Versions {
  readonly oldest: number;
  readonly newest: number;
}

/** Nothing besides the kind. */
type Nothing = Record<never, never>;

/** With all that asks for background work, since a worker that starts anew knows of no limit. */
interface BackgroundLimit {
  /** Bytes a second, for all such work; as fast as it goes if undefined. Versions before 7 neither say nor heed it. */
  readonly limit?: number | undefined;
}

/** What a page asks its worker. Asked with a MessagePort, on which the one answer comes. */
export interface Questions {
  /** Take this page under control: it was loaded past the worker, by shift-reload say. Answered once that is done. */
  claim: { payload: Nothing; answer: Nothing };
  /**
   * Are you there? To be asked keeps the worker alive: Firefox ends one that no page has spoken to for 30 s, streaming or
   * not. It does nothing else, but where the page is of a version before 5, whose ping asks for `offlineWork` and `handOvers` as well.
   */
  ping: {
    payload: Nothing;
    answer: {
      /** Bodies under way, of all pages. */
      readonly streams: number;
      /** Of these, bodies that paused players hold: an update need not wait for them. Versions before 4 do not say. */
      readonly resting?: number;
      /** As the answer to `offlineWork`, where page or worker is of a version before 5. Version 1 does not say. */
      readonly keeping?: number;
      /** As the answer to `handOvers`, where page or worker is of a version before 5. Versions before 3 do not say. */
      readonly unfinished?: readonly HandOver[];
    };
  };
  /**
   * Go on with what is to be kept offline, for as long as an event of the worker may last: the page asks again before that. Answered
   * once it goes on. Versions before 5 do not know the question.
   */
  offlineWork: {
    payload: BackgroundLimit;
    answer: {
      /** Files that are being kept offline. */
      readonly keeping: number;
    };
  };
  /** What is the browser to take over when this page is left? Changes nothing. Versions before 5 do not know the question. */
  handOvers: {
    payload: Nothing;
    answer: {
      /** Undefined where the browser cannot take over anything, and where it is not known soon. */
      readonly unfinished: readonly HandOver[] | undefined;
    };
  };
  /**
   * For a worker that waits: nothing streams, so become the active one now. Not done where the app's own script decides
   * that.
   */
  takeOver: { payload: Nothing; answer: Nothing };
  /** Take another grid configuration, or other secrets, or go back to what is served (null). In force when answered. */
  configure: {
    payload: { readonly config?: unknown; readonly secrets?: unknown };
    answer: { /** Whether it outlives the worker: not where the browser keeps nothing. */ readonly isKept: boolean };
  };
  /**
   * Is it known which grids there are? Answered once it is, and else failed with what is the matter with the configuration. Versions
   * before 4 do not know the question.
   */
  ready: { payload: Nothing; answer: Nothing };
  /**
   * Does the browser keep this page from servers on this device or in the local network? Versions before 5 do not know the question.
   */
  localNetwork: {
    payload: Nothing;
    answer: {
      /** What the person has said; granted where nobody has to be asked. */
      readonly state: PermissionState;
      /** What to connect to, for the browser to ask. */
      readonly urls: readonly string[];
    };
  };
  /** Which servers work, and why others do not? */
  check: { payload: Nothing; answer: { readonly grids: readonly GridCheck[] } };
  /** What the URLs of handles are made with in this browser profile. */
  profile: {
    payload: Nothing;
    answer: {
      /** 32 bytes, with which handles are computed. */
      readonly secret: Uint8Array;
      /** Whether secret and handles outlive the worker; versions before 4 do not say. */
      readonly isKept?: boolean;
      /** The folder that they are in, under the worker's scope; versions before 4 do not say, and it is `grid`. */
      readonly prefix?: string;
      /** May something stand after a handle in a URL? Versions before 6 do not say, and it may not. */
      readonly takesPaths?: boolean;
    };
  };
  /** What handles stand for. Answered once that is written down. */
  handles: { payload: { readonly entries: readonly HandleEntry[] }; answer: Nothing };
  /** Forget a handle. Answered once that is written down. */
  revoke: { payload: { readonly handle: string }; answer: Nothing };
  /** What does this cap say of what it names, and this file name? Versions before 6 do not know the question. */
  info: { payload: { readonly cap: string; readonly filename: string }; answer: { readonly info: CapInfo } };
  /**
   * What is in this folder, in parts: from the entry of this number on, of the version that the answer before was of. Versions before 6 do not know
   * the question.
   */
  list: {
    payload: {
      readonly cap: string;
      readonly grid: string;
      readonly from: number;
      /** The one that is the latest now if undefined. */
      readonly version: string | undefined;
    };
    answer: {
      readonly entries: readonly Entry[];
      readonly version: string;
      /** Where the next part begins; undefined after the last. */
      readonly next: number | undefined;
    };
  };
  /** Have a part of a file at hand: it will probably be wanted. Answered once it is. Versions before 7 do not know the question. */
  prefetch: {
    payload: BackgroundLimit & {
      readonly cap: string;
      readonly grid: string;
      readonly offset: number;
      readonly length: number;
    };
    answer: Nothing;
  };
  /**
   * What happens in the worker, from the first time on that this page asks: answered as soon as there is something, and with nothing after five
   * seconds. The page asks again at once, and one that has not for half a minute is forgotten. Versions before 8 do not know the question.
   */
  trace: {
    payload: { /** The page's own choice. */ readonly tracer: string; readonly level: LogLevel };
    answer: {
      readonly events: readonly TraceEvent[];
      /** So many before these were left out, since the page did not ask in time. */
      readonly lost: number;
    };
  };
  /** Keep a file offline, or go on with it. Answered once that is written down. */
  keep: { payload: BackgroundLimit & { readonly cap: string; readonly grid: string }; answer: { readonly keep: Keep } };
  /** Is the file of this cap kept offline, or to be kept? */
  keepOf: { payload: { readonly cap: string }; answer: { readonly keep: Keep | undefined } };
  /** All files that are kept offline, or are to be. */
  keeps: { payload: Nothing; answer: { readonly keeps: readonly Keep[] } };
  /** Pause, go on, or forget a file and what is on disk of it. Answered once that is written down. */
  changeKeep: { payload: { readonly id: string; readonly to: KeepChange }; answer: Nothing };
}

/** What a page may want to become of a file that is kept offline. */
export type KeepChange = "paused" | "keeping" | "removed";

export type QuestionKind = keyof Questions;
export type Payload<Kind extends QuestionKind> = Questions[Kind]["payload"];
export type Answer<Kind extends QuestionKind> = Questions[Kind]["answer"];

/** What a worker tells all its pages, unasked. */
export interface Announcements {
  /** Something became of a read. Once one has started the worker must be kept alive. */
  read: ReadEvent;
  /** Somebody asks for a handle that the worker does not know: whoever made it tells what it stands for, again. */
  handleWanted: { readonly handle: string };
  /** A handle was revoked: nobody shall tell it again. */
  handleRevoked: { readonly handle: string };
  /** A worker that finds nothing kept asks for what could not be: each page says again what it has configured, or that it has nothing. */
  settingsWanted: Nothing;
  /** Something became of a file that is kept offline. */
  keep: KeepEvent;
}

export type AnnouncementKind = keyof Announcements;

type Checks<Map> = { readonly [Kind in keyof Map]: (content: Readonly<Record<string, unknown>>) => boolean };

/** Whether a payload has its type: anybody on the page's origin may post anything. */
const questionChecks: Checks<Questions> = {
  claim: () => true,
  ping: () => true,
  offlineWork: isLimited,
  handOvers: () => true,
  takeOver: () => true,
  // Looked at by the configuration's own parser, which says what is wrong.
  configure: () => true,
  ready: () => true,
  localNetwork: () => true,
  check: () => true,
  profile: () => true,
  handles: ({ entries }) => Array.isArray(entries) && entries.length <= 1_000 && entries.every(isHandleEntry),
  revoke: ({ handle }) => isHandle(handle),
  info: ({ cap, filename }) => typeof cap === "string" && typeof filename === "string",
  list: ({ cap, grid, from, version }) =>
    typeof cap === "string" &&
    typeof grid === "string" &&
    isSize(from) &&
    (version === undefined || typeof version === "string"),
  prefetch: ({ cap, grid, offset, length, limit }) =>
    typeof cap === "string" &&
    typeof grid === "string" &&
    isSize(offset) &&
    isSize(length) &&
    length <= MOST_PREFETCHED &&
    isLimited({ limit }),
  trace: ({ tracer, level }) => typeof tracer === "string" && isLogLevel(level),
  keep: ({ cap, grid, limit }) => typeof cap === "string" && typeof grid === "string" && isLimited({ limit }),
  keepOf: ({ cap }) => typeof cap === "string",
  keeps: () => true,
  changeKeep: ({ id, to }) => isKeepId(id) && KEEP_CHANGES.includes(to),
};

/** Half of the segments that a worker has in memory: what a viewer seeks back to must not have to go for it. */
export const MOST_PREFETCHED = 8 * 1024 * 1024;

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isLimited({ limit }: Readonly<Record<string, unknown>>): boolean {
  return limit === undefined || (typeof limit === "number" && limit > 0);
}

const KEEP_CHANGES: readonly unknown[] = ["paused", "keeping", "removed"] satisfies KeepChange[];

const announcementChecks: Checks<Announcements> = {
  read: isReadEvent,
  handleWanted: ({ handle }) => isHandle(handle),
  handleRevoked: ({ handle }) => isHandle(handle),
  settingsWanted: () => true,
  keep: isKeepEvent,
};

interface Envelope {
  readonly gridfetch: Versions;
  readonly kind: string;
}

/** A page's question, as it is posted. */
export type Question = {
  [Kind in QuestionKind]: { readonly gridfetch: Versions; readonly kind: Kind; readonly payload: Payload<Kind> };
}[QuestionKind];

/** A worker's reply, as it is posted: the answer, or why there is none. */
export type Reply<Kind extends QuestionKind> = Envelope &
  ({ readonly answer: Answer<Kind> } | { readonly failure: ErrorRecord } | { readonly misunderstood: true });

/**
 * Sent again and again before the reply while the worker is at work on it: a page need not take a long job for a worker that is
 * silent. Versions before 4 do not send it, and take no notice of it.
 */
export type AtWork = Envelope & { readonly isAtWork: true };

export type NeverMind = Envelope & { readonly isNeverMind: true };

export type Announcement = {
  [Kind in AnnouncementKind]: {
    readonly gridfetch: Versions;
    readonly kind: Kind;
    readonly content: Announcements[Kind];
  };
}[AnnouncementKind];

export function question<Kind extends QuestionKind>(kind: Kind, payload: Payload<Kind>): Question {
  return { gridfetch: PROTOCOL, kind, payload } as Question;
}

export function announcement<Kind extends AnnouncementKind>(kind: Kind, content: Announcements[Kind]): Announcement {
  return { gridfetch: PROTOCOL, kind, content } as Announcement;
}

export function reply<Kind extends QuestionKind>(kind: Kind, answer: Answer<Kind>): Reply<Kind> {
  return { gridfetch: PROTOCOL, kind, answer };
}

/** Said by a page, on the port that the reply would come on: nobody waits for it any more. Versions before 6 take no notice. */
export function neverMind(kind: QuestionKind): NeverMind {
  return { gridfetch: PROTOCOL, kind, isNeverMind: true };
}

/** The reply to a question that went wrong. */
export function failureReply(kind: QuestionKind, failure: ErrorRecord): Reply<never> {
  return { gridfetch: PROTOCOL, kind, failure };
}

export function atWork(kind: QuestionKind): AtWork {
  return { gridfetch: PROTOCOL, kind, isAtWork: true };
}

/** The reply to a question of another version, of a kind unknown here, or with a payload that is not its kind's. */
export function misunderstoodReply(kind: string): Reply<never> {
  return { gridfetch: PROTOCOL, kind, misunderstood: true };
}

/** Is this, which anybody may have posted, a message of gridfetch's, of whatever version and kind? */
export function isMessage(data: unknown): data is Envelope {
  return isRecord(data) && isVersions(data.gridfetch) && typeof data.kind === "string";
}

/** Is this a question that is understood here? */
export function isQuestion(data: unknown): data is Question {
  if (!isUnderstood(data) || !Object.hasOwn(questionChecks, data.kind)) return false;
  return "payload" in data && isRecord(data.payload) && questionChecks[data.kind as QuestionKind](data.payload);
}

/** Is this a reply to that kind of question? One from a version that is not understood counts as misunderstood. */
export function isReply<Kind extends QuestionKind>(data: unknown, kind: Kind): data is Reply<Kind> {
  if (!isMessage(data) || data.kind !== kind) return false;
  if ("misunderstood" in data) return true;
  return isUnderstood(data) && (("failure" in data && isErrorRecord(data.failure)) || "answer" in data);
}

/** Is this the word that nobody waits for the reply to that kind of question any more? */
export function isNeverMind(data: unknown, kind: QuestionKind): data is NeverMind {
  return isUnderstood(data) && data.kind === kind && "isNeverMind" in data;
}

/** Is this the word that the reply to that kind of question is still to come? */
export function isAtWork(data: unknown, kind: QuestionKind): data is AtWork {
  return isUnderstood(data) && data.kind === kind && "isAtWork" in data;
}

export function isAnnouncement(data: unknown): data is Announcement {
  if (!isUnderstood(data) || !Object.hasOwn(announcementChecks, data.kind)) return false;
  return "content" in data && isRecord(data.content) && announcementChecks[data.kind as AnnouncementKind](data.content);
}

function isUnderstood(data: unknown): data is Envelope {
  return isMessage(data) && data.gridfetch.oldest <= PROTOCOL.newest && data.gridfetch.newest >= PROTOCOL.oldest;
}

function isVersions(value: unknown): value is Versions {
  return isRecord(value) && Number.isInteger(value.oldest) && Number.isInteger(value.newest);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
