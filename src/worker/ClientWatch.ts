import type { Clock } from "../base/Clock.ts";
import type { BodyWatch } from "../http/openBody.ts";

/** So long at most something is read for a page that was left. */
const LOOK_MS = 10_000;

interface Reader {
  readonly client: string;
  /** Was it there when it asked? If not, the browser does not tell of clients of its kind. */
  readonly wasThere: Promise<boolean | undefined>;
}

/**
 * Ends what is read for pages that have gone, and for their workers. Browsers cancel such bodies, all but WebKit: there those go on that were
 * not answered yet when the page was left.
 */
export class ClientWatch {
  readonly #clock: Clock;
  readonly #isThere: (client: string) => Promise<boolean | undefined>;
  readonly #readers = new Map<BodyWatch, Reader>();
  /** Spares a look for each request of a page that asks much. */
  readonly #known = new Map<string, Promise<boolean | undefined>>();
  #stop = () => {};

  /** @param isThere is there a client of this id? Where it fails, nobody knows */
  constructor(clock: Clock, isThere: (client: string) => Promise<boolean>) {
    this.#clock = clock;
    this.#isThere = (client) => isThere(client).catch(() => undefined);
  }

  /**
   * Somebody asks for something: look at once whether the browser tells of him.
   * @param client empty where it says nothing
   * @returns what to call with the body that he gets
   */
  asks(client: string): (body: BodyWatch) => void {
    if (client === "") return () => undefined;
    const wasThere = this.#known.get(client) ?? this.#isThere(client);
    this.#known.set(client, wasThere);
    return (body) => void this.#follow(body, { client, wasThere });
  }

  async #follow(body: BodyWatch, reader: Reader): Promise<void> {
    if (this.#readers.size === 0) this.#lookLater();
    this.#readers.set(body, reader);
    await body.ended;
    this.#readers.delete(body);
    if (this.#readers.size > 0) return;
    this.#stop();
    this.#known.clear();
  }

  #lookLater(): void {
    this.#stop = this.#clock.after(LOOK_MS, () => {
      this.#lookLater();
      void this.#look();
    });
  }

  async #look(): Promise<void> {
    const clients = new Set([...this.#readers.values()].map(({ client }) => client));
    for (const gone of clients) {
      if ((await this.#isThere(gone)) !== false) continue;
      for (const [body, { client, wasThere }] of this.#readers) {
        if (client === gone && (await wasThere)) body.stop(left());
      }
    }
  }
}

function left(): DOMException {
  return new DOMException("The page that asked for this has gone.", "AbortError");
}
