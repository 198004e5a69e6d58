import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { OrderId, ProductId, type Reservation } from "#inventory/model";
import type { ALERT_ENDS } from "#inventory/event-ports";
import type { EventType } from "#inventory/ports";
import type { PartitionPart } from "#inventory/rebuild-ports";
import { systemClock } from "#lib/clock";
import { createAlertDesk, createEventLedger } from "#postgres/event-ledger";
import { writeEventCursor } from "#inventory/event-cursor";
import { createLedgerWriter } from "#postgres/ledger-writer";
import { createRemoval } from "#postgres/remove-ended";
import { createRebuildLedger } from "#postgres/rebuild-ledger";
import { verifyChain } from "#postgres/verify-chain";
import { openLedger, soon, type TestLedger } from "#test/ledger";
import { batch, crossing, movement, oversold, reservation } from "#test/movements";

const DAYS = 400;
const NOW = Math.floor(Date.now() / 1_000) * 1_000;
/** The first hundred movements are of then, the others of the last hour. */
const OLD = NOW - 500 * 86_400_000;
const YOUNG = NOW - 3_600_000;
const PRODUCT = ProductId.parse("product-1");
const ORDER = OrderId.parse("order-of-a-year");

let db: TestLedger;
beforeEach(async () => {
  db = await openLedger({ partitions: 2 });
  await db.writer.cursor(0);
  await db.writer.cursor(1);
});
afterEach(() => db[Symbol.asyncDispose]());

/** Removes until nothing is left; how many calls that took. */
async function removeAll(rowsMax?: number): Promise<number> {
  const removeSome = createRemoval(db.sql, DAYS, rowsMax);
  for (let calls = 1; ; calls += 1) if (!(await removeSome())) return calls;
}

const timeOf = (seq: number): number => (seq <= 100 ? OLD : YOUNG) + seq;
const moved = (seq: number, partition = 0) => movement(seq, { partition, at: timeOf(seq) });

function hold(number: number, fields: Partial<Reservation> = {}): Reservation {
  const createdAt = timeOf(number);
  return reservation(number, { createdAt, expiresAt: createdAt + 900_000, ...fields });
}
const ended = (number: number, fields: Partial<Reservation> = {}) =>
  hold(number, { status: "CANCELLED", endReason: "cancelled", ...fields });

/** By the number of their order. */
async function heldOrders(): Promise<number[]> {
  const rows = await db.sql`SELECT order_id FROM reservations`;
  return rows
    .map((row) => Number(String(row["order_id"]).slice("order-".length)))
    .sort((a, b) => a - b);
}

describe("holds", () => {
  test("go when they ended long ago, whenever they were made, and live ones never", async () => {
    const standing = { expiresAt: null, createdAt: OLD } as const;
    const reservations = [
      ended(1, { status: "CONFIRMED" }),
      ended(2),
      ended(3, { status: "EXPIRED" }),
      hold(4, standing),
      hold(5),
      // Made long ago, and ended in the last hour.
      ended(101, standing),
      ended(102),
      hold(103),
    ];
    const rows = Array.from({ length: 110 }, (_, i) => moved(i + 1));
    await db.writer.append(batch(rows, { reservations }));
    expect(await removeAll()).toBe(1);
    expect(await heldOrders()).toEqual([4, 5, 101, 102, 103]);
  });

  test("stay when it is not known how long ago they ended", async () => {
    await db.writer.append(batch([moved(1), moved(2)], { reservations: [ended(1)] }));
    await db.sql`INSERT INTO partition_openings (partition, seq, at) VALUES (0, 1, now())`;
    await removeAll();
    expect(await heldOrders()).toEqual([1]);
    await db.sql`UPDATE partition_openings SET at = ${new Date(OLD)}`;
    await removeAll();
    expect(await heldOrders()).toEqual([]);
  });

  test("go with nothing that rebuilds, returns, instants and the chain ask for", async () => {
    const chained = createLedgerWriter(db.sql, { chain: true });
    await chained.cursor(0);
    const sale = { orderId: ORDER, type: "SALE", onHandAfter: 999_999, reservedAfter: 1 } as const;
    const rows = [
      moved(1),
      movement(2, { at: timeOf(2), ...sale }),
      ...[3, 4].map((seq) =>
        movement(seq, {
          at: timeOf(seq),
          onHandBefore: 999_999,
          onHandAfter: 999_999,
          reservedBefore: seq - 2,
          reservedAfter: seq - 1,
        }),
      ),
    ];
    await chained.append(batch(rows, { reservations: [ended(1), hold(3)] }));
    await chained.quarantine(batch([oversold(5, { at: timeOf(5) })]), "no");
    await db.sql`UPDATE quarantine SET settled_at = ${new Date(OLD)}, created_at = ${new Date(OLD)}`;
    const last = Array.from({ length: 100 }, (_, i) => moved(i + 6));
    const reservations = [
      ended(103, { status: "CONFIRMED", expiresAt: NOW + 60_000 }),
      ended(104, { expiresAt: NOW + 60_000 }),
    ];
    await chained.append(batch(last, { reservations }));

    const copied = async () => {
      const parts: PartitionPart[] = [];
      await createRebuildLedger(db.sql).copy(0, async (part) => void parts.push(part));
      return parts.flatMap(({ holds }) => holds.map(({ reservation: { orderId } }) => orderId));
    };
    const asked = async () => [
      await copied(),
      await db.ledger.orderSales(
        { partition: 0, productId: PRODUCT, orderId: ORDER, customerId: null },
        soon(),
      ),
      await db.ledger.stockAt({ productId: PRODUCT, partition: 0, at: timeOf(3) }, soon()),
      await verifyChain(db.sql, 0),
      await db.count("SELECT count(*) FROM quarantine"),
    ];
    const before = await asked();
    expect(before[0]).toContain(OrderId.parse("order-3"));
    expect(before[3]).toMatchObject({ kind: "intact", links: 105 });
    await removeAll();
    expect(await heldOrders()).toEqual([3, 103, 104]);
    expect(await asked()).toEqual(before);
  });

  test("go some at a time, those of one moment together, and once when two remove them", async () => {
    await db.sql`INSERT INTO reservations
      (owner, seq, created_at, expires_at, partition, generation, status, end_reason, allocations)
      SELECT gen_random_uuid(), 1, ${new Date(OLD)}::timestamptz + i / 4 * interval '1 second', now(),
        0, 'abcd1234', CASE WHEN i % 10 = 0 THEN 'ACTIVE' ELSE 'EXPIRED' END, '', '[]'
      FROM generate_series(1, 1000) AS i`;
    await db.writer.append(batch(Array.from({ length: 101 }, (_, i) => moved(i + 1))));
    const removeSome = createRemoval(db.sql, DAYS, 90);
    expect(await removeSome()).toBe(true);
    const left = await db.count("SELECT count(*) FROM reservations");
    expect(left).toBeGreaterThanOrEqual(1_000 - 94);
    expect(left).toBeLessThan(1_000);
    const [one, other] = await Promise.all([removeAll(90), removeAll(90)]);
    expect(one + other).toBeGreaterThan(10);
    expect(await db.count("SELECT count(*) FROM reservations")).toBe(100);
    expect(await db.count("SELECT count(*) FROM reservations WHERE status = 'ACTIVE'")).toBe(100);
  });
});

describe("alerts", () => {
  const desk = () => createAlertDesk(db.sql);
  const raise = (
    kind: keyof typeof ALERT_ENDS | (typeof ALERT_ENDS)[keyof typeof ALERT_ENDS] | "gap",
  ) => desk().raise({ partition: 0, kind, productId: null, units: null, detail: null });
  const events = () => createEventLedger({ sql: db.sql, clock: systemClock });
  const kinds = async () =>
    (await db.sql`SELECT seq, kind FROM alerts ORDER BY seq, number`).map(
      ({ seq, kind }) => `${String(seq)} ${String(kind)}`,
    );
  const age = () => db.sql`UPDATE alerts SET at = ${new Date(OLD)}`;
  const openOnes = async () => {
    const query = { kind: null, productId: null, open: true, cursor: null, limit: 100 };
    return (await events().alerts(query, soon())).items.map(({ kind, seq }) => `${seq} ${kind}`);
  };
  /** What a follower hears who stands behind that movement. */
  const heard = async (seq: number, types: ReadonlySet<EventType> | null = null) => {
    const places = [seq, 0].map((at, partition) => ({ partition, seq: at, number: 1 }));
    const query = { after: writeEventCursor(places), types, limit: 5 };
    return (await events().events(query, soon())).kind;
  };

  async function history(): Promise<void> {
    const crossings = [crossing(1, "low"), crossing(3, "out"), crossing(4, "back_in_stock")];
    const first = [1, 2, 3, 4].map((seq) => moved(seq));
    await raise("lag");
    await db.writer.append(batch(first, { crossings }));
    await raise("lag_over");
    await raise("fenced");
    await raise("unfenced");
    await raise("gap");
    await raise("drift");
    await raise("drift_over");
    await raise("drift");
    for (const seq of [5, 6]) {
      await db.writer.quarantine(batch([oversold(seq, { at: timeOf(seq) })]), "no");
    }
    await db.sql`UPDATE quarantine SET settled_at = now() WHERE seq = 5`;
    const [from, to] = [{ epoch: 1, seq: 6 }, [7, 8].map((seq) => moved(seq))] as const;
    await db.writer.append(batch(to, { from, crossings: [crossing(7, "low")] }));
    await raise("lag");
    await raise("fenced");
    await age();
  }

  test("go when they have ended, and what is so now stays", async () => {
    await history();
    const isOpen = await openOnes();
    expect(isOpen.toSorted()).toEqual(["4 drift", "6 quarantine", "7 low", "8 fenced", "8 lag"]);
    await db.sql`UPDATE alerts SET at = now() WHERE kind = 'back_in_stock'`;
    await removeAll();
    expect(await kinds()).toEqual([
      "4 back_in_stock",
      "4 drift",
      "6 quarantine",
      "7 low",
      "8 lag",
      "8 fenced",
    ]);
    await age();
    await removeAll();
    expect(await kinds()).toEqual(["4 drift", "6 quarantine", "7 low", "8 lag", "8 fenced"]);
    expect(await openOnes()).toEqual(["8 fenced", "8 lag", "7 low", "6 quarantine", "4 drift"]);
    // A condition that lasts is not raised again, and ends once.
    expect(await raise("lag")).toBe(false);
    expect(await raise("lag_over")).toBe(true);
    expect(await raise("lag_over")).toBe(false);
  });

  test("that are gone are missed by nobody unknowingly", async () => {
    await history();
    expect(await heard(2)).toBe("events");
    await removeAll();
    // The last that went is of movement 5.
    expect(await heard(2)).toBe("gone");
    expect(await heard(5)).toBe("gone");
    expect(await heard(6)).toBe("events");
    expect(await heard(8)).toBe("events");
    // All movements are there, and without a place the feed begins with what is kept.
    expect(await heard(2, new Set(["movement"]))).toBe("events");
    const first = await events().events({ after: null, types: null, limit: 100 }, soon());
    expect(first).toMatchObject({ kind: "events" });
  });

  test("stay where the ledger stands, so that nobody who has read to the end is sent back", async () => {
    await db.writer.append(batch([moved(1), moved(2)]));
    for (const kind of ["lag", "lag_over"] as const) await raise(kind);
    await age();
    await removeAll();
    expect(await kinds()).toEqual(["2 lag", "2 lag_over"]);
    expect(await heard(2)).toBe("events");
  });

  test("go some at a time", async () => {
    await db.writer.append(batch([moved(1), moved(2)]));
    await db.sql`INSERT INTO alerts (partition, seq, number, kind, product_id)
      SELECT 0, 1, i, CASE WHEN i % 2 = 0 THEN 'lag' ELSE 'lag_over' END, i::text
      FROM generate_series(1, 200) AS i`;
    await db.sql`UPDATE alerts SET at = ${new Date(OLD)}::timestamptz + number * interval '1 second'`;
    expect(await removeAll(30)).toBeGreaterThan(5);
    expect(await db.sql`SELECT number FROM alerts`).toMatchObject([{ number: 200 }]);
  });
});

test("finished runs, receipts, reports and parts go by their age, and what is at work stays", async () => {
  const [old, young] = [new Date(OLD), new Date(YOUNG)];
  await db.sql`INSERT INTO reconcile_runs
    (id, scope, mode, status, payload, asked_by, asked_at, finished_at) VALUES
    ('gone', '{}', 'report', 'completed', '', 'a', ${old}, ${old}),
    ('failed', '{}', 'report', 'failed', '', 'a', ${old}, ${old}),
    ('late', '{}', 'report', 'completed', '', 'a', ${old}, ${young}),
    ('running', '{}', 'report', 'running', '', 'a', ${old}, NULL),
    ('young', '{}', 'report', 'completed', '', 'a', ${young}, ${young})`;
  await db.sql`INSERT INTO count_runs
    (id, status, pass, error_policy, committed, payload, asked_by, asked_at, finished_at, rows) VALUES
    ('gone', 'completed', 'apply', 'reject_all', true, '', 'a', ${old}, ${old}, 50),
    ('rejected', 'rejected', 'check', 'reject_all', true, '', 'a', ${old}, ${old}, 50),
    ('queued', 'queued', 'check', 'reject_all', true, '', 'a', ${old}, NULL, 50),
    ('young', 'completed', 'check', 'reject_all', true, '', 'a', ${young}, ${young}, 50)`;
  await db.sql`INSERT INTO count_run_errors (run_id, row, code, message)
    SELECT id, row, 'code', 'message' FROM count_runs, generate_series(1, 50) AS row
    WHERE id <> 'gone'`;
  await db.sql`INSERT INTO count_run_chunks (run_id, number, rows) VALUES ('queued', 0, '[]')`;
  const lot = "00000000-0000-0000-0000-000000000001";
  await db.sql`INSERT INTO incoming (incoming_id, product_id, quantity, expected_at, actor)
    VALUES (${lot}, 'p', 5, ${old}, 'a')`;
  await db.sql`INSERT INTO incoming_receipts
    (incoming_id, receipt, units, state, actor, request_id, claimed_at) VALUES
    (${lot}, 1, 1, 'done', 'a', 'r', ${old}), (${lot}, 2, 1, 'refused', 'a', 'r', ${old}),
    (${lot}, 3, 1, 'claimed', 'a', 'r', ${old}), (${lot}, 4, 1, 'done', 'a', 'r', ${young})`;
  await db.sql`INSERT INTO recovery_reports
    (partition, kind, epoch, operations, facts, reported_by, created_at) VALUES
    (0, 'lost', 1, '[]', '{}', 'a', ${old}), (0, 'rebuilt', 2, '[]', '{}', 'a', ${young})`;
  await db.sql`INSERT INTO pseudonymizations
    (id, customer_id, pseudonym, asked_by, asked_at, finished_at) VALUES
    ('gone', NULL, 'p1', 'a', ${old}, ${old}), ('young', NULL, 'p2', 'a', ${old}, ${young}),
    ('open', 'carol', 'p3', 'a', ${old}, NULL)`;
  await db.sql`INSERT INTO pseudonymization_parts (id, partition, first_seq, next_seq, last_seq)
    SELECT id, 0, 1, 1, 1 FROM pseudonymizations`;

  // The errors of one run are more than go at once, and the run goes when it has none.
  expect(await removeAll(20)).toBe(3);
  expect(await db.count("SELECT count(*) FROM count_runs WHERE id = 'rejected'")).toBe(1);
  expect(await removeAll(20)).toBe(1);

  const idsOf = async (table: string, column = "id") =>
    (await db.sql.unsafe(`SELECT ${column} AS it FROM ${table} ORDER BY 1`)).map(({ it }) => it);
  expect(await idsOf("reconcile_runs")).toEqual(["late", "running", "young"]);
  expect(await idsOf("count_runs")).toEqual(["queued", "young"]);
  expect(await db.count("SELECT count(*) FROM count_run_errors")).toBe(100);
  expect(await db.count("SELECT count(*) FROM count_run_chunks")).toBe(1);
  expect(await idsOf("incoming_receipts", "receipt")).toEqual([3, 4]);
  expect(await db.count("SELECT count(*) FROM incoming")).toBe(1);
  expect(await idsOf("recovery_reports", "kind")).toEqual(["rebuilt"]);
  expect(await idsOf("pseudonymization_parts")).toEqual(["open", "young"]);
  // The chain of hashes asks whether a pseudonym is one of ours.
  expect(await idsOf("pseudonymizations")).toEqual(["gone", "open", "young"]);
});
