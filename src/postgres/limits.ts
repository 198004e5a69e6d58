/** What each customer has of products with a limit, as holds and sales of the ledger add up to it. */
import { z } from "zod";
import { Fault } from "#inventory/faults";
import { CustomerId, ProductId } from "#inventory/model";
import type { CustomerUnits } from "#inventory/reconcile-sides";
import { ownConnection, type Sql } from "#postgres/client";
import { textColumn } from "#postgres/columns";
import { asFault } from "#postgres/failure";
import limitsText from "./statements/limits.sql" with { type: "text" };

/** No index has the sales of a product alone: of a hot one all movements are looked at. */
const STATEMENT_MS_MAX = 10 * 60_000;
const CLOSE_SECONDS_MAX = 2;
/** Rows of one part. */
const PART_ROWS = 500;

const LimitRow = z.object({ productId: ProductId, customerId: CustomerId, units: z.int() });

/** Gives them to `use`, part by part, of one moment. `productIds` null: of all of the partition. */
export async function readLimits(
  sql: Sql,
  partition: number,
  productIds: readonly string[] | null,
  use: (part: readonly CustomerUnits[]) => Promise<void> | void,
): Promise<void> {
  let isLost = false;
  const overrides = { statementMsMax: STATEMENT_MS_MAX };
  const own = ownConnection(sql, () => (isLost = true), overrides);
  try {
    const ids = productIds && textColumn(productIds, (id) => id);
    for await (const rows of own.unsafe(limitsText, [partition, ids]).cursor(PART_ROWS)) {
      await use(LimitRow.array().parse(rows));
    }
    if (isLost) throw new Fault("ledger_unavailable", "the ledger went away while it was read");
  } catch (error) {
    throw error instanceof Fault ? error : asFault(error);
  } finally {
    await own.end({ timeout: CLOSE_SECONDS_MAX });
  }
}
