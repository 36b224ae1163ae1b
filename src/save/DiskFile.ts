/**
 * A file that the person has chosen, as much of it as is used here. Of the permission methods and `remove` some browsers have none: there nobody is asked
 * again.
 *
 * @see https://fs.spec.whatwg.org/#api-filesystemfilehandle
 * @see https://wicg.github.io/file-system-access/
 */
export interface DiskFile extends FileSystemFileHandle {
  queryPermission?(wanted: { mode: "readwrite" }): Promise<PermissionState>;
  requestPermission?(wanted: { mode: "readwrite" }): Promise<PermissionState>;
  remove?(): Promise<void>;
}

type Picker = (options: { suggestedName: string; id: string }) => Promise<DiskFile>;

/** Asks the person where to. Undefined if they want it nowhere. @throws the browser's error: there was no click, say */
export async function chooseFile(suggestedName: string): Promise<DiskFile | undefined> {
  const { showSaveFilePicker } = window as unknown as { showSaveFilePicker: Picker };
  try {
    return await showSaveFilePicker({ suggestedName, id: "gridfetch" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return undefined;
    throw error;
  }
}

/** Can a file be chosen, and written bit by bit? Chromium's browsers have it. */
export function canChooseFile(): boolean {
  return "showSaveFilePicker" in window;
}

const WRITING = { mode: "readwrite" } as const;

export async function mayWrite(file: DiskFile): Promise<boolean> {
  return ((await file.queryPermission?.(WRITING)) ?? "granted") === "granted";
}

/** Asks the person, which takes a click. */
export async function askToWrite(file: DiskFile): Promise<boolean> {
  return ((await file.requestPermission?.(WRITING)) ?? "granted") === "granted";
}
