/** What each customer has under limits, as holds and sales of the ledger add up to it. */
import { z } from "zod";
import { Fault } from "#inventory/faults";
import { CustomerId } from "#inventory/model";
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

const LimitRow = z.object({
  rule: z.string(),
  window: z.string(),
  endsAt: z.int().nullable(),
  customerId: CustomerId,
  units: z.int(),
  holds: z.int(),
});

/** Which limits: products' own, and those that have a name; null: all of the partition. */
export interface LimitsAsked {
  readonly productIds: readonly string[] | null;
  readonly limitIds: readonly string[] | null;
}

/** Gives them to `use`, part by part, of one moment. */
export async function readLimits(
  sql: Sql,
  partition: number,
  { productIds, limitIds }: LimitsAsked,
  use: (part: readonly CustomerUnits[]) => Promise<void> | void,
): Promise<void> {
  let isLost = false;
  const overrides = { statementMsMax: STATEMENT_MS_MAX };
  const own = ownConnection(sql, () => (isLost = true), overrides);
  try {
    const columns = [productIds, limitIds].map((ids) => ids && textColumn(ids, (id) => id));
    for await (const rows of own.unsafe(limitsText, [partition, ...columns]).cursor(PART_ROWS)) {
      await use(LimitRow.array().parse(rows));
    }
    if (isLost) throw new Fault("ledger_unavailable", "the ledger went away while it was read");
  } catch (error) {
    throw error instanceof Fault ? error : asFault(error);
  } finally {
    await own.end({ timeout: CLOSE_SECONDS_MAX });
  }
}
