/** A file or a folder in an archive. */
export interface ZipEntry {
  /** From the archive's top, its parts joined by slashes; that of a folder ends in one. Safe on every system (`safeNames`). */
  readonly path: string;
  /** The cap of a file that is read; empty for a folder. Secret. */
  readonly cap: string;
  /** Of a file that changes, which version is meant. */
  readonly version: string | undefined;
  /** Plaintext length in bytes; 0 for a folder. */
  readonly size: number;
  /** When it was put where it is, in milliseconds since 1970; undefined where nobody knows. */
  readonly modified: number | undefined;
}

export function isFolder({ path }: ZipEntry): boolean {
  return path.endsWith("/");
}
