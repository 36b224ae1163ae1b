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
import { HEADER_LENGTH_V2, predictShareLayout } from "../formats/ShareLayout.ts";
import { type HashPage, pageRange, pagesFor } from "../hashing/HashPages.ts";
import type { FileCap } from "./FileFacts.ts";

/** A share of version 2 has its data this much further back than one of version 1: asked for too, since it is a guess. */
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
 */
export function rangesFor(geometry: Geometry, segment: number, limits: Limits, proof?: ProofPages): ByteRange[] {
  const layout = predictShareLayout(geometry);
  const end = endRanges(geometry, limits);
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
      length: blockLengthOf(geometry, segment) + VERSION_SLACK,
    },
    ...trees.flatMap(([tree, pages]) =>
      pages.map((page) => {
        const { offset, length } = pageRange(page);
        return { offset: tree + offset, length: length + VERSION_SLACK };
      }),
    ),
    ...end,
  ];
}

/** The share hash chain and the UEB, which is the last thing in a share. */
function endRanges(geometry: Geometry, limits: Limits): ByteRange[] {
  const layout = predictShareLayout(geometry);
  const length = layout.uebOffset - layout.chainOffset + VERSION_SLACK + layout.uebLengthBytes + limits.uebGuessBytes;
  return [{ offset: layout.chainOffset, length }];
}

function guesses({ size, needed, total }: FileCap, maxSegmentSizes: readonly number[]): Geometry[] {
  const sizes = new Set(maxSegmentSizes.map((most) => paddedSegmentSize(most, size, needed)));
  return [...sizes].map((segmentSize) => makeGeometry({ size, segmentSize, needed, total }));
}
