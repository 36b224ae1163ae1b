import type { Clock } from "../base/Clock.ts";

/**
 * What `work` gives; or, where it fails or has not come within `ms` milliseconds, what `otherwise` gives. Once the work is done nothing is
 * left behind: no timer, and `otherwise` was not called.
 */
export async function unlessLate<T>(
  work: Promise<T>,
  ms: number,
  clock: Clock,
  otherwise: () => Promise<T>,
): Promise<T> {
  let cancel = () => {};
  const late = new Promise<undefined>((resolve) => {
    cancel = clock.after(ms, () => resolve(undefined));
  });
  const done = work.then(
    (value) => ({ value }),
    () => undefined,
  );
  const first = await Promise.race([done, late]);
  cancel();
  return first === undefined ? otherwise() : first.value;
}
