/** What campaigns and lines keep from everybody they keep from the callers of every contract, who know nothing of them. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { z } from "zod";
import { randomId } from "#lib/ids";
import { CONTRACT_NAMES, serveContracts, type ContractService } from "#test/contract";
import { change, COUNTS, TAKES } from "#test/contract-callers";
import { until } from "#test/until";

const START_MS_MAX = 60_000;
const UNITS = 10;
const FENCED = 8;

let service: ContractService;

beforeAll(async () => {
  service = await serveContracts(CONTRACT_NAMES.join(","), { SAMPLE_DATA: "0" });
}, START_MS_MAX);
afterAll(() => service[Symbol.asyncDispose]());

async function ask(method: string, path: string, body?: object): Promise<unknown> {
  const answer = await service.call(method, `/api/inventory${path}`, {
    as: "admin",
    ...(body && { body }),
  });
  if (answer.status > 201) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

async function product(initialStock: number): Promise<string> {
  const productId = `p-${randomId(8)}`;
  await ask("POST", "/initialize", { productId, sku: productId, initialStock, location: "Dock" });
  return productId;
}

const Planned = z.object({ campaign: z.object({ campaignId: z.string() }) });

async function campaignOf(productId: string): Promise<string> {
  const planned = await ask("POST", "/campaigns", {
    name: "beside",
    location: "Dock",
    startsAt: new Date(Date.now() - 1_000).toISOString(),
    endsAt: new Date(Date.now() + 600_000).toISOString(),
    products: [{ productId, quantity: FENCED }],
  });
  const { campaignId } = Planned.parse(planned).campaign;
  const body = { quantity: 1, orderId: "first", campaign: campaignId };
  await ask("POST", `/product/${productId}/reserve`, body);
  return campaignId;
}

const Inventory = z.object({ totalStock: z.int(), availableStock: z.int() });
const stockOf = async (productId: string) =>
  Inventory.parse(await ask("GET", `/product/${productId}`));

for (const [way, make] of Object.entries(TAKES)) {
  test(`${way} takes none of a campaign's units`, async () => {
    const productId = await product(UNITS);
    await campaignOf(productId);
    const free = UNITS - FENCED;
    expect((await change(service, make(productId, randomId(8), free + 1))).isDone).toBe(false);
    expect((await change(service, make(productId, randomId(8), free))).isDone).toBe(true);
    expect((await change(service, make(productId, randomId(8), 1))).isDone).toBe(false);
  });
}

for (const [way, make] of Object.entries(COUNTS)) {
  test(`${way} makes no units of those that stand aside`, async () => {
    const productId = await product(UNITS);
    await campaignOf(productId);
    expect((await change(service, make(productId, "none", UNITS))).isDone).toBe(true);
    expect(await stockOf(productId)).toEqual({ totalStock: UNITS, availableStock: UNITS - FENCED });
  });
}

test("of what becomes free no contract's caller takes a unit before who waits for it", async () => {
  const productId = await product(1);
  const orderId = "held";
  const body = { quantity: 1, orderId };
  const made = await ask("POST", `/product/${productId}/reserve`, body);
  const { reservation } = z
    .object({ reservation: z.object({ reservationId: z.string() }) })
    .parse(made);
  await ask("POST", `/product/${productId}/waitlist`, { quantity: 1, orderId: "waits" });
  const state = { isOver: false, tried: 0 };
  const takers = Object.values(TAKES).map(async (make) => {
    const done: boolean[] = [];
    while (!state.isOver) {
      done.push((await change(service, make(productId, randomId(8), 1))).isDone);
      state.tried += 1;
    }
    return done;
  });
  await ask("POST", `/reservation/${reservation.reservationId}/cancel`, {});
  const placed = z.object({ status: z.string() });
  await until(
    async () => {
      const place = await ask("GET", `/product/${productId}/waitlist?orderId=waits`);
      return placed.parse(place).status === "offered";
    },
    { withinMs: 10_000, what: "the unit is offered" },
  );
  state.isOver = true;
  expect((await Promise.all(takers)).flat()).not.toContain(true);
  expect(state.tried).toBeGreaterThan(0);
});

test("an item of the gateway's contract names warehouses alone, with what stands aside there", async () => {
  const productId = await product(UNITS);
  await campaignOf(productId);
  const path = `/api/v1/inventory/items/${productId}`;
  expect((await service.call("GET", path, { as: "admin" })).body).toMatchObject({
    total_quantity: UNITS,
    locations: [
      {
        id: `${productId}:Dock`,
        warehouse_id: "Dock",
        quantity: UNITS,
        available_quantity: UNITS - FENCED,
        reserved_quantity: 1,
      },
    ],
  });
});
