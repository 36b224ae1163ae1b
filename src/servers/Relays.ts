import type { Clock } from "../base/Clock.ts";
import { sleep, unlessAborted } from "../base/wait.ts";
import { type ByteStream, type Connect, type SocketByteStream, StreamFailure } from "./ByteStream.ts";
import { OPENING_LIMIT, UNAWAITED_LIMIT } from "./serverConnections.ts";
import { YamuxConnection } from "./YamuxConnection.ts";
import { AWAY_PROTOCOL, AWAY_TOKEN, LONGEST_AWAY, YAMUX_PROTOCOL } from "./yamux.ts";

/** What websockify speaks comes first: some servers choose the first that they see. */
const OFFER: readonly string[] = ["binary", YAMUX_PROTOCOL, AWAY_PROTOCOL];

/** What the relay says of servers counts for so many milliseconds. */
const BELIEVED = 600_000;

/**
 * While a connection is silent each attempt at another ends after so long, or twice what opening one took last, where that is longer: what was sent before the network is back
 * is sent again ever more rarely, a new attempt at once.
 */
const ATTEMPT_LIMIT = 2_000;
/** From one such attempt to the next, at least: one that is refused ends at once. */
const ATTEMPT_PAUSE = 1_000;

/**
 * The relays that servers are reached through. All servers behind a relay share one connection to it, where the relay speaks yamux; else each stream is a WebSocket
 * of its own, as with websockify.
 */
export class Relays {
  readonly #connect: Connect;
  readonly #clock: Clock;
  readonly #relays = new Map<string, SharedRelay>();

  /** @param connect how this platform opens a WebSocket */
  constructor(connect: Connect, clock: Clock) {
    this.#connect = connect;
    this.#clock = clock;
  }

  /** The relay at this URL, ws or wss. */
  at(url: string): SharedRelay {
    let relay = this.#relays.get(url);
    if (relay === undefined) {
      relay = new SharedRelay(url, this.#connect, this.#clock);
      this.#relays.set(url, relay);
    }
    return relay;
  }

  /** The network may have changed: connections show that they live, or are replaced. */
  check(): void {
    for (const relay of this.#relays.values()) relay.check();
  }
}

/** What came of opening the first connection. */
type Found =
  | { readonly carrier: YamuxConnection }
  /** The connection to the one server that was named; once. */
  | { readonly take: (token: string) => ByteStream | undefined };

/** One relay. */
export class SharedRelay {
  readonly #url: string;
  readonly #connect: Connect;
  readonly #clock: Clock;
  #carriers: YamuxConnection[] = [];
  /** The first who needs a connection finds out what the relay speaks, for all. */
  #finding: Promise<Found> | undefined;
  #isPlain = false;
  #offer = OFFER;
  /** The servers that the relay cannot reach, by their tokens, as it said last. */
  #away: Set<string> = new Set();
  #askedAt = Number.NEGATIVE_INFINITY;
  /** Milliseconds that opening a connection took last. */
  #openingTime = 0;
  /** Until no connection is silent. */
  #replacing: Promise<void> | undefined;

  constructor(url: string, connect: Connect, clock: Clock) {
    this.#url = url;
    this.#connect = connect;
    this.#clock = clock;
  }

  /**
   * A stream to a server.
   *
   * @param token by which the relay knows the server
   * @throws StreamFailure, or the signal's reason. Through one connection for all servers a failure of the server's is told when the stream is read.
   */
  async open(token: string, signal: AbortSignal): Promise<ByteStream> {
    signal.throwIfAborted();
    const carrier = this.#carrier();
    if (carrier !== undefined) {
      void this.#ask(carrier);
      return carrier.open(token);
    }
    if (this.#isPlain) return this.#taken(await this.#connect(this.#urlFor(token), signal, this.#offer), token);
    if (this.#replacing !== undefined) {
      await unlessAborted(this.#replacing, signal);
      return this.open(token, signal);
    }
    const found = await unlessAborted(this.#find(token), signal);
    if ("carrier" in found && !found.carrier.hasRoom && !found.carrier.isLeaving) return this.open(token, signal);
    return "carrier" in found ? found.carrier.open(token) : (found.take(token) ?? this.open(token, signal));
  }

  /** Opens the connection that all servers share, so that the first request finds it. Never rejects. @param token of any server */
  async warm(token: string): Promise<void> {
    this.check();
    await this.ready(token);
  }

  /** The same, taking a connection that there is for one that works. */
  async ready(token: string): Promise<void> {
    if (this.#carrier() === undefined && !this.#isPlain) await this.#find(token).catch(() => undefined);
  }

  /** Asks for a sign of life on what connections there are. */
  check(): void {
    for (const carrier of this.#carriers) carrier.check();
  }

  /** A stream that nobody needs yet holds nobody up: not a WebSocket of its own, for which others would have to wait, nor one of the last. */
  get mayOpenAhead(): boolean {
    return this.#carrier()?.hasRoomAhead ?? false;
  }

  /** Has the relay said of late that it cannot reach this server? It may be lying: such a server is to be asked last, and not left out. */
  isAway(token: string): boolean {
    return this.#away.has(token) && this.#clock.now() - this.#askedAt < BELIEVED;
  }

  /** The server has answered, whatever the relay said. */
  answered(token: string): void {
    this.#away.delete(token);
  }

  #carrier(): YamuxConnection | undefined {
    this.#carriers = this.#carriers.filter(({ isLeaving }) => !isLeaving);
    return this.#carriers.find(({ hasRoom }) => hasRoom);
  }

  #find(token: string): Promise<Found> {
    this.#finding ??= this.#tryFirst(token).finally(() => {
      this.#finding = undefined;
    });
    return this.#finding;
  }

  /** It goes on when whoever began it has left: it is for all, and for the next. */
  async #tryFirst(token: string): Promise<Found> {
    const stop = new AbortController();
    const late = (): void => stop.abort(new StreamFailure("relay-away", "no connection came about in time"));
    const began = this.#clock.now();
    const isReplacing = this.#carriers.some(({ isSilent }) => isSilent);
    const limit = isReplacing ? Math.max(ATTEMPT_LIMIT, 2 * this.#openingTime) : OPENING_LIMIT;
    const cancel = this.#clock.after(limit, late);
    try {
      const socket = await this.#connectEitherWay(token, stop.signal);
      this.#openingTime = this.#clock.now() - began;
      return isYamux(socket) ? { carrier: this.#carryOn(socket, token) } : this.#plain(socket, token);
    } finally {
      cancel();
    }
  }

  /** A browser takes it for a failure when a relay answers no subprotocol to an offer, and does not say so. */
  async #connectEitherWay(token: string, signal: AbortSignal): Promise<SocketByteStream> {
    const url = this.#urlFor(token);
    try {
      return await this.#connect(url, signal, OFFER);
    } catch (error) {
      if (!(error instanceof StreamFailure) || error.why !== "relay-away" || signal.aborted) throw error;
      const socket = await this.#connect(url, signal, []);
      this.#offer = [];
      return socket;
    }
  }

  #plain(socket: SocketByteStream, token: string): Found {
    this.#isPlain = true;
    let isTaken = false;
    const take = (wanted: string): ByteStream | undefined => {
      if (isTaken || wanted !== token) return undefined;
      isTaken = true;
      return socket;
    };
    // Whoever wanted it may have left.
    this.#clock.after(0, () => isTaken || socket.close());
    return { take };
  }

  /** A relay that spoke as websockify does may have become one that does not. */
  #taken(socket: SocketByteStream, token: string): ByteStream {
    if (!isYamux(socket)) return socket;
    this.#isPlain = false;
    return this.#carryOn(socket, token).open(token);
  }

  #carryOn(socket: SocketByteStream, token: string): YamuxConnection {
    this.#leaveSilent();
    const fellSilent = (): void => {
      this.#replacing ??= this.#replace(token).finally(() => {
        this.#replacing = undefined;
      });
    };
    const carrier = new YamuxConnection(socket, this.#clock, fellSilent, socket.protocol === AWAY_PROTOCOL);
    this.#carriers.push(carrier);
    void this.#ask(carrier);
    return carrier;
  }

  /** Asks which servers are away, now and then. Nobody waits for it. Never rejects. */
  async #ask(carrier: YamuxConnection): Promise<void> {
    const now = this.#clock.now();
    if (!carrier.tellsAway || now - this.#askedAt < BELIEVED) return;
    this.#askedAt = now;
    this.#away = new Set();
    const stream = carrier.open(AWAY_TOKEN);
    stream.rest(true);
    const cancel = this.#clock.after(UNAWAITED_LIMIT, () => stream.close());
    try {
      await stream.write(new Uint8Array());
      let text = "";
      for (let bytes = await stream.read(); bytes !== undefined; bytes = await stream.read()) {
        if (text.length + bytes.length > LONGEST_AWAY) return;
        text += new TextDecoder().decode(bytes);
      }
      this.#away = new Set(text.split("\n"));
    } catch {
      // It is no worse than a relay that does not say.
    } finally {
      cancel();
      stream.close();
    }
  }

  /** Tries to open a connection until one is there, or the silent ones have woken, or nobody waits for those any more. Never rejects. */
  async #replace(token: string): Promise<void> {
    const isNeeded = (): boolean => this.#carriers.some(({ isSilent, isBusy }) => isSilent && isBusy);
    while (isNeeded()) {
      const pause = sleep(ATTEMPT_PAUSE, this.#clock);
      await this.#find(token).catch(() => undefined);
      if (isNeeded()) await pause;
    }
    this.#leaveSilent();
  }

  #leaveSilent(): void {
    for (const carrier of this.#carriers) if (carrier.isSilent) carrier.leave();
  }

  #urlFor(token: string): string {
    const url = new URL(this.#url);
    url.searchParams.set("token", token);
    return url.href;
  }
}

function isYamux({ protocol }: SocketByteStream): boolean {
  return protocol === YAMUX_PROTOCOL || protocol === AWAY_PROTOCOL;
}
