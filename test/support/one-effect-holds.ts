/** Cases of the routes that make holds and end them one by one, and what other cases need of them. */
import { randomId } from "#lib/ids";
import { reservationIn, type Answer } from "#test/caller";
import type { World } from "#test/one-effect-cases";
import { deliver, type Operation } from "#test/one-effect";

/** Life of a hold that names none: longer than any run, so that none expires by itself. */
export const HOLD_MINUTES = 1_400;
const LONGEST = 1_440;

export const newKey = (): string => randomId(12);
export const productOf = ({ to, products }: World): string => to.random.pick(products);
/** An owner or a state is identity enough: half of such requests come without a key. */
export const perhapsKey = ({ to }: World): { key?: string } =>
  to.random.next() < 0.5 ? { key: newKey() } : {};

/** With a key it is followed by its own end: the copy behind that takes nothing. */
export function reserve(world: World): Operation {
  const path = `/product/${productOf(world)}/reserve`;
  const body = { quantity: 2, orderId: randomId(12) };
  const identity = perhapsKey(world);
  return {
    request: { method: "POST", path, token: world.customer, body, ...identity },
    effects: (answer) => [{ type: "RESERVE", units: 2, reservationId: idIn(answer) }],
    ...(identity.key === undefined
      ? {}
      : { successor: (answer: Answer) => endOf(world, "cancel", idIn(answer), 2) }),
  };
}

/** With a key it is followed by another quantity of the same cart, which replaces it. */
export function reserveCart(world: World, units = 1, orderId = randomId(12)): Operation {
  const [one = "", two = ""] = world.products;
  const items = [one, two].map((productId) => ({ productId, quantity: units }));
  const identity = units === 1 ? perhapsKey(world) : { key: newKey() };
  const takes = { type: "RESERVE", units: 2 * units, movements: 2 } as const;
  return {
    request: {
      method: "POST",
      path: "/reservations",
      token: world.customer,
      body: { orderId, items },
      ...identity,
    },
    effects: (answer) => [{ ...takes, reservationId: idIn(answer) }],
    ...(identity.key === undefined || units > 1
      ? {}
      : { successor: (answer: Answer) => replaced(reserveCart(world, 2, orderId), idIn(answer)) }),
  };
}

/** It also gives back the units of the hold whose place it takes. */
function replaced(operation: Operation, reservationId: string): Operation {
  const { request, effects } = operation;
  const gives = { type: "RELEASE", units: 2, movements: 2, reservationId } as const;
  return { request, effects: (answer) => [...effects(answer), gives] };
}

export const TYPES = { confirm: "SALE", cancel: "RELEASE" } as const;
export type End = keyof typeof TYPES;

function endOf(world: World, verb: End, reservationId: string, units: number): Operation {
  const path = `/reservation/${reservationId}/${verb}`;
  const effect = { type: TYPES[verb], units, reservationId };
  return {
    request: { method: "POST", path, token: world.customer, ...perhapsKey(world) },
    effects: () => [effect],
  };
}

/** All of a hold; or, under a key, a part of it, followed by the end of the rest. */
export async function end(world: World, verb: End): Promise<Operation> {
  const { reservationId, productId } = await held(world, 3);
  if (world.to.random.next() < 0.5) return endOf(world, verb, reservationId, 3);
  const path = `/reservation/${reservationId}/${verb}`;
  const body = { lines: [{ productId, quantity: 1 }] };
  return {
    request: { method: "POST", path, token: world.customer, body, key: newKey() },
    effects: () => [{ type: TYPES[verb], units: 1, reservationId }],
    successor: () => {
      const rest = endOf(world, "confirm", reservationId, 2);
      return { ...rest, request: { ...rest.request, key: newKey() } };
    },
  };
}

export async function extend(world: World): Promise<Operation> {
  const { reservationId } = await held(world, 1);
  const by = (minutes: number): Operation => ({
    request: {
      method: "POST",
      path: `/reservation/${reservationId}/extend`,
      token: world.customer,
      body: { minutes },
      key: newKey(),
    },
    effects: () => [{ type: "EXTEND", units: 0, reservationId }],
    ...(minutes < LONGEST ? { successor: () => by(LONGEST) } : {}),
  });
  return by(HOLD_MINUTES + 1);
}

/**
 * To an order of nobody, or to one that has a hold, of which both become one. With a key it is followed by
 * the end of what came of it: neither a copy nor a repeat takes the units again.
 */
export async function reassign(world: World): Promise<Operation> {
  const { reservationId, productId } = await held(world, 2);
  const orderId = randomId(12);
  const isMerged = world.to.random.next() < 0.5;
  if (isMerged) await held(world, 1, productId, orderId);
  const identity = perhapsKey(world);
  const path = `/reservation/${reservationId}/owner`;
  return {
    request: { method: "POST", path, token: world.admin, body: { orderId }, ...identity },
    effects: (answer) => [
      { type: "RELEASE", units: 2, reservationId },
      { type: "RESERVE", units: 2, reservationId: idIn(answer) },
    ],
    ...(identity.key === undefined
      ? {}
      : {
          successor: (answer: Answer) => endOf(world, "confirm", idIn(answer), isMerged ? 3 : 2),
        }),
  };
}

/**
 * A hold to begin with, made under the same conditions. It has a key: what its case does to it would
 * else make a late copy of this a wish for a new hold.
 */
export async function held(
  world: World,
  units: number,
  productId = productOf(world),
  orderId = randomId(12),
) {
  const request = {
    method: "POST",
    path: `/product/${productId}/reserve`,
    token: world.customer,
    body: { quantity: units, orderId },
    key: newKey(),
  } as const;
  const answer = await deliver(world.to, {
    request,
    effects: (made) => [{ type: "RESERVE", units, reservationId: idIn(made) }],
  });
  return { productId, units, reservationId: idIn(answer) };
}

const idIn = (answer: Answer): string => reservationIn(answer).reservationId;
