/** How a file is to be answered. */
export interface UrlOptions {
  /** The file's name: it decides the Content-Type and is what the file is saved as. Any script, any characters. */
  readonly filename?: string;
  /** For saving, not for showing: `Content-Disposition: attachment`. */
  readonly download?: boolean;
  /** The media type, where the name does not say it. */
  readonly type?: string;
  /** The grid's name in the configuration, where that has several: the first unless given. */
  readonly grid?: string;
}
