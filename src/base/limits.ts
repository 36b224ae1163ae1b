const KiB = 1024;
const MiB = 1024 * KiB;

/** Every tuning number and bound of a read, in one place. Times in milliseconds, sizes in bytes. */
export interface Limits {
  /** Share queries under way at once, overdue ones not counted; more where k is larger. */
  readonly queriesAtOnce: number;
  /** A share query older than this no longer counts against `queriesAtOnce`: ten dead servers must not stall the rest. */
  readonly queryOverdue: number;
  /** Until there is an answer to compare with, a share query is late after this. */
  readonly queryPatience: number;
  /** For so many servers that have failed one more is asked at once; twice as many as are needed at most. */
  readonly failuresForAnother: number;
  /** A share query older than this has failed … */
  readonly queryTimeout: number;
  /** … and one older than this where the file seems to be lost: nobody has a share of it … */
  readonly lostQueryTimeout: number;
  /** … of so many servers that have answered, as many as a usual file has shares. It is longer than servers take whose disk wakes up. */
  readonly lostAnswers: number;
  /** Looking for shares without finding a new one ends after this. Under the 50 s that a browser grants a worker. */
  readonly findTimeout: number;
  /** Spare shares to know of beyond the k in use. */
  readonly spareShares: number;
  /** A share request that brings nothing for this long has failed … */
  readonly stallTimeout: number;
  /** … and so has one that brings less than this in each such period: a server must not hold a read by a trickle. */
  readonly stallBytes: number;
  /** A segment is given up after this long without a byte of it from any server, however many are left to try. */
  readonly quietTimeout: number;
  /** When all servers of a file that was read have failed, as when a relay or a network restarts, they are tried for this long. */
  readonly outage: number;
  /** That begins this soon, and goes on ever less often. */
  readonly outageRetry: number;
  /** A server that failed is asked again, last of all, after this; each further failure doubles it. */
  readonly secondChance: number;
  /** An address of a server that says nothing for this long is left for the server's next one; longer each time. */
  readonly addressPatience: number;
  /** That limit is not set to an address that has answered within this time: it is slow, then, and not dead. */
  readonly addressTrust: number;
  /** Where a better address failed, it is tried again after this; each further failure doubles it. */
  readonly addressRetry: number;
  /** One request for share data is no longer than this. */
  readonly requestBytes: number;
  /** Two wanted ranges with no more than this between them are asked for in one request: less costs than a request. */
  readonly gapBytes: number;
  /** Bytes that hedging may fetch beyond what is needed: this much, … */
  readonly hedgeBytes: number;
  /** … and this fraction of all that was fetched. */
  readonly hedgeFraction: number;
  /** A late share that has brought nothing for this long is replaced whatever the budget: it costs no traffic. */
  readonly silence: number;
  /** So is one that is not done after this long: a trickle is worth no more than silence. */
  readonly trickle: number;
  /** Without any experience of any server, a block is late after this. */
  readonly firstPatience: number;
  /** No block is late sooner than this, where nothing is known of how evenly blocks come. */
  readonly leastPatience: number;
  /** Where that is known: a block may be behind its server's pace by this much, … */
  readonly leastLag: number;
  /** … by this fraction of the server's latency, and by what blocks were behind at most … */
  readonly lagOfLatency: number;
  /** … in this time. */
  readonly lagMemory: number;
  /** Behind a shared cache a block may be late by this much: what is asked of another server, no other visitor will ask of it. */
  readonly cachedLag: number;
  /** Read-ahead of one reader: plaintext bytes asked for and not yet consumed. It starts at the first figure. */
  readonly windowStart: number;
  readonly windowMost: number;
  /** How many times larger it becomes when its consumer has to wait. */
  readonly windowGrowth: number;
  /** Segments of it: each costs work and memory however short the uploader made them. */
  readonly windowSegments: number;
  /** What is under way when the last reader of a segment leaves goes on for so many milliseconds, … */
  readonly linger: number;
  /** … and no more than so many bytes of a file. */
  readonly lingerBytes: number;
  /** Segments that are decoded, checked and deciphered at once. More would push each other out of the processor's cache in between. */
  readonly decodedAtOnce: number;
  /** What is read for a UEB before its length is known. Real ones are 300 to 400 bytes. */
  readonly uebGuessBytes: number;
  /** A share predicted to be no longer than this is asked for whole. */
  readonly smallShareBytes: number;
  /** The maximum segment sizes in use, likeliest first: Tahoe-LAFS since 1.17 and before. */
  readonly segmentSizeGuesses: readonly number[];
}

/** What a read goes by unless told otherwise. */
export const defaultLimits: Limits = {
  queriesAtOnce: 10,
  queryOverdue: 3_000,
  queryPatience: 500,
  failuresForAnother: 2,
  queryTimeout: 20_000,
  lostQueryTimeout: 8_100,
  lostAnswers: 10,
  findTimeout: 30_000,
  spareShares: 2,
  stallTimeout: 15_000,
  stallBytes: 1 * KiB,
  quietTimeout: 30_000,
  outage: 10_000,
  outageRetry: 500,
  secondChance: 10_000,
  addressPatience: 4_000,
  addressTrust: 30_000,
  addressRetry: 60_000,
  requestBytes: 4 * MiB,
  gapBytes: 20 * KiB,
  hedgeBytes: 4 * MiB,
  hedgeFraction: 0.1,
  silence: 250,
  trickle: 5_000,
  firstPatience: 1_500,
  leastPatience: 50,
  leastLag: 10,
  lagOfLatency: 0.25,
  lagMemory: 5_000,
  cachedLag: 250,
  windowStart: 1 * MiB,
  windowMost: 20 * MiB,
  windowGrowth: 4,
  windowSegments: 160,
  linger: 300,
  lingerBytes: 2 * MiB,
  decodedAtOnce: 2,
  uebGuessBytes: 1 * KiB,
  smallShareBytes: 32 * KiB,
  segmentSizeGuesses: [1 * MiB, 128 * KiB],
};
