/** Payments in PostgreSQL, and the outbox of what orders have to be told of them. */
import type { Sql, TransactionSql } from "postgres";
import { z } from "zod";
import {
  DECLINED,
  newPaymentId,
  outcomeOf,
  PaymentRow,
  type Method,
  type Outcome,
  type Payment,
} from "#companions/payment/payment";
import type { Request } from "#companions/shell/request";
import type { SignedCall } from "#companions/shell/signature";
import { randomId } from "#lib/ids";

export interface NewPayment {
  readonly orderId: number;
  readonly customerId: string;
  readonly amount: number;
  readonly method: Method;
  /** null: somebody says its outcome. */
  readonly delaySeconds: number | null;
  readonly request: Request | null;
}

export interface PaymentFilter {
  /** null: everybody's. */
  readonly customerId: string | null;
  /** null: of any. */
  readonly orderId: number | null;
  readonly after: number;
  readonly limit: number;
}

/** What became of the money: it is kept for the order, given back, or there was none. */
export interface Verdict {
  readonly verdict: "kept" | "refund" | "noted";
  readonly reason: string | null;
}

export interface Payments {
  look(): Promise<void>;
  byId(id: string): Promise<Payment | null>;
  byRequest(request: Request): Promise<Payment | null>;
  /** One that is under way for that order, or has paid it. */
  alive(orderId: number): Promise<Payment | null>;
  list(filter: PaymentFilter): Promise<readonly Payment[]>;
  /** null: that order has one that is alive, or that request has made one meanwhile. */
  create(payment: NewPayment): Promise<Payment | null>;
  /** With what orders are to be told. False: it was decided before. */
  decide(id: string, outcome: Outcome, reason: string | null): Promise<boolean>;
  /** As decide, where its time has come. */
  decideDue(id: string): Promise<void>;
  /** Ids of those whose time has come, or that orders were not told of. */
  waiting(most: number): Promise<readonly string[]>;
  /** What orders are still to be told of it. */
  untold(id: string): Promise<SignedCall | null>;
  /** Orders have said what becomes of the money. */
  settle(id: string, verdict: Verdict): Promise<void>;
  failed(id: string, why: string): Promise<void>;
}

const COLUMNS = `id, number, order_id AS "orderId", customer_id AS "customerId", amount, method, state,
  reason, request_hash AS "requestHash", created_at AS "createdAt", updated_at AS "updatedAt"`;
const IdRow = z.object({ id: z.string() });
const CallRow = z.object({ id: z.string(), body: z.string() });
const DueRow = z.object({ method: PaymentRow.shape.method });

export function createPayments(sql: Sql): Payments {
  const columns = sql.unsafe(COLUMNS);
  const one = (rows: readonly unknown[]): Payment | null =>
    rows.length === 0 ? null : PaymentRow.parse(rows[0]);
  const decideIn = async (
    tx: TransactionSql,
    id: string,
    outcome: Outcome,
    reason: string | null,
  ): Promise<boolean> => {
    const decided = one(
      await tx`UPDATE payments SET state = ${outcome}, reason = ${reason}, updated_at = now()
        WHERE id = ${id} AND state = 'PENDING' RETURNING ${columns}`,
    );
    if (decided === null) return false;
    const { orderId, amount } = decided;
    const type = outcome === "SUCCEEDED" ? "payment.succeeded" : "payment.failed";
    const body = JSON.stringify({ type, data: { paymentId: id, orderId, amount } });
    await tx`INSERT INTO outbox (payment_id, message, body)
      VALUES (${id}, ${`msg_${randomId(24)}`}, ${body})`;
    return true;
  };
  return {
    async look() {
      await sql`SELECT 1`;
    },
    async byId(id) {
      return one(await sql`SELECT ${columns} FROM payments WHERE id = ${id}`);
    },
    async byRequest({ by, key }) {
      return one(
        await sql`SELECT ${columns} FROM payments WHERE request_by = ${by} AND request_key = ${key}`,
      );
    },
    async alive(orderId) {
      return one(
        await sql`SELECT ${columns} FROM payments
          WHERE order_id = ${orderId} AND state IN ('PENDING', 'SUCCEEDED')`,
      );
    },
    async list({ customerId, orderId, after, limit }) {
      const rows = await sql`SELECT ${columns} FROM payments
        WHERE number > ${after} AND (${customerId}::text IS NULL OR customer_id = ${customerId})
          AND (${orderId}::bigint IS NULL OR order_id = ${orderId})
        ORDER BY number LIMIT ${limit}`;
      return PaymentRow.array().parse(rows);
    },
    async create({ orderId, customerId, amount, method, delaySeconds, request }) {
      const { by = null, key = null, hash = null } = request ?? {};
      return one(
        await sql`INSERT INTO payments (id, order_id, customer_id, amount, method, due_at,
            request_by, request_key, request_hash)
          VALUES (${newPaymentId()}, ${orderId}, ${customerId}, ${amount}, ${method},
            now() + make_interval(secs => ${delaySeconds}), ${by}, ${key}, ${hash})
          ON CONFLICT DO NOTHING RETURNING ${columns}`,
      );
    },
    async decide(id, outcome, reason) {
      return await sql.begin((tx) => decideIn(tx, id, outcome, reason));
    },
    async decideDue(id) {
      await sql.begin(async (tx) => {
        const [row] = await tx`SELECT method FROM payments
          WHERE id = ${id} AND state = 'PENDING' AND due_at <= now()`;
        if (row === undefined) return;
        const outcome = outcomeOf(DueRow.parse(row).method);
        await decideIn(tx, id, outcome, outcome === "FAILED" ? DECLINED : null);
      });
    },
    async waiting(most) {
      const rows = await sql`
        (SELECT id FROM payments WHERE state = 'PENDING' AND due_at <= now()
          ORDER BY due_at LIMIT ${most})
        UNION ALL
        (SELECT payment_id AS id FROM outbox WHERE done_at IS NULL
          ORDER BY written_at LIMIT ${most})`;
      return IdRow.array()
        .parse(rows)
        .map(({ id }) => id);
    },
    async untold(id) {
      const [row] = await sql`SELECT message AS id, body FROM outbox
        WHERE payment_id = ${id} AND done_at IS NULL`;
      return row === undefined ? null : CallRow.parse(row);
    },
    async settle(id, { verdict, reason }) {
      await sql.begin(async (tx) => {
        if (verdict === "refund") {
          await tx`UPDATE payments SET state = 'REFUNDED', reason = ${reason}, updated_at = now()
            WHERE id = ${id} AND state = 'SUCCEEDED'`;
        }
        await tx`UPDATE outbox SET done_at = now(), tries = tries + 1, last_error = NULL
          WHERE payment_id = ${id}`;
      });
    },
    async failed(id, why) {
      await sql`UPDATE outbox SET tries = tries + 1, last_error = ${why.slice(0, 500)}
        WHERE payment_id = ${id}`;
    },
  };
}
