/** Cases of the routes for expected stock and for counts. */
import { z } from "zod";
import { randomId } from "#lib/ids";
import { deliver, type Operation } from "#test/one-effect";
import type { Case, World } from "#test/one-effect-cases";

const ExpectedAnswer = z.object({ incoming: z.object({ incomingId: z.string() }) });

/** By `METHOD path`. */
export const incomingCases = (base: string): readonly [string, Case][] => [
  [`POST ${base}/incoming`, (world) => expectUnits(world, world.to.random.pick(world.products))],
  [`PATCH ${base}/incoming/:incomingId`, amendExpected],
  [`POST ${base}/incoming/:incomingId/cancel`, cancelExpected],
  [`POST ${base}/incoming/:incomingId/receive`, receiveExpected],
  [`POST ${base}/counts`, countUnits],
  [`POST ${base}/counts/runs`, checkCounts],
];

const CountAnswer = z.object({
  results: z.array(z.object({ delta: z.int().optional() })),
});

/** Of products of its own: what others do to shared ones is counted too. */
async function countUnits(world: World): Promise<Operation> {
  const ids = [randomId(12), randomId(12)];
  for (const id of ids) {
    const body = { productId: id, sku: `SKU-${id}`, initialStock: 50 };
    const request = { method: "POST", path: "/initialize", token: world.admin, body } as const;
    await deliver(world.to, {
      request: { ...request, key: randomId(12) },
      effects: () => [{ type: "INITIAL", units: 50 }],
    });
  }
  const countedAt = new Date().toISOString();
  const counts = ids.map((productId, index) => ({ productId, quantity: 47 + index, countedAt }));
  return {
    request: {
      method: "POST",
      path: "/counts",
      token: world.admin,
      body: { counts, commit: true },
      key: randomId(12),
    },
    effects: (answer) =>
      CountAnswer.parse(answer.body).results.map(({ delta = 0 }, item) => {
        return { type: "COUNT", units: Math.abs(delta), item };
      }),
  };
}

/** Changes no stock, and one key asks for one run. */
function checkCounts(world: World): Operation {
  const countedAt = new Date().toISOString();
  const counts = [{ productId: world.to.random.pick(world.products), quantity: 9, countedAt }];
  const request = { method: "POST", path: "/counts/runs", token: world.admin } as const;
  return { request: { ...request, body: { counts }, key: randomId(12) }, effects: () => [] };
}

/** Nothing that is expected moves before it comes. */
function expectUnits(world: World, productId: string): Operation {
  const body = { productId, quantity: 9, expectedAt: "2030-01-01T00:00:00Z" };
  return {
    request: { method: "POST", path: "/incoming", token: world.admin, body, key: randomId(12) },
    effects: () => [],
  };
}

/** Its path, once it was noted. */
async function expectedPath(world: World): Promise<string> {
  const answer = await deliver(world.to, expectUnits(world, world.to.random.pick(world.products)));
  return `/incoming/${ExpectedAnswer.parse(answer.body).incoming.incomingId}`;
}

async function amendExpected(world: World): Promise<Operation> {
  const path = await expectedPath(world);
  const to = (quantity: number): Operation => ({
    request: { method: "PATCH", path, token: world.admin, body: { quantity }, key: randomId(12) },
    effects: () => [],
    ...(quantity === 5 ? { successor: () => to(7) } : {}),
  });
  return to(5);
}

async function cancelExpected(world: World): Promise<Operation> {
  const path = `${await expectedPath(world)}/cancel`;
  return {
    request: { method: "POST", path, token: world.admin, key: randomId(12) },
    effects: () => [],
  };
}

/** A part of a lot, followed by the rest of it. */
async function receiveExpected(world: World): Promise<Operation> {
  const path = `${await expectedPath(world)}/receive`;
  const part = (quantity: number): Operation => ({
    request: { method: "POST", path, token: world.admin, body: { quantity }, key: randomId(12) },
    effects: () => [{ type: "RESTOCK", units: quantity }],
    ...(quantity === 4 ? { successor: () => part(5) } : {}),
  });
  return part(4);
}
