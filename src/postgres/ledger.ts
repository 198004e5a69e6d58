/** What the core reads from PostgreSQL: lists, histories, and what Redis forgets after a while. */
import { z } from "zod";
import { Fault } from "#inventory/faults";
import { CustomerId, DEFAULT_RULE, ProductId } from "#inventory/model";
import type { Movement, Reservation } from "#inventory/model";
import type { Ledger, Page, ProductQuery, ReservationQuery } from "#inventory/ports";
import { splitReservationId } from "#inventory/reservation-id";
import type { Clock } from "#lib/clock";
import { askRow, askRows, forCaller } from "#postgres/ask";
import type { Sql } from "#postgres/client";
import { createLevelsSince } from "#postgres/levels-since";
import { createMovementLists, TIME_MS_MAX } from "#postgres/movement-lists";
import { cursorOf, readCursor, rowsOf } from "#postgres/page-cursor";
import customerHoldsText from "./statements/customer-holds.sql" with { type: "text" };
import knownLocationsText from "./statements/known-locations.sql" with { type: "text" };
import lowWithoutInactiveText from "./statements/low-without-inactive.sql" with { type: "text" };
import {
  CustomerHoldsRow,
  KnownLocationsRow,
  MovementRow,
  OrderSalesRow,
  ProductIdRow,
  RecentProductsRow,
  ReorderRow,
  reservationOf,
  ReservationRow,
} from "#postgres/rows";
import movementsText from "./statements/movements-of-product.sql" with { type: "text" };
import orderSalesText from "./statements/order-sales.sql" with { type: "text" };
import productOfSkuText from "./statements/product-of-sku.sql" with { type: "text" };
import productsText from "./statements/products-page.sql" with { type: "text" };
import recentProductsText from "./statements/recent-products.sql" with { type: "text" };
import reorderText from "./statements/reorder-page.sql" with { type: "text" };
import reservationText from "./statements/reservation.sql" with { type: "text" };
import reservationsText from "./statements/reservations-page.sql" with { type: "text" };

/** Longest text to search for; what is longer than any name finds nothing anyway. */
export const SEARCH_LENGTH_MAX = 256;

export interface LedgerOptions {
  readonly sql: Sql;
  /** The clock that the callers' deadlines are on. */
  readonly clock: Clock;
}

/** Sales and returns of one order and product that a return tells the script of: of more, the older ones stay counted. */
const STEPS_TOLD = 100;

/** The newest of the time that is asked for: a second of PostgreSQL, whatever that time is. */
const HOLDS_LOOKED_AT = 200_000;

const CustomerCursor = z.tuple([z.int().min(0), CustomerId]);
const ProductCursor = z.tuple([ProductId]);
const ReservationCursor = z.tuple([
  z.int().min(0).max(TIME_MS_MAX),
  z.string().regex(/^[0-9a-f]{32}$/),
  z.string().regex(/^[0-9a-z]{8}$/),
  z.int().min(0).max(9999),
]);

export function createLedger({ sql, clock }: LedgerOptions): Ledger {
  // Planned for its values each time: a filter that is null then costs nothing.
  const run = (text: string, parameters: (string | number | boolean | null)[]) =>
    forCaller(() => sql.unsafe(text, parameters, { prepare: false }));
  const left = (deadline: number) => deadline - clock.now();

  return {
    ...createMovementLists({ sql, clock }),
    since: createLevelsSince({ sql, clock }),
    async movements(productId, limit, deadline): Promise<Movement[]> {
      const statement = run(movementsText, [productId, rowsOf(limit)]);
      return await askRows(MovementRow, statement, left(deadline));
    },
    async orderSales({ partition, productId, orderId, customerId }, deadline) {
      const parameters = [partition, productId, orderId, customerId, STEPS_TOLD];
      const statement = run(orderSalesText, parameters);
      const [row] = await askRows(OrderSalesRow, statement, left(deadline));
      if (row === undefined) throw new Error(`the store has no partition ${partition}`);
      const { unsure, buyer, steps, ...sales } = row;
      if (!unsure) {
        if (buyer === null) return sales;
        const told = steps.map(([at, units, campaignId]) => {
          return { at, units, ...(campaignId === null ? {} : { campaignId }) };
        });
        return { ...sales, limit: { customerId: buyer, steps: told } };
      }
      const message = "a return of this product is in quarantine: what came back is not known";
      throw new Fault("ledger_unavailable", message);
    },
    async products(query, deadline) {
      const limit = rowsOf(query.limit);
      const statement = run(productsText, [...productFilters(query), limit + 1]);
      const rows = await askRows(ProductIdRow, statement, left(deadline));
      return pageOf(
        rows.map((row) => row.productId),
        limit,
        (productId) => [productId],
      );
    },
    async customerHolds({ since, minimum, cursor, limit: most }, deadline) {
      const limit = rowsOf(most);
      const after = cursor === null ? [null, null] : readCursor(CustomerCursor, cursor);
      const from = new Date(since).toISOString();
      const parameters = [from, HOLDS_LOOKED_AT, minimum, ...after, limit + 1];
      const statement = run(customerHoldsText, parameters);
      const rows = await askRows(CustomerHoldsRow, statement, left(deadline));
      return pageOf(rows, limit, ({ expiredUnits, customerId }) => [expiredUnits, customerId]);
    },
    async reorder(cursor, most, deadline) {
      const limit = rowsOf(most);
      const [after] = cursor === null ? [""] : readCursor(ProductCursor, cursor);
      const statement = run(reorderText, [after, limit + 1]);
      const rows = await askRows(ReorderRow, statement, left(deadline));
      return pageOf(rows, limit, ({ productId }) => [productId]);
    },
    async recentProducts({ status, location, isLow }, { before, limit }, deadline) {
      const parameters = [status, location, isLow, before, rowsOf(limit)];
      return await askRow(RecentProductsRow, run(recentProductsText, parameters), left(deadline));
    },
    async knownLocations(active, { before, limit }, deadline) {
      const parameters = [active, DEFAULT_RULE.priority, before, rowsOf(limit)];
      return await askRow(KnownLocationsRow, run(knownLocationsText, parameters), left(deadline));
    },
    async productOfSku(sku, deadline) {
      const rows = await askRows(ProductIdRow, run(productOfSkuText, [sku]), left(deadline));
      return rows[0]?.productId ?? null;
    },
    async lowWithoutInactive(limit, deadline) {
      const statement = run(lowWithoutInactiveText, [rowsOf(limit)]);
      const rows = await askRows(ProductIdRow, statement, left(deadline));
      return rows.map((row) => row.productId);
    },
    async reservation(reservationId, deadline) {
      const { partition, owner, generation } = splitReservationId(reservationId);
      const statement = run(reservationText, [partition, owner, generation]);
      const [row] = await askRows(ReservationRow, statement, left(deadline));
      return row === undefined ? null : reservationOf(row);
    },
    async reservations(query, deadline) {
      const limit = rowsOf(query.limit);
      const statement = run(reservationsText, [...reservationFilters(query), limit + 1]);
      const rows = await askRows(ReservationRow, statement, left(deadline));
      return pageOf(rows.map(reservationOf), limit, keyOfReservation);
    },
  };
}

function productFilters(query: ProductQuery): (string | null)[] {
  const [after] = query.cursor === null ? [""] : readCursor(ProductCursor, query.cursor);
  return [after, query.q === null ? null : patternOf(query.q), query.location, query.status];
}

function reservationFilters(query: ReservationQuery): (string | number | null)[] {
  const after =
    query.cursor === null ? [null, null, null, null] : readCursor(ReservationCursor, query.cursor);
  return [query.orderId, query.customerId, query.status, ...after];
}

function keyOfReservation(reservation: Reservation): (string | number)[] {
  const { partition, owner, generation } = splitReservationId(reservation.reservationId);
  return [reservation.createdAt, owner, generation, partition];
}

/** Anywhere in the text, in any case; the wildcards of LIKE stand for themselves. */
function patternOf(q: string): string {
  return `%${q.slice(0, SEARCH_LENGTH_MAX).replaceAll(/[\\%_]/g, "\\$&")}%`;
}

/** One row more than the limit was read: it tells whether another page follows. */
function pageOf<Item>(
  rows: readonly Item[],
  limit: number,
  keyOf: (item: Item) => readonly (string | number)[],
): Page<Item> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  if (rows.length <= limit || last === undefined) return { items, nextCursor: null };
  return { items, nextCursor: cursorOf(keyOf(last)) };
}
