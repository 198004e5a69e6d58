import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Fault } from "#inventory/faults";
import {
  CustomerId,
  DEFAULT_RULE,
  Location,
  OrderId,
  ProductId,
  Sku,
  STOCK_STATUSES,
  statusOf,
  totalsOf,
} from "#inventory/model";
import type { Page, ProductQuery, ReservationQuery } from "#inventory/ports";
import { openLedger, soon, type TestLedger } from "#test/ledger";
import { batch, EPOCH_MS, HOME, movement, product, reservation } from "#test/movements";

const PRODUCTS = [
  { id: "apple", name: "100% Juice", onHand: 50, reserved: 0, safetyStock: 0 },
  { id: "Banana", name: "Yellow_fruit", onHand: 12, reserved: 5, safetyStock: 0 },
  { id: "cherry", name: null, onHand: 10, reserved: 10, safetyStock: 0 },
  { id: "date", name: "Dates \\ dried", onHand: 30, reserved: 10, safetyStock: 10 },
  { id: "elder", name: "yellow", onHand: 5, reserved: 0, safetyStock: 9 },
];
const HOLDS = 25;
const everyProduct: ProductQuery = {
  q: null,
  status: null,
  location: null,
  cursor: null,
  limit: 2,
};
const everyHold: ReservationQuery = {
  orderId: null,
  customerId: null,
  status: null,
  cursor: null,
  limit: 10,
};
let db: TestLedger;

beforeAll(async () => {
  db = await openLedger();
  await db.writer.cursor(0);
  const stock = PRODUCTS.map(({ id, onHand, reserved }, index) =>
    movement(index + 1, {
      productId: ProductId.parse(id),
      location: Location.parse(id === "date" ? "shelf" : "default"),
      onHandBefore: onHand,
      onHandAfter: onHand,
      reservedBefore: 0,
      reservedAfter: reserved,
    }),
  );
  const products = PRODUCTS.map(({ id, name, safetyStock }, index) =>
    product(id, index + 1, { name, safetyStock }),
  );
  await db.writer.append(batch(stock, { products }));
  const holds = Array.from({ length: HOLDS }, (_, index) => hold(index));
  await db.writer.append(batch([movement(6)], { reservations: holds }));
});
afterAll(async () => {
  await db[Symbol.asyncDispose]();
});

/** Three at a time are of the same millisecond. */
function hold(number: number) {
  return reservation(number, {
    createdAt: EPOCH_MS + Math.floor(number / 3),
    orderId: OrderId.parse(`order-${number % 3}`),
    customerId: number % 5 === 0 ? null : CustomerId.parse(`customer-${number % 2}`),
    status: number % 4 === 0 ? "EXPIRED" : "ACTIVE",
    endReason: number % 4 === 0 ? "expired" : "",
  });
}

/** Every item of a list, page by page. */
async function all<Item>(read: (cursor: string | null) => Promise<Page<Item>>): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | null = null;
  for (let pages = 0; pages < 100; pages += 1) {
    const page: Page<Item> = await read(cursor);
    items.push(...page.items);
    cursor = page.nextCursor;
    if (cursor === null) return items;
  }
  throw new Error("the list does not end");
}
const productIds = (query: Partial<ProductQuery>) =>
  all<string>((cursor) => db.ledger.products({ ...everyProduct, ...query, cursor }, soon()));
const holdIds = async (query: Partial<ReservationQuery>) => {
  const read = (cursor: string | null) =>
    db.ledger.reservations({ ...everyHold, ...query, cursor }, soon());
  return (await all(read)).map(({ reservationId }) => reservationId);
};

describe("products", () => {
  test("are listed once each, by id, whatever the size of a page", async () => {
    for (const limit of [1, 2, 4, 5, 100]) {
      const ids = await productIds({ limit });
      expect(ids).toEqual(["Banana", "apple", "cherry", "date", "elder"]);
    }
  });

  test.each([
    ["YELLOW", ["Banana", "elder"]],
    ["sku-ch", ["cherry"]],
    ["%", ["apple"]],
    ["_", ["Banana"]],
    ["\\", ["date"]],
    ["nothing has this", []],
  ])("are found by a part of id, SKU or name: %s", async (q, ids) => {
    expect(await productIds({ q })).toEqual(ids);
  });

  test("are found by their status as the core words it, and by location", async () => {
    let found = 0;
    for (const status of STOCK_STATUSES) {
      const expected = PRODUCTS.filter(({ onHand, reserved, safetyStock }) => {
        const levels = [{ location: HOME, onHand, reserved, ...DEFAULT_RULE }];
        return statusOf(totalsOf({ levels, safetyStock }).available, 10) === status;
      });
      const ids = expected.map(({ id }) => id).toSorted();
      expect([status, await productIds({ status })]).toEqual([status, ids]);
      found += ids.length;
    }
    expect(found).toBe(PRODUCTS.length);
    expect(await productIds({ location: Location.parse("shelf") })).toEqual(["date"]);
  });

  test("are found by SKU", async () => {
    expect(await db.ledger.productOfSku(Sku.parse("sku-date"), soon())).toBe(
      ProductId.parse("date"),
    );
    expect(await db.ledger.productOfSku(Sku.parse("none"), soon())).toBeNull();
  });
});

describe("reservations", () => {
  test("are listed once each, newest first, also those of one millisecond", async () => {
    const expected = Array.from({ length: HOLDS }, (_, index) => hold(index))
      .toSorted((a, b) => b.createdAt - a.createdAt || (a.reservationId < b.reservationId ? 1 : -1))
      .map(({ reservationId }) => reservationId);
    for (const limit of [1, 2, 7, 100]) expect(await holdIds({ limit })).toEqual(expected);
  });

  test("that come while a list is read move none of its pages", async () => {
    const first = await db.ledger.reservations({ ...everyHold, limit: 5 }, soon());
    const later = reservation(1_000, { createdAt: EPOCH_MS + 1_000 });
    await db.writer.append(batch([movement(7)], { reservations: [later] }));
    const rest = await all((cursor) =>
      db.ledger.reservations({ ...everyHold, cursor: cursor ?? first.nextCursor }, soon()),
    );
    expect(first.items.length + rest.length).toBe(HOLDS);
    expect(
      await db.sql`DELETE FROM reservations WHERE created_at > ${new Date(EPOCH_MS + 999)}`,
    ).toHaveProperty("count", 1);
  });

  test("are found by order, customer and status together", async () => {
    const query = {
      orderId: OrderId.parse("order-0"),
      customerId: CustomerId.parse("customer-1"),
      status: "ACTIVE",
    } as const;
    const expected = Array.from({ length: HOLDS }, (_, index) => hold(index)).filter(
      ({ orderId, customerId, status }) =>
        orderId === query.orderId && customerId === query.customerId && status === query.status,
    );
    expect(expected.length).toBeGreaterThan(1);
    const ids = expected.map(({ reservationId }) => reservationId).toReversed();
    expect(await holdIds({ ...query, limit: 1 })).toEqual(ids);
  });

  test("are read back as they were; another generation of the owner is not there", async () => {
    const { reservationId } = hold(5);
    expect(await db.ledger.reservation(reservationId, soon())).toEqual(hold(5));
    const other = reservation(999).reservationId;
    expect(await db.ledger.reservation(other, soon())).toBeNull();
  });
});

describe("a read", () => {
  test.each(["", "nonsense", "W10", "WzFd", "WyJhIiwiYiJd"])(
    "refuses a cursor that no list answered: %p",
    async (cursor) => {
      for (const read of [
        db.ledger.reservations({ ...everyHold, cursor }, soon()),
        db.ledger.products({ ...everyProduct, cursor }, soon()),
      ]) {
        const error = await read.then(
          () => null,
          (reason: unknown) => reason,
        );
        expect(error).toBeInstanceOf(Fault);
        expect(error).toMatchObject({ code: "validation_failed", errors: [{ path: "cursor" }] });
      }
    },
  );

  test("is refused when its deadline has passed", async () => {
    const late = db.ledger.movements(ProductId.parse("apple"), 5, soon(-1));
    await expect(late).rejects.toMatchObject({ code: "ledger_unavailable" });
  });

  test("of movements is bounded and newest first", async () => {
    const found = await db.ledger.movements(ProductId.parse("product-1"), 1_000_000, soon());
    expect(found.map(({ seq }) => seq)).toEqual([7, 6]);
    expect(await db.ledger.movements(ProductId.parse("product-1"), 1, soon())).toHaveLength(1);
  });
});
