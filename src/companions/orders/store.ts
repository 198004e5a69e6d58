/** Orders in PostgreSQL. Each change of a state is guarded by the state that it leaves. */
import type { Sql } from "postgres";
import { z } from "zod";
import {
  HIDDEN,
  HOLD_EXPIRED,
  OrderRow,
  type Item,
  type Order,
  type Refusal,
  type State,
} from "#companions/orders/order";
import type { Request } from "#companions/shell/request";
import { randomId } from "#lib/ids";

/** After which a step is looked at that nobody seems to be at. Going on beside who is does no harm. */
const LOOKED_AT_AFTER_SECONDS = 2;
/** Of an order that is withdrawn then: above all the time that its maker's own try takes. */
const LEFT_AFTER_SECONDS = 15;
/** After its due time the feed has told that a hold ended; then it is asked for. */
const OVERDUE_SECONDS = 30;

/** The inventory knows the key of a call for a day. */
const REFUSED_HOURS = 25;

export interface NewOrder {
  readonly customer: number | string;
  readonly items: readonly Item[];
  readonly total: number;
  readonly request: Request | null;
}

export interface OrderFilter {
  /** null: everybody's. */
  readonly customerId: string | null;
  readonly after: number;
  readonly limit: number;
}

/** What a call of ours held, or sold, of an order that has ended. */
const StrayOfOrder = z.object({ orderId: z.coerce.number(), isSold: z.boolean() });
export type Stray = z.output<typeof StrayOfOrder>;

export interface Orders {
  look(): Promise<void>;
  byId(id: number): Promise<Order | null>;
  byRequest(request: Request): Promise<Order | null>;
  list(filter: OrderFilter): Promise<readonly Order[]>;
  /** As RESERVING; with a request that somebody made meanwhile, what that made. */
  create(order: NewOrder): Promise<Order>;
  /**
   * RESERVING becomes PENDING; CANCELLING where the hold was told to have ended meanwhile. A hold that
   * comes when the order has ended is a stray.
   */
  held(id: number, reservationId: string, dueAt: string | null): Promise<void>;
  /** Nothing was ordered; its key is free for another try. A hold that was told of is a stray. */
  refuse(id: number, from: State, refusal: Refusal | null): Promise<void>;
  /** RESERVING becomes WITHDRAWING: its maker was told that nothing is ordered, or is gone. */
  withdraw(id: number): Promise<void>;
  /** False: it was in another state. */
  move(id: number, from: State, to: State, reason?: string): Promise<boolean>;
  /** REACQUIRING becomes CONFIRMED: what was sold has an id of its own. */
  reacquired(id: number, saleId: string): Promise<void>;
  /** REACQUIRING becomes CANCELLED for good. A sale that was told of is a stray. */
  giveUp(id: number, why: string): Promise<void>;
  /** An order that its expired hold CANCELLED is one that somebody cancelled, too. */
  renounce(id: number): Promise<void>;
  /** The hold has more time than we knew. */
  extend(id: number, dueAt: string | null): Promise<void>;
  failed(id: number, why: string): Promise<void>;
  /** Ids of orders whose step nobody is at, or whose hold should have ended. */
  left(most: number): Promise<readonly number[]>;
  /** Removes what was refused so long ago that no copy of its call can arrive, at most so many. */
  forgetRefused(most: number): Promise<void>;
  strays(most: number): Promise<readonly string[]>;
  /** null: it is done. */
  stray(reservationId: string): Promise<Stray | null>;
  strayDone(reservationId: string): Promise<void>;
}

const COLUMNS = `id, customer_id AS "customerId", customer, items, total, state, key,
  reservation_id AS "reservationId", reason, paid_by AS "paidBy", is_late AS "isLate", refusal,
  request_key AS "requestKey", request_hash AS "requestHash", open_at <= now() AS "isLeft",
  created_at AS "createdAt", updated_at AS "updatedAt"`;
const IdRow = z.object({ id: z.coerce.number() });
const StrayRow = z.object({ reservationId: z.string() });

export function createOrders(sql: Sql): Orders {
  const columns = sql.unsafe(COLUMNS);
  const one = (rows: readonly unknown[]): Order | null =>
    rows.length === 0 ? null : OrderRow.parse(rows[0]);
  const byId = async (id: number): Promise<Order | null> =>
    one(await sql`SELECT ${columns} FROM orders WHERE id = ${id}`);
  const byRequest = async ({ by, key }: Request): Promise<Order | null> =>
    one(await sql`SELECT ${columns} FROM orders WHERE request_by = ${by} AND request_key = ${key}`);
  return {
    byId,
    byRequest,
    async look() {
      await sql`SELECT 1`;
    },
    async list({ customerId, after, limit }) {
      const rows = await sql`SELECT ${columns} FROM orders
        WHERE id > ${after} AND (${customerId}::text IS NULL OR customer_id = ${customerId})
          AND state NOT IN ${sql(HIDDEN)}
        ORDER BY id LIMIT ${limit}`;
      return OrderRow.array().parse(rows);
    },
    async create({ customer, items, total, request }) {
      const { by = null, key = null, hash = null } = request ?? {};
      const seconds = request === null ? LEFT_AFTER_SECONDS : LOOKED_AT_AFTER_SECONDS;
      const made = one(
        await sql`INSERT INTO orders (customer_id, customer, items, total, key,
            request_by, request_key, request_hash, open_at)
          VALUES (${String(customer)}, ${JSON.stringify(customer)}::text::jsonb,
            ${JSON.stringify(items)}::text::jsonb, ${total}, ${`order-${randomId(24)}`},
            ${by}, ${key}, ${hash}, now() + make_interval(secs => ${seconds}))
          ON CONFLICT (request_by, request_key) WHERE request_key IS NOT NULL DO NOTHING
          RETURNING ${columns}`,
      );
      if (made !== null) return made;
      const known = request === null ? null : await byRequest(request);
      if (known === null) throw new Error("an order was neither made nor found");
      return known;
    },
    async held(id, reservationId, dueAt) {
      await sql.begin(async (tx) => {
        const moved = await tx`UPDATE orders SET
            state = CASE WHEN lost_reservation_id = ${reservationId}
              THEN 'CANCELLING' ELSE 'PENDING' END,
            reason = CASE WHEN lost_reservation_id = ${reservationId}
              THEN 'the reservation ended' END,
            reservation_id = ${reservationId}, due_at = ${dueAt}::text::timestamptz,
            last_error = NULL, updated_at = now()
          WHERE id = ${id} AND state = 'RESERVING' RETURNING id`;
        if (moved.length > 0) return;
        await tx`INSERT INTO strays (reservation_id, order_id)
          SELECT ${reservationId}, id FROM orders
          WHERE id = ${id} AND state NOT IN ('RESERVING', 'WITHDRAWING')
            AND reservation_id IS DISTINCT FROM ${reservationId}
          ON CONFLICT DO NOTHING`;
      });
    },
    async refuse(id, from, refusal) {
      const told = refusal === null ? null : JSON.stringify(refusal);
      await sql`WITH refused AS (
          UPDATE orders SET state = 'REFUSED', refusal = ${told}::text::jsonb,
            request_key = NULL, last_error = NULL, updated_at = now()
          WHERE id = ${id} AND state = ${from} RETURNING id, heard_reservation_id
        )
        INSERT INTO strays (reservation_id, order_id)
        SELECT heard_reservation_id, id FROM refused WHERE heard_reservation_id IS NOT NULL
        ON CONFLICT DO NOTHING`;
    },
    async withdraw(id) {
      await sql`UPDATE orders SET state = 'WITHDRAWING', open_at = now(), updated_at = now()
        WHERE id = ${id} AND state = 'RESERVING'`;
    },
    async move(id, from, to, reason) {
      const moved = await sql`UPDATE orders SET state = ${to},
          reason = coalesce(reason, ${reason ?? null}), last_error = NULL,
          open_at = now() + make_interval(secs => ${LOOKED_AT_AFTER_SECONDS}), updated_at = now()
        WHERE id = ${id} AND state = ${from} RETURNING id`;
      return moved.length === 1;
    },
    async reacquired(id, saleId) {
      await sql`UPDATE orders SET state = 'CONFIRMED', sale_id = ${saleId}, last_error = NULL,
          updated_at = now()
        WHERE id = ${id} AND state = 'REACQUIRING'`;
    },
    async giveUp(id, why) {
      await sql`WITH given_up AS (
          UPDATE orders SET state = 'CANCELLED', reason = concat_ws(', ', reason, ${why}::text),
            last_error = NULL, updated_at = now()
          WHERE id = ${id} AND state = 'REACQUIRING' RETURNING id, sale_id
        )
        INSERT INTO strays (reservation_id, order_id, is_sold)
        SELECT sale_id, id, true FROM given_up WHERE sale_id IS NOT NULL
        ON CONFLICT DO NOTHING`;
    },
    async renounce(id) {
      await sql`UPDATE orders SET reason = ${`${HOLD_EXPIRED}, and it was cancelled`},
          updated_at = now()
        WHERE id = ${id} AND state = 'CANCELLED' AND NOT is_late AND reason = ${HOLD_EXPIRED}`;
    },
    async extend(id, dueAt) {
      await sql`UPDATE orders SET due_at = ${dueAt}::text::timestamptz
        WHERE id = ${id} AND state = 'PENDING'`;
    },
    async failed(id, why) {
      await sql`UPDATE orders SET tries = tries + 1, last_error = ${why.slice(0, 500)}
        WHERE id = ${id}`;
    },
    async left(most) {
      const rows = await sql`
        (SELECT id FROM orders
          WHERE state IN ('RESERVING', 'WITHDRAWING', 'CONFIRMING', 'CANCELLING', 'REACQUIRING')
            AND open_at <= now() ORDER BY open_at LIMIT ${most})
        UNION ALL
        (SELECT id FROM orders WHERE state = 'PENDING'
            AND due_at < now() - make_interval(secs => ${OVERDUE_SECONDS})
          ORDER BY due_at LIMIT ${most})`;
      return IdRow.array()
        .parse(rows)
        .map(({ id }) => id);
    },
    async forgetRefused(most) {
      await sql`DELETE FROM orders WHERE id IN (
        SELECT id FROM orders WHERE state = 'REFUSED'
            AND updated_at < now() - make_interval(hours => ${REFUSED_HOURS})
          ORDER BY updated_at LIMIT ${most})`;
    },
    async strays(most) {
      const rows = await sql`SELECT reservation_id AS "reservationId" FROM strays
        ORDER BY written_at LIMIT ${most}`;
      return StrayRow.array()
        .parse(rows)
        .map(({ reservationId }) => reservationId);
    },
    async stray(reservationId) {
      const [row] = await sql`SELECT order_id AS "orderId", is_sold AS "isSold" FROM strays
        WHERE reservation_id = ${reservationId}`;
      return row === undefined ? null : StrayOfOrder.parse(row);
    },
    async strayDone(reservationId) {
      await sql`DELETE FROM strays WHERE reservation_id = ${reservationId}`;
    },
  };
}
