/** How far the inventory's events were heard, and what they change, in one transaction. */
import type { Sql } from "postgres";
import { z } from "zod";
import { HOLD_EXPIRED } from "#companions/orders/order";

/** What happened to a hold that bears the name of an order. */
export interface Change {
  readonly id: number;
  readonly reservationId: string;
  readonly type: "RESERVE" | "RELEASE" | "EXPIRE" | "SALE";
}

export interface FeedStore {
  /** Who listens does so for some seconds more. null: another process does. */
  hold(holder: string, seconds: number): Promise<{ readonly cursor: string | null } | null>;
  release(holder: string): Promise<void>;
  /**
   * Moves the cursor from where it was, with what changes by the events in between; answers the orders
   * that have a step to go now, and null where another process moved it first.
   */
  advance(
    from: string | null,
    to: string,
    changes: readonly Change[],
  ): Promise<readonly number[] | null>;
}

const Place = z.object({ cursor: z.string().nullable() });
const Touched = z.array(z.object({ id: z.coerce.number() }));

export function createFeedStore(sql: Sql): FeedStore {
  return {
    async hold(holder, seconds) {
      const [row] = await sql`UPDATE feed SET holder = ${holder},
          held_until = now() + make_interval(secs => ${seconds})
        WHERE holder = ${holder} OR held_until <= now() RETURNING cursor`;
      return row === undefined ? null : Place.parse(row);
    },
    async release(holder) {
      await sql`UPDATE feed SET held_until = now() WHERE holder = ${holder}`;
    },
    async advance(from, to, changes) {
      return await sql.begin(async (tx) => {
        const moved = await tx`UPDATE feed SET cursor = ${to}
          WHERE cursor IS NOT DISTINCT FROM ${from} RETURNING cursor`;
        if (moved.length === 0) return null;
        if (changes.length === 0) return [];
        const told = tx`jsonb_to_recordset(${JSON.stringify(changes)}::text::jsonb)
          AS told (id bigint, "reservationId" text, type text)`;
        // First, for it waits until who is refusing one is done; then it is looked what that was.
        await tx`UPDATE orders SET heard_reservation_id = told."reservationId"
          FROM ${told} WHERE orders.id = told.id AND told.type = 'RESERVE'
            AND orders.state IN ('RESERVING', 'WITHDRAWING')`;
        await tx`INSERT INTO strays (reservation_id, order_id)
          SELECT DISTINCT told."reservationId", orders.id FROM orders JOIN ${told} USING (id)
          WHERE told.type = 'RESERVE' AND orders.state NOT IN ('RESERVING', 'WITHDRAWING')
            AND orders.reservation_id IS DISTINCT FROM told."reservationId"
          ON CONFLICT DO NOTHING`;
        await tx`UPDATE orders SET lost_reservation_id = told."reservationId"
          FROM ${told} WHERE orders.id = told.id AND orders.state = 'RESERVING'
            AND told.type IN ('RELEASE', 'EXPIRE')`;
        // A late sale has an id of its own. Of who gave up by then it is a stray, in the same order as above.
        await tx`UPDATE orders SET sale_id = told."reservationId"
          FROM ${told} WHERE orders.id = told.id AND told.type = 'SALE'
            AND orders.state = 'REACQUIRING' AND orders.reservation_id <> told."reservationId"`;
        await tx`INSERT INTO strays (reservation_id, order_id, is_sold)
          SELECT DISTINCT told."reservationId", orders.id, true FROM orders JOIN ${told} USING (id)
          WHERE told.type = 'SALE' AND orders.state = 'CANCELLED' AND orders.is_late
            AND orders.reservation_id <> told."reservationId"
          ON CONFLICT DO NOTHING`;
        const touched = await tx`UPDATE orders SET open_at = now(), updated_at = now(),
            state = CASE WHEN told.type = 'SALE' THEN 'CONFIRMING' ELSE 'CANCELLING' END,
            reason = CASE told.type WHEN 'EXPIRE' THEN ${HOLD_EXPIRED}
              WHEN 'RELEASE' THEN 'the reservation was cancelled' END
          FROM ${told} WHERE orders.id = told.id AND orders.state = 'PENDING'
            AND orders.reservation_id = told."reservationId" AND told.type <> 'RESERVE'
          RETURNING orders.id`;
        return Touched.parse(touched).map(({ id }) => id);
      });
    },
  };
}
