/** Cases of the routes about who waits: of products of their own, for while anybody waits nobody else is sold any. */
import { randomId } from "#lib/ids";
import { deliver, type Operation } from "#test/one-effect";
import type { Case, World } from "#test/one-effect-cases";
import { newKey, perhapsKey } from "#test/one-effect-holds";

/** By `METHOD path`. */
export const waitlistCases = (base: string): readonly [string, Case][] => [
  [`POST ${base}/product/:productId/waitlist`, join],
  [`POST ${base}/product/:productId/waitlist/leave`, leave],
];

async function soldOut({ to, admin }: World): Promise<string> {
  const productId = randomId(12);
  const body = { productId, sku: `SKU-${productId}`, initialStock: 0 };
  await deliver(to, {
    request: { method: "POST", path: "/initialize", token: admin, body, key: newKey() },
    effects: () => [{ type: "INITIAL", units: 0 }],
  });
  return productId;
}

/** With a key it is followed by leaving the line: a copy behind that does not join again. */
async function join(world: World): Promise<Operation> {
  const productId = await soldOut(world);
  const identity = perhapsKey(world);
  const joined = joining(world, productId, randomId(12), identity);
  const { orderId } = joined;
  return {
    ...joined.operation,
    ...(identity.key === undefined ? {} : { successor: () => leaving(world, productId, orderId) }),
  };
}

async function leave(world: World): Promise<Operation> {
  const productId = await soldOut(world);
  const { operation, orderId } = joining(world, productId, randomId(12), { key: newKey() });
  await deliver(world.to, operation);
  return leaving(world, productId, orderId);
}

function joining(
  { customer }: World,
  productId: string,
  orderId: string,
  identity: { readonly key?: string },
): { readonly operation: Operation; readonly orderId: string } {
  const path = `/product/${productId}/waitlist`;
  const body = { orderId, quantity: 1 };
  const operation: Operation = {
    request: { method: "POST", path, token: customer, body, ...identity },
    effects: () => [{ type: "RECORD", units: 0 }],
  };
  return { operation, orderId };
}

function leaving({ customer }: World, productId: string, orderId: string): Operation {
  const path = `/product/${productId}/waitlist/leave`;
  return {
    request: { method: "POST", path, token: customer, body: { orderId }, key: newKey() },
    effects: () => [{ type: "RECORD", units: 0 }],
  };
}
