/** Contract B beside the others: what they made, and the paths that it shares with contract D. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { compat } from "#compat/index";
import { serveContracts, type Answered, type ContractService } from "#test/contract";

const START_MS_MAX = 60_000;

let service: ContractService;
beforeAll(async () => {
  service = await serveContracts(["inventory", ...compat.map(({ name }) => name)].join(","));
}, START_MS_MAX);
afterAll(() => service[Symbol.asyncDispose]());

const said = ({ status, body }: Answered) => ({ status, body });
const make = (product_id: string): Promise<Answered> =>
  service.call("POST", "/inventory", {
    body: { product_id, name: "Taken", quantity: 1, price: 1 },
  });

/** Through contract A, whose ids and SKUs may differ. */
async function initialize(productId: string, sku: string, initialStock: number): Promise<void> {
  const body = { productId, sku, initialStock };
  const path = "/api/inventory/initialize";
  const { status } = await service.call("POST", path, { body, as: "admin" });
  expect(status).toBe(201);
}

test("a product whose id is another one's SKU exists; one that is not there has a SKU that is taken", async () => {
  await initialize("505", "SKU-505", 1);
  await initialize("506", "505", 1);
  const exists = { status: 400, body: { detail: "Product 505 already exists" } };
  expect(said(await make("505"))).toEqual(exists);
  await initialize("507", "508", 1);
  const taken = { status: 400, body: { detail: "SKU 508 is that of 507" } };
  expect(said(await make("508"))).toEqual(taken);
});

test("a product that was made elsewhere is shown by its id, for nothing", async () => {
  await initialize("601", "SKU-601", 3);
  const { body } = await service.call("GET", "/inventory/601");
  expect(body).toEqual({ product_id: "601", name: "601", quantity: 3, price: 0 });
});

test("what of /inventory is no other contract's is contract B's", async () => {
  await initialize("602", "SKU-602", 5);
  const detail = { status: 404, body: { detail: "Product stock-level not found" } };
  expect(said(await service.call("GET", "/inventory/stock-level"))).toEqual(detail);
  expect(said(await service.call("GET", "/inventory/602"))).toMatchObject({
    body: { quantity: 5 },
  });
});

/** Words that stand beside a product's id in the paths of another contract. */
const words = compat
  .flatMap(({ prefixes }) => prefixes)
  .flatMap((prefix) => /^\/inventory\/([^/]+)$/.exec(prefix)?.[1] ?? []);

test.each(words)("no product is called %s, which is a path of another contract", async (word) => {
  const msg = "Value error, is a word of ours and names nothing";
  const detail = [{ type: "value_error", loc: ["body", "product_id"], msg, input: word }];
  expect(said(await make(word))).toEqual({ status: 422, body: { detail } });
});
