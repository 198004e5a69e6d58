import { describe, expect, test } from "bun:test";
import { Fault } from "#inventory/faults";
import { ProductId } from "#inventory/model";
import type { LedgerWriter } from "#inventory/ports";
import { createLedgerWriter } from "#postgres/ledger-writer";
import { drainedTo, drainOf, entries, met } from "#test/drain";
import { openLedger, soon, type TestLedger } from "#test/ledger";
import { createMemoryJournal } from "#test/memory-journal";
import { entry, movement, movements, oversold, reservation } from "#test/movements";
import { startPostgres } from "#test/servers";

const AWAY = new Fault("ledger_unavailable", "away");

const stored = (db: TestLedger) => db.count("SELECT count(*) FROM movements");
const seqs = async (db: TestLedger) => {
  const rows = await db.sql`SELECT seq FROM movements ORDER BY seq`;
  return rows.map((row) => Number(row["seq"]));
};
const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);
/** Where the ledger of a new store stands: told to Redis before anything is read. */
const START = { epoch: 0, seq: 0 };

describe("the drain", () => {
  test("moves the whole journal into the ledger, and tells Redis how far it is", async () => {
    await using db = await openLedger();
    const journal = createMemoryJournal();
    journal.push(...entries(40, 7));
    const limits = { entriesMax: 10, movementsMax: 20 };
    await using harness = drainOf({ journal, ledgerWriter: db.writer, limits });
    await drainedTo(db, 280);
    const hold = reservation(281);
    journal.push(entry(movements(281, 1), { reservations: [hold] }));
    await drainedTo(db, 281);
    expect(await seqs(db)).toEqual(upTo(281));
    expect(await db.ledger.reservation(hold.reservationId, soon())).toEqual(hold);
    await met("Redis is told", () => journal.settled.at(-1)?.seq === 281);
    await met("it reads again", () => harness.drain.status()[0]?.state === "reading");
    expect(harness.drain.status()[0]).toEqual({
      partition: 0,
      state: "reading",
      cursor: { epoch: 1, seq: 281 },
      pending: 0,
      behindMs: null,
    });
    expect((await harness.metrics.render()).body).toContain(
      'holdfast_drained_seq{partition="0"} 281',
    );
  });

  test("two at once: one wins each batch, and nothing is doubled or lost", async () => {
    await using db = await openLedger();
    const journal = createMemoryJournal();
    const limits = { entriesMax: 5, movementsMax: 12 };
    await using first = drainOf({ journal, ledgerWriter: createLedgerWriter(db.sql), limits });
    await using second = drainOf({ journal, ledgerWriter: createLedgerWriter(db.sql), limits });
    for (const one of entries(200, 5)) journal.push(one);
    await drainedTo(db, 1_000);
    expect(await seqs(db)).toEqual(upTo(1_000));
    expect([...first.fenced, ...second.fenced]).toEqual([]);
    expect([...first.lines, ...second.lines]).toEqual([]);
  });

  test("repeats nothing when the reply of an append is lost", async () => {
    await using db = await openLedger();
    const journal = createMemoryJournal();
    journal.push(...entries(10, 3));
    let lost = 0;
    const ledgerWriter: LedgerWriter = {
      ...db.writer,
      async append(batch) {
        const outcome = await db.writer.append(batch);
        if (outcome.kind === "appended" && lost < 5) {
          lost += 1;
          throw AWAY;
        }
        return outcome;
      },
    };
    await using harness = drainOf({ journal, ledgerWriter, limits: { movementsMax: 3 } });
    await drainedTo(db, 30);
    expect(lost).toBe(5);
    expect(await seqs(db)).toEqual(upTo(30));
    expect(harness.fenced).toEqual([]);
  });

  test("tells Redis nothing of what it read before an epoch began, and reads it again", async () => {
    await using db = await openLedger();
    const journal = createMemoryJournal();
    journal.push(...entries(4, 3));
    let refused = 0;
    const ledgerWriter: LedgerWriter = {
      ...db.writer,
      async append(batch) {
        if (refused === 0) await db.sql`UPDATE partitions SET epoch = epoch + 1`;
        const outcome = await db.writer.append(batch);
        if (outcome.kind === "cursor_moved") refused += 1;
        return outcome;
      },
    };
    const told: (readonly [seq: number, stored: number])[] = [];
    const listening = {
      ...journal,
      async settle(...settled: Parameters<typeof journal.settle>) {
        told.push([settled[1].seq, await stored(db)]);
        await journal.settle(...settled);
      },
    };
    await using harness = drainOf({
      journal: listening,
      ledgerWriter,
      limits: { movementsMax: 3 },
    });
    await met("the ledger has it, or Redis believes so", () => told.at(-1)?.[0] === 12);
    expect(told.filter(([seq, count]) => seq > count)).toEqual([]);
    expect(refused).toBe(1);
    expect(await seqs(db)).toEqual(upTo(12));
    expect(harness.fenced).toEqual([]);
  });

  test("tells Redis what an earlier drain appended and could not tell any more", async () => {
    await using db = await openLedger();
    const journal = createMemoryJournal();
    const earlier = drainOf({ journal, ledgerWriter: db.writer });
    await met("the cursor is located", () => journal.settled.length === 1);
    journal.fail("settle", new Fault("redis_unavailable", "away"));
    journal.push(...entries(2, 2));
    await drainedTo(db, 4);
    await earlier.drain.stop();
    expect(journal.settled).toEqual([START]);
    journal.fail("settle", null);
    await using later = drainOf({ journal, ledgerWriter: db.writer });
    await met("Redis is told", () => journal.settled.at(-1)?.seq === 4);
    expect(later.lines).toEqual([]);
  });

  test("tells Redis later what it could not tell at once, also when nothing new comes", async () => {
    await using db = await openLedger();
    const journal = createMemoryJournal();
    await using harness = drainOf({ journal, ledgerWriter: db.writer, limits: { idleMsMax: 20 } });
    await met("the cursor is located", () => journal.settled.length > 0);
    journal.fail("settle", new Fault("redis_unavailable", "away"));
    journal.push(...entries(1, 2));
    await drainedTo(db, 2);
    expect(journal.settled.at(-1)).toEqual(START);
    journal.fail("settle", null);
    await met("Redis is told", () => journal.settled.at(-1)?.seq === 2);
    expect(harness.fenced).toEqual([]);
  });
});

test("an idle drain tells Redis again: what one that ended had told may arrive late", async () => {
  await using db = await openLedger();
  const journal = createMemoryJournal();
  await using harness = drainOf({ journal, ledgerWriter: db.writer, limits: { idleMsMax: 20 } });
  journal.push(...entries(1, 2));
  await drainedTo(db, 2);
  const told = () => journal.settled.filter(({ seq }) => seq === 2).length;
  await met("Redis is told again and again", () => told() > 3);
  expect(harness.fenced).toEqual([]);
});

describe("a row that PostgreSQL refuses", () => {
  test("goes to quarantine, and the rest goes on", async () => {
    await using db = await openLedger();
    const journal = createMemoryJournal();
    const bad = new Set([3, 7, 8, 20]);
    const rows = upTo(20).map((seq) => (bad.has(seq) ? oversold(seq) : movement(seq)));
    const holds = [reservation(7, { seq: 7 }), reservation(9, { seq: 9 })];
    journal.push(entry(rows, { reservations: holds }), entry(movements(21, 5)));
    const limits = { asideMs: 50, idleMsMax: 20 };
    await using harness = drainOf({ journal, ledgerWriter: db.writer, limits });
    await drainedTo(db, 25);
    expect(await seqs(db)).toEqual(upTo(25).filter((seq) => !bad.has(seq)));
    const aside = await db.sql`SELECT seq, payload FROM quarantine ORDER BY seq`;
    expect(aside.map((row) => Number(row["seq"]))).toEqual([...bad]);
    const payload = JSON.parse(JSON.stringify(aside[1]?.["payload"]));
    expect(payload).toEqual({
      movement: rows[6],
      reservations: holds.slice(0, 1),
      products: [],
      locations: [],
      crossings: [],
      records: [],
    });
    const alarms = harness.lines.filter((line) => line.includes("quarantine"));
    expect(alarms).toHaveLength(4);
    const isCounted = async (count: number) =>
      (await harness.metrics.render()).body.includes(
        `holdfast_quarantined_movements{partition="all"} ${count}\n`,
      );
    await met("the metric says so", () => isCounted(4));
    await db.sql`UPDATE quarantine SET settled_at = now() WHERE seq > 3`;
    await met("and how many are left when some were settled", () => isCounted(1));
  });

  test("leaves the cursor inside its entry, and the next drain goes on from there", async () => {
    await using db = await openLedger();
    const journal = createMemoryJournal();
    journal.push(entry([...movements(1, 5), oversold(6), ...movements(7, 3)]));
    let isDown = false;
    const ledgerWriter: LedgerWriter = {
      ...db.writer,
      async append(batch) {
        if (isDown) throw AWAY;
        return await db.writer.append(batch);
      },
      async quarantine(batch, error) {
        isDown = true;
        return await db.writer.quarantine(batch, error);
      },
    };
    const first = drainOf({ journal, ledgerWriter });
    await drainedTo(db, 6);
    await first.drain.stop();
    await using second = drainOf({ journal, ledgerWriter: createLedgerWriter(db.sql) });
    await drainedTo(db, 9);
    expect(await seqs(db)).toEqual([1, 2, 3, 4, 5, 7, 8, 9]);
    expect(second.fenced).toEqual([]);
  });
});

describe("the drain never skips", () => {
  test("a gap: it stops there, alarms, and goes on when it is told to", async () => {
    await using db = await openLedger();
    const journal = createMemoryJournal();
    journal.push(entry(movements(1, 3)), entry(movements(5, 2)));
    await using harness = drainOf({ journal, ledgerWriter: db.writer });
    await met("it is fenced", () => harness.fenced.length > 0);
    expect(harness.fenced).toEqual(["0: entry 1-6 begins with movement 5, and after 1-3 comes 4"]);
    expect(await seqs(db)).toEqual([1, 2, 3]);
    expect(harness.drain.status()[0]).toMatchObject({ state: "fenced", cursor: { seq: 3 } });
    expect(harness.lines.join("")).toContain("does not continue where the ledger stands");

    journal.clear();
    journal.push(entry(movements(1, 3)), entry(movements(4, 3)));
    expect(await stored(db)).toBe(3);
    harness.drain.resume(0);
    await drainedTo(db, 6);
    expect(await seqs(db)).toEqual(upTo(6));
  });

  test("what another drain wrote while it slept, and what was trimmed since", async () => {
    await using db = await openLedger();
    const journal = createMemoryJournal();
    const asleep = Promise.withResolvers<void>();
    const reading = Promise.withResolvers<void>();
    const sleeper = {
      ...journal,
      async read(...request: Parameters<typeof journal.read>) {
        reading.resolve();
        await asleep.promise;
        return await journal.read(...request);
      },
    };
    const writer = createLedgerWriter(db.sql);
    await using slow = drainOf({ journal: sleeper, ledgerWriter: writer });
    await reading.promise;
    await using quick = drainOf({ journal, ledgerWriter: db.writer });
    journal.push(...entries(4, 2));
    await drainedTo(db, 8);
    await quick.drain.stop();
    journal.clear();
    journal.push(entry(movements(9, 2)));
    asleep.resolve();
    await drainedTo(db, 10);
    expect(slow.fenced).toEqual([]);
    expect(await seqs(db)).toEqual(upTo(10));
  });

  test("a Redis that came back older and counts on from there", async () => {
    await using db = await openLedger();
    const journal = createMemoryJournal();
    journal.push(...entries(4, 2));
    await using harness = drainOf({ journal, ledgerWriter: db.writer });
    await drainedTo(db, 8);
    journal.clear();
    journal.push(entry(movements(5, 2, { epoch: 2 })));
    await met("it is fenced", () => harness.fenced.length > 0);
    expect(await seqs(db)).toEqual(upTo(8));
    const mine = await db.ledger.movements(ProductId.parse("product-1"), 1, soon());
    expect(mine[0]).toMatchObject({ seq: 8, epoch: 1 });
  });
});

describe("with PostgreSQL away", () => {
  test("the drain waits, and loses and doubles nothing when it is back", async () => {
    await using server = await startPostgres({ fsync: true });
    await using db = await openLedger({ server, connectMsMax: 1_000 });
    const journal = createMemoryJournal();
    journal.push(...entries(20, 5));
    await using harness = drainOf({
      journal,
      ledgerWriter: db.writer,
      limits: { movementsMax: 10 },
    });
    await drainedTo(db, 100);
    await server.kill();
    journal.push(entry(movements(101, 20)));
    await met("it waits", () => harness.drain.status()[0]?.state === "waiting");
    const status = harness.drain.status()[0];
    expect([status?.cursor?.seq, status?.pending]).toEqual([100, 20]);
    await server.restart();
    await drainedTo(db, 120);
    expect(await seqs(db)).toEqual(upTo(120));
    expect(harness.fenced).toEqual([]);
    await met("it says so", () => harness.lines.join("").includes("is drained again"));
  }, 30_000);
});

describe("a stop", () => {
  test("does not wait for a read that does not end", async () => {
    await using db = await openLedger();
    const journal = { ...createMemoryJournal(), read: () => new Promise<never>(() => {}) };
    const harness = drainOf({ journal, ledgerWriter: db.writer });
    await met("it reads", () => harness.drain.status()[0]?.state === "reading");
    const began = performance.now();
    await harness.drain.stop();
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(harness.drain.status()[0]?.state).toBe("stopped");
  });

  test("lets the statement under way finish, and begins no other", async () => {
    await using db = await openLedger();
    const journal = createMemoryJournal();
    journal.push(...entries(4, 5));
    const asked = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const ledgerWriter: LedgerWriter = {
      ...db.writer,
      async append(batch) {
        asked.resolve();
        await released.promise;
        return await db.writer.append(batch);
      },
    };
    const harness = drainOf({ journal, ledgerWriter, limits: { movementsMax: 5 } });
    await asked.promise;
    const stopped = harness.drain.stop();
    released.resolve();
    await stopped;
    expect(await seqs(db)).toEqual(upTo(5));
    expect(journal.settled).toEqual([START, { epoch: 1, seq: 5 }]);
  });
});
