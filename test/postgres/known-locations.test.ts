import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { DEFAULT_RULE, Location, PRIORITY_DEFAULT, ProductId } from "#inventory/model";
import { openLedger, soon, type TestLedger } from "#test/ledger";
import { batch, EPOCH_MS, movement, product } from "#test/movements";

const REGISTERED = [
  { location: "north", name: "Zagreb", priority: 500, active: true },
  { location: "south", name: null, priority: 7, active: false },
  // Two of one name go by id.
  { location: "west", name: "Ghent", priority: PRIORITY_DEFAULT, active: true },
  { location: "east", name: "Ghent", priority: PRIORITY_DEFAULT, active: true },
  { location: "idle", name: "alpha", priority: PRIORITY_DEFAULT, active: false },
] as const;
/** Levels; only `south` is registered too. */
const STOCKED = ["south", "Hall 2", "Annex", "kiosk"];
const ORDER = ["north", "Annex", "east", "west", "Hall 2", "idle", "kiosk", "south"];
let db: TestLedger;

beforeAll(async () => {
  db = await openLedger();
  await db.writer.cursor(0);
  const registrations = REGISTERED.map((_, index) =>
    movement(index + 1, {
      productId: null,
      type: "ATTRIBUTE",
      onHandBefore: 0,
      onHandAfter: 0,
      reservedBefore: 0,
      reservedAfter: 0,
    }),
  );
  const locations = REGISTERED.map((one, index) => ({
    ...one,
    location: Location.parse(one.location),
    address: `${one.location} street`,
    createdAt: EPOCH_MS + index,
    updatedAt: EPOCH_MS + 100 + index,
    version: index + 1,
    seq: index + 1,
  }));
  // Of two products each, one level without a unit.
  const levels = STOCKED.flatMap((location, index) =>
    ["p1", "p2"].map((id, which) =>
      movement(REGISTERED.length + 2 * index + which + 1, {
        productId: ProductId.parse(id),
        location: Location.parse(location),
        onHandBefore: which,
        onHandAfter: which,
        reservedBefore: 0,
        reservedAfter: 0,
      }),
    ),
  );
  const products = ["p1", "p2"].map((id) => product(id, REGISTERED.length + 1));
  await db.writer.append(batch([...registrations, ...levels], { locations, products }));
});
afterAll(async () => {
  await db[Symbol.asyncDispose]();
});

async function read(active: boolean | null = null, before = 0, limit = 100) {
  const { items, total } = await db.ledger.knownLocations(active, { before, limit }, soon());
  return { ids: items.map(({ location }) => String(location)), total, items };
}

describe("known locations", () => {
  test("are the registered ones and those with products, highest priority first, then by name, then by id", async () => {
    const { ids, total } = await read();
    expect(ids).toEqual(ORDER);
    expect(total).toBe(ORDER.length);
  });

  test("are as they were registered; one that nobody registered is active and has no times", async () => {
    const { items } = await read();
    expect(items.find(({ location }) => location === "south")).toEqual({
      location: Location.parse("south"),
      name: null,
      address: "south street",
      priority: 7,
      active: false,
      createdAt: EPOCH_MS + 1,
      updatedAt: EPOCH_MS + 101,
    });
    expect(items.find(({ location }) => location === "Annex")).toEqual({
      location: Location.parse("Annex"),
      name: null,
      address: null,
      ...DEFAULT_RULE,
      createdAt: null,
      updatedAt: null,
    });
  });

  test("are in pages that hold each once, and a page beyond the end is empty, with the right total", async () => {
    for (const limit of [1, 3, 8]) {
      const found: string[] = [];
      for (let before = 0; before < ORDER.length; before += limit) {
        const { ids, total } = await read(null, before, limit);
        expect(total).toBe(ORDER.length);
        found.push(...ids);
      }
      expect(found).toEqual(ORDER);
    }
    expect(await read(null, 8, 3)).toEqual({ ids: [], total: ORDER.length, items: [] });
  });

  test("are filtered by whether they are active", async () => {
    expect(await read(false)).toMatchObject({ ids: ["idle", "south"], total: 2 });
    const active = ORDER.filter((id) => id !== "idle" && id !== "south");
    expect(await read(true)).toMatchObject({ ids: active, total: active.length });
    expect(await read(true, 1, 2)).toMatchObject({ ids: active.slice(1, 3), total: active.length });
  });
});
