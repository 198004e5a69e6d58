/** Commands of the store with everything that a test does not care for filled in. */
import { CustomerId, Location, OrderId, ProductId, Sku } from "#inventory/model";
import type { PutLimitCommand, RemoveLimitCommand } from "#inventory/limit-ports";
import type {
  AmendLocationCommand,
  RegisterLocationCommand,
  TransferCommand,
} from "#inventory/location-ports";
import type {
  AdjustCommand,
  AmendCommand,
  ConfirmCommand,
  CountCommand,
  ExtendCommand,
  InitializeCommand,
  ReassignCommand,
  Operation,
  ReserveCommand,
  ReturnCommand,
  SellCommand,
} from "#inventory/ports";
import type { JoinCommand, LeaveCommand } from "#inventory/waitlist-ports";
import { DEFAULT_ATTRIBUTES, DEFAULT_RULE, type ReservationId } from "#inventory/model";
import { ownerOf } from "#inventory/owner";
import { splitReservationId } from "#inventory/reservation-id";
import { steadyClock } from "#lib/clock";
import { randomId } from "#lib/ids";

export const soon = (ms = 5_000): number => steadyClock.now() + ms;
const context = { actor: "test:test" };

export const product = (id: string): ProductId => ProductId.parse(id);

/** An Idempotency-Key and the body it came with, as hashes. */
export function operation(key: string, body = "body"): Operation {
  const hash = (text: string): string => new Bun.CryptoHasher("sha256").update(text).digest("hex");
  return { key: hash(key).slice(0, 32), payload: hash(body).slice(0, 16) };
}

export function initializeCommand(
  id: string,
  initialStock: number,
  more: Partial<InitializeCommand> = {},
): InitializeCommand {
  return {
    ...DEFAULT_ATTRIBUTES,
    productId: product(id),
    sku: Sku.parse(`SKU-${id}`),
    location: Location.parse("Warehouse A"),
    initialStock,
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
}

/** Whose a hold of that order is, as reserveCommand has it. */
const ownerOfOrder = (order: string): string =>
  new Bun.CryptoHasher("sha256").update(order).digest("hex").slice(0, 32);

/** A reserve command; the owner is the hash that order and products would have. */
export function reserveCommand(
  order: string,
  lines: Readonly<Record<string, number>>,
  more: Partial<ReserveCommand> = {},
): ReserveCommand {
  return {
    owner: ownerOfOrder(order),
    generation: randomId(8),
    customerId: CustomerId.parse("customer-1"),
    orderId: OrderId.parse(order),
    lines: Object.entries(lines).map(([id, quantity]) => {
      return { productId: product(id), quantity, location: null };
    }),
    holdSeconds: 900,
    mode: "all_or_nothing",
    dryRun: false,
    adds: false,
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
}

export function sellCommand(
  id: string,
  quantity: number,
  more: Partial<SellCommand> = {},
): SellCommand {
  return {
    productId: product(id),
    quantity,
    location: null,
    expectedQuantity: null,
    customerId: null,
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
}

/** A return of units of an order, of which the ledger says that so many were sold. */
export function returnCommand(
  id: string,
  quantity: number,
  sales: ReturnCommand["sales"],
  more: Partial<ReturnCommand> = {},
): ReturnCommand {
  return {
    productId: product(id),
    location: null,
    quantity,
    disposition: "restock",
    owner: ownerOf(null, OrderId.parse("o1"), product(id)),
    sales,
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
}

export function endCommand(
  reservationId: ReservationId,
  more: Partial<ConfirmCommand> = {},
): ConfirmCommand {
  return {
    hold: splitReservationId(reservationId),
    customerId: null,
    lines: null,
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
}

export function adjustCommand(
  id: string,
  delta: number,
  more: Partial<AdjustCommand> = {},
): AdjustCommand {
  return {
    productId: product(id),
    location: null,
    delta,
    type: "ADJUSTMENT",
    expectedQuantity: null,
    expectedSeq: null,
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
}

export function amendCommand(
  id: string,
  changes: AmendCommand["changes"],
  more: Partial<AmendCommand> = {},
): AmendCommand {
  return {
    productId: product(id),
    changes,
    expectedSeq: null,
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
}

/** From `Warehouse A` to `Warehouse B`. */
export function transferCommand(
  id: string,
  quantity: number,
  more: Partial<TransferCommand> = {},
): TransferCommand {
  return {
    productId: product(id),
    from: Location.parse("Warehouse A"),
    to: Location.parse("Warehouse B"),
    quantity,
    expectedQuantity: null,
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
}

export function countCommand(
  id: string,
  quantity: number,
  more: Partial<CountCommand> = {},
): CountCommand {
  return {
    productId: product(id),
    location: null,
    quantity,
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
}

export function registerLocationCommand(
  location: string,
  more: Partial<RegisterLocationCommand> = {},
): RegisterLocationCommand {
  return {
    location: Location.parse(location),
    name: null,
    address: null,
    ...DEFAULT_RULE,
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
}

export function amendLocationCommand(
  location: string,
  changes: AmendLocationCommand["changes"],
  more: Partial<AmendLocationCommand> = {},
): AmendLocationCommand {
  return {
    location: Location.parse(location),
    changes,
    expectedVersion: null,
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
}

export function putLimitCommand(
  limitId: string,
  more: Partial<PutLimitCommand> = {},
): PutLimitCommand {
  return {
    limitId,
    products: "all",
    maxUnits: 5,
    windowHours: null,
    counts: "taken",
    maxHolds: null,
    expectedVersion: null,
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
}

export function removeLimitCommand(
  limitId: string,
  more: Partial<RemoveLimitCommand> = {},
): RemoveLimitCommand {
  return { limitId, expectedVersion: null, context, operation: null, deadline: soon(), ...more };
}

export function extendCommand(
  reservationId: ReservationId,
  holdSeconds: number,
  more: Partial<ExtendCommand> = {},
): ExtendCommand {
  return {
    hold: splitReservationId(reservationId),
    customerId: null,
    holdSeconds,
    holdSecondsMax: 86_400,
    extensionsMax: 0,
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
}

/** Gives a hold to that order, of whose reserveCommand the owner is. */
export function reassignCommand(
  reservationId: ReservationId,
  order: string,
  more: Partial<ReassignCommand> = {},
): ReassignCommand {
  return {
    hold: splitReservationId(reservationId),
    customerId: null,
    to: { owner: ownerOfOrder(order), customerId: null, orderId: OrderId.parse(order) },
    generation: randomId(8),
    holdSecondsMax: 86_400,
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
}

/** Whose hold of that product a customer's order would be. */
export const waiting = (id: string, order: string, customer = "customer-1") => {
  const [customerId, orderId] = [CustomerId.parse(customer), OrderId.parse(order)];
  return { productId: product(id), owner: ownerOf(customerId, orderId, product(id)) };
};

/** Waits for units of a product with an order of `customer-1`. */
export function joinCommand(
  id: string,
  order: string,
  quantity: number,
  { customer = "customer-1", ...more }: Partial<JoinCommand> & { customer?: string } = {},
): JoinCommand {
  return {
    ...waiting(id, order, customer),
    generation: randomId(8),
    customerId: CustomerId.parse(customer),
    orderId: OrderId.parse(order),
    quantity,
    holdSeconds: 900,
    context,
    operation: null,
    deadline: soon(),
    ...more,
  };
}

export function leaveCommand(
  id: string,
  order: string,
  { customer = "customer-1", ...more }: Partial<LeaveCommand> & { customer?: string } = {},
): LeaveCommand {
  return { ...waiting(id, order, customer), context, operation: null, deadline: soon(), ...more };
}
