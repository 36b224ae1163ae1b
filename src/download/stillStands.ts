import { equalBytes } from "../base/bytes.ts";
import { noLongerWanted } from "../base/noLongerWanted.ts";
import { withDeadline, withOwnSignal } from "../base/wait.ts";
import type { DownloadContext } from "./DownloadContext.ts";
import type { MutableShare } from "./MutableShare.ts";
import type { FoundVersion } from "./MutableVersionFinder.ts";
import { ShareBytes } from "./ShareBytes.ts";

/**
 * Asks servers that hold a version whether they still do: a round trip, and less than a hundred bytes of each.
 *
 * Yes when k of them (all, if they are fewer) show the signed header that was found. No when one shows another, or when too few
 * answer: what there is instead, only a search can tell.
 *
 * @throws the signal's reason
 */
export async function stillStands(
  { version, shares }: FoundVersion,
  context: DownloadContext,
  signal: AbortSignal,
): Promise<boolean> {
  const asked = quickest(shares, context).slice(0, version.needed + context.limits.spareShares);
  const enough = Math.min(version.needed, asked.length);
  const answer = (own: AbortSignal) => {
    let same = 0;
    let pending = asked.length;
    return new Promise<boolean>((resolve) => {
      for (const share of asked) {
        void compare(share, context, own).then((shown) => {
          pending--;
          if (shown === "same") same++;
          if (same >= enough) resolve(true);
          else if (shown === "other" || same + pending < enough) resolve(false);
        });
      }
    });
  };
  const stands = await withOwnSignal(signal, answer);
  signal.throwIfAborted();
  return stands;
}

/** One share of each server, the quickest server first. */
function quickest(shares: readonly MutableShare[], { health }: DownloadContext): MutableShare[] {
  const byServer = new Map(shares.map((share) => [share.server, share]));
  const expected = ({ server, header }: MutableShare): number =>
    health.expected(server, header.signed.length) + (health.of(server).isOnProbation ? 1e6 : 0);
  return [...byServer.values()].sort((a, b) => expected(a) - expected(b));
}

/** Never rejects. */
async function compare(
  { server, number, header }: MutableShare,
  context: DownloadContext,
  signal: AbortSignal,
): Promise<"same" | "other" | "unknown"> {
  const { clock, limits, health } = context;
  // Of its own: what another reader has asked for may have been on its way before this look began.
  const bytes = new ShareBytes(server, number, context);
  try {
    const shown = await withDeadline(
      limits.queryOverdue,
      clock,
      () => noLongerWanted,
      signal,
      (limited) => bytes.read(0, header.signed.length, limited),
    );
    return equalBytes(shown, header.signed) ? "same" : "other";
  } catch {
    if (!signal.aborted) health.of(server).failed();
    return "unknown";
  }
}
