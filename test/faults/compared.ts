/** What `bun run verify` says of a store with one partition. */
import type { Stores } from "#compose/stores";
import type { ReconcileReport } from "#inventory/reconcile-ports";
import { steadyClock } from "#lib/clock";
import { createReconcileLedger } from "#postgres/reconcile-ledger";
import { createReconcileStock } from "#redis/reconcile-stock";
import { reconcile } from "#workers/reconcile/run";

export const compared = ({
  redis,
  sql,
  storeId,
}: Pick<Stores, "redis" | "sql" | "storeId">): Promise<ReconcileReport> =>
  reconcile({
    stock: createReconcileStock({ redis, partitions: 1, storeId }),
    ledger: createReconcileLedger(sql),
    clock: steadyClock,
    scope: { kind: "all" },
    onProgress: () => undefined,
  });
