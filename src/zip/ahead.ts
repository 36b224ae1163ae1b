/**
 * The results of work on each item, in the order of the items, while that on the next few is under way. A failure comes in its turn. What is under
 * way when the caller leaves is to be called off by the caller's signal.
 */
export async function* ahead<T, R>(
  items: Iterable<T>,
  most: number,
  start: (item: T) => Promise<R>,
): AsyncGenerator<R, void> {
  const started: Promise<R>[] = [];
  for (const item of items) {
    const work = start(item);
    work.catch(() => {}); // told in its turn
    started.push(work);
    if (started.length >= most) yield started.shift()!;
  }
  while (started.length > 0) yield started.shift()!;
}
