/** Waiting for servers that start beside us, in words that a person can act on. */
import { Refusal } from "#compose/refusal";
import { Fault } from "#inventory/faults";
import { processClock, type Clock } from "#lib/clock";
import type { Log } from "#lib/log";

/** How long a start waits for servers that start beside it. */
const CONNECT_MS_MAX = 30_000;
const CONNECT_PAUSE_MS = 250;

export interface Waiting {
  readonly log: Pick<Log, "warn">;
  readonly clock?: Clock;
}

/** Tries until the server serves or the time is up; what a person must change ends it at once. */
export async function eventually<Value>(
  server: string,
  { log, clock = processClock }: Waiting,
  isAway: (error: unknown) => boolean,
  attempt: () => Promise<Value>,
): Promise<Value> {
  const deadline = clock.now() + CONNECT_MS_MAX;
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!isAway(error)) throw error;
      if (clock.now() >= deadline) {
        throw new Refusal(`${server} cannot be reached: ${messageOf(error)}`, { cause: error });
      }
      if (tries === 0) log.warn(`waiting for ${server}`, { reason: messageOf(error) });
      await Bun.sleep(CONNECT_PAUSE_MS);
    }
  }
}

/** Of PostgreSQL everything that will pass is a Fault; the rest is for a person to mend. */
export function eventuallyPostgres<Value>(
  waiting: Waiting,
  attempt: () => Promise<Value>,
): Promise<Value> {
  const isAway = (error: unknown): boolean => error instanceof Fault && error.retryable;
  return eventually("PostgreSQL", waiting, isAway, async () => {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof Fault) throw error;
      throw new Refusal(messageOf(error), { cause: error });
    }
  });
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message || error.name : String(error);
