import type { Deps } from "#inventory/context";
import type { Position } from "#inventory/ports";

/** What a reader of the ledger waits at most: usually the drain is a few milliseconds behind. */
export const LEDGER_WAIT_MS_MAX = 1000;
const POLL_MS_FIRST = 2;
const POLL_MS_MAX = 50;

/**
 * Waits until the ledger has everything that happened before this call, at most 1 s and not past
 * the deadline. Answers how many of those movements it still lacks; 0 means it caught up.
 * `partition` null waits for all of them. Rejects with a Fault when Redis cannot be used.
 */
export async function waitForLedger(
  deps: Pick<Deps, "store" | "clock">,
  deadline: number,
  partition: number | null = null,
): Promise<number> {
  const { store, clock } = deps;
  const until = Math.min(clock.now() + LEDGER_WAIT_MS_MAX, deadline);
  const asked = await store.positions(deadline, partition);
  let lag = lagOf(asked, asked);
  for (let pause = POLL_MS_FIRST; lag > 0; pause = Math.min(2 * pause, POLL_MS_MAX)) {
    if (clock.now() + pause > until) return lag;
    await Bun.sleep(pause);
    lag = lagOf(asked, await store.positions(deadline, partition));
  }
  return lag;
}

/** Movements up to `asked` that are not in the ledger, summed over the partitions asked for. */
function lagOf(asked: readonly Position[], now: readonly Position[]): number {
  const drained = new Map(now.map((at) => [at.partition, at.drained]));
  return asked.reduce((lag, { partition, seq }) => {
    return lag + Math.max(0, seq - (drained.get(partition) ?? 0));
  }, 0);
}
