import type { Deps, RequestContext } from "#inventory/context";

export interface ExpireOutcome {
  /** Holds that this call released. */
  readonly cleaned: number;
  /** Whether more may be due than this call had steps or time for. */
  readonly more: boolean;
}

/** Steps of one call in each partition: a call must end well within a request's deadline. */
const EXPIRE_ROUNDS_MAX = 20;

/** Releases what is past its due time, partition by partition in turn, in bounded steps. */
export async function expire(
  deps: Deps,
  ctx: Pick<RequestContext, "deadline" | "receipts">,
): Promise<ExpireOutcome> {
  const { store, clock } = deps;
  let cleaned = 0;
  let due = Array.from({ length: store.partitions }, (_, partition) => partition);
  for (let round = 0; round < EXPIRE_ROUNDS_MAX && due.length > 0; round += 1) {
    const unfinished: number[] = [];
    for (const partition of due) {
      if (clock.now() >= ctx.deadline) return { cleaned, more: true };
      const step = await store.expire(partition, ctx.deadline, ctx.receipts);
      cleaned += step.expired;
      if (step.more) unfinished.push(partition);
    }
    due = unfinished;
  }
  return { cleaned, more: due.length > 0 };
}
