/** What cannot be what its name says, in Redis and in the ledger: it is told, left alone, and passed over. */
import type { UnreadableRow } from "#inventory/ledger-snapshot";
import { settle, type Comparison } from "#workers/reconcile/comparison";

export async function tellUnreadable(
  run: Comparison,
  partition: number,
  key: string,
  why = "is of another type, or its name is none of ours",
): Promise<void> {
  await settle(run, {
    found: {
      kind: "unreadable",
      partition,
      productId: null,
      location: null,
      reservationId: null,
      redis: key,
      ledger: null,
      cause: `${JSON.stringify(key)} ${why}`,
    },
    repair: null,
  });
}

/** Nobody knows of what products it is. */
export async function tellUnreadableRow(
  run: Comparison,
  { partition, owner, generation }: UnreadableRow,
): Promise<void> {
  if (!run.partitions.includes(partition) || run.scope.kind === "products") return;
  const nothing = { productId: null, location: null, reservationId: null, redis: null };
  const cause = `the row of owner ${owner}, generation ${JSON.stringify(generation)} cannot be read`;
  const kind = "hold_differs" as const;
  await settle(run, { found: { kind, partition, ...nothing, ledger: null, cause }, repair: null });
}
