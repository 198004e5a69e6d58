import { randomInt } from "node:crypto";

/** Often enough to be prompt, seldom enough to leave the processor to what is waited for. */
const POLL_MS_MAX = 25;

export type UntilOptions = Readonly<{
  /** The longest wait; beyond it the test fails. */
  withinMs: number;
  /** What is waited for, as the end of "gave up waiting until …". */
  what: string;
}>;

/**
 * Waits for a condition instead of for time. Answers what the condition answered; an error that it
 * throws counts as "not yet" and is told when the time is up.
 */
export async function until<Value>(
  condition: () => Promise<Value> | Value,
  { withinMs, what }: UntilOptions,
): Promise<Exclude<Value, false | undefined | null | 0 | "">> {
  const giveUpAt = performance.now() + withinMs;
  let lastError: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (isMet(value)) return value;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() >= giveUpAt) break;
    await Bun.sleep(randomInt(1, POLL_MS_MAX));
  }
  throw new Error(`gave up after ${withinMs} ms waiting until ${what}`, { cause: lastError });
}

function isMet<Value>(value: Value): value is Exclude<Value, false | undefined | null | 0 | ""> {
  return Boolean(value);
}
