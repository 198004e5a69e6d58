/** Products, reservations and movements in contract A's words. Plain objects, ready for JSON. */
import { outstandingOf, statusOfIncoming, type Incoming } from "#inventory/incoming-ports";
import type { ReorderRow } from "#inventory/list-reorder";
import { campaignAt, statusOf, totalsOf } from "#inventory/model";
import type {
  Allocation,
  Movement,
  Product,
  RegisteredLocation,
  Reservation,
} from "#inventory/model";
import type { Pseudonymization } from "#inventory/pseudonym-ports";
import type { NamedLimit } from "#inventory/limit-ports";
import type { Alert, LedgerEvent, Quota, ShortLine } from "#inventory/ports";
import type { StockThen } from "#inventory/read-stock-at";
import type * as answers from "#http/wire/answers";
import type * as incomingAnswers from "#http/wire/incoming-answers";
import type * as limited from "#http/wire/limit-answers";

/** `totalStock` is what is physically there; `location` is the product's home. */
export function inventoryOf(product: Product): answers.Inventory {
  const { onHand, reserved, available } = totalsOf(product);
  return {
    productId: product.productId,
    sku: product.sku,
    name: product.name,
    price: product.price,
    availableStock: available,
    reservedStock: reserved,
    totalStock: onHand,
    safetyStock: product.safetyStock,
    location: product.home,
    locations: product.levels.map((level) => ({
      location: level.location,
      onHand: level.onHand,
      reserved: level.reserved,
      active: level.active,
      priority: level.priority,
      ...fenceOf(level.location),
    })),
    lowStockThreshold: product.lowStockThreshold,
    reorderPoint: product.reorderPoint,
    reorderQuantity: product.reorderQuantity,
    maxPerCustomer: product.maxPerCustomer,
    status: statusOf(available, product.lowStockThreshold),
    lastRestocked: product.lastRestocked === null ? null : timeOf(product.lastRestocked),
    createdAt: timeOf(product.createdAt),
    updatedAt: timeOf(product.updatedAt),
    version: product.seq,
  };
}

/** Units at `<location>~<campaign>` are that campaign's alone. */
function fenceOf(location: string): { readonly campaign?: string } {
  const campaign = campaignAt(location);
  return campaign === null ? {} : { campaign };
}

/** What the ledger says a product was. */
export function inventoryAtOf(
  asOf: number,
  { product, levels, available, seq }: Extract<StockThen, { readonly kind: "stock" }>,
): answers.InventoryAt {
  return {
    productId: product.productId,
    asOf: timeOf(asOf),
    totalStock: levels.reduce((sum, { onHand }) => sum + onHand, 0),
    reservedStock: levels.reduce((sum, { reserved }) => sum + reserved, 0),
    availableStock: available,
    locations: levels.map(({ location, onHand, reserved }) => ({ location, onHand, reserved })),
    version: seq,
  };
}

export function locationOf(registered: RegisteredLocation): answers.RegisteredLocation {
  return {
    location: registered.location,
    name: registered.name,
    address: registered.address,
    priority: registered.priority,
    active: registered.active,
    createdAt: timeOf(registered.createdAt),
    updatedAt: timeOf(registered.updatedAt),
    version: registered.version,
  };
}

export function limitOf({ since, createdAt, updatedAt, ...limit }: NamedLimit): limited.Limit {
  return {
    ...limit,
    since: timeOf(since),
    createdAt: timeOf(createdAt),
    updatedAt: timeOf(updatedAt),
  };
}

function quotaOf({ windowEndsAt, ...quota }: Quota): NonNullable<answers.ShortLine["limit"]> {
  return {
    ...quota,
    ...(quota.limitId === undefined ? {} : { maxUnits: quota.maxPerCustomer }),
    ...(windowEndsAt === undefined ? {} : { windowEndsAt: timeOf(windowEndsAt) }),
  };
}

export function incomingOf(incoming: Incoming): incomingAnswers.Incoming {
  const { cancelled: _, expectedAt, createdAt, updatedAt, ...rest } = incoming;
  return {
    ...rest,
    outstanding: outstandingOf(incoming),
    status: statusOfIncoming(incoming),
    expectedAt: timeOf(expectedAt),
    createdAt: timeOf(createdAt),
    updatedAt: timeOf(updatedAt),
  };
}

export function reorderOf(row: ReorderRow): incomingAnswers.ReorderItem {
  const { product, incoming, nextExpectedAt, orderQuantity } = row;
  const { onHand, available } = totalsOf(product);
  const { productId, sku, name, reorderPoint, reorderQuantity } = product;
  return {
    productId,
    sku,
    name,
    availableStock: available,
    totalStock: onHand,
    reorderPoint,
    reorderQuantity,
    incomingStock: incoming,
    nextExpectedAt: nextExpectedAt === null ? null : timeOf(nextExpectedAt),
    orderQuantity,
  };
}

/** A reservation over several products names none, and its quantity is the sum. */
export function reservationOf(reservation: Reservation): answers.Reservation {
  const lines = linesOf(reservation.allocations);
  const [only] = lines.length === 1 ? lines : [];
  return {
    reservationId: reservation.reservationId,
    orderId: reservation.orderId,
    customerId: reservation.customerId,
    productId: only?.productId ?? null,
    quantity: only?.quantity ?? lines.reduce((sum, line) => sum + line.quantity, 0),
    lines,
    status: reservation.status,
    createdAt: timeOf(reservation.createdAt),
    expiresAt: reservation.expiresAt === null ? null : timeOf(reservation.expiresAt),
  };
}

/**
 * `quantity` is what left or came: the change of onHand, or, where that did not move, the change of
 * what is available (a RESERVE is negative, a RELEASE positive; ATTRIBUTE and EXTEND are 0).
 * `before` and `after` are the movement's own location, not the product's sum.
 */
export function movementOf(movement: Movement): answers.Movement {
  const { onHandBefore, onHandAfter, reservedBefore, reservedAfter } = movement;
  const sold = onHandAfter !== onHandBefore;
  return {
    movementId: `p${movement.partition}-${movement.seq}`,
    productId: movement.productId,
    location: movement.location === "" ? null : movement.location,
    type: movement.type,
    quantity: sold ? onHandAfter - onHandBefore : reservedBefore - reservedAfter,
    before: { totalStock: onHandBefore, reservedStock: reservedBefore },
    after: { totalStock: onHandAfter, reservedStock: reservedAfter },
    reservationId: movement.reservationId,
    orderId: movement.orderId,
    reference: movement.reference,
    reason: movement.reason,
    actor: movement.actor,
    timestamp: timeOf(movement.at),
  };
}

/** With all that the ledger says of it. */
export function ledgerMovementOf(movement: Movement): answers.LedgerMovement {
  const { onHandBefore, onHandAfter, reservedBefore, reservedAfter } = movement;
  const { customerId, requestId, partition, seq, epoch } = movement;
  const delta = {
    totalStock: onHandAfter - onHandBefore,
    reservedStock: reservedAfter - reservedBefore,
  };
  return { ...movementOf(movement), delta, customerId, requestId, partition, seq, epoch };
}

/** A movement is its own event; an alert follows the movement that it names. */
export function eventOf(event: LedgerEvent): answers.Event {
  if (event.kind === "movement") {
    const { partition, seq, productId, at } = event.movement;
    const movement = movementOf(event.movement);
    const place = { partition, seq, productId, timestamp: timeOf(at) };
    const { movementId: eventId } = movement;
    return { eventId, type: "movement", ...place, units: null, detail: null, movement };
  }
  const { alertId, kind, ...alert } = toldAlert(event.alert);
  return { eventId: alertId, type: kind, ...alert, movement: null };
}

export function alertOf(alert: Alert & { readonly open: boolean }): answers.Alert {
  return { ...toldAlert(alert), open: alert.open };
}

function toldAlert(alert: Alert): Omit<answers.Alert, "open"> {
  const { partition, seq, number, kind, productId, units, detail, at } = alert;
  const alertId = `p${partition}-${seq}-${number}`;
  return { alertId, kind, partition, seq, productId, units, detail, timestamp: timeOf(at) };
}

/** One line a product, in the order in which they were taken; a quantity is all that was reserved. */
function linesOf(allocations: readonly Allocation[]): answers.Reservation["lines"] {
  const lines: answers.Reservation["lines"] = [];
  for (const { productId, location, held, confirmed, released } of allocations) {
    const quantity = held + confirmed + released;
    let line = lines.find((known) => known.productId === productId);
    if (line === undefined) {
      line = { productId, quantity: 0, confirmed: 0, cancelled: 0, allocations: [] };
      lines.push(line);
    }
    line.quantity += quantity;
    line.confirmed += confirmed;
    line.cancelled += released;
    line.allocations.push({ location, quantity });
  }
  return lines;
}

/** A line that got less than it asked for, and what could be had instead. */
export function shortLineOf(line: ShortLine): answers.ShortLine {
  const { productId, requested, available, largest, locations, nextHoldEndsAt } = line;
  const { quota, waiting } = line;
  return {
    productId,
    requested,
    available,
    largestQuantity: largest,
    locations,
    nextHoldEndsAt: nextHoldEndsAt === null ? null : timeOf(nextHoldEndsAt),
    ...(quota === undefined ? {} : { limit: quotaOf(quota) }),
    ...(waiting === undefined ? {} : { waiting }),
  };
}

/** Times that are kept as text: the holds of a batch share theirs. */
const TIMES_MAX = 1_000;
const times = new Map<number, string>();

/** ISO 8601, UTC, with milliseconds. */
export function timeOf(epochMs: number): string {
  const known = times.get(epochMs);
  if (known !== undefined) return known;
  if (times.size >= TIMES_MAX) times.clear();
  const text = new Date(epochMs).toISOString();
  times.set(epochMs, text);
  return text;
}

export function pseudonymizationOf(found: Pseudonymization): answers.Pseudonymization {
  const { askedAt, finishedAt, ...rest } = found;
  return {
    ...rest,
    status: finishedAt === null ? "running" : "completed",
    askedAt: timeOf(askedAt),
    finishedAt: finishedAt === null ? null : timeOf(finishedAt),
  };
}
