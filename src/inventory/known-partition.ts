import { Fault } from "#inventory/faults";
import type { StockStore } from "#inventory/ports";

/** Throws `validation_failed` for a partition that the store does not have; null names none. */
export function mustHavePartition(
  { partitions }: Pick<StockStore, "partitions">,
  partition: number | null,
): void {
  if (partition === null || partition < partitions) return;
  const message = `must be below ${partitions}`;
  const errors = [{ path: "partition", message }];
  throw new Fault("validation_failed", `partition ${message}`, { errors });
}
