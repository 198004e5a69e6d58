/** A batch as the array parameters of statements/batch-rows.sql, in its order. */
import type { Crossing } from "#inventory/event-ports";
import type { Movement, Product, RegisteredLocation, Reservation } from "#inventory/model";
import type { KeptRecord } from "#inventory/drain-ports";
import type { KeptOperation, LedgerBatch } from "#inventory/ports";
import { splitReservationId } from "#inventory/reservation-id";
import { numberColumn, textColumn } from "#postgres/columns";

/** Columns of links, for movements that have none. */
export const NO_LINKS = ["{}", "{}", "{}"];

export type BatchRows = Omit<LedgerBatch, "partition" | "from" | "to">;

export function batchColumns(batch: BatchRows): string[] {
  return [
    ...movementColumns(batch.movements),
    ...levelColumns(batch.movements),
    ...productColumns(latest(batch.products, (product) => product.productId)),
    ...reservationColumns(latest(batch.reservations, (hold) => hold.reservationId)),
    ...locationColumns(latest(batch.locations, ({ location }) => location)),
    ...operationColumns(latest(batch.operations, ({ key }) => key)),
    ...crossingColumns(batch.crossings),
    ...recordColumns(latest(batch.records, ({ kind, id }) => `${kind}/${id}`)),
  ];
}

function movementColumns(rows: readonly Movement[]): string[] {
  return [
    numberColumn(rows, (row) => row.onHandBefore),
    numberColumn(rows, (row) => row.onHandAfter),
    numberColumn(rows, (row) => row.reservedBefore),
    numberColumn(rows, (row) => row.reservedAfter),
    numberColumn(rows, (row) => row.at),
    textColumn(rows, (row) => row.type),
    textColumn(rows, (row) => row.productId),
    textColumn(rows, (row) => row.location),
    textColumn(rows, (row) => row.reservationId),
    textColumn(rows, (row) => row.orderId),
    textColumn(rows, (row) => row.customerId),
    textColumn(rows, (row) => row.actor),
    textColumn(rows, (row) => row.reason),
    textColumn(rows, (row) => row.reference),
    textColumn(rows, (row) => row.requestId),
  ];
}

interface LevelRow {
  last: Movement;
  restockedAt: number | null;
}

/** The state after the last movement of each level. */
function levelColumns(movements: readonly Movement[]): string[] {
  const byLevel = new Map<string, LevelRow>();
  for (const movement of movements) {
    if (movement.productId === null) continue;
    const key = `${movement.productId}/${movement.location}`;
    const restockedAt = movement.type === "RESTOCK" ? movement.at : null;
    const level = byLevel.get(key);
    if (level === undefined) byLevel.set(key, { last: movement, restockedAt });
    else {
      level.last = movement;
      level.restockedAt = restockedAt ?? level.restockedAt;
    }
  }
  const rows = [...byLevel.values()];
  return [
    textColumn(rows, ({ last }) => last.productId),
    textColumn(rows, ({ last }) => last.location),
    numberColumn(rows, ({ last }) => last.onHandAfter),
    numberColumn(rows, ({ last }) => last.reservedAfter),
    numberColumn(rows, ({ last }) => last.seq),
    numberColumn(rows, ({ last }) => last.at),
    numberColumn(rows, ({ restockedAt }) => restockedAt),
  ];
}

function productColumns(rows: readonly Product[]): string[] {
  return [
    textColumn(rows, (row) => row.productId),
    numberColumn(rows, (row) => row.seq),
    textColumn(rows, (row) => row.sku),
    textColumn(rows, (row) => row.name),
    numberColumn(rows, (row) => row.price),
    textColumn(rows, (row) => row.home),
    textColumn(rows, (row) => row.levels.map(({ location }) => location).join(",")),
    numberColumn(rows, (row) => row.lowStockThreshold),
    numberColumn(rows, (row) => row.reorderPoint),
    numberColumn(rows, (row) => row.reorderQuantity),
    numberColumn(rows, (row) => row.safetyStock),
    numberColumn(rows, (row) => row.maxPerCustomer),
    numberColumn(rows, (row) => row.createdAt),
    numberColumn(rows, (row) => row.updatedAt),
    numberColumn(rows, (row) => row.lastRestocked),
    numberColumn(rows, (row) => row.limitSince),
  ];
}

function reservationColumns(holds: readonly Reservation[]): string[] {
  const rows = holds.map((hold) => ({ hold, id: splitReservationId(hold.reservationId) }));
  return [
    textColumn(rows, ({ id }) => id.owner),
    numberColumn(rows, ({ hold }) => hold.seq),
    numberColumn(rows, ({ hold }) => hold.createdAt),
    numberColumn(rows, ({ hold }) => hold.expiresAt),
    textColumn(rows, ({ id }) => id.generation),
    textColumn(rows, ({ hold }) => hold.status),
    textColumn(rows, ({ hold }) => hold.endReason),
    textColumn(rows, ({ hold }) => hold.orderId),
    textColumn(rows, ({ hold }) => hold.customerId),
    textColumn(rows, ({ hold }) => JSON.stringify(hold.allocations)),
  ];
}

function locationColumns(rows: readonly RegisteredLocation[]): string[] {
  return [
    textColumn(rows, (row) => row.location),
    numberColumn(rows, (row) => row.version),
    textColumn(rows, (row) => row.name),
    textColumn(rows, (row) => row.address),
    numberColumn(rows, (row) => row.priority),
    numberColumn(rows, (row) => Number(row.active)),
    numberColumn(rows, (row) => row.createdAt),
    numberColumn(rows, (row) => row.updatedAt),
  ];
}

function operationColumns(rows: readonly KeptOperation[]): string[] {
  return [textColumn(rows, (row) => row.key), textColumn(rows, (row) => row.text)];
}

function crossingColumns(rows: readonly Crossing[]): string[] {
  return [
    numberColumn(rows, (row) => row.seq),
    textColumn(rows, (row) => row.kind),
    textColumn(rows, (row) => row.productId),
    numberColumn(rows, (row) => row.units),
    numberColumn(rows, (row) => row.at),
  ];
}

function recordColumns(rows: readonly KeptRecord[]): string[] {
  return [
    textColumn(rows, (row) => row.kind),
    textColumn(rows, (row) => row.id),
    textColumn(rows, (row) => row.text),
    numberColumn(rows, (row) => row.seq),
  ];
}

/** One statement may touch a row once: of each key, the state with the highest seq. */
function latest<Row extends { readonly seq: number }>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
): Row[] {
  const byKey = new Map<string, Row>();
  for (const row of rows) {
    const other = byKey.get(keyOf(row));
    if (other === undefined || other.seq <= row.seq) byKey.set(keyOf(row), row);
  }
  return [...byKey.values()];
}
