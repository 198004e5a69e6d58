/**
 * For each route that changes something, an operation of it whose repeat must have no effect. A new
 * route gets a case here: what it needs is made by `world`, what it shall do is told as effects.
 */
import { randomId } from "#lib/ids";
import {
  end,
  extend,
  held,
  newKey,
  productOf,
  perhapsKey,
  reassign,
  reserve,
  reserveCart,
  TYPES,
  type End,
} from "#test/one-effect-holds";
import { campaignCases } from "#test/one-effect-campaigns";
import { incomingCases } from "#test/one-effect-incoming";
import { waitlistCases } from "#test/one-effect-waitlist";
import { deliver, type Deliveries, type Operation } from "#test/one-effect";

export interface World {
  readonly to: Deliveries;
  /** Products that everybody shares, with more units than a run takes. */
  readonly products: readonly string[];
  readonly admin: string;
  readonly customer: string;
  /** Makes a hold of one unit that is due in a second. */
  readonly shortHold: () => Promise<void>;
}

export type Case = (world: World) => Promise<Operation> | Operation;

const INVENTORY = "/api/inventory";

/** `METHOD path`, as the router has it, of the contract's own routes. */
export const CASES: ReadonlyMap<string, Case> = new Map<string, Case>([
  [`POST ${INVENTORY}/initialize`, (world) => initialize(world)],
  [`PATCH ${INVENTORY}/product/:productId`, (world) => amend(world, amend)],
  [`PATCH ${INVENTORY}/product/:productId/stock`, (world) => adjust(world, productOf(world), 3)],
  [`POST ${INVENTORY}/product/:productId/reserve`, (world) => reserve(world)],
  [`POST ${INVENTORY}/reservations`, (world) => reserveCart(world)],
  [`POST ${INVENTORY}/reservation/:reservationId/confirm`, (world) => end(world, "confirm")],
  [`POST ${INVENTORY}/reservation/:reservationId/cancel`, (world) => end(world, "cancel")],
  [`POST ${INVENTORY}/reservation/:reservationId/extend`, (world) => extend(world)],
  [`POST ${INVENTORY}/reservation/:reservationId/owner`, (world) => reassign(world)],
  [`POST ${INVENTORY}/bulk/initialize`, (world) => bulkInitialize(world)],
  [`POST ${INVENTORY}/bulk/adjust`, (world) => bulkAdjust(world)],
  [`POST ${INVENTORY}/bulk/confirm`, (world) => bulkEnd(world, "confirm")],
  [`POST ${INVENTORY}/bulk/cancel`, (world) => bulkEnd(world, "cancel")],
  [`POST ${INVENTORY}/product/:productId/transfer`, (world) => transfer(world)],
  [`POST ${INVENTORY}/product/:productId/sell`, (world) => sell(world)],
  [`POST ${INVENTORY}/product/:productId/return`, (world) => takeBack(world)],
  [`POST ${INVENTORY}/locations`, (world) => register(world, randomId(12))],
  [`PATCH ${INVENTORY}/locations/:location`, (world) => amendLocation(world, true)],
  [`PUT ${INVENTORY}/limits/:limitId`, (world) => putLimit(world)],
  [`DELETE ${INVENTORY}/limits/:limitId`, (world) => removeLimit(world)],
  [`POST ${INVENTORY}/customers/:customerId/pseudonymize`, (world) => pseudonymize(world)],
  ...incomingCases(INVENTORY),
  ...campaignCases(INVENTORY),
  ...waitlistCases(INVENTORY),
  [`POST ${INVENTORY}/cleanup-expired`, (world) => cleanUp(world)],
  [`POST ${INVENTORY}/reconcile`, (world) => compare(world)],
]);

const UNITS = 1_000_000;
const HOME = "default";
const ANNEX = "annex";

/** Makes what all share. */
export async function prepare(world: World): Promise<void> {
  await deliver(world.to, register(world, ANNEX));
  for (const id of world.products) await deliver(world.to, initialize(world, id, UNITS));
}

function initialize(world: World, productId = randomId(12), units = 50): Operation {
  const body = { productId, sku: `SKU-${productId}`, initialStock: units };
  return {
    request: { method: "POST", path: "/initialize", token: world.admin, body, key: newKey() },
    effects: () => [{ type: "INITIAL", units }],
    successor: () => adjust(world, productId, -7),
  };
}

function amend(world: World, next?: typeof amend): Operation {
  const path = `/product/${productOf(world)}`;
  const body = { name: `name ${randomId(6)}` };
  return {
    request: { method: "PATCH", path, token: world.admin, body, key: newKey() },
    effects: () => [{ type: "ATTRIBUTE", units: 0 }],
    ...(next ? { successor: () => next(world) } : {}),
  };
}

/** Followed by one that takes back what it brought, while copies of it are on their way. */
export function adjust(world: World, productId: string, quantity: number): Operation {
  const path = `/product/${productId}/stock`;
  return {
    request: { method: "PATCH", path, token: world.admin, body: { quantity }, key: newKey() },
    effects: () => [{ type: "ADJUSTMENT", units: Math.abs(quantity) }],
    ...(quantity > 0 ? { successor: () => adjust(world, productId, -quantity) } : {}),
  };
}

/** Its units leave one location and come to another; the one that follows brings them back. */
function transfer(world: World, productId = productOf(world), isBack = false): Operation {
  const [from, to] = isBack ? [ANNEX, HOME] : [HOME, ANNEX];
  const body = { from, to, quantity: 6 };
  const path = `/product/${productId}/transfer`;
  return {
    request: { method: "POST", path, token: world.admin, body, key: newKey() },
    effects: () => [{ type: "TRANSFER", units: 12, movements: 2 }],
    ...(isBack ? {} : { successor: () => transfer(world, productId, true) }),
  };
}

/** Followed by another sale to the same order, which is one of its own. */
function sell(
  world: World,
  productId = productOf(world),
  orderId = randomId(12),
  isLast = false,
): Operation {
  const path = `/product/${productId}/sell`;
  const body = { quantity: 3, orderId };
  return {
    request: { method: "POST", path, token: world.admin, body, key: newKey() },
    effects: () => [{ type: "SALE", units: 3 }],
    ...(isLast ? {} : { successor: () => sell(world, productId, orderId, true) }),
  };
}

/** A part of what an order was sold, followed by the rest of it: more may not come back. */
async function takeBack(world: World): Promise<Operation> {
  const [productId, orderId] = [productOf(world), randomId(12)];
  await deliver(world.to, sell(world, productId, orderId, true));
  const part = (quantity: number, disposition: string): Operation => {
    const back = { type: "RETURN", units: quantity } as const;
    const gone = { type: "ADJUSTMENT", units: quantity } as const;
    return {
      request: {
        method: "POST",
        path: `/product/${productId}/return`,
        token: world.admin,
        body: { quantity, orderId, disposition },
        key: newKey(),
      },
      effects: () => (disposition === "scrap" ? [back, gone] : [back]),
      ...(quantity === 1 ? { successor: () => part(2, "scrap") } : {}),
    };
  };
  return part(1, "restock");
}

function register(world: World, location: string): Operation {
  const body = { location, name: "made once" };
  return {
    request: { method: "POST", path: "/locations", token: world.admin, body, key: newKey() },
    effects: () => [{ type: "ATTRIBUTE", units: 0 }],
  };
}

function amendLocation(world: World, isFirst: boolean): Operation {
  const body = { name: `name ${randomId(6)}` };
  const path = `/locations/${ANNEX}`;
  return {
    request: { method: "PATCH", path, token: world.admin, body, key: newKey() },
    effects: () => [{ type: "ATTRIBUTE", units: 0 }],
    ...(isFirst ? { successor: () => amendLocation(world, false) } : {}),
  };
}

/** Of so many units that it refuses nobody; each time of another number. */
function putLimit(world: World, limitId = "shared"): Operation {
  const maxUnits = 900_000_000 + Math.floor(world.to.random.next() * 1_000_000);
  const body = { products: world.products.slice(0, 1), maxUnits };
  const path = `/limits/${limitId}`;
  return {
    request: { method: "PUT", path, token: world.admin, body, key: newKey() },
    effects: () => [{ type: "RECORD", units: 0 }],
  };
}

async function removeLimit(world: World): Promise<Operation> {
  const limitId = `gone-${randomId(12)}`;
  await deliver(world.to, putLimit(world, limitId));
  const path = `/limits/${limitId}`;
  return {
    request: { method: "DELETE", path, token: world.admin, key: newKey() },
    effects: () => [{ type: "RECORD", units: 0 }],
  };
}

function bulk(world: World, verb: string, items: readonly object[], key: { key?: string }) {
  const token = world.admin;
  return { method: "POST", path: `/bulk/${verb}`, token, body: { items }, ...key } as const;
}

function bulkInitialize(world: World): Operation {
  const ids = Array.from({ length: 4 }, () => randomId(12));
  const items = ids.map((id) => ({ productId: id, sku: `SKU-${id}`, initialStock: 9 }));
  return {
    request: bulk(world, "initialize", items, { key: newKey() }),
    effects: () => ids.map((_, item) => ({ type: "INITIAL", units: 9, item })),
    successor: () => adjust(world, world.to.random.pick(ids), -4),
  };
}

/** Products are named more than once: their order holds, and each item has its one effect. */
function bulkAdjust(world: World, sign: 1 | -1 = 1): Operation {
  const quantities = [1, 2, 3, 4, 5].map((units) => sign * units);
  const items = quantities.map((quantity) => ({ productId: productOf(world), quantity }));
  return {
    request: bulk(world, "adjust", items, { key: newKey() }),
    effects: () =>
      quantities.map((quantity, item) => {
        return { type: "ADJUSTMENT", units: Math.abs(quantity), item };
      }),
    ...(sign > 0 ? { successor: () => bulkAdjust(world, -1) } : {}),
  };
}

async function bulkEnd(world: World, verb: End): Promise<Operation> {
  const holds = await Promise.all([1, 2, 3].map((units) => held(world, units)));
  const items = holds.map(({ reservationId }) => ({ reservationId }));
  return {
    request: bulk(world, verb, items, perhapsKey(world)),
    effects: () =>
      holds.map(({ reservationId, units }, item) => {
        return { type: TYPES[verb], units, reservationId, item };
      }),
  };
}

/** Moves nothing: of somebody who never bought anything, so that no other case is about it. */
function pseudonymize(world: World): Operation {
  const path = `/customers/${randomId(12)}/pseudonymize`;
  return {
    request: { method: "POST", path, token: world.admin, key: newKey() },
    effects: () => [],
  };
}

/** Changes no stock, and one key asks for one run. */
function compare(world: World): Operation {
  const body = { productIds: [productOf(world)] };
  const path = "/reconcile";
  return {
    request: { method: "POST", path, token: world.admin, body, key: newKey() },
    effects: () => [],
  };
}

/** What it finds is due by itself; that each such hold ends once is for the audit to say. */
async function cleanUp(world: World): Promise<Operation> {
  await world.shortHold();
  const { random } = world.to;
  await Promise.all(Array.from({ length: random.whole(0, 3) }, () => world.shortHold()));
  return {
    request: { method: "POST", path: "/cleanup-expired", token: world.admin },
    effects: () => [],
    countsItsOwn: true,
  };
}
