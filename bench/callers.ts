/** Reservations of a store without HTTP: as many callers as its batches need. */
import { BATCH_ITEMS_MAX } from "#redis/batch";
import { cpuUsOf } from "./cpu.ts";

/** Two batches under way, and as many that form meanwhile. */
export const CALLERS = 4 * BATCH_ITEMS_MAX;

export interface Rate {
  readonly count: number;
  readonly perSecond: number;
  /** Processor time of Redis, and of the caller with its store, for each. */
  readonly redisUs: number;
  readonly callerUs: number;
}

/** How many a second are made while `CALLERS` callers ask all the time. */
export async function rateWhileAsked(
  redisPid: number,
  seconds: number,
  make: () => Promise<unknown>,
): Promise<Rate> {
  const [ownUs, redisUs] = [cpuUsOf(process.pid), cpuUsOf(redisPid)];
  const startedAt = performance.now();
  const end = startedAt + seconds * 1_000;
  let count = 0;
  const caller = async (): Promise<void> => {
    while (performance.now() < end) {
      await make();
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  const took = (performance.now() - startedAt) / 1_000;
  return {
    count,
    perSecond: count / took,
    redisUs: (cpuUsOf(redisPid) - redisUs) / count,
    callerUs: (cpuUsOf(process.pid) - ownUs) / count,
  };
}
