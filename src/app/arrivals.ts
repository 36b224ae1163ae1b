import { addressOfVisit } from "./Views.ts";
import { type Visits, visitOf } from "./Visits.ts";

/** A file that holds a cap, and a text with one in it, are shorter by far. */
const MOST_TEXT = 64 * 1024;

/** A text that came to the page without being typed, with a cap in it or not. */
export interface Arrival {
  readonly text: string;
  /** What whoever sent it calls it; may be empty. */
  readonly name: string;
  /** Is it to be added to the library? What a link brings may be anybody's. */
  readonly isAdded: boolean;
}

/**
 * Everything that comes to the page from the moment at which its script runs: what comes before somebody takes it waits, all of it,
 * in order.
 */
export class Arrivals {
  readonly #early: Arrival[] = [];
  #take: ((arrival: Arrival) => void) | undefined;

  constructor() {
    takeDrops((text, name) => this.#came({ text, name, isAdded: true }));
    takePastes((text) => this.#came({ text, name: "", isAdded: false }));
    takeLaunchFiles((text, name) => this.#came({ text, name, isAdded: false }));
  }

  /** From now on, and what has come before. */
  takenBy(take: (arrival: Arrival) => void): void {
    this.#take = take;
    for (const arrival of this.#early.splice(0)) take(arrival);
  }

  #came(arrival: Arrival): void {
    if (this.#take === undefined) this.#early.push(arrival);
    else this.#take(arrival);
  }
}

/**
 * Takes the cap out of the page's address, before anything else can see it: `#add=CAP&name=NAME`, or `#CAP`, which links of this app
 * have, and what the platform's menu shared. A fragment is sent to no server, but it is in the history and on the screen: an
 * address for the visit takes its place, in the same entry of the history.
 */
export function takeFromAddress(visits: Visits): void {
  const fragment = location.hash.slice(1);
  const fields = new URLSearchParams(fragment);
  const text = fields.get("add") ?? (/^(?:(?:ro|imm)\.)?URI(?::|%3A)/i.test(fragment) ? fragment : undefined);
  if (text === undefined) return;
  const id = visits.add(visitOf(text.slice(0, MOST_TEXT), fields.get("name") ?? ""));
  history.replaceState(null, "", addressOfVisit(id));
}

/** Gets a text, and the name of the file that it was in. */
type Take = (text: string, name: string) => void;

/** Takes what is dropped anywhere on the page: a cap as text, a link to a gateway, a `.url` or text file. */
function takeDrops(take: Take): void {
  const isWanted = ({ dataTransfer }: DragEvent) =>
    dataTransfer?.types.some((type) => type === "Files" || type.startsWith("text/")) ?? false;
  let depth = 0;
  const mark = (change: number) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle("dropping", depth > 0);
  };
  addEventListener("dragenter", (event) => {
    if (isWanted(event)) mark(1);
  });
  addEventListener("dragleave", (event) => {
    if (isWanted(event)) mark(-1);
  });
  addEventListener("dragover", (event) => {
    if (isWanted(event)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    mark(-depth);
    if (!isWanted(event) || event.dataTransfer === null) return;
    event.preventDefault();
    const { files } = event.dataTransfer;
    const text = event.dataTransfer.getData("text/plain") || event.dataTransfer.getData("text/uri-list");
    if (files.length === 0) take(text, "");
    for (const file of files) void takeFile(file, take);
  });
}

/** Takes a cap that is pasted while no field has the focus. */
function takePastes(take: (text: string) => void): void {
  addEventListener("paste", (event) => {
    if (event.target instanceof HTMLElement && event.target.matches("input, textarea")) return;
    const text = event.clipboardData?.getData("text/plain");
    if (text) take(text);
  });
}

/** Takes files that the system opens with this app, where it is installed and the browser can do that. */
function takeLaunchFiles(take: Take): void {
  (window as WindowWithLaunches).launchQueue?.setConsumer(({ files = [] }) => {
    for (const handle of files) void handle.getFile().then((file) => takeFile(file, take));
  });
}

/** Not in TypeScript's own declarations: https://wicg.github.io/web-app-launch/ */
interface WindowWithLaunches extends Window {
  readonly launchQueue?: {
    setConsumer(consumer: (launch: { readonly files?: readonly { getFile(): Promise<File> }[] }) => void): void;
  };
}

async function takeFile(file: File, take: Take): Promise<void> {
  const text = await file.slice(0, MOST_TEXT).text();
  take(text, /^(.+)\.url$/i.exec(file.name)?.[1] ?? "");
}
