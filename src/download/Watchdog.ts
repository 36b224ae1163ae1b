import { GridError } from "../base/GridError.ts";
import { noLongerWanted } from "../base/noLongerWanted.ts";
import type { Server } from "../servers/Server.ts";
import type { DownloadContext } from "./DownloadContext.ts";

/** Ends a request that has gone silent, or only trickles. */
export class Watchdog {
  readonly #context: DownloadContext;
  readonly #controller: AbortController;
  readonly #server: Server;
  #bytes = 0;
  #cancel: () => void;

  constructor(context: DownloadContext, controller: AbortController, server: Server) {
    this.#context = context;
    this.#controller = controller;
    this.#server = server;
    this.#cancel = this.#wait();
  }

  saw(bytes: number): void {
    this.#bytes += bytes;
  }

  /** All bytes have come: the body must end now. */
  expectEnd(): void {
    this.#cancel();
    const { clock, limits } = this.#context;
    this.#cancel = clock.after(limits.silence, () => {
      this.#controller.abort(noLongerWanted);
    });
  }

  stop(): void {
    this.#cancel();
  }

  #wait(): () => void {
    const { clock, limits } = this.#context;
    return clock.after(limits.stallTimeout, () => {
      if (this.#bytes >= limits.stallBytes) {
        this.#bytes = 0;
        this.#cancel = this.#wait();
        return;
      }
      const reason = `sent ${this.#bytes} bytes in ${limits.stallTimeout / 1000} s`;
      const error = new GridError(
        "SERVER_UNREACHABLE",
        { server: this.#server.name, reason },
        `${this.#server.name} ${reason}: given up.`,
      );
      this.#controller.abort(error);
    });
  }
}
