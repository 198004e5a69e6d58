import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  DEFAULT_RULE,
  Location,
  ProductId,
  STOCK_STATUSES,
  statusOf,
  totalsOf,
  type Movement,
  type StockStatus,
} from "#inventory/model";
import type { RecentProductFilter } from "#inventory/ports";
import { openLedger, soon, type TestLedger } from "#test/ledger";
import { batch, EPOCH_MS, movement, product } from "#test/movements";

const [A, B] = [Location.parse("A"), Location.parse("B")];
const THRESHOLD = 10;
const SAFETY = 2;
/** Levels: location, onHand, reserved and the millisecond of the last movement. */
const STOCK = [
  { id: "plenty", levels: [[A, 50, 0, 70]] },
  { id: "low-b", levels: [[A, 12, 0, 50]] },
  { id: "low-a", levels: [[A, 15, 4, 50]] },
  { id: "none", levels: [[B, 5, 3, 90]] },
  { id: "below", levels: [[A, 1, 0, 20]] },
  // It changed last at the second location.
  { id: "both", levels: [[A, 8, 0, 10], [B, 8, 0, 80]] }, // prettier-ignore
  { id: "first", levels: [[B, 900, 0, 15]] },
] as const;
const everything: RecentProductFilter = { status: null, location: null, isLow: false };
const NEWEST_FIRST = ["none", "both", "plenty", "low-a", "low-b", "below", "first"];
let db: TestLedger;
let seq = 0;

beforeAll(async () => {
  db = await openLedger();
  await db.writer.cursor(0);
  const levels = STOCK.flatMap(({ id, levels: all }) =>
    all.map(([location, onHand, reserved, ms]) => stands(id, location, onHand, reserved, ms)),
  );
  const products = STOCK.map(({ id }, index) =>
    product(id, index + 1, { safetyStock: SAFETY, lowStockThreshold: THRESHOLD }),
  );
  await db.writer.append(batch(levels, { products }));
});
afterAll(async () => {
  await db[Symbol.asyncDispose]();
});

/** The next movement, after which a level stands like this. */
function stands(
  id: string,
  location: Location,
  onHand: number,
  reserved: number,
  ms: number,
): Movement {
  seq += 1;
  const after = {
    onHandBefore: onHand,
    onHandAfter: onHand,
    reservedBefore: 0,
    reservedAfter: reserved,
  };
  return movement(seq, { productId: ProductId.parse(id), location, at: EPOCH_MS + ms, ...after });
}

async function read(filter: Partial<RecentProductFilter> = {}, before = 0, limit = 100) {
  const rows = { before, limit };
  const { items, total } = await db.ledger.recentProducts(
    { ...everything, ...filter },
    rows,
    soon(),
  );
  return { ids: items.map(String), total };
}
const isLow = (status: StockStatus) => status !== "in_stock";
/** The rule of the core, of those in the order of the list. */
function statusesOf(inactive: readonly Location[] = []): Map<string, StockStatus> {
  const byId = STOCK.map(({ id, levels: all }) => {
    const levels = all.map(([location, onHand, reserved]) => {
      return { ...DEFAULT_RULE, location, onHand, reserved, active: !inactive.includes(location) };
    });
    const { available } = totalsOf({ levels, safetyStock: SAFETY });
    return [id, statusOf(available, THRESHOLD)] as const;
  });
  return new Map(byId.toSorted(([a], [b]) => NEWEST_FIRST.indexOf(a) - NEWEST_FIRST.indexOf(b)));
}

describe("recent products", () => {
  test("are listed newest change first, at whatever location, and by id where it is the same", async () => {
    expect(await read()).toEqual({ ids: NEWEST_FIRST, total: STOCK.length });
  });

  test("are in pages that hold each once, and a page beyond the end is empty, with the right total", async () => {
    for (const limit of [1, 2, 3, 7, 100]) {
      const ids: string[] = [];
      for (let before = 0; before < STOCK.length; before += limit) {
        const page = await read({}, before, limit);
        expect(page.total).toBe(STOCK.length);
        expect(page.ids.length).toBe(Math.min(limit, STOCK.length - before));
        ids.push(...page.ids);
      }
      expect(ids).toEqual(NEWEST_FIRST);
    }
    expect(await read({}, STOCK.length, 5)).toEqual({ ids: [], total: STOCK.length });
    expect(await read({ location: B }, 99_000, 100)).toEqual({ ids: [], total: 3 });
    const never = await read({ location: Location.parse("elsewhere") });
    expect(never).toEqual({ ids: [], total: 0 });
  });

  test("are filtered by status, by location and to those that are low, and by all of them", async () => {
    const statuses = statusesOf();
    let seen = 0;
    for (const status of STOCK_STATUSES) {
      const ids = NEWEST_FIRST.filter((id) => statuses.get(id) === status);
      expect([status, await read({ status })]).toEqual([status, { ids, total: ids.length }]);
      expect(ids.length).toBeGreaterThan(0);
      seen += ids.length;
      const low = { ids: isLow(status) ? ids : [], total: isLow(status) ? ids.length : 0 };
      expect([status, await read({ status, isLow: true })]).toEqual([status, low]);
    }
    expect(seen).toBe(STOCK.length);
    const low = NEWEST_FIRST.filter((id) => isLow(statuses.get(id) ?? "in_stock"));
    expect(await read({ isLow: true })).toEqual({ ids: low, total: low.length });
    // The whole product counts and is dated, not its level at that location.
    expect(await read({ location: A })).toEqual({
      ids: ["both", "plenty", "low-a", "low-b", "below"],
      total: 5,
    });
    expect(await read({ location: A, status: "in_stock" })).toEqual({
      ids: ["both", "plenty"],
      total: 2,
    });
    expect(await read({ location: B, isLow: true })).toEqual({ ids: ["none"], total: 1 });
    expect(await read({ status: "low_stock" }, 1, 1)).toEqual({ ids: ["low-b"], total: 2 });
  });

  test("have nothing available at an inactive location", async () => {
    const registered = { location: B, version: 1, name: null, address: null, priority: 1 };
    const times = { createdAt: EPOCH_MS, updatedAt: EPOCH_MS };
    const one = { ...registered, ...times, active: false, seq: seq + 1 };
    seq += 1;
    const change = movement(seq, {
      productId: null,
      location: B,
      type: "ATTRIBUTE",
      onHandBefore: 0,
      onHandAfter: 0,
      reservedBefore: 0,
      reservedAfter: 0,
    });
    await db.writer.append(batch([change], { locations: [one] }));
    const statuses = statusesOf([B]);
    expect(statuses).not.toEqual(statusesOf());
    for (const status of STOCK_STATUSES) {
      const ids = NEWEST_FIRST.filter((id) => statuses.get(id) === status);
      expect([status, await read({ status })]).toEqual([status, { ids, total: ids.length }]);
    }
    expect((await read()).ids).toEqual(NEWEST_FIRST);
  });

  test("and their total are of one state while products are added", async () => {
    const extra = 60;
    const seen = new Set<number>();
    for (let number = 0; number < extra; number += 1) {
      const id = `new-${number}`;
      const level = stands(id, A, 1, 0, 1_000 + number);
      const adding = db.writer.append(batch([level], { products: [product(id, seq)] }));
      const pages = await Promise.all([read(), read(), read(), adding.then(() => read())]);
      for (const { ids, total } of pages) {
        expect(ids.length).toBe(total);
        seen.add(total);
      }
    }
    expect(seen.size).toBeGreaterThanOrEqual(extra);
    const { ids, total } = await read({}, 0, 2);
    expect({ ids, total }).toEqual({ ids: ["new-59", "new-58"], total: STOCK.length + extra });
  });
});
