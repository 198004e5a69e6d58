/** Lists and spans of movements against a plain array of them, in three partitions. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Fault } from "#inventory/faults";
import {
  CustomerId,
  Location,
  MOVEMENT_TYPES,
  OrderId,
  ProductId,
  type Movement,
  type MovementType,
} from "#inventory/model";
import type { MovementFilter, MovementOrder } from "#inventory/ports";
import { reservationIdOf } from "#inventory/reservation-id";
import { systemClock } from "#lib/clock";
import { createMovementLists } from "#postgres/movement-lists";
import { openLedger, soon, type TestLedger } from "#test/ledger";
import { batch, EPOCH_MS, movement } from "#test/movements";

const PARTITIONS = 3;
const MOVEMENTS = 45;
const everything: MovementFilter = {
  productId: null,
  location: null,
  types: null,
  orderId: null,
  customerId: null,
  reservationId: null,
  actor: null,
  reference: null,
  requestId: null,
  partition: null,
  from: null,
  to: null,
};
const all: Movement[] = [];
let db: TestLedger;

beforeAll(async () => {
  db = await openLedger({ partitions: PARTITIONS });
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    await db.writer.cursor(partition);
    const rows = Array.from({ length: MOVEMENTS }, (_, index) => movementAt(partition, index + 1));
    await db.writer.append({ ...batch(rows), partition });
    all.push(...rows);
  }
});
afterAll(async () => {
  await db[Symbol.asyncDispose]();
});

/** The type of a movement, and what it does to what is on hand. */
function kindOf(seq: number): readonly [MovementType, number] {
  if (seq % 40 === 0) return ["COUNT", 0];
  if (seq % 7 === 0) return ["SALE", -1];
  return seq % 11 === 0 ? ["RETURN", 1] : ["RESERVE", 0];
}

/** Several of each millisecond, over partitions too; what they say repeats with coprime periods. */
function movementAt(partition: number, seq: number): Movement {
  const [type, change] = kindOf(seq);
  return movement(seq, {
    partition,
    type,
    onHandBefore: 100,
    onHandAfter: 100 + change,
    reservedBefore: 5,
    reservedAfter: type === "RESERVE" ? 6 : 5,
    productId: ProductId.parse(`product-${partition}-${seq % 3}`),
    location: Location.parse(seq % 2 === 0 ? "A" : "B"),
    at: EPOCH_MS + Math.floor((seq * (partition + 1)) / 4),
    orderId: seq % 5 === 0 ? null : OrderId.parse(`order-${seq % 13}`),
    customerId: CustomerId.parse(`customer-${seq % 17}`),
    reservationId: reservationIdOf(partition, "0a".repeat(16), `abcdef${10 + (seq % 19)}`),
    actor: `service:${seq % 4}`,
    reference: seq % 6 === 0 ? `'"; ${seq % 23}` : null,
    requestId: `request-${seq % 12}${seq % 24 < 12 ? "" : `#${seq % 2}`}`,
  });
}

const keyOf = ({ at, partition, seq }: Movement): number[] => [at, partition, seq];

function compare(one: Movement, other: Movement): number {
  const [a, b] = [keyOf(one), keyOf(other)];
  const at = a.findIndex((part, index) => part !== b[index]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}

function expected(filter: MovementFilter, order: MovementOrder): string[] {
  const { types, from, to, requestId, ...equal } = filter;
  const found = all
    .filter((row) => types === null || types.includes(row.type))
    .filter(
      (row) =>
        requestId === null || [row.requestId, row.requestId?.split("#")[0]].includes(requestId),
    )
    .filter((row) => (from === null || row.at >= from) && (to === null || row.at < to))
    .filter((row) =>
      Object.entries(equal).every(
        ([name, value]) => value === null || Reflect.get(row, name) === value,
      ),
    )
    .toSorted(compare);
  return (order === "oldest" ? found : found.toReversed()).map(nameOf);
}

const nameOf = ({ partition, seq }: Movement): string => `${partition}-${seq}`;

/** All pages, one after the other; `between` runs after the first. */
async function paged(
  filter: MovementFilter,
  order: MovementOrder,
  more: { limit?: number; scannedMax?: number; between?: () => Promise<void> } = {},
): Promise<string[]> {
  const { limit = 7, scannedMax = 25 } = more;
  const lists = createMovementLists({ sql: db.sql, clock: systemClock, scannedMax });
  const names: string[] = [];
  let cursor: string | null = null;
  for (let pages = 0; pages < 2_000; pages += 1) {
    const page = await lists.movementPage({ ...filter, order, cursor, limit }, soon());
    expect(page.items.length).toBeLessThanOrEqual(limit);
    names.push(...page.items.map(nameOf));
    if (page.nextCursor === null) return names;
    expect(page.nextCursor).not.toBe(cursor ?? "");
    cursor = page.nextCursor;
    if (pages === 0) await more.between?.();
  }
  throw new Error("the list does not end");
}

const product = ProductId.parse("product-1-2");
const FILTERS: Readonly<Record<string, Partial<MovementFilter>>> = {
  everything: {},
  "a partition": { partition: 1 },
  "a product": { productId: product, partition: 1 },
  "a product at a location": { productId: product, partition: 1, location: Location.parse("A") },
  "a product's sales": { productId: product, partition: 1, types: ["SALE"] },
  "a location": { location: Location.parse("B") },
  "types that are frequent": { types: ["SALE", "RETURN"] },
  "types that are rare": { types: ["COUNT", "RETURN"] },
  "an order": { orderId: OrderId.parse("order-3") },
  "an order's sales in a time": {
    orderId: OrderId.parse("order-3"),
    types: ["SALE"],
    from: EPOCH_MS + 5,
    to: EPOCH_MS + 60,
  },
  "a customer": { customerId: CustomerId.parse("customer-4") },
  "a hold": { reservationId: reservationIdOf(2, "0a".repeat(16), "abcdef13") },
  "an actor": { actor: "service:2" },
  "a reference": { reference: "'\"; 12" },
  "a request": { requestId: "request-1" },
  "an item of a request": { requestId: "request-1#1" },
  "what a request counted": { requestId: "request-10", types: ["COUNT", "RETURN"] },
  "nobody's request": { requestId: "request" },
  "a time": { from: EPOCH_MS + 10, to: EPOCH_MS + 20 },
  "a time that begins before all": { from: 0, to: EPOCH_MS + 3 },
  "a time behind all": { from: EPOCH_MS + 1_000_000 },
  "nobody's actor": { actor: "nobody" },
};

describe.each(["newest", "oldest"] as const)("%s first", (order) => {
  test.each(Object.entries(FILTERS))("every movement of %s is listed once", async (name, given) => {
    const filter = { ...everything, ...given };
    const names = expected(filter, order);
    expect(names.length > 0).toBe(!/behind|nobody/.test(name));
    expect(await paged(filter, order)).toEqual(names);
    expect(await paged(filter, order, { limit: 1 })).toEqual(names);
    expect(await paged(filter, order, { limit: 1_000, scannedMax: 100_000 })).toEqual(names);
    expect(await paged(filter, order, { limit: 3, scannedMax: 8 })).toEqual(names);
  });
});

test("spans have every movement once, oldest first within each partition", async () => {
  const lists = createMovementLists({ sql: db.sql, clock: systemClock, scannedMax: 25 });
  for (const given of Object.values(FILTERS)) {
    const filter = { ...everything, ...given };
    const names: string[] = [];
    for (const span of await lists.movementSpans(filter, soon())) {
      let rest: typeof span | null = span;
      while (rest !== null) {
        const part = await lists.movementsIn(filter, rest, soon());
        names.push(...part.movements.map(nameOf));
        rest = part.rest;
      }
    }
    const ordered = expected(filter, "oldest").toSorted((one, other) =>
      one.localeCompare(other, "en", { numeric: true }),
    );
    expect(names).toEqual(ordered);
  }
});

test("a moment is found among movements of one time, gaps and none", async () => {
  const first = async (at: number) =>
    db.count(`SELECT first_movement_at(0, to_timestamp(${EPOCH_MS + at} / 1000.0::float8))`);
  // Four movements a millisecond; seq 1 to 3 are of the first.
  expect(await first(-1)).toBe(1);
  expect(await first(0)).toBe(1);
  expect(await first(1)).toBe(4);
  expect(await first(2)).toBe(8);
  expect(await first(1_000)).toBe(MOVEMENTS + 1);
});

test("pages that were begun stay as they were while new movements come", async () => {
  const before = expected(everything, "newest");
  const rows = [1, 2, 3].map((more) =>
    movement(MOVEMENTS + more, { at: EPOCH_MS + 1_000, partition: 0 }),
  );
  const between = async (): Promise<void> => {
    const from = { epoch: 1, seq: MOVEMENTS };
    await db.writer.append({ ...batch(rows), from, partition: 0 });
  };
  expect(await paged(everything, "newest", { between })).toEqual(before);
  all.push(...rows);
  expect(await paged(everything, "newest")).toEqual(expected(everything, "newest"));
});

test.each(["", "e30", "WzEsMl0", "WyJhIiwwLDFd", "no cursor at all", "WzEsMCwtMV0"])(
  "a cursor of nobody is refused by name: %p",
  async (cursor) => {
    const lists = createMovementLists({ sql: db.sql, clock: systemClock });
    const query = { ...everything, order: "newest", cursor, limit: 1 } as const;
    const refusal: unknown = await lists.movementPage(query, soon()).catch((error) => error);
    expect(refusal).toBeInstanceOf(Fault);
    expect(refusal).toMatchObject({ code: "validation_failed", errors: [{ path: "cursor" }] });
  },
);

test("what has an index is found by it", async () => {
  const planOf = async (where: string): Promise<string> => {
    await db.sql.unsafe("ANALYZE movements");
    const rows = await db.sql.begin(async (sql) => {
      await sql.unsafe("SET LOCAL enable_seqscan = off");
      return sql.unsafe(`EXPLAIN SELECT * FROM movements WHERE ${where}`);
    });
    return JSON.stringify(rows);
  };
  const rare = MOVEMENT_TYPES.filter(
    (type) => !["RESERVE", "SALE", "RELEASE", "EXPIRE", "EXTEND"].includes(type),
  );
  expect(rare.length).toBeGreaterThan(5);
  const hot = "type NOT IN ('RESERVE', 'SALE', 'RELEASE', 'EXPIRE', 'EXTEND')";
  expect(await planOf(`partition = 0 AND seq > 5 AND ${hot}`)).toContain("partition_seq_idx");
  expect(await planOf("order_id = 'order-3' AND type IN ('SALE', 'RETURN')")).toContain(
    "order_id_product_id_idx",
  );
  const ofRequest = `request_id COLLATE "C" > 'r#' AND request_id COLLATE "C" < 'r$'`;
  expect(await planOf(`${hot} AND (request_id COLLATE "C" = 'r' OR ${ofRequest})`)).toContain(
    "request_id_idx",
  );
  expect(await planOf("product_id = 'product-1-2' AND location = 'A' AND seq > 5")).toContain(
    "product_id_location_seq_idx",
  );
});
