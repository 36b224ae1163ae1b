/**
 * Connections to one real server, at most. Measured: four reach its full speed (see decision 7). Requests are never pipelined, which
 * breaks it.
 */
export const CONNECTIONS = 4;

/** Milliseconds. Real servers close a connection that idles for 60 s: leaving first avoids asking on one that is just going. */
export const IDLE_LIMIT = 45_000;

/**
 * Milliseconds, since it began, that an opening goes on for which nobody waits. A far visitor's takes half as long; one that hangs must not be
 * what the next request gets, nor keep a program from ending.
 */
export const UNAWAITED_LIMIT = 3_000;

/** Milliseconds. As long as the most patient request waits for its server: this ends an opening that nobody waits for any more. */
export const OPENING_LIMIT = 20_000;
