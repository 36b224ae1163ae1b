/** A file that holds a cap, and a text with one in it, are shorter by far. */
const MOST_TEXT = 64 * 1024;

/** What came to this page with its address: a link of this app, or what the platform's menu shared. */
export interface Brought {
  readonly text: string;
  readonly name: string;
}

/**
 * Takes the cap out of the page's address, before anything else can see it: `#add=CAP&name=NAME`, or `#CAP`. A fragment is
 * sent to no server, but it is in the history and on the screen.
 */
export function takeFromAddress(): Brought | undefined {
  const fragment = location.hash.slice(1);
  const fields = new URLSearchParams(fragment);
  const text = fields.get("add") ?? (/^(?:(?:ro|imm)\.)?URI(?::|%3A)/i.test(fragment) ? fragment : undefined);
  if (text === undefined) return undefined;
  history.replaceState(null, "", location.pathname);
  return { text: text.slice(0, MOST_TEXT), name: fields.get("name") ?? "" };
}

/** Gets a text, and the name of the file that it was in. */
type Take = (text: string, name: string) => void;

/** Takes what is dropped anywhere on the page: a cap as text, a link to a gateway, a `.url` or text file. */
export function takeDrops(take: Take): void {
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
export function takePastes(take: (text: string) => void): void {
  addEventListener("paste", (event) => {
    if (event.target instanceof HTMLElement && event.target.matches("input, textarea")) return;
    const text = event.clipboardData?.getData("text/plain");
    if (text) take(text);
  });
}

/** Takes files that the system opens with this app, where it is installed and the browser can do that. */
export function takeLaunchFiles(take: Take): void {
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
