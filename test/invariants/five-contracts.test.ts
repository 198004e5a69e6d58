import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { audit, type Acknowledged } from "#test/audit";
import { serveContracts, type ContractService } from "#test/contract";
import { ADDS, change, counts, ENDS, TAKES, type Change } from "#test/contract-callers";
import { evidence } from "#test/evidence";
import { Random } from "#test/random";
import { counted, seed } from "#test/scale";

const START_MS_MAX = 60_000;
const RACES = counted(25, 500);
/** Of each way to take, at the same time. */
const RACERS = 4;
const LOAD_MS = counted(8_000, 300_000);
const WORKERS = 16;
const TEST_MS_MAX = LOAD_MS + 60_000;

let service: ContractService;
const acknowledged: Acknowledged[] = [];
let made = 0;

beforeAll(async () => {
  service = await serveContracts("inventory,fastapi,eureka,nestjs,gateway", { SAMPLE_DATA: "0" });
}, START_MS_MAX);
afterAll(() => service[Symbol.asyncDispose]());

/** A product of its own, made through contract A. */
async function product(initialStock: number): Promise<string> {
  made += 1;
  const productId = `five-${made}`;
  const body = { productId, sku: productId, initialStock, name: "Lamp", price: 9.5 };
  const { status } = await service.call("POST", "/api/inventory/initialize", { body, as: "admin" });
  expect(status).toBe(201);
  return productId;
}

const order = (): string => `order-${(made += 1)}`;

const Inventory = z.object({
  availableStock: z.int(),
  reservedStock: z.int(),
  totalStock: z.int(),
});

/** What each contract says of a product, in contract A's words. */
async function seenBy(productId: string) {
  const get = async (path: string, as?: "admin") =>
    z.record(z.string(), z.unknown()).parse((await service.call("GET", path, as && { as })).body);
  const [a, b, c, d, wrapped, e, check] = await Promise.all([
    get(`/api/inventory/product/${productId}`),
    get(`/inventory/${productId}`),
    get(`/api/inventory/${productId}`),
    get(`/inventory/stock-levels/${productId}`),
    get(`/v1/api/inventory/stock-levels/${productId}`),
    get(`/api/v1/inventory/items/${productId}`, "admin"),
    get(`/api/v1/inventory/check?product_id=${productId}&quantity=1`),
  ]);
  const { availableStock, reservedStock, totalStock } = Inventory.parse(a);
  return {
    seen: {
      inventory: [availableStock, reservedStock, totalStock],
      fastapi: [b["quantity"]],
      eureka: [c["reserved"], c["quantity"]],
      nestjs: [d["quantity"], wrapped["data"]],
      gateway: [
        e["available_quantity"],
        e["reserved_quantity"],
        e["total_quantity"],
        check["available"],
      ],
    },
    agreed: {
      inventory: [availableStock, reservedStock, totalStock],
      fastapi: [availableStock],
      eureka: [reservedStock, totalStock],
      nestjs: [
        availableStock,
        expect.objectContaining({ quantity: availableStock, reserved: reservedStock }),
      ],
      gateway: [availableStock, reservedStock, totalStock, availableStock > 0],
    },
    availableStock,
    totalStock,
  };
}

async function done(what: Change): Promise<boolean> {
  const effect = await change(service, what);
  if (effect) acknowledged.push(effect);
  return effect !== null;
}

describe("stock that is taken through one contract", () => {
  for (const [way, take] of Object.entries(TAKES)) {
    test(`is seen and refused by all, and explained: ${way}`, async () => {
      const productId = await product(3);
      expect(await done(take(productId, order(), 2))).toBe(true);
      const { seen, agreed, availableStock } = await seenBy(productId);
      expect(seen).toEqual(agreed);
      expect(availableStock).toBe(1);
      for (const again of Object.values(TAKES)) {
        expect(await done(again(productId, order(), 2))).toBe(false);
      }
      const path = `/api/inventory/product/${productId}/movements`;
      const { body } = await service.call("GET", path, { as: "admin" });
      const contract = way.split(":")[0] ?? "";
      const actor = contract === "inventory" ? /^(service|customer):/ : `anonymous@${contract}`;
      expect(body).toMatchObject({
        movements: [
          { type: expect.stringMatching(/^(RESERVE|SALE)$/), quantity: -2 },
          { type: "INITIAL", quantity: 3 },
        ],
      });
      expect(body).toMatchObject({ movements: [{ actor: expect.stringMatching(actor) }, {}] });
    });
  }
});

describe("stock that comes in through one contract", () => {
  for (const [way, add] of Object.entries(ADDS)) {
    test(`can be had through every other: ${way}`, async () => {
      const productId = await product(0);
      const takes = Object.values(TAKES);
      expect(await done(add(productId, order(), takes.length))).toBe(true);
      for (const take of takes) expect(await done(take(productId, order(), 1))).toBe(true);
      const { seen, agreed, availableStock } = await seenBy(productId);
      expect(seen).toEqual(agreed);
      expect(availableStock).toBe(0);
    });
  }
});

test("a hold is only ended through the contract that made it", async () => {
  const productId = await product(10);
  const orderId = order();
  for (const take of Object.values(TAKES))
    expect(await done(take(productId, orderId, 1))).toBe(true);
  // Contract C and D have a unit each of this order: a second one is somebody else's.
  for (const end of Object.values(ENDS)) {
    expect(await done(end(productId, orderId, 2))).toBe(false);
  }
  const { seen, agreed } = await seenBy(productId);
  expect(seen).toEqual(agreed);
});

test("a count below what is held through any contract changes nothing", async () => {
  for (const [way, take] of Object.entries(TAKES)) {
    if (take("p", "o", 1).type !== "RESERVE") continue;
    const productId = await product(5);
    expect(await done(take(productId, order(), 3))).toBe(true);
    await done(counts(productId, order(), 2));
    const { totalStock } = await seenBy(productId);
    expect({ way, totalStock }).toEqual({ way, totalStock: 5 });
  }
});

test(
  "callers of all contracts who race for the last unit: one of them gets it",
  async () => {
    const random = new Random(seed());
    const winners = new Map<string, number>();
    for (let race = 0; race < RACES; race += 1) {
      const productId = await product(1);
      const racers = random.shuffled(
        Object.entries(TAKES).flatMap((entry) => Array.from({ length: RACERS }, () => entry)),
      );
      const results = await Promise.all(
        racers.map(async ([way, take]) => ((await done(take(productId, order(), 1))) ? [way] : [])),
      );
      const won = results.flat();
      expect(won).toHaveLength(1);
      for (const way of won) winners.set(way, (winners.get(way) ?? 0) + 1);
      const { seen, agreed, availableStock } = await seenBy(productId);
      expect(seen).toEqual(agreed);
      expect(availableStock).toBe(0);
    }
    evidence("five contracts race for the last unit", {
      races: RACES,
      ...Object.fromEntries(winners),
    });
  },
  TEST_MS_MAX,
);

test(
  "a mixed load of all contracts ends with stock, holds, ledger and snapshots equal",
  async () => {
    const runSeed = seed();
    const random = new Random(runSeed);
    const products = await Promise.all(Array.from({ length: 6 }, () => product(40)));
    const orders = Array.from({ length: 40 }, order);
    const did = new Map<string, number>();
    const all = { ...TAKES, ...ENDS, ...ADDS, "eureka: count": counts };
    const names = Object.keys(all);
    const endsAt = performance.now() + LOAD_MS;
    const work = async () => {
      while (performance.now() < endsAt) {
        const name = random.pick(names);
        const isEnd = name in ENDS;
        const make = Object.entries(all).find(([known]) => known === name)?.[1];
        if (!make) throw new Error(`there is no ${name}`);
        const isShared = isEnd || name === "eureka: reserve";
        // What adds to a hold or draws on it may come again; all else names an order once.
        const orderId = isShared ? random.pick(orders) : order();
        const units = name === "eureka: count" ? random.whole(0, 60) : random.whole(1, 4);
        const isDone = await done(make(random.pick(products), orderId, units));
        if (isDone) did.set(name, (did.get(name) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: WORKERS }, work));
    for (const productId of products) {
      const { seen, agreed } = await seenBy(productId);
      expect(seen).toEqual(agreed);
    }
    const { redisUrl, databaseUrl } = service;
    const audited = await audit({ redisUrl, databaseUrl, acknowledged });
    for (const name of [...Object.keys(TAKES), ...Object.keys(ADDS), "eureka: release"]) {
      expect({ name, count: did.get(name) ?? 0 }).not.toEqual({ name, count: 0 });
    }
    evidence("a mixed load of all contracts", {
      seed: runSeed,
      movements: audited.movements,
      acknowledged: audited.acknowledged,
      ...Object.fromEntries(did),
    });
  },
  TEST_MS_MAX,
);
