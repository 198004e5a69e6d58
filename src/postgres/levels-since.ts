/** What the ledger knows of levels since some instants, for counts that arrive later. */
import { z } from "zod";
import type { LevelSince, LevelThen } from "#inventory/count-ports";
import { Fault } from "#inventory/faults";
import { MOVEMENT_TYPES, StockCount } from "#inventory/model";
import type { Ledger } from "#inventory/ports";
import type { Clock } from "#lib/clock";
import { askRows } from "#postgres/ask";
import type { Sql } from "#postgres/client";
import { numberColumn, textColumn } from "#postgres/columns";
import sinceText from "./statements/levels-since.sql" with { type: "text" };

const Moved = z.array(z.object({ type: z.enum(MOVEMENT_TYPES), quantity: z.int() }));

const SinceRow = z.object({
  seq: z.int(),
  onHand: StockCount,
  moved: Moved,
  earlierMoved: Moved,
  lastCount: z.int(),
  same: z
    .object({
      seq: z.int(),
      reason: z.string(),
      onHandBefore: StockCount,
      onHandAfter: StockCount,
      reservedAfter: StockCount,
    })
    .nullable(),
  hasLater: z.boolean(),
  kept: z.boolean(),
  unsure: z.boolean(),
});

/** Rejects with `ledger_unavailable` where the ledger has not heard of a product. */
export function createLevelsSince({ sql, clock }: { sql: Sql; clock: Clock }): Ledger["since"] {
  return async (levels: readonly LevelThen[], deadline): Promise<readonly LevelSince[]> => {
    const parameters = [
      textColumn(levels, ({ productId }) => productId),
      textColumn(levels, ({ location }) => location),
      numberColumn(levels, ({ at }) => at),
      textColumn(levels, ({ at }) => new Date(at).toISOString()),
    ];
    const statement = () => sql.unsafe(sinceText, parameters, { prepare: false });
    const rows = await askRows(SinceRow, statement, deadline - clock.now());
    if (rows.length < levels.length) {
      throw new Fault("ledger_unavailable", "the ledger has not heard of a product yet");
    }
    return rows.map(({ earlierMoved, same, ...row }) => ({
      ...row,
      same: same && { ...same, moved: earlierMoved },
    }));
  };
}
