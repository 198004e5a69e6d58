/** The chain of hashes of each partition that is compared as a whole. */
import { settle, type Comparison } from "#workers/reconcile/comparison";

/** Where the chain of a partition does not fit, and why; null: it fits, or there is none. */
export type WalkChain = (
  partition: number,
  /** Throws when the walk shall end. */
  onPage: () => void,
) => Promise<{ readonly seq: number; readonly cause: string } | null>;

/** After what a repair mended: a movement that came back has its link again. */
export async function checkChains(run: Comparison, walk: WalkChain): Promise<void> {
  // Of some products alone there is no chain.
  if (run.scope.kind === "products") return;
  for (const [place, partition] of run.partitions.entries()) {
    const share = place / run.partitions.length;
    await run.advance("chain", share);
    const ending: { reason: Error | null } = { reason: null };
    // A walk of minutes is heard of too, or another worker takes its run for dead.
    const onPage = (): void => {
      if (ending.reason !== null) throw ending.reason;
      run.advance("chain", share).catch((reason: unknown) => {
        ending.reason = reason instanceof Error ? reason : new Error("it was stopped");
      });
    };
    const broken = await walk(partition, onPage);
    if (broken === null) continue;
    const base = { partition, productId: null, location: null, reservationId: null };
    const cause = `the chain breaks at movement ${broken.seq}: ${broken.cause}`;
    const found = { ...base, kind: "chain" as const, redis: null, ledger: null, cause };
    await settle(run, { found, repair: null });
  }
}
