import { actionButton, iconButton } from "./actionButton.ts";
import type { Step } from "./DirectoryView.ts";
import { askText, confirmAction } from "./dialogs.ts";
import { archiveLink, downloadLink } from "./downloadLink.ts";
import { element, say } from "./element.ts";
import { formatSize } from "./formatSize.ts";
import { KeepControl } from "./KeepControl.ts";
import type { NewEntry } from "./Library.ts";
import type { Entry } from "./LibraryStore.ts";
import { SpeedMeter } from "./SpeedMeter.ts";
import type { StageParts } from "./Stage.ts";

/** What is said of the file that is shown, and what can be done with it. */
export class Caption {
  readonly box = element("figcaption");
  readonly #shown: NewEntry;
  readonly #parts: StageParts;
  readonly #name: HTMLElement;
  readonly #manage = element("div", { className: "buttons" });
  #entry: Entry | undefined;

  constructor(shown: NewEntry, way: readonly Step[], parts: StageParts, signal: AbortSignal) {
    this.#shown = shown;
    this.#parts = parts;
    this.#name = element("strong", {}, shown.name);
    const { grid, library, keeps, notice, actions } = parts;
    const { cap, name, size, kind } = shown;
    this.#entry = library.findCap(cap);
    const facts = element("div", { className: "facts" }, this.#name);
    const buttons = element("div", { className: "buttons" });
    const parent = way.at(-1);
    if (kind === "file") {
      const meter = new SpeedMeter(grid, grid.url(cap, { filename: name }), signal);
      facts.append(element("span", { className: "quiet" }, formatSize(size)), meter.box);
      if (parent !== undefined) {
        const up = () => actions.open({ kind: "directory", type: "", size: 0, ...parent }, way.slice(0, -1));
        buttons.append(actionButton("back", `Back to ${parent.name}`, up));
      }
      buttons.append(downloadLink(shown, grid, notice));
      if (CAN_BE_KEPT.test(cap)) buttons.append(new KeepControl(cap, name, keeps, notice, signal).box);
    } else {
      facts.append(element("span", { className: "quiet" }, "Directory"));
      const archive = archiveLink(shown, grid, notice);
      if (archive) buttons.append(archive);
    }
    this.box.append(facts, element("div", { className: "tools" }, buttons, this.#manage));
    this.#showManaging();
    library.onChange(() => this.#libraryChanged(), signal);
  }

  #libraryChanged(): void {
    const before = this.#entry;
    this.#entry = this.#parts.library.findCap(this.#shown.cap);
    if (this.#entry !== undefined) say(this.#name, this.#entry.name);
    if ((before === undefined) !== (this.#entry === undefined)) this.#showManaging();
  }

  #showManaging(): void {
    const hadFocus = this.#manage.contains(document.activeElement);
    const buttons =
      this.#entry === undefined
        ? [actionButton("add", "Add to library", () => this.#parts.actions.add(this.#shown))]
        : [
            iconButton("link", "Copy link", () => void this.#copyLink()),
            iconButton("pencil", "Rename", () => void this.#rename()),
            iconButton("remove", "Remove from library", () => void this.#remove()),
          ];
    this.#manage.replaceChildren(...buttons);
    if (hadFocus) buttons[0]?.focus();
  }

  async #copyLink(): Promise<void> {
    const { cap, name } = this.#entry ?? this.#shown;
    const link = new URL(this.#parts.grid.scope);
    // The fragment of an address is sent to no server.
    link.hash = new URLSearchParams({ add: cap, name }).toString();
    const meaning =
      "Whoever has this link can read it. It holds the cap, and works wherever this app shows the same grid.";
    if (!(await confirmAction(`Copy a link to ${name}?`, meaning, "Copy"))) return;
    await navigator.clipboard.writeText(link.href).catch(this.#failed("The link could not be copied."));
  }

  async #rename(): Promise<void> {
    if (this.#entry === undefined) return;
    const name = await askText("Rename", "Name in this library", this.#entry.name);
    if (name === undefined || this.#entry === undefined) return;
    await this.#parts.library.rename(this.#entry, name).catch(this.#failed("It could not be renamed."));
  }

  async #remove(): Promise<void> {
    const entry = this.#entry;
    if (entry === undefined) return;
    const { keeps, library } = this.#parts;
    const keep = keeps.of(entry.cap);
    const meaning = `This browser forgets its cap${keep === undefined ? "" : ", and what was kept offline"}. Nothing changes on the grid. Without a copy of the cap elsewhere, it cannot be opened again.`;
    if (!(await confirmAction(`Remove ${entry.name} from the library?`, meaning, "Remove"))) return;
    const remove = async () => {
      if (keep !== undefined) await keeps.remove(keep);
      await library.remove(entry);
    };
    await remove().catch(this.#failed("It could not be removed."));
  }

  #failed(title: string): (error: unknown) => void {
    return (error) => this.#parts.actions.failed(title, error);
  }
}

/** What can change cannot be kept, and a literal file is in its cap. */
const CAN_BE_KEPT = /^(?:imm\.|ro\.)?URI:CHK:/;
