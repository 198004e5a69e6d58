/** Which side mends what, and from where a lost movement comes back. */
import type { LedgerRepairs, StockRepairs } from "#inventory/reconcile-repairs";
import type { ReconcileStock } from "#inventory/reconcile-sides";
import type { Mend } from "#workers/reconcile/comparison";

export interface MenderOptions {
  readonly stock: Pick<ReconcileStock, "journaled">;
  readonly stockRepairs: StockRepairs;
  readonly ledgerRepairs: LedgerRepairs;
}

export function createMender({ stock, stockRepairs, ledgerRepairs }: MenderOptions): Mend {
  return async (repair) => {
    switch (repair.side) {
      case "movement": {
        const { partition, seq } = repair;
        const epoch = await ledgerRepairs.epochOf(partition, seq);
        const kept = epoch === null ? null : await stock.journaled(partition, epoch, seq);
        if (kept !== null) return await ledgerRepairs.insertMovement(kept);
        return await ledgerRepairs.mend(repair);
      }
      case "level":
      case "reservation":
        return await ledgerRepairs.mend(repair);
      case "counter":
      case "break":
      case "reserved":
      case "record":
      case "due":
      case "low":
      case "registry":
      case "kept":
      case "line":
      case "places":
      case "product":
      case "limit":
      case "named_limit":
      case "limited":
      case "sku":
      case "claim":
        return await stockRepairs.mend(repair);
    }
  };
}
