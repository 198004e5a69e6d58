import { EmbeddedFailure } from "#embedded/failure";

const POLL_MS = 10;

/** Asks again and again until the answer is neither undefined nor false; fails after `msMax`. */
export async function until<T>(
  what: string,
  msMax: number,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const end = performance.now() + msMax;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > end) throw new EmbeddedFailure(`${what}: not within ${msMax} ms`);
    await Bun.sleep(POLL_MS);
  }
}

/** True when the promise settles within `msMax`; the timer never outlives the answer. */
export async function settlesWithin(promise: Promise<unknown>, msMax: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, msMax, false);
  });
  const settled = promise.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([settled, late]);
  } finally {
    clearTimeout(timer);
  }
}
