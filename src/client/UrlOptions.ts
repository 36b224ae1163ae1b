/** How a file is to be answered, or a folder and what is in it. */
export interface UrlOptions {
  /**
   * The file's name: it decides the Content-Type and is what the file is saved as. Any script, any characters. Files in a folder have their own.
   */
  readonly filename?: string;
  /**
   * The whole `filename` in the URL instead of its ending alone, `film.mp4` instead of `file.mp4`: for what shows or uses a URL's last part as a name.
   * A web server that is asked instead of the worker (at a first visit by a link, say) then sees the name; false unless given.
   */
  readonly nameInUrl?: boolean;
  /** For saving, not for showing: `Content-Disposition: attachment`. */
  readonly download?: boolean;
  /** The media type, where the name does not say it; not of files in a folder. */
  readonly type?: string;
  /**
   * Of a folder: its address shows a page with links to what is in it, and so do those of the folders in it. Unless given, none of them shows anything, whoever
   * opens it.
   */
  readonly listing?: boolean;
  /**
   * Of a folder: its address gives all that is in it as one ZIP archive, to be saved, and there is nothing below it. `filename` is the archive's
   * name; `.zip` is added where that is missing.
   */
  readonly zip?: boolean;
  /** The grid's name in the configuration, where that has several: the first unless given. */
  readonly grid?: string;
}

/** How an archive of several files is to be answered. */
export interface ZipOptions extends Pick<UrlOptions, "nameInUrl" | "grid"> {
  /** The archive's name: `archive.zip` unless given; `.zip` is added where it is missing. */
  readonly filename?: string;
}
