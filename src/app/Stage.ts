import { fetchFromWorker } from "../client/fetchFromWorker.ts";
import type { Grid } from "../client/Grid.ts";
import { Caption } from "./Caption.ts";
import { type DirectoryActions, directoryView, type Step } from "./DirectoryView.ts";
import { element } from "./element.ts";
import type { Keeps } from "./Keeps.ts";
import type { Library, NewEntry } from "./Library.ts";
import type { Notice } from "./Notice.ts";
import { probe } from "./probe.ts";
import { offerSubtitles } from "./subtitles.ts";

/** Longer texts are for an editor, not for a page. */
const TEXT_LIMIT = 256 * 1024;

/** How long a player may wait for bytes before the page says so. */
const PATIENCE_MS = 2_000;

export interface StageParts {
  readonly grid: Grid;
  readonly library: Library;
  readonly keeps: Keeps;
  readonly notice: Notice;
  readonly actions: DirectoryActions;
}

/** Where one file at a time is played or shown, or one directory listed. */
export class Stage {
  readonly #figure: HTMLElement;
  readonly #parts: StageParts;
  readonly #grid: Grid;
  readonly #notice: Notice;
  /** Stops what the present file still has under way. */
  #leave = new AbortController();

  constructor(figure: HTMLElement, parts: StageParts) {
    this.#figure = figure;
    this.#parts = parts;
    this.#grid = parts.grid;
    this.#notice = parts.notice;
  }

  /** Shows what is there while there is no file. */
  showInstead(content: HTMLElement): void {
    this.#clear();
    this.#figure.replaceChildren(element("div", { className: "screen" }, content));
  }

  /** Brings it into view and moves the focus there: on a phone, a list that something was chosen from hides it. */
  reveal(): void {
    const { top } = this.#figure.getBoundingClientRect();
    if (top < 0 || top > innerHeight / 2) this.#figure.scrollIntoView({ block: "start" });
    this.#figure.focus({ preventScroll: true });
  }

  /**
   * Shows a file in the way that suits its type. Failures appear in the page's notice.
   * @param way the directories by which it was reached
   */
  show(shown: NewEntry, way: readonly Step[] = []): void {
    this.#clear();
    this.#notice.clear();
    const { signal } = this.#leave;
    const { name, cap, kind } = shown;
    const caption = new Caption(shown, way, this.#parts, signal);
    if (kind === "directory") {
      const list = directoryView([...way, { name, cap }], this.#grid, this.#parts.actions, signal);
      this.#figure.replaceChildren(caption.box, list);
    } else {
      const url = this.#grid.url(cap, { filename: name });
      const screen = element("div", { className: "screen" }, this.#view(url, shown, way));
      this.#figure.replaceChildren(screen, caption.box);
    }
  }

  #clear(): void {
    this.#leave.abort();
    this.#leave = new AbortController();
  }

  #view(url: string, file: NewEntry, way: readonly Step[]): HTMLElement {
    const { name, type } = file;
    const [family] = type.split("/");
    if (family === "video") return this.#media(element("video", { playsInline: true }), url, file, way.at(-1));
    if (family === "audio") return this.#media(element("audio"), url, file);
    if (family === "image") return this.#watched(element("img", { src: url, alt: name }), url, name);
    if (type === "application/pdf") return element("iframe", { src: url, title: name });
    if (family === "text") return this.#text(url, file);
    return element("p", { className: "quiet" }, "This kind of file is not shown here. You can download it.");
  }

  /** @param folder in which it is, where that is known */
  #media(media: HTMLMediaElement, url: string, { cap, name }: NewEntry, folder?: Step): HTMLElement {
    const { signal } = this.#leave;
    media.controls = true;
    media.preload = "metadata";
    this.#grid.attach(media, cap, { filename: name, signal });
    // A film without its subtitles is better than a notice about them.
    if (folder) offerSubtitles(media, name, folder.cap, this.#grid, signal).catch(() => undefined);
    // It may have failed before, and gone on by itself.
    media.addEventListener("canplay", () => this.#notice.clear(), { signal });
    const waiting = element("p", { className: "waiting quiet", hidden: true, role: "status" }, "Waiting for the grid…");
    let timer: ReturnType<typeof setTimeout>;
    const hide = () => {
      clearTimeout(timer);
      waiting.hidden = true;
    };
    const showSoon = () => {
      hide();
      timer = setTimeout(() => {
        waiting.hidden = false;
      }, PATIENCE_MS);
    };
    for (const event of ["loadstart", "waiting"]) media.addEventListener(event, showSoon);
    const ends = ["loadedmetadata", "playing", "canplay", "pause", "error", "emptied"];
    for (const event of ends) media.addEventListener(event, hide);
    return element("div", {}, this.#watched(media, url, name), waiting);
  }

  /** An element says that it failed and not why; the worker knows. */
  #watched<Watched extends HTMLElement>(watched: Watched, url: string, name: string): Watched {
    const { signal } = this.#leave;
    watched.addEventListener("error", () => void this.#explain(url, name, signal), { signal });
    return watched;
  }

  async #explain(url: string, name: string, signal: AbortSignal): Promise<void> {
    const reason = await probe(url).then(
      () =>
        "The browser stopped, although the file can be read: it may be damaged, or of a kind that it does not play.",
      (error: Error) => error.message,
    );
    if (!signal.aborted) this.#notice.show(`${name} cannot be shown.`, reason);
  }

  #text(url: string, { name, size }: NewEntry): HTMLElement {
    // Not one byte of it can be asked for.
    if (size === 0) return element("p", { className: "quiet" }, "This file is empty.");
    const { signal } = this.#leave;
    const view = element("pre", { tabIndex: 0 }, "…");
    fetchFromWorker(url, { headers: { Range: `bytes=0-${TEXT_LIMIT - 1}` }, signal })
      .then(async (response) => {
        const text = await response.text();
        if (!response.ok) throw new Error(text);
        view.textContent = text;
        if (size > TEXT_LIMIT)
          view.append("\n\n", element("strong", {}, "This is only its beginning. Download it for the rest."));
      })
      .catch((error: Error) => {
        if (!signal.aborted) this.#notice.show(`${name} cannot be shown.`, error.message);
      });
    return view;
  }
}
