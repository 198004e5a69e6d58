/**
 * A change that is told again under its key, for every route of every contract that changes
 * something. A route is here by being in its contract's list; what it takes is in #test/examples.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Redis } from "ioredis";
import { z } from "zod";
import { compat } from "#compat/index";
import type { Contract } from "#http/contract";
import { inventory } from "#http/inventory";
import type { Route } from "#http/routes/route";
import { metaKey } from "#redis/keys";
import { CAMPAIGN_ID } from "#test/campaigns-double";
import { serveContracts, type Answered, type ContractService } from "#test/contract";
import { edgeWith, exampleOf } from "#test/http-app";
import { INCOMING_ID, RESERVATION_ID } from "#test/ports-double";

const START_MS_MAX = 60_000;
const CONTRACTS: readonly Contract[] = [inventory, ...compat];
const BASE = "/api/inventory";

/** It releases what is due when it is called, whatever was due before: README says so. */
const DECIDED_ANEW: ReadonlySet<string> = new Set([`POST ${BASE}/cleanup-expired`]);

let service: ContractService;
let redis: Redis;
beforeAll(async () => {
  const names = CONTRACTS.map(({ name }) => name).join(",");
  service = await serveContracts(names, { SAMPLE_DATA: "0" });
  redis = new Redis(service.redisUrl);
}, START_MS_MAX);
afterAll(async () => {
  redis.disconnect();
  await service[Symbol.asyncDispose]();
});

/** Every change of anything is a movement, and every movement has the next number. */
const movements = (): Promise<string | null> => redis.hget(metaKey(0), "seq");

async function succeed(method: string, path: string, body: object): Promise<Answered> {
  const answer = await service.call(method, path, { body, as: "admin" });
  const isDone = answer.status === 200 || answer.status === 201;
  expect([`${method} ${path}`, answer.body, isDone]).toEqual([
    `${method} ${path}`,
    answer.body,
    true,
  ]);
  return answer;
}

/** Changes that move nothing: they are of what is expected, or ask for work that a worker does. */
const MOVES_NOTHING: ReadonlySet<string> = new Set([
  `POST ${BASE}/reconcile`,
  `POST ${BASE}/counts/runs`,
  `POST ${BASE}/customers/:customerId/pseudonymize`,
  `POST ${BASE}/incoming`,
  `PATCH ${BASE}/incoming/:incomingId`,
  `POST ${BASE}/incoming/:incomingId/cancel`,
]);

const Expected = z.object({ incoming: z.object({ incomingId: z.string() }) });
const Planned = z.object({ campaign: z.object({ campaignId: z.string() }) });
const Held = z.object({ reservation: z.object({ reservationId: z.string() }) });

/** Calls without which the route has nothing to do, by the last word of its path. */
const BEFORE: Readonly<Record<string, readonly [method: string, word: string]>> = {
  release: ["POST", "reserve"],
  deduct: ["POST", "reserve"],
  "cancel-reservation": ["PUT", "reserve-order"],
};

let made = 0;

/** The route's example over things of its own: a product, an order that bought, a hold. */
async function requestTo(route: Route): Promise<{ path: string; body: object }> {
  made += 1;
  const [productId, orderId, dock] = [`rep-${made}`, `order-${made}`, `Dock ${made}`];
  const product = `${BASE}/product/${productId}`;
  await succeed("POST", `${BASE}/initialize`, { productId, sku: productId, initialStock: 50 });
  await succeed("PATCH", `${product}/stock`, { quantity: 5, location: "A" });
  await succeed("POST", `${product}/sell`, { quantity: 2, orderId });
  const hold = { quantity: 1, orderId: `hold-${made}`, expirationMinutes: 1 };
  const { body: answer } = await succeed("POST", `${product}/reserve`, hold);
  const { reservationId } = Held.parse(answer).reservation;
  if (route.path.includes(":location")) {
    await succeed("POST", `${BASE}/locations`, { location: dock });
  }
  let incomingId: string = INCOMING_ID;
  if (route.path.includes(":incomingId")) {
    const units = { productId, quantity: 30, expectedAt: "2025-01-02T00:00:00Z" };
    const expected = await succeed("POST", `${BASE}/incoming`, units);
    incomingId = Expected.parse(expected.body).incoming.incomingId;
  }
  if (route.path === `${BASE}/counts`) {
    const counts = [{ productId, quantity: 40, countedAt: new Date().toISOString() }];
    return { path: route.path, body: { counts, commit: true } };
  }
  let campaignId: string = CAMPAIGN_ID;
  if (route.path.includes(":campaignId")) {
    const { body: plan = {} } = exampleOf({ method: "POST", path: `${BASE}/campaigns` });
    const products = [{ productId, quantity: 1 }];
    const planned = await succeed("POST", `${BASE}/campaigns`, { ...plan, products });
    ({ campaignId } = Planned.parse(planned.body).campaign);
  }
  const own = (text: string): string =>
    text
      .replaceAll(/"productId":2\b/g, `"productId":${9_000 + made}`)
      .replaceAll("SKU-2", `new-${made}`)
      .replaceAll(/\bp2\b/g, `new-${made}`)
      .replaceAll(/\bp1\b/g, productId)
      .replaceAll("order-1", orderId)
      .replaceAll(RESERVATION_ID, reservationId)
      .replaceAll(CAMPAIGN_ID, campaignId)
      .replaceAll(INCOMING_ID, incomingId);
  const { path, body = {} } = exampleOf(route);
  const [ownPath, ownBody] = [own(path), own(JSON.stringify(body))];
  const [word = "", before] =
    Object.entries(BEFORE).find(([known]) => path.split("/").includes(known)) ?? [];
  if (before) {
    await succeed(before[0], ownPath.replace(word, before[1]), JSON.parse(ownBody));
  }
  const at = encodeURIComponent(dock);
  return { path: ownPath.replace("Dock", at), body: JSON.parse(ownBody.replace("Dock", dock)) };
}

const replayedOf = ({ headers }: Answered): string | null => headers.get("idempotency-replayed");

/** A bulk call says of each item whether it was replayed; all else is as it was. */
const bodyOf = ({ body }: Answered): string =>
  JSON.stringify(body).replaceAll(',"replayed":true', "");

test("what is not read is a change, but for a question whose body is a list", () => {
  const others = CONTRACTS.flatMap(({ routes }) => routes(edgeWith(true)))
    .filter(({ method, mutation }) => mutation === (method === "GET"))
    .map(({ method, path }) => `${method} ${path}`);
  expect(others).toEqual([`POST ${BASE}/check-availability`]);
});

for (const contract of CONTRACTS) {
  const routes = contract.routes(edgeWith(true)).filter(({ mutation }) => mutation);
  if (routes.length === 0) continue;
  describe(`contract ${contract.name}, the same key again`, () => {
    for (const route of routes) {
      const name = `${route.method} ${route.path}`;
      if (DECIDED_ANEW.has(name)) continue;
      test(`hears the first answer, and nothing happens: ${name}`, async () => {
        const { path, body } = await requestTo(route);
        const headers = { "idempotency-key": `key of ${name}` };
        const send = (sent: object | string) =>
          service.call(route.method, path, {
            body: sent,
            headers: { ...headers, "content-type": "application/json" },
            as: "admin",
          });
        const before = await movements();
        const first = await send(body);
        expect([first.body, first.status < 300]).toEqual([first.body, true]);
        expect(replayedOf(first)).toBeNull();
        const after = await movements();
        expect(after !== before).toBe(!MOVES_NOTHING.has(name));
        // Something else happens between: the answer is that of then, not of now.
        await elsewhere(path, body);
        const between = await movements();
        for (let time = 0; time < 2; time += 1) {
          const again = await send(body);
          expect([again.status, bodyOf(again)]).toEqual([first.status, bodyOf(first)]);
          expect(replayedOf(again)).toBe("true");
        }
        if (!route.bulk) {
          const other = await send(`${JSON.stringify(body)} `);
          expect([other.body, other.status]).toEqual([other.body, 422]);
        }
        expect(await movements()).toBe(between);
      });
    }
  });
}

/** Changes the product of that request by another call. */
async function elsewhere(path: string, body: object): Promise<void> {
  const text = `${path} ${JSON.stringify(body)}`;
  const [named = `rep-${made}`] = /(?<![\w-])(?:new-\d+|9\d{3})(?![\w-])/.exec(text) ?? [];
  await succeed("PATCH", `${BASE}/product/${named}/stock`, { quantity: 7 });
}
