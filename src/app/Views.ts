import { byId } from "./element.ts";

export interface ViewHandlers {
  /** An entry of the library is to be shown. */
  file(id: string): void;
  /** The settings have come up. */
  settings(): void;
}

/** What the address names, after the `#`: nothing, an entry of the library by its id, or the settings. Never a cap. */
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
    const isSettings = location.hash === SETTINGS;
    byId("files-view").hidden = isSettings;
    byId("settings-view").hidden = !isSettings;
    for (const link of document.querySelectorAll<HTMLAnchorElement>(".masthead nav a")) {
      link.ariaCurrent = (link.hash === SETTINGS) === isSettings ? "page" : null;
    }
    const id = /^#\/file\/([\w-]+)$/.exec(location.hash)?.[1];
    if (isSettings) this.#handlers.settings();
    if (id !== undefined) this.#handlers.file(id);
  }

  goTo(id: string): void {
    if (location.hash === `#/file/${id}`) this.show();
    else location.hash = `#/file/${id}`;
  }

  /** To the files, with none of the library's named. */
  goHome(): void {
    if (location.hash !== "") history.pushState(null, "", location.pathname);
    this.show();
  }
}

const SETTINGS = "#/settings";
