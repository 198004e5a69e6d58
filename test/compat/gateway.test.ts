import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { serveContracts, type Answered, type ContractService } from "#test/contract";
import { gateway } from "#compat/gateway/router";
import { openApp, SECRET as FORGED_WITH } from "#test/http-app";
import { issueToken } from "#http/token";

const START_MS_MAX = 60_000;
const BASE = "/api/v1/inventory";
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

const Items = z.object({
  items: z.array(z.object({ id: z.string(), status: z.string() })),
  pagination: z.object({ total: z.int(), page: z.int(), limit: z.int(), total_pages: z.int() }),
});
const Warehouses = z.object({
  warehouses: z.array(z.object({ id: z.string(), priority: z.int(), is_active: z.boolean() })),
  pagination: z.object({ total: z.int() }),
});

let service: ContractService;

beforeAll(async () => {
  service = await serveContracts("inventory,gateway");
  // Stock as an admin has it: one product over two places, one low, one without stock.
  await change("POST", "/locations", { location: "Dock", priority: 900, address: "1 Pier Road" });
  await change("POST", "/locations", { location: "Attic", name: "Top", active: false });
  await change("POST", "/initialize", { ...of("table", 12), location: "Dock", reorderPoint: 5 });
  await change("PATCH", "/product/table/stock", {
    quantity: 7,
    type: "RESTOCK",
    location: "Attic",
  });
  await change("POST", "/product/table/reserve", { quantity: 1, orderId: "order-1" });
  await change("POST", "/initialize", { ...of("rug", 3), location: "Dock" });
  await change("POST", "/initialize", { ...of("lamp", 0), location: "Dock" });
}, START_MS_MAX);
afterAll(() => service[Symbol.asyncDispose]());

const of = (productId: string, initialStock: number) => ({
  productId,
  sku: `SKU-${productId}`,
  initialStock,
});

async function change(method: string, path: string, body: object): Promise<void> {
  const answer = await service.call(method, `/api/inventory${path}`, { body, as: "admin" });
  expect([200, 201]).toContain(answer.status);
}

const get = (path: string): Promise<Answered> =>
  service.call("GET", `${BASE}${path}`, { as: "admin" });

async function idsOf(query: string): Promise<string[]> {
  return Items.parse((await get(`/items${query}`)).body).items.map(({ id }) => id);
}

function expectError({ status, body }: Answered, ...expected: [status: number, error: string]) {
  expect([status, body]).toEqual([expected[0], { error: expected[1] }]);
}

describe("GET /check", () => {
  test.each([
    ["table", 11, true],
    ["table", 12, false],
    ["lamp", 1, false],
    ["nothing", 1, false],
    ["{no id}", 1, false],
    ["table", 1_000_000_000, false],
  ])("of %s × %d is %p for everybody", async (product_id, quantity, available) => {
    const query = new URLSearchParams({ product_id, quantity: String(quantity) });
    const { status, body } = await service.call("GET", `${BASE}/check?${query.toString()}`);
    expect([status, body]).toEqual([200, { product_id, quantity, available }]);
  });

  test.each([
    ["", "product ID is required"],
    ["?quantity=1", "product ID is required"],
    ["?product_id=&quantity=1", "product ID is required"],
    ["?product_id=table", "quantity is required"],
    ["?product_id=table&quantity=", "quantity is required"],
    ["?product_id=table&quantity=0", "invalid quantity"],
    ["?product_id=table&quantity=-1", "invalid quantity"],
    ["?product_id=table&quantity=1.5", "invalid quantity"],
    ["?product_id=table&quantity=1e3", "invalid quantity"],
    ["?product_id=table&quantity=ten", "invalid quantity"],
    ["?product_id=table&quantity=null", "invalid quantity"],
    ["?product_id=table&quantity=1000000001", "invalid quantity"],
    ["?product_id=table&quantity=1&quantity=2", "invalid quantity"],
    ["?product_id=table&product_id=rug&quantity=1", "invalid product ID"],
    ["?product_id=table&quantity=1&colour=red", "unknown query parameter: colour"],
  ])("%s is refused: %s", async (query, error) => {
    expectError(await service.call("GET", `${BASE}/check${query}`), 400, error);
  });
});

describe("GET /items/:product_id", () => {
  test("answers the bare item, with its stock at each location", async () => {
    const { status, body } = await get("/items/table");
    expect([status, body]).toEqual([
      200,
      {
        id: "table",
        product_id: "table",
        variant_id: "",
        sku: "SKU-table",
        total_quantity: 19,
        available_quantity: 11,
        reserved_quantity: 1,
        reorder_point: 5,
        reorder_quantity: 50,
        status: "IN_STOCK",
        locations: expect.arrayContaining([
          {
            id: "table:Dock",
            warehouse_id: "Dock",
            quantity: 12,
            available_quantity: 11,
            reserved_quantity: 1,
          },
          {
            id: "table:Attic",
            warehouse_id: "Attic",
            quantity: 7,
            available_quantity: 0,
            reserved_quantity: 0,
          },
        ]),
        last_updated: TIME,
        created_at: TIME,
        updated_at: TIME,
      },
    ]);
  });

  test.each(["nothing", "%7Bx%7D", "x".repeat(65), "a%20b"])("says 404 of %s", async (id) => {
    expectError(await get(`/items/${id}`), 404, "inventory item not found");
  });

  test("says when the item last changed, be it by a hold", async () => {
    const timesOf = async () => {
      const { body } = await get("/items/rug");
      const { last_updated, updated_at, created_at } = Object(body);
      expect(last_updated).toBe(updated_at);
      const own = await service.call("GET", "/api/inventory/product/rug");
      expect(own.body).toMatchObject({ updatedAt: last_updated, createdAt: created_at });
      return { last_updated, created_at };
    };
    const before = await timesOf();
    const reservation = { quantity: 1, orderId: "order-2", expirationMinutes: 1 };
    const path = "/api/inventory/product/rug/reserve";
    const held = await service.call("POST", path, { body: reservation, as: "admin" });
    const { reservationId } = Object(Object(held.body).reservation);
    const after = await timesOf();
    expect(after.created_at).toBe(before.created_at);
    expect(after.last_updated > before.last_updated).toBe(true);
    await change("POST", `/reservation/${reservationId}/cancel`, {});
    // The order of the items is by their last change, and other tests rely on it.
    await change("PATCH", "/product/lamp", { lowStockThreshold: 10 });
  });

  test("takes no query", async () => {
    expectError(await get("/items/table?page=1"), 400, "unknown query parameter: page");
  });
});

describe("GET /items", () => {
  test("lists the newest stock change first, in pages that are counted", async () => {
    const first = Items.parse((await get("/items?limit=2")).body);
    expect(first.items.map(({ id }) => id)).toEqual(["lamp", "rug"]);
    expect(first.pagination).toEqual({ total: 13, page: 1, limit: 2, total_pages: 7 });
    expect(await idsOf("?limit=2&page=2")).toContain("table");
    const seen = await Promise.all([1, 2, 3, 4, 5].map((page) => idsOf(`?limit=3&page=${page}`)));
    expect(seen.map((ids) => ids.length)).toEqual([3, 3, 3, 3, 1]);
    expect(new Set(seen.flat()).size).toBe(13);
    expect(Items.parse((await get("/items")).body)).toMatchObject({
      items: { length: 10 },
      pagination: { total: 13, page: 1, limit: 10, total_pages: 2 },
    });
    const beyond = await get("/items?page=1000");
    const pagination = { total: 13, page: 1000, limit: 10, total_pages: 2 };
    expect([beyond.status, beyond.body]).toEqual([200, { items: [], pagination }]);
  });

  test("has items as they are shown alone", async () => {
    const { body } = await get("/items/rug");
    expect((await get("/items?limit=100")).body).toMatchObject({
      items: expect.arrayContaining([body]),
    });
  });

  test("can be had by status, warehouse and what is low", async () => {
    expect(await idsOf("?status=OUT_OF_STOCK")).toEqual(["lamp"]);
    expect(await idsOf("?status=LOW_STOCK&warehouse_id=Dock")).toEqual(["rug"]);
    expect(await idsOf("?status=IN_STOCK&warehouse_id=Dock")).toEqual(["table"]);
    expect(await idsOf("?warehouse_id=Attic")).toEqual(["table"]);
    expect(await idsOf("?warehouse_id=Nowhere")).toEqual([]);
    expect(await idsOf("?low_stock_only=true&warehouse_id=Dock")).toEqual(["lamp", "rug"]);
    expect(await idsOf("?low_stock_only=false&warehouse_id=Dock")).toHaveLength(3);
    for (const status of ["DISCONTINUED", "BACKORDERED"]) {
      const { body } = await get(`/items?status=${status}`);
      const pagination = { total: 0, page: 1, limit: 10, total_pages: 0 };
      expect(body).toEqual({ items: [], pagination });
    }
  });

  test.each([
    ...["page", "limit"].flatMap((name) =>
      ["", "0", "-1", "1.5", "x", "null", "1e1", "9999999999999999"].map((value) => [name, value]),
    ),
    ["limit", "101"],
    ["page", "999999999999999"],
    ["page", "10001"],
    ["status", "in_stock"],
    ["status", ""],
    ["warehouse_id", "{x}"],
    ["warehouse_id", ""],
    ["low_stock_only", "yes"],
  ])("refuses %s=%j", async (name, value) => {
    const query = new URLSearchParams({ [name]: value });
    expectError(await get(`/items?${query.toString()}`), 400, `invalid ${name}`);
  });

  test("refuses a filter that it does not know", async () => {
    expectError(await get("/items?stauts=IN_STOCK"), 400, "unknown query parameter: stauts");
  });
});

describe("GET /warehouses", () => {
  test("lists the highest priority first, then by name, with all fields there are", async () => {
    const { status, body } = await get("/warehouses");
    expect(status).toBe(200);
    const none = { address: "", city: "", state: "", country: "", postal_code: "" };
    const unregistered = {
      ...none,
      is_active: true,
      priority: 100,
      created_at: null,
      updated_at: null,
    };
    const registered = { created_at: TIME, updated_at: TIME };
    const named = (id: string) => ({ id, name: id, code: id });
    expect(body).toEqual({
      warehouses: [
        {
          ...named("Dock"),
          ...none,
          ...registered,
          address: "1 Pier Road",
          is_active: true,
          priority: 900,
        },
        {
          ...named("Attic"),
          ...none,
          ...registered,
          name: "Top",
          is_active: false,
          priority: 100,
        },
        { ...named("Warehouse A"), ...unregistered },
        { ...named("Warehouse B"), ...unregistered },
        { ...named("Warehouse C"), ...unregistered },
        { ...named("default"), ...unregistered },
      ],
      pagination: { total: 6, page: 1, limit: 10, total_pages: 1 },
    });
  });

  test("can be had by page and by whether it is active", async () => {
    const idsIn = async (query: string) => {
      const { warehouses, pagination } = Warehouses.parse((await get(`/warehouses${query}`)).body);
      return [pagination.total, ...warehouses.map(({ id }) => id)];
    };
    expect(await idsIn("?is_active=false")).toEqual([1, "Attic"]);
    expect(await idsIn("?is_active=true&limit=1")).toEqual([5, "Dock"]);
    expect(await idsIn("?limit=2&page=2")).toEqual([6, "Warehouse A", "Warehouse B"]);
    expect(await idsIn("?page=9")).toEqual([6]);
  });

  test.each([
    ["?page=0", "invalid page"],
    ["?limit=101", "invalid limit"],
    ["?is_active=1", "invalid is_active"],
    ["?is_active=true&is_active=false", "invalid is_active"],
    ["?city=Bonn", "unknown query parameter: city"],
  ])("%s is refused: %s", async (query, error) => {
    expectError(await get(`/warehouses${query}`), 400, error);
  });
});

describe.each(["/items", "/items/table", "/items/nothing", "/items?page=0", "/warehouses"])(
  "GET %s is for admins:",
  (path) => {
    test("without a token 401 says what is missing", async () => {
      const bare = await service.call("GET", `${BASE}${path}`);
      expectError(bare, 401, "authorization header is required");
    });

    test("with one that does not hold 401 says why", async () => {
      const forged = await issueToken({
        secret: FORGED_WITH,
        role: "admin",
        subject: "ada",
        ttlSeconds: 60,
      });
      for (const [token, why] of [
        ["garbage", "the token is not a JWT"],
        [forged, "the token could not be verified"],
      ] as const) {
        const headers = { authorization: `Bearer ${token}` };
        const answer = await service.call("GET", `${BASE}${path}`, { headers });
        expectError(answer, 401, `invalid token: ${why}`);
      }
    });

    test("with another role 403", async () => {
      for (const as of ["customer", "service"] as const) {
        const answer = await service.call("GET", `${BASE}${path}`, { as });
        expectError(answer, 403, "admin access required");
      }
    });
  },
);

test("what is not there is 404, and a wrong method 405, in the same shape", async () => {
  expectError(await get("/nothing"), 404, "there is nothing at this path");
  expectError(await get(""), 404, "there is nothing at this path");
  const wrong = await service.call("POST", `${BASE}/items`, { as: "admin", body: "{" });
  expectError(wrong, 405, "this path takes GET, HEAD, OPTIONS");
  expect(wrong.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
});

describe("alone", () => {
  const positions = async () => [{ partition: 0, seq: 12, drained: 9 }];
  const config = { requestDeadlineMs: 50 };
  const { send } = openApp({ contracts: [gateway], store: { positions }, config });

  test("answers GET /health as contract A does", async () => {
    const { status, body } = await send("/health");
    const healthy = { status: "healthy", service: "inventory-service" };
    expect({ status, body }).toMatchObject({ status: 200, body: healthy });
  });

  test.each(["/items", "/warehouses"])("says of %s how far behind the ledger is", async (path) => {
    const { status, headers } = await send(`${BASE}${path}`, { as: "admin" });
    expect([status, headers.get("ledger-lag")]).toEqual([200, "3"]);
  });
});
