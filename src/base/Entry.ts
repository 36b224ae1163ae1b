/** What a cap, and a name, say of what the cap names. */
export interface CapInfo {
  /** Unknown: of a kind that is not known here, or a cap by which nothing can be read. */
  readonly kind: "file" | "directory" | "unknown";
  /** Of a file, in bytes; undefined where it can change: `grid.open` finds out. */
  readonly size: number | undefined;
  /** Of a file, the media type by its name; undefined where the name does not tell. */
  readonly type: string | undefined;
  /** Can it change? Undefined where that is unknown. */
  readonly mutable: boolean | undefined;
}

/** What a folder says of one name in it. */
export interface Entry extends CapInfo {
  /** In Unicode's form NFC. Any characters: the folder's owner has chosen them. */
  readonly name: string;
  /** For reading alone, whatever the folder's cap allows; undefined where the kind is unknown. Secret. */
  readonly cap: string | undefined;
  /** When the name was given first, in milliseconds since 1970, as the writer says; undefined where he does not. */
  readonly created: number | undefined;
  /** When it was given to what it names now, likewise. */
  readonly modified: number | undefined;
}
