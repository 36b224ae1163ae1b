/**
 * All that page and worker say to each other. The version stands in every message, and messages of another version are
 * not understood: a page and a worker of different versions stay silent towards each other instead of misreading.
 */
const VERSION = 1;

/** What a page asks its worker, and what the answer holds. Asked with a MessagePort, on which the answer comes. */
export interface Questions {
  /** Take this page under control: it was loaded past the worker, by shift-reload say. Answered once that is done. */
  claim: Record<never, never>;
  /**
   * Are you there? It also keeps the worker alive: Firefox ends one that no page has spoken to for 30 s, streaming or
   * not.
   */
  ping: { /** Bodies under way. */ readonly streams: number };
}

export type QuestionKind = keyof Questions;

/** What a worker tells all its pages, unasked. */
export interface Announcements {
  /** A body has begun to stream: from now on the worker must be kept alive. */
  streaming: Record<never, never>;
}

type Message<Map> = {
  [Kind in keyof Map]: { readonly gridfetch: typeof VERSION; readonly kind: Kind } & Map[Kind];
}[keyof Map];

/** A page's question as it is posted. */
export type Question = { readonly gridfetch: typeof VERSION; readonly kind: QuestionKind };
/** A worker's answer to the question of the same kind. */
export type Answer<Kind extends QuestionKind> = Message<Pick<Questions, Kind>>;
export type Announcement = Message<Announcements>;

export function question(kind: QuestionKind): Question {
  return { gridfetch: VERSION, kind };
}

export function answer<Kind extends QuestionKind>(kind: Kind, content: Questions[Kind]): Answer<Kind> {
  return { ...content, gridfetch: VERSION, kind } as Answer<Kind>;
}

export function announcement(kind: keyof Announcements): Announcement {
  return { gridfetch: VERSION, kind };
}

/** Is this, which anybody may have posted, a question of this version? */
export function isQuestion(data: unknown): data is Question {
  return isMessage(data) && (data.kind === "claim" || data.kind === "ping");
}

/** Is this the answer to that kind of question? */
export function isAnswer<Kind extends QuestionKind>(data: unknown, kind: Kind): data is Answer<Kind> {
  return isMessage(data) && data.kind === kind;
}

export function isAnnouncement(data: unknown): data is Announcement {
  return isMessage(data) && data.kind === "streaming";
}

function isMessage(data: unknown): data is { readonly gridfetch: number; readonly kind: unknown } {
  return (
    typeof data === "object" && data !== null && "gridfetch" in data && data.gridfetch === VERSION && "kind" in data
  );
}
