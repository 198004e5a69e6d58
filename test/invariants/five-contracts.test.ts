import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { audit, type Acknowledged } from "#test/audit";
import { CONTRACT_NAMES, serveContracts, type ContractService } from "#test/contract";
import { ADDS, change, contractOf, COUNTS, ENDS, TAKES, type Change } from "#test/contract-callers";
import { evidence } from "#test/evidence";
import { Random } from "#test/random";
import { counted, seed } from "#test/scale";

const START_MS_MAX = 60_000;
const RACES = counted(25, 500);
/** Of each way to take, at the same time. */
const RACERS = 4;
const LOAD_MS = counted(8_000, 300_000);
const WORKERS = 16;
/** All that the load did is read, several times over, and added up. */
const TEST_MS_MAX = counted(68_000, LOAD_MS + 600_000);

let service: ContractService;
const acknowledged: Acknowledged[] = [];
let made = 0;

beforeAll(async () => {
  service = await serveContracts(CONTRACT_NAMES.join(","), { SAMPLE_DATA: "0" });
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

type Fields = Readonly<Record<string, unknown>>;

async function get(path: string, as?: "admin"): Promise<Fields> {
  const { body } = await service.call("GET", path, as && { as });
  return z.record(z.string(), z.unknown()).parse(body);
}

type Stock = z.output<typeof Inventory>;

/** What a contract says of a product, and what it should. */
interface Look {
  readonly ask: (productId: string) => Promise<readonly unknown[]>;
  readonly shown: (stock: Stock) => readonly unknown[];
}

const LOOKS: Readonly<Record<string, Look>> = {
  inventory: {
    ask: async (id) => Object.values(Inventory.parse(await get(`/api/inventory/product/${id}`))),
    shown: (stock) => Object.values(stock),
  },
  fastapi: {
    ask: async (id) => [(await get(`/inventory/${id}`))["quantity"]],
    shown: ({ availableStock }) => [availableStock],
  },
  eureka: {
    async ask(id) {
      const { reserved, quantity } = await get(`/api/inventory/${id}`);
      return [reserved, quantity];
    },
    shown: ({ reservedStock, totalStock }) => [reservedStock, totalStock],
  },
  nestjs: {
    async ask(id) {
      const plain = await get(`/inventory/stock-levels/${id}`);
      return [plain["quantity"], (await get(`/v1/api/inventory/stock-levels/${id}`))["data"]];
    },
    shown: ({ availableStock: quantity, reservedStock: reserved }) => [
      quantity,
      expect.objectContaining({ quantity, reserved }),
    ],
  },
  gateway: {
    async ask(id) {
      const item = await get(`/api/v1/inventory/items/${id}`, "admin");
      const { available } = await get(`/api/v1/inventory/check?product_id=${id}&quantity=1`);
      const { available_quantity, reserved_quantity, total_quantity } = item;
      return [available_quantity, reserved_quantity, total_quantity, available];
    },
    shown: ({ availableStock, reservedStock, totalStock }) => [
      availableStock,
      reservedStock,
      totalStock,
      availableStock > 0,
    ],
  },
};

/** What each contract says of a product, in its words, and what contract A's make of that. */
async function seenBy(productId: string) {
  const stock = Inventory.parse(await get(`/api/inventory/product/${productId}`));
  const asked = CONTRACT_NAMES.map(async (name) => {
    const look = LOOKS[name];
    if (look === undefined) throw new Error(`${name} needs a row in LOOKS`);
    return { name, said: await look.ask(productId), shown: look.shown(stock) };
  });
  const answers = await Promise.all(asked);
  return {
    seen: answers.map(({ name, said }) => ({ name, said })),
    agreed: answers.map(({ name, shown }) => ({ name, said: shown })),
    ...stock,
  };
}

async function done(what: Change): Promise<boolean> {
  const { isDone, effect } = await change(service, what);
  if (effect) acknowledged.push(effect);
  return isDone;
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
      const contract = contractOf(way);
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

describe("a hold", () => {
  const holds = Object.entries(TAKES).filter(([, take]) => take("p", "o", 1).type === "RESERVE");

  for (const [way, take] of holds) {
    test(`is ended through the contract that made it, and no other: ${way}`, async () => {
      const productId = await product(10);
      const orderId = order();
      const ends = Object.entries(ENDS);
      expect(await done(take(productId, orderId, 2 * ends.length))).toBe(true);
      const isOwn = ([end]: [string, unknown]) => contractOf(end) === contractOf(way);
      const before = await seenBy(productId);
      for (const [end, make] of ends.filter((entry) => !isOwn(entry))) {
        // A single unit, of which there are enough: it is only not this one's.
        const isDone = await done(make(productId, orderId, 1));
        expect({ end, isDone }).toEqual({ end, isDone: false });
      }
      expect((await seenBy(productId)).seen).toEqual(before.seen);
      for (const [end, make] of ends.filter(isOwn)) {
        const isDone = await done(make(productId, orderId, 1));
        expect({ end, isDone }).toEqual({ end, isDone: true });
      }
      const { seen, agreed, reservedStock } = await seenBy(productId);
      expect(seen).toEqual(agreed);
      expect(reservedStock).toBe(before.reservedStock - ends.filter(isOwn).length);
    });
  }

  test("of an order does not grow by what the order holds through another contract", async () => {
    const productId = await product(10);
    const orderId = order();
    for (const [, take] of holds) expect(await done(take(productId, orderId, 1))).toBe(true);
    for (const [end, make] of Object.entries(ENDS)) {
      const isDone = await done(make(productId, orderId, 2));
      expect({ end, isDone }).toEqual({ end, isDone: false });
    }
    const { seen, agreed, reservedStock } = await seenBy(productId);
    expect(seen).toEqual(agreed);
    expect(reservedStock).toBe(holds.length);
  });

  for (const [count, make] of Object.entries(COUNTS)) {
    for (const [way, take] of holds) {
      test(`through ${way} bounds a count through ${count}`, async () => {
        const productId = await product(5);
        expect(await done(take(productId, order(), 3))).toBe(true);
        expect(await done(make(productId, order(), 2))).toBe(false);
        expect(await seenBy(productId)).toMatchObject({ totalStock: 5, reservedStock: 3 });
        expect(await done(make(productId, order(), 3))).toBe(true);
        const { seen, agreed, ...stock } = await seenBy(productId);
        expect(seen).toEqual(agreed);
        expect(stock).toEqual({ availableStock: 0, reservedStock: 3, totalStock: 3 });
      });
    }
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
    evidence(
      "five contracts race for the last unit",
      {
        races: RACES,
        ...Object.fromEntries(winners),
      },
      { trials: RACES },
    );
  },
  TEST_MS_MAX,
);

test(
  "a mixed load of all contracts ends with stock, holds, ledger and snapshots equal",
  async () => {
    const runSeed = seed();
    const random = new Random(runSeed);
    const products = await Promise.all(Array.from({ length: 6 }, () => product(40)));
    // By contract, what was held through it: a release draws on that, and may come again.
    const held = new Map<string, (readonly [productId: string, orderId: string])[]>();
    const did = new Map<string, number>();
    const all = { ...TAKES, ...ENDS, ...ADDS, ...COUNTS };
    const names = Object.keys(all);
    const endsAt = performance.now() + LOAD_MS;
    const work = async () => {
      while (performance.now() < endsAt) {
        const name = random.pick(names);
        const make = Object.entries(all).find(([known]) => known === name)?.[1];
        if (!make) throw new Error(`there is no ${name}`);
        const pairs = held.get(contractOf(name)) ?? [];
        held.set(contractOf(name), pairs);
        if (name in ENDS && pairs.length === 0) continue;
        const [productId, orderId] =
          name in ENDS ? random.pick(pairs) : ([random.pick(products), order()] as const);
        const units = name in COUNTS ? random.whole(0, 60) : random.whole(1, 4);
        const what = make(productId, orderId, units);
        if (!(await done(what))) continue;
        did.set(name, (did.get(name) ?? 0) + 1);
        if (name in TAKES && what.type === "RESERVE") pairs.push([productId, orderId]);
      }
    };
    await Promise.all(Array.from({ length: WORKERS }, work));
    for (const productId of products) {
      const { seen, agreed } = await seenBy(productId);
      expect(seen).toEqual(agreed);
    }
    const { redisUrl, databaseUrl } = service;
    const audited = await audit({ redisUrl, databaseUrl, acknowledged });
    expect(names.filter((name) => !did.has(name))).toEqual([]);
    evidence("a mixed load of all contracts", {
      seed: runSeed,
      movements: audited.movements,
      acknowledged: audited.acknowledged,
      ...Object.fromEntries(did),
    });
  },
  TEST_MS_MAX,
);
