/** The middle one of some figures, or the mean of the two in the middle. @throws Error where there is none */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  if (low === undefined || high === undefined) throw new Error("there was nothing to measure");
  return (low + high) / 2;
}

/**
 * Runs measurements in turn, all of them once in each round, so that a busy machine is unfair to none.
 * @returns what each gave, by round
 */
export async function inTurn<K extends string>(
  rounds: number,
  measurements: Readonly<Record<K, () => Promise<number>>>,
): Promise<Record<K, number[]>> {
  const names = Object.keys(measurements) as K[];
  const results = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<K, number[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of names) results[name].push(await measurements[name]());
  }
  return results;
}

/** The median over the rounds of one figure divided by the other. */
export function ratioOf(dividends: readonly number[], divisors: readonly number[]): number {
  return median(dividends.map((dividend, round) => dividend / (divisors[round] ?? Number.NaN)));
}

/** A figure of some digits that mean something. */
export function round(value: number): number {
  return value === 0 ? 0 : Number(value.toPrecision(3));
}

/** Bytes a second, in words. */
export function speed(bytesPerSecond: number): string {
  return `${round(bytesPerSecond / 1e6)} MB/s`;
}
