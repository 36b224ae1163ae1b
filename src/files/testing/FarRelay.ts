import { type ByteStream, StreamFailure } from "../../servers/ByteStream.ts";
import { httpServer } from "../../servers/httpServer.ts";
import { parseNurl } from "../../servers/parseNurl.ts";
import type { SharedRelay } from "../../servers/Relays.ts";
import { relayTransport } from "../../servers/relayTransport.ts";
import type { Server } from "../../servers/Server.ts";
import { encodeMessage, shareSet } from "../../servers/storageMessages.ts";
import type { TlsEngine } from "../../servers/TlsEngine.ts";
import type { TlsProgress } from "../../servers/TlsSession.ts";
import type { SimulatedServer } from "./SimulatedServer.ts";
import type { VirtualClock } from "./VirtualClock.ts";

/** What a WebSocket takes where nothing is there: TCP, TLS and the upgrade. */
const OPENING_TRIPS = 3;
/** What a stream may have under way, as `YamuxConnection` gives it. */
const WINDOW = 1024 * 1024;

const HELLO = Uint8Array.of(22);
const never = new AbortController().signal;

/**
 * A far relay before simulated servers, in virtual time: the servers are right behind it, and all that costs is its distance. TLS is a message
 * each way, and hides nothing.
 */
export class FarRelay {
  /** What has happened, for people: the time in round trips, the server, and what. */
  readonly story: string[] = [];
  readonly servers: readonly Server[];
  readonly #clock: VirtualClock;
  readonly #roundTrip: number;
  readonly #relay: SharedRelay;
  #way: Promise<void> | undefined;
  /** Nothing arrives before, in the clock's milliseconds. */
  #heldUntil = 0;
  readonly #lose = new Set<(replaced: Promise<void>) => void>();

  /** @param mayOpenAhead as `SharedRelay` has it: whether one connection carries all */
  constructor(servers: readonly SimulatedServer[], clock: VirtualClock, roundTrip: number, mayOpenAhead = true) {
    this.#clock = clock;
    this.#roundTrip = roundTrip;
    const byToken = new Map(servers.map((server, index) => [tokenOf(index), server]));
    const relay: Pick<SharedRelay, "open" | "warm" | "ready" | "mayOpenAhead" | "isAway" | "answered"> = {
      open: async (token) => {
        await this.#opened();
        return this.#stream(byToken.get(token)!);
      },
      warm: () => this.#opened(),
      ready: () => this.#opened(),
      mayOpenAhead,
      isAway: () => false,
      answered: () => undefined,
    };
    this.#relay = relay as SharedRelay;
    const tls = { open: async () => nakedSession(), warm: () => undefined } as unknown as TlsEngine;
    this.servers = servers.map(({ id, name }, index) => {
      const nurl = parseNurl(`pb://${tokenOf(index)}@storage.example:3457/swissnum#v=1`);
      return httpServer(
        { id, nickname: name },
        relayTransport({ relay: this.#relay, nurl, name, tls, clock }),
        "swissnum",
      );
    });
  }

  /** For so long no byte arrives. All arrive then; or, where they were `lost`, another connection takes the place of the one that there is. */
  standStill(ms: number, { lost }: { lost: boolean }): void {
    this.#heldUntil = this.#clock.now() + ms;
    if (!lost) return;
    this.#way = this.#clock.sleep(ms + OPENING_TRIPS * this.#roundTrip, never);
    for (const lose of this.#lose) lose(this.#way);
    this.#lose.clear();
  }

  #opened(): Promise<void> {
    this.#way ??= this.#clock.sleep(OPENING_TRIPS * this.#roundTrip, never);
    return this.#way;
  }

  #note(server: string, what: string): void {
    this.story.push(`${(this.#clock.now() / this.#roundTrip).toFixed(2)} ${server} ${what}`);
  }

  #stream(server: SimulatedServer): ByteStream {
    const left = new AbortController();
    const [up, down] = [this.#pipe(), this.#pipe()];
    this.#serve(server, up, down, left.signal).catch(() => undefined);
    this.#note(server.name, "stream");
    const lose = (replaced: Promise<void>): void => {
      up.lose();
      down.lose();
      void replaced.then(() => down.end(new StreamFailure("replaced", "another took its place")));
    };
    this.#lose.add(lose);
    return {
      read: () => down.read(),
      write: (bytes) => up.write(bytes),
      rest: () => undefined,
      close: () => {
        if (!left.signal.aborted) this.#note(server.name, "closed");
        this.#lose.delete(lose);
        left.abort(new StreamFailure("broke-off", "the page has left"));
        down.end(new StreamFailure("broke-off", "the connection was closed"));
      },
    };
  }

  /** The server's side of a stream: a handshake, and then one request after the other. */
  async #serve(server: SimulatedServer, up: FarPipe, down: FarPipe, signal: AbortSignal): Promise<void> {
    await up.read();
    await down.write(HELLO);
    let text = "";
    for (;;) {
      while (!text.includes("\r\n\r\n")) text += new TextDecoder().decode(await up.read());
      const end = text.indexOf("\r\n\r\n") + 4;
      const head = text.slice(0, end);
      text = text.slice(end);
      const [, storageIndex = "", what = ""] = /immutable\/(\w+)\/(\w+)/.exec(head) ?? [];
      const [, first, last] = /bytes=(\d+)-(\d+)/.exec(head) ?? [];
      const range = first === undefined ? "" : `${first}+${Number(last) - Number(first) + 1}`;
      this.#note(server.name, `asked for ${what} ${range}`);
      if (what === "shares") {
        const message = encodeMessage(shareSet(await server.listShares(storageIndex, signal)));
        await down.write(reply("200 OK", "application/cbor", message.length), message);
      } else {
        const length = Number(last) - Number(first) + 1;
        const pieces: Uint8Array[] = [];
        for await (const piece of server.readShare(storageIndex, Number(what), Number(first), length, signal))
          pieces.push(piece);
        const sent = pieces.reduce((sum, piece) => sum + piece.length, 0);
        const contentRange = `Content-Range: bytes ${first}-${Number(first) + sent - 1}/*\r\n`;
        await down.write(reply("206 Partial Content", "application/octet-stream", sent, contentRange), ...pieces);
      }
      this.#note(server.name, `answered ${what} ${range}`);
    }
  }

  #pipe(): FarPipe {
    return new FarPipe(this.#clock, this.#roundTrip / 2, () => Math.max(0, this.#heldUntil - this.#clock.now()));
  }
}

/** One direction of a stream. */
class FarPipe {
  readonly #clock: VirtualClock;
  readonly #oneWay: number;
  readonly #arrived: Uint8Array[] = [];
  #room = WINDOW;
  #isLost = false;
  #failure: StreamFailure | undefined;
  #wakeReader = (): void => {};
  #wakeWriter = (): void => {};

  readonly #held: () => number;

  /** @param held milliseconds for which nothing arrives yet */
  constructor(clock: VirtualClock, oneWay: number, held: () => number) {
    this.#clock = clock;
    this.#oneWay = oneWay;
    this.#held = held;
  }

  async write(...pieces: readonly Uint8Array[]): Promise<void> {
    for (const piece of pieces) {
      while (this.#room < piece.length && this.#failure === undefined) {
        await new Promise<void>((resolve) => {
          this.#wakeWriter = resolve;
        });
      }
      if (this.#failure !== undefined) throw this.#failure;
      this.#room -= piece.length;
      this.#clock.after(this.#oneWay + this.#held(), () => {
        if (this.#isLost) return;
        this.#arrived.push(piece);
        this.#wakeReader();
      });
    }
  }

  async read(): Promise<Uint8Array> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      const piece = this.#arrived.shift();
      if (piece !== undefined) {
        this.#clock.after(this.#oneWay, () => {
          this.#room += piece.length;
          this.#wakeWriter();
        });
        return piece;
      }
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
  }

  /** Nothing arrives any more. */
  lose(): void {
    this.#isLost = true;
  }

  end(failure: StreamFailure): void {
    this.#failure ??= failure;
    this.#wakeReader();
    this.#wakeWriter();
  }
}

function reply(status: string, type: string, length: number, more = ""): Uint8Array {
  return new TextEncoder().encode(
    `HTTP/1.1 ${status}\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n${more}\r\n`,
  );
}

function tokenOf(index: number): string {
  return Buffer.alloc(32, index + 1).toString("base64url");
}

/** A session as `TlsEngine` gives it, that says hello and then hides nothing. */
function nakedSession() {
  const nothing = new Uint8Array();
  const progress = (more: Partial<TlsProgress>): TlsProgress => ({
    received: nothing,
    outgoing: nothing,
    isReady: true,
    isClosed: false,
    ...more,
  });
  let isReady = false;
  return {
    start: () => progress({ outgoing: HELLO, isReady: false }),
    receive(bytes: Uint8Array<ArrayBuffer>) {
      if (isReady) return progress({ received: bytes });
      isReady = true;
      return progress({});
    },
    send: (bytes: Uint8Array<ArrayBuffer>) => progress({ outgoing: bytes }),
    free: () => undefined,
  };
}
