import type { Limits } from "../base/limits.ts";
import type { ByteRange } from "../base/range.ts";
import {
  blockLengthOf,
  blockOffset,
  type Geometry,
  makeGeometry,
  paddedSegmentSize,
  segmentAt,
} from "../formats/Geometry.ts";
import { HEADER_LENGTH_V2, predictShareLayout, type ShareLayout } from "../formats/ShareLayout.ts";
import { type HashPage, pageRange, pagesFor } from "../hashing/HashPages.ts";
import type { FileCap } from "./FileFacts.ts";

/** A share of version 2 has its data this much further back than one of version 1: asked for too, as long as the version is a guess. */
const VERSION_SLACK = 32;

/**
 * What to ask a share for before anything of it is known, so that the byte at `offset` of the file comes in the same round
 * trip as all that proves it: the layout follows from the cap and the segment size.
 *
 * @param maxSegmentSizes those that the file may have been cut up by, in bytes
 */
export function predictRanges(
  cap: FileCap,
  offset: number,
  maxSegmentSizes: readonly number[],
  limits: Limits,
): ByteRange[] {
  return guesses(cap, maxSegmentSizes).flatMap((guess) => rangesFor(guess, segmentAt(guess, offset), limits));
}

/** The pages of the two trees that a block is proven with. */
interface ProofPages {
  readonly ciphertextPages: readonly HashPage[] | undefined;
  readonly blockPages: readonly HashPage[] | undefined;
}

/**
 * What to ask a share for whose header is not here yet, when the file's geometry is known already.
 * @param proof those pages that are not known yet: all, unless it is given
 * @param version of the file's shares, where one has told it
 */
export function rangesFor(
  geometry: Geometry,
  segment: number,
  limits: Limits,
  proof?: ProofPages,
  version?: 1 | 2,
): ByteRange[] {
  const layout = predictShareLayout(geometry, version);
  const slack = version === undefined ? VERSION_SLACK : 0;
  const end = endRanges(layout, slack, limits);
  const last = end.at(-1) as ByteRange;
  if (last.offset + last.length <= limits.smallShareBytes) return [{ offset: 0, length: last.offset + last.length }];
  const pages = pagesFor(geometry.segmentCount, segment);
  const trees = [
    [layout.ciphertextTreeOffset, proof?.ciphertextPages ?? pages],
    [layout.blockTreeOffset, proof?.blockPages ?? pages],
  ] as const;
  return [
    { offset: 0, length: HEADER_LENGTH_V2 },
    {
      offset: layout.dataOffset + blockOffset(geometry, segment),
      length: blockLengthOf(geometry, segment) + slack,
    },
    ...trees.flatMap(([tree, pages]) =>
      pages.map((page) => {
        const { offset, length } = pageRange(page);
        return { offset: tree + offset, length: length + slack };
      }),
    ),
    ...end,
  ];
}

/** The share hash chain and the UEB, which is the last thing in a share. */
function endRanges(layout: ShareLayout, slack: number, limits: Limits): ByteRange[] {
  const length = layout.uebOffset - layout.chainOffset + slack + layout.uebLengthBytes + limits.uebGuessBytes;
  return [{ offset: layout.chainOffset, length }];
}

function guesses({ size, needed, total }: FileCap, maxSegmentSizes: readonly number[]): Geometry[] {
  const sizes = new Set(maxSegmentSizes.map((most) => paddedSegmentSize(most, size, needed)));
  return [...sizes].map((segmentSize) => makeGeometry({ size, segmentSize, needed, total }));
}
