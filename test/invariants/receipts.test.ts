/** Receipts that are interrupted: each brings its units once, whoever finishes it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Fault } from "#inventory/faults";
import { finishReceipts, receive, type ReceiveDeps } from "#inventory/receive";
import { randomId } from "#lib/ids";
import { createQuarantine } from "#postgres/quarantine";
import { codeIn } from "#test/caller";
import { ENDS, killed, startReceiving } from "#test/receiving";
import { until } from "#test/until";

const TEST_MS_MAX = 60_000;
const REBUILD_MS_MAX = 20_000;

let all: Awaited<ReturnType<typeof startReceiving>>;
beforeAll(async () => {
  all = await startReceiving();
}, TEST_MS_MAX);
afterAll(async () => {
  await all[Symbol.asyncDispose]();
});

describe("a receipt whose process ends", () => {
  test.each(ENDS)("%s is finished by its repeat, once", async (when) => {
    const productId = await all.initialize(0);
    const { incomingId } = await all.expectUnits(productId, 10);
    const key = randomId(8);
    const deps = all.ended(when);
    await receive(deps, all.contextOf(key), incomingId, 4).catch(() => null);
    expect(await all.stateOf(incomingId)).toEqual([[4, "claimed", 4]]);
    for (const _ of [1, 2, 3]) {
      const outcome = await receive(all.base(), all.contextOf(key), incomingId, 4);
      expect(outcome).toMatchObject({ kind: "received", receipt: { receipt: 1, units: 4 } });
    }
    expect(await all.stateOf(incomingId)).toEqual([[4, "brought", 4]]);
    expect(await all.unitsOf(productId)).toBe(4);
  });

  test.each(ENDS)("%s is finished by a worker, once", async (when) => {
    const productId = await all.initialize(0);
    const { incomingId } = await all.expectUnits(productId, 10);
    const deps = all.ended(when);
    await receive(deps, all.contextOf(null), incomingId, 4).catch(() => null);
    expect(await finishReceipts(all.base())).toMatchObject({ finished: 0, failed: [] });
    await all.age(incomingId);
    const both = await Promise.all([finishReceipts(all.base()), finishReceipts(all.base())]);
    expect(both.map(({ finished }) => finished).toSorted((a, b) => a - b)).toEqual([0, 1]);
    // The ledger has it, or will the next time that somebody looks.
    await all.age(incomingId);
    expect(await finishReceipts(all.base())).toMatchObject({ finished: 0, failed: [] });
    expect(await all.stateOf(incomingId)).toEqual([[4, "done", 4]]);
    expect(await all.unitsOf(productId)).toBe(4);
  });

  test("is known by the ledger when Redis has forgotten its operation", async () => {
    const productId = await all.initialize(0);
    const { incomingId } = await all.expectUnits(productId, 10);
    await receive(all.ended("before it is noted"), all.contextOf(null), incomingId, 4);
    const keys = await all.stores.redis.keys("*:operation:*");
    expect(keys.length).toBeGreaterThan(0);
    await all.stores.redis.del(...keys);
    await all.age(incomingId);
    expect(await finishReceipts(all.base())).toMatchObject({ finished: 1, failed: [] });
    expect(await all.unitsOf(productId)).toBe(4);
    expect(await all.stateOf(incomingId)).toEqual([[4, "done", 4]]);
  });

  test("holds up no other one when it cannot be finished, and is tried again behind them", async () => {
    const [broken, whole, late] = await Promise.all([1, 2, 3].map(() => all.initialize(0)));
    if (!broken || !whole || !late) throw new Error("three products were asked for");
    const lots = await Promise.all([broken, whole, late].map((id) => all.expectUnits(id, 200)));
    for (const { incomingId } of lots) {
      await receive(all.ended("before Redis"), all.contextOf(null), incomingId, 1).catch(
        () => null,
      );
    }
    const [first, second, third] = lots.map(({ incomingId }) => incomingId);
    if (!first || !second || !third) throw new Error("three lots were expected");
    // As many as are looked at in one go, each of them older than the third one.
    await all.stores
      .sql`INSERT INTO incoming_receipts (incoming_id, receipt, units, actor, request_id)
      SELECT ${first}, number, 1, 'admin:ada', 'r' FROM generate_series(2, 99) AS number`;
    await all.stores.sql`UPDATE incoming_receipts SET claimed_at = now() - CASE incoming_id
        WHEN ${first} THEN interval '3 minutes'
        WHEN ${second} THEN interval '2 minutes'
        ELSE interval '1 minute'
      END
      WHERE state = 'claimed'`;
    const deps: ReceiveDeps = all.withAdjust((command) =>
      command.productId === broken ? killed() : all.stores.store.adjust(command),
    );
    const once = await finishReceipts(deps);
    expect([once.finished, once.failed.length, once.mayBeMore]).toEqual([1, 99, true]);
    expect(once.failed[0]).toMatchObject({ incomingId: first, error: new Error("killed") });
    expect(await all.stateOf(second)).toEqual([[1, "brought", 1]]);
    expect(await all.stateOf(third)).toEqual([[1, "claimed", 1]]);
    expect(await finishReceipts(deps)).toEqual({ finished: 1, failed: [], mayBeMore: false });
    expect(await all.stateOf(third)).toEqual([[1, "brought", 1]]);
    await all.age(first);
    expect((await finishReceipts(all.base())).finished).toBe(99);
    expect(await all.unitsOf(broken)).toBe(99);
  });

  test("is not taken for a movement of before its claim", async () => {
    const productId = await all.initialize(0);
    const { incomingId } = await all.expectUnits(productId, 10);
    const reason = `incoming ${incomingId}, receipt 1`;
    const path = `/product/${productId}/stock`;
    await all.send({ method: "PATCH", path, body: { quantity: 7, type: "RESTOCK", reason } });
    expect(await all.list({ productId })).toHaveLength(2);
    await receive(all.ended("before Redis"), all.contextOf(null), incomingId, 4).catch(() => null);
    await all.age(incomingId);
    await finishReceipts(all.base());
    expect(await all.unitsOf(productId)).toBe(11);
  });

  test("is looked for in no table of the ledger that was full before its claim", async () => {
    const productId = await all.initialize(0);
    const { incomingId } = await all.expectUnits(productId, 10);
    const { sql } = all.stores;
    await sql`SELECT ensure_movement_ranges(1, 10000000)`;
    await sql`INSERT INTO incoming_receipts
      (incoming_id, receipt, units, actor, request_id, state, ledger_seq)
      VALUES (${incomingId}, 1, 1, 'admin:ada', 'r', 'refused', 10000000)`;
    const statement = new URL(
      "../../src/postgres/statements/incoming-movement.sql",
      import.meta.url,
    );
    const movementText = await Bun.file(statement).text();
    const parameters = [incomingId, 1, 0, `incoming ${incomingId}, receipt 1`];
    const plan = await sql.unsafe(`EXPLAIN (ANALYZE) ${movementText}`, parameters);
    const older = plan
      .map((row) => String(row["QUERY PLAN"]))
      .filter((it) => / movements_0 /.test(it));
    expect(older).toEqual([expect.stringContaining("never executed")]);
  });

  test("is expected again when Redis took nothing; a repeat of its call is the same receipt", async () => {
    const productId = await all.initialize(0);
    const { incomingId } = await all.expectUnits(productId, 10);
    const key = randomId(8);
    const overloaded = () => Promise.reject(new Fault("overloaded", "too much"));
    const deps = all.withAdjust(overloaded);
    const refused = receive(deps, all.contextOf(key), incomingId, 4);
    await expect(refused).rejects.toMatchObject({ code: "overloaded" });
    expect(await all.stateOf(incomingId)).toEqual([[0, "refused", 4]]);
    // Another copy of the call went through meanwhile; this one is told that nothing happened.
    const late = all.withAdjust(async (command) => {
      await all.stores.store.adjust(command);
      throw new Fault("overloaded", "too much");
    });
    await receive(late, all.contextOf(key), incomingId, 4).catch(() => null);
    for (const _ of [1, 2]) await receive(all.base(), all.contextOf(key), incomingId, 4);
    expect(await all.stateOf(incomingId)).toEqual([[4, "brought", 4]]);
    expect(await all.unitsOf(productId)).toBe(4);
  });

  test("and that was refused is no more expected where others took its place", async () => {
    const productId = await all.initialize(0);
    const { incomingId } = await all.expectUnits(productId, 10);
    const key = randomId(8);
    const overloaded = () => Promise.reject(new Fault("overloaded", "too much"));
    const deps = all.withAdjust(overloaded);
    await receive(deps, all.contextOf(key), incomingId, 4).catch(() => null);
    await receive(all.base(), all.contextOf(null), incomingId, 8);
    const outcome = await receive(all.base(), all.contextOf(key), incomingId, 4);
    expect(outcome.kind).toBe("exceeds_expected");
    await all.post(`/incoming/${incomingId}/cancel`, {});
    expect((await receive(all.base(), all.contextOf(key), incomingId, 4)).kind).toBe(
      "exceeds_expected",
    );
    expect(await all.unitsOf(productId)).toBe(8);
  });

  test("cannot take what a location does not hold, and is expected again", async () => {
    const productId = await all.initialize(1e12);
    const { incomingId } = await all.expectUnits(productId, 10);
    const answer = await all.post(`/incoming/${incomingId}/receive`, {});
    expect([answer.status, codeIn(answer)]).toEqual([409, "limit_exceeded"]);
    expect(await all.stateOf(incomingId)).toEqual([[0, "refused", 10]]);
  });

  test("is not added anew while its movement is in quarantine, nor when that was settled", async () => {
    const { sql, redis } = all.stores;
    const productId = await all.initialize(0);
    const { incomingId } = await all.expectUnits(productId, 10);
    await sql.unsafe(`ALTER TABLE movements ADD CONSTRAINT refused_by_a_test
      CHECK (reason IS DISTINCT FROM 'incoming ${incomingId}, receipt 1') NOT VALID`);
    await receive(all.base(), all.contextOf(null), incomingId, 4);
    const desk = createQuarantine(sql);
    const aside = () => Array.fromAsync(desk.all(null));
    const isAside = async () => (await aside()).length === 1;
    await until(isAside, { withinMs: 5_000, what: "it is set aside" });
    await redis.del(...(await redis.keys("*:operation:*")));
    await all.age(incomingId);
    expect(await finishReceipts(all.base())).toMatchObject({ finished: 0, failed: [] });
    expect(await all.stateOf(incomingId)).toEqual([[4, "done", 4]]);
    expect(await all.unitsOf(productId)).toBe(4);
    await sql`ALTER TABLE movements DROP CONSTRAINT refused_by_a_test`;
    const [it] = await aside();
    expect(it && (await desk.retry(it, true))).toEqual({ kind: "brought" });
    expect(await all.list({ productId, type: "RESTOCK" })).toHaveLength(1);
  });

  test("is not added anew by a repeat whose key outlives what Redis knows of it", async () => {
    const productId = await all.initialize(0);
    const { incomingId } = await all.expectUnits(productId, 10);
    const key = randomId(8);
    await receive(all.base(), all.contextOf(key), incomingId, 4);
    await all.stores.sql`UPDATE incoming_receipts
      SET state = 'done', claimed_at = now() - interval '24 hours' WHERE incoming_id = ${incomingId}`;
    await all.stores.redis.del(...(await all.stores.redis.keys("*:operation:*")));
    const outcome = await receive(all.base(), all.contextOf(key), incomingId, 4);
    expect(outcome).toMatchObject({ kind: "received", receipt: { units: 4 }, replayed: true });
    expect(await all.unitsOf(productId)).toBe(4);
  });

  describe("and that several bring at once", () => {
    test("comes once where one of them is refused while another one brings it", async () => {
      const { productId, incomingId, tell, heard, another, somebodyElse } = await all.startCopies();
      const slow = Promise.withResolvers<void>();
      const broughtIt = Promise.withResolvers<void>();
      const incoming: ReceiveDeps["incoming"] = {
        ...all.stores.incoming,
        async settle(...args) {
          broughtIt.resolve();
          await slow.promise;
          await all.stores.incoming.settle(...args);
        },
      };
      const second = another({ ...all.base(), incoming });
      await broughtIt.promise;
      tell("refused");
      expect(await heard).toBe("outcome_unknown");
      expect((await somebodyElse()).kind).toBe("exceeds_expected");
      slow.resolve();
      expect((await second).kind).toBe("received");
      expect(await all.stateOf(incomingId)).toEqual([[10, "brought", 10]]);
      expect(await all.unitsOf(productId)).toBe(10);
    });

    test("comes once where a later one is refused before the first one brings it", async () => {
      const { productId, incomingId, tell, heard, refused, somebodyElse } = await all.startCopies();
      await expect(refused()).rejects.toMatchObject({ code: "outcome_unknown" });
      expect((await somebodyElse()).kind).toBe("exceeds_expected");
      tell("adjusted");
      expect(await heard).toBe("received");
      await expect(refused()).rejects.toMatchObject({ code: "outcome_unknown" });
      expect((await somebodyElse()).kind).toBe("exceeds_expected");
      expect(await all.stateOf(incomingId)).toEqual([[10, "brought", 10]]);
      expect(await all.unitsOf(productId)).toBe(10);
    });

    test("is expected again when the last of them was refused", async () => {
      const { productId, incomingId, tell, heard, another, refused, somebodyElse } =
        await all.startCopies();
      await expect(refused()).rejects.toMatchObject({ code: "outcome_unknown" });
      tell("refused");
      expect(await heard).toBe("redis_unavailable");
      expect(await all.stateOf(incomingId)).toEqual([[0, "refused", 10]]);
      await expect(refused()).rejects.toMatchObject({ code: "redis_unavailable" });
      expect((await somebodyElse()).kind).toBe("received");
      expect((await another()).kind).toBe("exceeds_expected");
      expect(await all.unitsOf(productId)).toBe(10);
    });

    test("is given back by none of those from whom a worker took it up", async () => {
      const { productId, incomingId, tell, heard, somebodyElse } = await all.startCopies();
      await all.age(incomingId);
      const slow = Promise.withResolvers<void>();
      const there = Promise.withResolvers<void>();
      const deps = all.withAdjust(async (command) => {
        there.resolve();
        await slow.promise;
        return all.stores.store.adjust(command);
      });
      const finishing = finishReceipts(deps);
      await there.promise;
      tell("refused");
      expect(await heard).toBe("outcome_unknown");
      expect((await somebodyElse()).kind).toBe("exceeds_expected");
      slow.resolve();
      expect(await finishing).toMatchObject({ finished: 1, failed: [] });
      expect(await all.stateOf(incomingId)).toEqual([[10, "brought", 10]]);
      expect(await all.unitsOf(productId)).toBe(10);
    });

    test("is told where it came although others took its place", async () => {
      const { incomingId, tell, heard, somebodyElse } = await all.startCopies();
      await all.stores.sql`UPDATE incoming_receipts SET state = 'refused', holders = 0
        WHERE incoming_id = ${incomingId}`;
      await all.stores.sql`UPDATE incoming SET received = 0 WHERE incoming_id = ${incomingId}`;
      expect((await somebodyElse()).kind).toBe("received");
      tell("adjusted");
      expect(await heard).toMatchObject({ code: "23514" });
    });
  });

  test(
    "is brought again when a Redis loses it before the ledger has it",
    async () => {
      const productId = await all.initialize(5);
      const { incomingId } = await all.expectUnits(productId, 10);
      expect(await all.list({ productId })).toHaveLength(1);
      await all.worker.kill();
      const key = randomId(8);
      expect((await receive(all.base(), all.contextOf(key), incomingId, null)).kind).toBe(
        "received",
      );
      expect(await all.unitsOf(productId)).toBe(15);
      await all.stores.redis.flushall();
      await all.worker.restart();
      const isServed = () => all.unitsOf(productId).catch(() => null);
      await until(async () => (await isServed()) !== null, {
        withinMs: REBUILD_MS_MAX,
        what: "the partition is rebuilt",
      });
      expect(await all.unitsOf(productId)).toBe(5);
      expect(await all.stateOf(incomingId)).toEqual([[10, "brought", 10]]);
      for (const finished of [1, 0]) {
        await all.age(incomingId);
        expect(await finishReceipts(all.base())).toMatchObject({ finished, failed: [] });
      }
      expect(await all.stateOf(incomingId)).toEqual([[10, "done", 10]]);
      await receive(all.base(), all.contextOf(key), incomingId, null);
      expect(await all.unitsOf(productId)).toBe(15);
    },
    TEST_MS_MAX,
  );
});
