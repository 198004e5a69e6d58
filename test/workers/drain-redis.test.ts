import { expect, test } from "bun:test";
import type { Level, ReservationId } from "#inventory/model";
import type { LedgerWriter } from "#inventory/ports";
import { systemClock } from "#lib/clock";
import { createLog } from "#lib/log";
import { createMetrics } from "#lib/metrics";
import { createEpochLedger } from "#postgres/epochs";
import { createLedgerWriter } from "#postgres/ledger-writer";
import { ensureStore } from "#postgres/store-row";
import { connectBlocking } from "#redis/client";
import { createJournal } from "#redis/journal";
import { startDrain } from "#workers/drain-journal";
import { openLedger, soon as ledgerSoon, type TestLedger } from "#test/ledger";
import { startRedis } from "#test/servers";
import { endCommand, initialize, openStore, productOf, reserveCommand, soon } from "#test/store";
import { until } from "#test/until";

const PRODUCTS = ["one", "two", "three"];
const UNITS = 40;
const CALLERS = 300;

/** Fails about one call in ten, before or after it did its work. */
function unreliable(writer: LedgerWriter): LedgerWriter {
  const flaky = async <Value>(work: () => Promise<Value>): Promise<Value> => {
    const luck = Math.random();
    if (luck < 0.05) throw new Error("lost before");
    const value = await work();
    if (luck < 0.1) throw new Error("lost after");
    return value;
  };
  return { ...writer, append: (batch) => flaky(() => writer.append(batch)) };
}

/** Movements whose units before are not the units after of the one before them. */
const BROKEN_CHAINS = `SELECT count(*) FROM (
  SELECT on_hand_before, reserved_before,
    lag(on_hand_after, 1, 0::bigint) OVER level AS on_hand,
    lag(reserved_after, 1, 0::bigint) OVER level AS reserved
  FROM movements WINDOW level AS (PARTITION BY product_id, location ORDER BY seq)
) AS chain WHERE on_hand_before <> on_hand OR reserved_before <> reserved`;

const levelsOf = async (db: TestLedger, id: string) => {
  const rows = await db.sql`
    SELECT location, on_hand AS "onHand", reserved FROM levels WHERE product_id = ${id}`;
  return rows.map((row) => ({ ...row }));
};

const countsOf = ({ location, onHand, reserved }: Level) => ({ location, onHand, reserved });

test("the ledger becomes what Redis is, with two unreliable drains on one journal", async () => {
  await using redis = await startRedis();
  await using db = await openLedger();
  const { storeId } = await ensureStore(db.sql, 1);
  await using opened = await openStore(redis.url, { epochs: createEpochLedger(db.sql, storeId) });
  const connections = [0, 1].map((number) => connectBlocking(redis.url, `drain-${number}`));
  const drains = connections.map((connection) =>
    startDrain({
      journal: createJournal({
        redis: opened.redis,
        blocking: () => connection,
        partitions: 1,
        storeId,
        keepEntries: 10,
      }),
      ledgerWriter: unreliable(createLedgerWriter(db.sql)),
      clock: systemClock,
      log: createLog({ level: "error", format: "json", write: () => undefined }),
      metrics: createMetrics(),
      limits: { movementsMax: 16, entriesMax: 8, retryMsMin: 1, retryMsMax: 10 },
      onFenced: (_partition, reason) => {
        throw new Error(reason);
      },
    }),
  );
  const { store } = opened;
  for (const id of PRODUCTS) await initialize(store, id, UNITS);
  const held: ReservationId[] = [];
  await Promise.all(
    Array.from({ length: CALLERS }, async (_, caller) => {
      const id = PRODUCTS[caller % PRODUCTS.length] ?? "one";
      const outcome = await store.reserve(reserveCommand(`order-${caller}`, { [id]: 1 }));
      if (outcome.kind !== "reserved") return;
      const { reservationId } = outcome.reservation;
      held.push(reservationId);
      if (caller % 3 === 0) await store.confirm(endCommand(reservationId));
      if (caller % 3 === 1) await store.cancel(endCommand(reservationId));
    }),
  );
  expect(held.length).toBeGreaterThanOrEqual(PRODUCTS.length * UNITS);
  const [position] = await store.positions(soon());
  const last = position?.seq ?? 0;
  await until(async () => (await db.count("SELECT cursor_seq FROM partitions")) === last, {
    withinMs: 20_000,
    what: "the ledger has everything",
  });
  await until(async () => (await store.positions(soon()))[0]?.drained === last, {
    withinMs: 5_000,
    what: "Redis knows it",
  });

  expect(await db.count("SELECT count(*) FROM movements")).toBe(last);
  expect(await db.count(BROKEN_CHAINS)).toBe(0);
  for (const id of PRODUCTS) {
    const { levels } = await productOf(store, id);
    expect(await levelsOf(db, id)).toEqual(levels.map(countsOf));
  }
  for (const reservationId of held) {
    const live = await store.reservation(reservationId, soon());
    expect(await db.ledger.reservation(reservationId, ledgerSoon())).toEqual(live);
  }
  await Promise.all(drains.map((drain) => drain.stop()));
  for (const connection of connections) connection.disconnect();
}, 60_000);
