import { byId } from "./element.ts";

export interface ViewHandlers {
  /** Nothing in particular is named. */
  home(): void;
  /** An entry of the library is to be shown. */
  file(id: string): void;
  /** What a link brought, or what lies in a directory. */
  visit(id: string): void;
  /** The settings have come up. */
  settings(): void;
}

/** What the address names, after the `#`: nothing, an entry of the library or a visit, by its id, or the settings. Never a cap. */
export class Views {
  readonly #handlers: ViewHandlers;

  constructor(handlers: ViewHandlers) {
    this.#handlers = handlers;
    addEventListener("hashchange", () => this.show());
    addEventListener("keydown", ({ key }) => {
      if (key === "Escape" && location.hash === SETTINGS && document.querySelector("dialog[open]") === null)
        history.back();
    });
  }

  show(): void {
    const { hash } = location;
    const isSettings = hash === SETTINGS;
    byId("files-view").hidden = isSettings;
    byId("settings-view").hidden = !isSettings;
    for (const link of document.querySelectorAll<HTMLAnchorElement>(".masthead nav a")) {
      link.ariaCurrent = (link.hash === SETTINGS) === isSettings ? "page" : null;
    }
    const [, kind, id = ""] = /^#\/(file|visit)\/([\w-]+)$/.exec(hash) ?? [];
    if (isSettings) this.#handlers.settings();
    else if (kind === "file") this.#handlers.file(id);
    else if (kind === "visit") this.#handlers.visit(id);
    else this.#handlers.home();
  }

  /** Goes to an address of one of these, in a new entry of the history. */
  goTo(address: string): void {
    if (location.hash === address) this.show();
    else location.hash = address;
  }

  /** Likewise, in the present entry: what it named is not there, or is elsewhere. */
  replace(address: string): void {
    history.replaceState(null, "", address || location.pathname);
    this.show();
  }

  /** To the files, with none of them named. */
  goHome(): void {
    if (location.hash !== "") history.pushState(null, "", location.pathname);
    this.show();
  }
}

/** Of an entry of the library. */
export function addressOfEntry(id: string): string {
  return `#/file/${id}`;
}

export function addressOfVisit(id: string): string {
  return `#/visit/${id}`;
}

const SETTINGS = "#/settings";
