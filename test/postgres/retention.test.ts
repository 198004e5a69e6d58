import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { CustomerId, Location, OrderId, ProductId, type Movement } from "#inventory/model";
import type { LedgerWriter } from "#inventory/ports";
import { systemClock } from "#lib/clock";
import { createEventLedger } from "#postgres/event-ledger";
import { writeEventCursor } from "#inventory/event-cursor";
import { createLedgerWriter } from "#postgres/ledger-writer";
import { createPseudonymizations, createPseudonymWork } from "#postgres/pseudonymizations";
import { putAway, rangesBefore, type MovementRange } from "#postgres/retention";
import { verifyChain } from "#postgres/verify-chain";
import { openLedger, soon, type TestLedger } from "#test/ledger";
import { batch, EPOCH_MS, movement, oversold } from "#test/movements";
import { NOBODY_COUNTED } from "#test/pseudonyms";

const RANGE = 10_000_000;
const FIRST = RANGE - 20;
const PAST = RANGE + 1_000;
const TEST_MS_MAX = 60_000;
const [CAROL, DAN] = [CustomerId.parse("carol"), CustomerId.parse("dan")];
const [LAMP, VASE] = [ProductId.parse("lamp"), ProductId.parse("vase")];
const ORDER = OrderId.parse("order-1");
const NEVER = { kind: "seq", seq: 10 * RANGE } as const;

let db: TestLedger;
let writer: LedgerWriter;
/** Units of each level, as the movements so far have it. */
let levels: Map<string, [number, number]>;
let seq: number;
beforeEach(async () => {
  db = await openLedger({ partitions: 2 });
  writer = createLedgerWriter(db.sql, { chain: true });
  levels = new Map();
  await db.sql`UPDATE partitions SET cursor_epoch = 1, cursor_seq = ${FIRST - 1}`;
  await writer.cursor(0);
  await writer.cursor(1);
  seq = FIRST;
}, TEST_MS_MAX);
afterEach(() => db[Symbol.asyncDispose]());

/** The next movement of partition 0, which follows what its level was. */
function moved(
  type: Movement["type"],
  [onHand, reserved]: [number, number],
  more: Partial<Movement> = {},
): Movement {
  const { productId = LAMP, location = Location.parse("A") } = more;
  const key = `${productId}/${location}`;
  const [onHandBefore, reservedBefore] = levels.get(key) ?? [0, 0];
  const [onHandAfter, reservedAfter] = [onHandBefore + onHand, reservedBefore + reserved];
  levels.set(key, [onHandAfter, reservedAfter]);
  const units = { onHandBefore, onHandAfter, reservedBefore, reservedAfter };
  const row = movement(seq, { type, productId, location, ...units, ...more });
  seq += 1;
  return row;
}
const write = (...rows: Movement[]) => writer.append(batch(rows));

/** Movements of nothing, so that a partition comes past the range. */
async function goOn(partition: number, first: number, last = PAST, by = writer): Promise<void> {
  const onHand = 5 * partition;
  const extend = { type: "EXTEND", partition, onHandBefore: onHand, onHandAfter: onHand } as const;
  const rows = Array.from({ length: last - first + 1 }, (_, i) =>
    movement(first + i, {
      ...extend,
      productId: VASE,
      location: Location.parse(`of-${partition}`),
      reservedBefore: 0,
      reservedAfter: 0,
    }),
  );
  await by.append(batch(rows));
}

/** An order that was sold and gave back on both sides of the boundary, and another partition. */
async function history(): Promise<void> {
  const sale = { orderId: ORDER, customerId: CAROL, actor: `customer:${CAROL}` };
  const B = Location.parse("B");
  await write(
    moved("INITIAL", [100, 0]),
    moved("RESERVE", [0, 5], sale),
    moved("SALE", [-5, -5], sale),
    moved("SALE", [-3, 0], { orderId: ORDER, customerId: DAN }),
    moved("RETURN", [2, 0], sale),
    moved("RETURN", [1, 0], { orderId: ORDER }),
    moved("RESTOCK", [7, 0], { location: B }),
    moved("RESERVE", [0, 4]),
    moved("ATTRIBUTE", [0, 0]),
  );
  while (seq < RANGE) await write(moved("RESTOCK", [1, 0]));
  await write(
    moved("SALE", [-4, 0], sale),
    moved("RETURN", [1, 0], sale),
    moved("RELEASE", [0, -4]),
    moved("RESTOCK", [1, 0], { location: B }),
  );
  const initial = { type: "INITIAL", onHandAfter: 5, onHandBefore: 0, partition: 1 } as const;
  const at = { productId: VASE, location: Location.parse("of-1") };
  const vase = { ...at, reservedBefore: 0, reservedAfter: 0 };
  await writer.append(batch([movement(FIRST, { ...initial, ...vase })]));
  await goOn(1, FIRST + 1);
  await goOn(0, seq);
}

const ranges = (before: Parameters<typeof rangesBefore>[1] = NEVER) => rangesBefore(db.sql, before);
async function firstRange(): Promise<MovementRange> {
  const [first] = await ranges();
  if (first === undefined) throw new Error("there are ranges");
  return first;
}
const putFirstAway = async () => putAway(db.sql, await firstRange());

const salesOf = (customerId: CustomerId | null) =>
  db.ledger.orderSales({ partition: 0, productId: LAMP, orderId: ORDER, customerId }, soon());
const stockAt = (at: number) => db.ledger.stockAt({ productId: LAMP, partition: 0, at }, soon());
const kept = () => db.count("SELECT count(*) FROM movements");

describe("a range that is put away", () => {
  test(
    "leaves sums of orders, later instants, events and the chain as they were, and says what it took",
    async () => {
      await history();
      const sales = () => Promise.all([salesOf(null), salesOf(CAROL), salesOf(DAN)]);
      const instants = [-21, -15, -2, -1, 0, 1, 2, 500].map((at) => EPOCH_MS + RANGE + at);
      const stock = () => Promise.all(instants.map(stockAt));
      const [soldBefore, stockBefore] = [await sales(), await stock()];
      expect(soldBefore).toMatchObject([
        { sold: 12, returned: 4 },
        { sold: 9, returned: 4 },
        { sold: 3, returned: 1 },
      ]);
      const all = await kept();
      await putFirstAway();

      expect(await sales()).toEqual(soldBefore);
      const stockAfter = await stock();
      const isKept = stockAfter.map((then) => then.kept);
      expect(isKept).toEqual([false, false, false, true, true, true, true, true]);
      expect(stockAfter.slice(3)).toEqual(stockBefore.slice(3));

      // The table is there under its name, and is none of the ledger's.
      expect(await db.count("SELECT count(*) FROM movements_0")).toBe(40);
      expect(await kept()).toBe(all - 40);
      expect(await ranges()).toMatchObject([{ first: RANGE, stays: expect.any(String) }]);
      const [opening] = await db.sql`SELECT seq, on_hand, reserved FROM level_openings
        WHERE product_id = 'lamp' AND location = 'B'`;
      expect(opening).toMatchObject({ on_hand: 7, reserved: 0, seq: FIRST + 6 });

      expect(await db.ledger.putAwayUntil(0, soon())).toBe(EPOCH_MS + RANGE - 1);
      expect(await db.ledger.putAwayUntil(null, soon())).toBe(EPOCH_MS + RANGE - 1);

      const events = createEventLedger({ sql: db.sql, clock: systemClock });
      const readAfter = (at: number) => {
        const places = [0, 1].map((partition) => ({ partition, seq: at, number: 1 }));
        const after = writeEventCursor(places);
        return events.events({ after, types: null, limit: 5 }, soon());
      };
      expect(await readAfter(RANGE - 2)).toEqual({ kind: "gone" });
      expect(await readAfter(RANGE - 1)).toMatchObject({ kind: "events" });

      for (const partition of [0, 1]) {
        const chain = await verifyChain(db.sql, partition, { pageRows: 100 });
        expect(chain).toMatchObject({ kind: "intact", links: 1_001, segments: [{ from: RANGE }] });
      }
      await db.sql`UPDATE movements SET reason = 'x' WHERE seq = ${RANGE}`;
      expect(await verifyChain(db.sql, 0)).toMatchObject({ seq: RANGE, cause: "changed" });
      await db.sql`UPDATE movements SET reason = NULL WHERE seq = ${RANGE}`;

      // The drain goes on, and so do the sums.
      await writer.cursor(0);
      seq = PAST + 1;
      await write(moved("SALE", [-1, 0], { orderId: ORDER, customerId: CAROL }));
      expect(await salesOf(CAROL)).toMatchObject({ sold: 10, returned: 4 });
      expect(await verifyChain(db.sql, 0)).toMatchObject({ kind: "intact" });
    },
    TEST_MS_MAX,
  );

  test(
    "adds to the one before it",
    async () => {
      await history();
      await putFirstAway();
      const before = [await salesOf(null), await salesOf(CAROL)];
      const plain = createLedgerWriter(db.sql, { chain: false });
      for (const partition of [0, 1]) {
        await plain.cursor(partition);
        await goOn(partition, PAST + 1, PAST + 1, plain);
      }
      // As if ten million movements had come.
      await db.sql`UPDATE partitions SET cursor_seq = ${2 * RANGE + 1_000}`;
      await putFirstAway();
      expect([await salesOf(null), await salesOf(CAROL)]).toMatchObject(
        before.map(({ sold, returned }) => ({ sold, returned })),
      );
      const [opening] = await db.sql`
        SELECT on_hand, reserved FROM level_openings WHERE product_id = 'lamp' AND location = 'A'`;
      const [onHand, reserved] = levels.get(`${LAMP}/A`) ?? [];
      expect(opening).toEqual({ on_hand: onHand ?? -1, reserved: reserved ?? -1 });
      expect(await kept()).toBe(0);
      const tables = await db.sql`SELECT first_seq FROM put_away_ranges ORDER BY first_seq`;
      expect(tables.map(({ first_seq }) => Number(first_seq))).toEqual([0, RANGE]);
      // A chain whose every link was put away says nothing any more.
      expect(await verifyChain(db.sql, 0)).toMatchObject({
        kind: "intact",
        segments: [],
        links: 0,
      });
    },
    TEST_MS_MAX,
  );

  test(
    "is reached by pseudonyms while its table is there, and so are the sums of orders",
    async () => {
      await history();
      await putFirstAway();
      const wanted = {
        id: "p".repeat(32),
        customerId: CAROL,
        pseudonym: CustomerId.parse("pseudonym-of-a-test"),
        operation: null,
        askedBy: "admin:ada",
      };
      const asking = createPseudonymizations(db.sql, systemClock);
      await asking.ask(wanted, soon());
      // Nothing is put away meanwhile.
      await expect(putFirstAway()).rejects.toThrow("a customer's id is being replaced");
      const work = createPseudonymWork(db.sql, NOBODY_COUNTED);
      while (await work.step());
      expect(await asking.read(wanted.id, soon())).toMatchObject({ movements: 5, progress: 100 });
      for (const table of ["movements_0", "movements", "order_openings"]) {
        const named = `SELECT count(*) FROM ${table} AS one WHERE one::text LIKE '%carol%'`;
        expect([table, await db.count(named)]).toEqual([table, 0]);
      }
      expect(await salesOf(wanted.pseudonym)).toMatchObject({ sold: 9, returned: 4 });
      // A table that an operator dropped is nobody's business any more.
      await db.sql`DROP TABLE movements_0`;
      await asking.ask(
        { ...wanted, id: "q".repeat(32), customerId: DAN, pseudonym: CAROL },
        soon(),
      );
      while (await work.step());
      expect(await asking.read("q".repeat(32), soon())).toMatchObject({ progress: 100 });
    },
    TEST_MS_MAX,
  );
});

describe("a range stays", () => {
  test(
    "while it is not wholly before the boundary, by seq and by time",
    async () => {
      await history();
      const staysFor = async (before: Parameters<typeof rangesBefore>[1]) =>
        (await ranges(before)).map(({ stays }) => stays);
      const newest = EPOCH_MS + RANGE - 1;
      expect(await staysFor({ kind: "seq", seq: RANGE })).toMatchObject([null, expect.any(String)]);
      expect(await staysFor({ kind: "seq", seq: RANGE - 1 })).toEqual([`it ends at ${RANGE - 1}`]);
      expect(await staysFor({ kind: "time", at: newest + 1 })).toEqual([
        null,
        expect.stringContaining("partition 0 is at"),
      ]);
      const [reason] = await staysFor({ kind: "time", at: newest });
      expect(reason).toContain(new Date(newest).toISOString());
    },
    TEST_MS_MAX,
  );

  test(
    "while a partition is not past it, it is young, or something in it is in quarantine",
    async () => {
      await history();
      await db.sql`UPDATE partitions SET cursor_seq = ${PAST - 2} WHERE partition = 1`;
      expect((await firstRange()).stays).toContain("partition 1 is at");
      await db.sql`UPDATE partitions SET cursor_seq = ${PAST} WHERE partition = 1`;
      await db.sql`
        INSERT INTO quarantine (partition, seq, epoch, payload, error)
        VALUES (0, 5, 1, ${db.sql.json({ movement: null })}, 'refused')`;
      expect((await firstRange()).stays).toContain("1 of its movements are in quarantine");
      await db.sql`UPDATE quarantine SET settled_at = now()`;
      expect((await firstRange()).stays).toBeNull();
      await db.sql`UPDATE movements SET at = now() - interval '47 hours' WHERE seq = ${RANGE - 1}`;
      expect((await firstRange()).stays).toContain("younger than two days");
    },
    TEST_MS_MAX,
  );

  test(
    "and nothing changes, where its movements do not add up, unless one of that product was set aside",
    async () => {
      await history();
      await db.sql`DELETE FROM movements WHERE seq = ${FIRST + 3}`;
      const before = await kept();
      const range = await firstRange();
      await expect(putAway(db.sql, range)).rejects.toThrow("lamp at A do not add up");
      expect(await kept()).toBe(before);
      for (const table of ["level_openings", "order_openings", "partition_openings"]) {
        expect(await db.count(`SELECT count(*) FROM ${table}`)).toBe(0);
      }
      const payload = JSON.stringify({ movement: oversold(FIRST + 3, { productId: LAMP }) });
      await db.sql`
        INSERT INTO quarantine (partition, seq, epoch, payload, error, settled_at)
        VALUES (0, ${FIRST + 3}, 1, ${payload}::text::json, 'refused', now())`;
      await putAway(db.sql, range);
      expect(await kept()).toBe(before - 38);
    },
    TEST_MS_MAX,
  );
});
