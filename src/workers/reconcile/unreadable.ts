/** A key of Redis that cannot be what its name says: it is told, left alone, and passed over. */
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
