import { describe, expect, test } from "bun:test";
import { audit } from "#test/audit";
import { HARMS, seed } from "#test/harms";
import { splitReservationId } from "#inventory/reservation-id";
import { reservationKey, skuKey, stockKey } from "#redis/keys";
import { systemClock } from "#lib/clock";
import { createRunsTable } from "#postgres/reconcile-runs";
import { Findings } from "#workers/reconcile/findings";
import { verifyChain } from "#postgres/verify-chain";
import { keepBusy, namesOf, openReconcileBed, type ReconcileBed } from "#test/reconcile";
import { adjustCommand, endCommand, initialize, product, soon } from "#test/store";
import { until } from "#test/until";

/** Those of products that nobody else touches. */
const UNDER_TRAFFIC = new Set([
  "a counter that is off",
  "a reserved counter that is off",
  "an orphan hold",
  "a missing hold",
  "a hold that no due list has",
  "a product that lacks in the low set",
  "a SKU that is not claimed",
  "a snapshot that is gone",
]);

const MENDED = HARMS.filter(([, , , limit]) => limit !== "told").map(
  ([what, expected, harm, limit]) => ({ what, expected, harm, isNameless: limit === "nameless" }),
);

describe("a repair mends, and touches no hold that is right:", () => {
  test.each(MENDED)("$what", async ({ expected, harm, isNameless }) => {
    await using bed = await openReconcileBed();
    const holds = await seed(bed);
    await harm(bed, holds);
    const mended = await bed.repair();
    expect(mended.differenceCount).toBeGreaterThan(0);
    expect(mended.differenceCount).toBeLessThanOrEqual(expected.length);
    for (const one of mended.differences) expect(one).toMatchObject({ repaired: true });
    await bed.drained();
    expect((await bed.report()).differences).toEqual([]);
    for (const hold of [holds.one, holds.two]) {
      expect(await bed.store.reservation(hold.reservationId, soon())).toEqual(hold);
      expect((await bed.store.confirm(endCommand(hold.reservationId))).kind).toBe("done");
    }
    const { url: databaseUrl } = bed.db;
    // Whose hold a lost movement was of, nobody knows any more.
    if (isNameless) return;
    await audit({ redisUrl: bed.redisUrl, databaseUrl, acknowledged: [] }).catch((error: Error) => {
      // Nobody was told anything here, which is not what is asked for.
      if (!error.message.includes("no acknowledged were audited")) throw error;
    });
  });
});

test("what only a person or a rebuild can set right is told, and left as it is", async () => {
  for (const [, expected, harm, limit] of HARMS) {
    if (limit !== "told") continue;
    await using bed = await openReconcileBed();
    await harm(bed, await seed(bed));
    const report = await bed.repair();
    expect(report.differenceCount).toBe(expected.length);
    expect(namesOf(report)).toEqual([...expected]);
    for (const one of report.differences) expect(one.repaired).toBe(false);
  }
});

test("the repair of a counter is two movements, from the ledger's count to the found one and back", async () => {
  await using bed = await openReconcileBed();
  await seed(bed);
  await bed.redis.hincrby(stockKey(0, "p1"), "onHand:Warehouse A", 4);
  await bed.redis.hset(stockKey(0, "p2"), "reserved:Warehouse A", "80");
  await bed.repair();
  await bed.drained();
  const rows = await bed.db.sql`SELECT type, product_id AS id, on_hand_before, on_hand_after,
    reserved_before, reserved_after, actor, reason, reference FROM movements WHERE seq > 9 ORDER BY seq`;
  const told = rows.map((row) => Object.values(row).join(" "));
  expect(told).toEqual([
    "DRIFT p1 47 51 6 6 admin:ada found 51 on hand, 6 reserved run-1",
    "RECONCILE p1 51 47 6 6 admin:ada found 51 on hand, 6 reserved run-1",
    // No movement can have held more than there is.
    "DRIFT p2 50 50 7 7 admin:ada found 50 on hand, 80 reserved run-1",
    "RECONCILE p2 50 50 7 7 admin:ada found 50 on hand, 80 reserved run-1",
  ]);
});

test("a repair under live traffic mends what is wrong and nothing else", async () => {
  await using bed = await openReconcileBed();
  const ids = Array.from({ length: 100 }, (_, i) => `busy-${i}`);
  for (const id of ids) await initialize(bed.store, id, 100_000);
  const holds = await seed(bed);
  await using traffic = keepBusy(bed, ids, 4);
  for (const [what, , harm] of HARMS.filter(([name]) => UNDER_TRAFFIC.has(name))) {
    await harm(bed, holds);
    const { differences } = await bed.repair();
    expect(differences.length, what).toBeGreaterThan(0);
    for (const one of differences) {
      expect(one, what).toMatchObject({ repaired: true });
      expect(["p1", "p2", "p3", null]).toContain(one.productId);
    }
  }
  expect((await bed.report()).differences).toEqual([]);
  expect(await traffic.stop()).toBeGreaterThan(500);
  for (const hold of [holds.one, holds.two]) {
    expect((await bed.store.confirm(endCommand(hold.reservationId))).kind).toBe("done");
  }
});

describe("what changed without a record, and traffic passed before anybody looked,", () => {
  /** p1 is 4 too many, p2 holds 3 too few; both are moved on from there. */
  async function pass(bed: ReconcileBed) {
    const holds = await seed(bed);
    await bed.redis.hincrby(stockKey(0, "p1"), "onHand:Warehouse A", 4);
    await bed.redis.hincrby(stockKey(0, "p2"), "reserved:Warehouse A", -3);
    for (const id of ["p1", "p2", "p1"]) await bed.store.adjust(adjustCommand(id, -2));
    await bed.drained();
    return holds;
  }
  const sums = async ({ db }: ReconcileBed) => {
    const rows = await db.sql`SELECT product_id AS id, levels.on_hand::int, levels.reserved::int,
        sum(on_hand_after - on_hand_before)::int AS on_hand_sum,
        sum(reserved_after - reserved_before)::int AS reserved_sum
      FROM levels JOIN movements USING (product_id, location)
      GROUP BY product_id, levels.on_hand, levels.reserved ORDER BY product_id`;
    return rows.map((row) => Object.values(row).join(" "));
  };

  test("is told until a repair writes it down, and is explained from then on", async () => {
    await using bed = await openReconcileBed();
    await pass(bed);
    const told = await bed.report();
    expect(namesOf(told)).toEqual(["break p1", "break p2", "snapshot p2"]);
    expect(told.explained).toBe(0);
    expect((await sums(bed)).slice(0, 2)).toEqual(["p1 47 6 43 6", "p2 48 4 48 7"]);
    const mended = await bed.repair();
    expect(mended.differences).toMatchObject([
      {
        kind: "break",
        productId: "p1",
        repaired: true,
        redis: null,
        ledger:
          "movement 8 ends at 47 on hand, 6 reserved; movement 10 begins at 51 on hand, 6 reserved",
      },
      { kind: "break", productId: "p2", repaired: true },
      { kind: "snapshot", productId: "p2", repaired: true },
    ]);
    await bed.drained();
    for (const scope of [
      { kind: "all" },
      { kind: "products", productIds: [product("p1"), product("p2"), product("p3")] },
    ] as const) {
      const after = await bed.repair(scope);
      expect(namesOf(after)).toEqual([]);
      expect(after.explained).toBe(2);
    }
    expect((await sums(bed)).slice(0, 2)).toEqual(["p1 47 6 47 6", "p2 48 7 48 7"]);
  });

  test("and is written down for something else is told still, both of them", async () => {
    await using bed = await openReconcileBed();
    await pass(bed);
    await bed.repair();
    await bed.drained();
    await bed.db
      .sql`UPDATE movements SET reason = replace(reason, 'explains movement 10', 'explains movement 9')`;
    const { differences, explained } = await bed.report();
    expect(explained).toBe(1);
    expect(namesOf({ differences })).toEqual(["break p1", "break p1"]);
  });

  test("is written down once by repairs that run at the same time, under traffic", async () => {
    await using bed = await openReconcileBed({ chain: true });
    const ids = Array.from({ length: 20 }, (_, i) => `busy-${i}`);
    for (const id of ids) await initialize(bed.store, id, 100_000);
    await bed.drained();
    await using traffic = keepBusy(bed, ids, 4);
    await bed.redis.hincrby(stockKey(0, "busy-3"), "onHand:Warehouse A", -500);
    const seen = async () => namesOf(await bed.report()).join();
    await until(async () => (await seen()) === "break busy-3", {
      withinMs: 10_000,
      what: "traffic has passed it",
    });
    await Promise.all([bed.repair(), bed.repair(), bed.repair()]);
    expect(await traffic.stop()).toBeGreaterThan(50);
    await bed.drained();
    expect(await bed.report()).toMatchObject({ differences: [], explained: 1 });
    const pairs = "SELECT count(*) FROM movements WHERE type IN ('DRIFT', 'RECONCILE')";
    expect(await bed.db.count(pairs)).toBe(2);
    expect(await verifyChain(bed.db.sql, 0)).toMatchObject({ kind: "intact" });
  });
});

test("of a hold and its row at the same movement the one that its movements speak for is kept", async () => {
  await using bed = await openReconcileBed();
  const { one, two } = await seed(bed);
  const owners = [one, two].map(({ reservationId }) => splitReservationId(reservationId).owner);
  // One is due at another time, of which no movement tells; of the other both sides are wrong.
  await bed.db.sql`UPDATE reservations SET expires_at = expires_at + interval '1 hour'
    WHERE owner = ${owners[0] ?? ""}`;
  await bed.db.sql`UPDATE reservations
    SET allocations = replace(allocations::text, '"held": 7', '"held": 4')::jsonb
    WHERE owner = ${owners[1] ?? ""}`;
  const key = reservationKey(0, owners[1] ?? "");
  const wrong = ((await bed.redis.get(key)) ?? "").replace("=7=0=0", "=5=0=0");
  await bed.redis.set(key, wrong);
  const { differences } = await bed.repair();
  expect(namesOf({ differences })).toEqual(["hold_differs p1", "hold_differs p1", "snapshot p2"]);
  // What is reserved is not set to a hold that is in doubt.
  for (const found of differences) expect(found.repaired).toBe(false);
  expect(await bed.redis.get(key)).toBe(wrong);
  expect(await bed.store.reservation(one.reservationId, soon())).toEqual(one);
});

test("units that no hold has go back once, by repairs that run at the same time, under traffic", async () => {
  await using bed = await openReconcileBed();
  await initialize(bed.store, "p1", 100_000);
  const stray = ["p1", "Warehouse A", 30, "e".repeat(32), "e".repeat(16), "{}"].join("\t");
  await using traffic = keepBusy(bed, ["p1"], 4);
  await bed.store.repair(
    "repairReserved",
    "p1",
    stray.replace("{}", '{"actor":"admin:eve"}'),
    soon(),
  );
  const reports = await Promise.all([bed.repair(), bed.repair(), bed.repair()]);
  // One that looks after another has mended finds nothing.
  const found = reports.flatMap(({ differences }) => differences);
  expect(found.length).toBeGreaterThan(0);
  for (const one of found) expect(one).toMatchObject({ kind: "snapshot", repaired: true });
  expect(await traffic.stop()).toBeGreaterThan(20);
  await bed.drained();
  // The stray one, and one that sets it right, however many saw it.
  const reconciled = `SELECT count(*) FROM movements WHERE type = 'RECONCILE'`;
  expect(await bed.db.count(reconciled)).toBe(2);
  expect((await bed.report()).differences).toEqual([]);
});

test("what a repair had mended when it was stopped is in the report of the one that goes on", async () => {
  await using bed = await openReconcileBed();
  await seed(bed);
  const runs = createRunsTable(bed.db.sql, systemClock);
  const ask = { id: "one", mode: "repair", scope: { kind: "all" }, askedBy: "admin:ada" } as const;
  await runs.ask({ ...ask, payload: "" }, systemClock.now() + 5_000);
  const attempt = async (untilPercent: number) => {
    const run = await runs.begin("one");
    if (run === null) throw new Error("the run cannot begin");
    return await bed.repair(ask.scope, {
      findings: new Findings(run.mended),
      notes: {
        note: async (name, difference) => void (await runs.noteMended(run, name, difference)),
        withdraw: async (name) => void (await runs.withdrawMended(run, name)),
      },
      onProgress: (percent) => {
        if (percent >= untilPercent) throw new Error("stopped by a test");
      },
    });
  };
  const harm = (id: string) => bed.redis.hincrby(stockKey(0, id), "onHand:Warehouse A", 2);
  await harm("p1");
  await harm("p2");
  await bed.redis.del(stockKey(0, "p3"));
  await expect(attempt(50)).rejects.toThrow("stopped by a test");
  // Of these one is harmed once more, and another one is new.
  await harm("p2");
  await bed.redis.del(skuKey("SKU-p1"));
  const { differences, differenceCount } = await attempt(101);
  expect(differenceCount).toBe(5);
  const told = differences.map(
    ({ kind, productId, repaired }) => `${kind} ${productId} ${repaired}`,
  );
  expect(told.toSorted()).toEqual([
    "counter p1 true",
    "counter p2 true",
    "counter p3 false",
    "low p3 true",
    "sku p1 true",
  ]);
});
