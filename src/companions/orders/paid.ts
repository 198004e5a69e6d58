/** What payments came to, in PostgreSQL, and what orders become by them. */
import type { Sql } from "postgres";
import { z } from "zod";
import { HOLD_EXPIRED } from "#companions/orders/order";

/** What became of one payment, as payment tells it. */
export interface Outcome {
  readonly paymentId: string;
  readonly orderId: number;
  readonly amount: number;
  readonly outcome: "succeeded" | "failed";
}

export const VerdictRow = z.object({
  verdict: z.enum(["kept", "refund", "noted"]),
  reason: z.string().nullable(),
});
/** `kept`: the order has its stock for it. `refund`: it goes back. `noted`: there is no money. */
export type Verdict = z.output<typeof VerdictRow>;

const HeardRow = z.object({
  orderId: z.coerce.number(),
  amount: z.coerce.number(),
  outcome: z.enum(["succeeded", "failed"]),
  verdict: VerdictRow.shape.verdict.nullable(),
  reason: z.string().nullable(),
});
export type Heard = z.output<typeof HeardRow>;

export interface Paid {
  /**
   * Writes it down, once, and answers what is known of that payment. A success is more than the failure
   * that was heard before it; a failure behind a success is as if it had not come.
   */
  hear(outcome: Outcome): Promise<Heard>;
  /** It has paid this order, which is PENDING: CONFIRMING then. Nothing where that changed meanwhile. */
  confirm(id: number, paymentId: string): Promise<void>;
  /** It has paid this order, which somebody CONFIRMED without one. */
  adopt(id: number, paymentId: string): Promise<void>;
  /** It comes too late for this order, whose hold expired: REACQUIRING then, once. */
  reacquire(id: number, paymentId: string): Promise<void>;
  /** The first that is said stands, and is answered. */
  decide(outcome: Outcome, verdict: Verdict): Promise<Verdict>;
}

export function createPaid(sql: Sql): Paid {
  return {
    async hear({ paymentId, orderId, amount, outcome }) {
      const [row] = await sql`INSERT INTO payments (id, order_id, amount, outcome)
        VALUES (${paymentId}, ${orderId}, ${amount}, ${outcome})
        ON CONFLICT (id) DO UPDATE SET
          verdict = CASE WHEN payments.outcome = 'failed' AND excluded.outcome = 'succeeded'
              AND payments.order_id = excluded.order_id AND payments.amount = excluded.amount
            THEN NULL ELSE payments.verdict END,
          outcome = CASE WHEN payments.order_id = excluded.order_id
              AND payments.amount = excluded.amount AND excluded.outcome = 'succeeded'
            THEN 'succeeded' ELSE payments.outcome END
        RETURNING order_id AS "orderId", amount, outcome, verdict, reason`;
      return HeardRow.parse(row);
    },
    async confirm(id, paymentId) {
      await sql`UPDATE orders SET state = 'CONFIRMING', paid_by = ${paymentId}, last_error = NULL,
          open_at = now(), updated_at = now()
        WHERE id = ${id} AND state = 'PENDING'`;
    },
    async adopt(id, paymentId) {
      await sql`UPDATE orders SET paid_by = ${paymentId}, updated_at = now()
        WHERE id = ${id} AND state = 'CONFIRMED' AND paid_by IS NULL`;
    },
    async reacquire(id, paymentId) {
      await sql`UPDATE orders SET state = 'REACQUIRING', paid_by = ${paymentId}, is_late = true,
          last_error = NULL, open_at = now(), updated_at = now()
        WHERE id = ${id} AND state = 'CANCELLED' AND NOT is_late AND reason = ${HOLD_EXPIRED}
          AND (paid_by IS NULL OR paid_by = ${paymentId})`;
    },
    async decide({ paymentId, outcome }, { verdict, reason }) {
      const [row] = await sql`UPDATE payments SET verdict = coalesce(verdict, ${verdict}),
          reason = CASE WHEN verdict IS NULL THEN ${reason} ELSE reason END
        WHERE id = ${paymentId} AND outcome = ${outcome} RETURNING verdict, reason`;
      // A success was heard meanwhile: the failure has no say any more.
      return row === undefined ? { verdict: "noted", reason: null } : VerdictRow.parse(row);
    },
  };
}
