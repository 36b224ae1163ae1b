/** How a file is to be answered. */
export interface UrlOptions {
  /** The file's name: it decides the Content-Type and is what the file is saved as. Any script, any characters. */
  readonly filename?: string;
  /**
   * The whole `filename` in the URL instead of its ending alone, `film.mp4` instead of `file.mp4`: for what shows or uses a URL's last part as a name.
   * A web server that is asked instead of the worker (at a first visit by a link, say) then sees the name; false unless given.
   */
  readonly nameInUrl?: boolean;
  /** For saving, not for showing: `Content-Disposition: attachment`. */
  readonly download?: boolean;
  /** The media type, where the name does not say it. */
  readonly type?: string;
  /** The grid's name in the configuration, where that has several: the first unless given. */
  readonly grid?: string;
}
