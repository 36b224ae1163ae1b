/**
 * Does this engine forget requests that were dropped before they were answered, and take their bodies whole? WebKit does (2.50), and
 * nothing that it has or lacks tells it: so this asks for its name, which is frozen, as is the number after it where Chromium borrows it. Where it is wrong
 * about a version to come, the price is a status: see `Openings`.
 */
export function forgetsUnanswered(userAgent: string): boolean {
  return /AppleWebKit\/(?!537)/.test(userAgent);
}
