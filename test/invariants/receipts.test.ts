/** Receipts that are interrupted: each brings its units once, whoever finishes it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import type { RequestContext } from "#inventory/context";
import { Fault } from "#inventory/faults";
import type { IncomingId } from "#inventory/incoming-ports";
import { CustomerId } from "#inventory/model";
import { finishReceipts, receive, type ReceiveDeps } from "#inventory/receive";
import { processClock } from "#lib/clock";
import { randomId } from "#lib/ids";
import { codeIn } from "#test/caller";
import { operation } from "#test/commands";
import { soon, startExpecting } from "#test/expecting";

const TEST_MS_MAX = 60_000;

let all: Awaited<ReturnType<typeof startExpecting>>;
beforeAll(async () => {
  all = await startExpecting();
}, TEST_MS_MAX);
afterAll(async () => {
  await all[Symbol.asyncDispose]();
});

describe("a receipt whose process ends", () => {
  const base = (): ReceiveDeps => ({
    store: all.stores.store,
    incoming: all.stores.incoming,
    clock: processClock,
  });
  const killed = () => Promise.reject(new Error("killed"));
  /** The store as it is for who ends before it asks it, or before it hears of it. */
  const ended = {
    "before Redis": (): ReceiveDeps => ({ ...base(), store: withAdjust(killed) }),
    "behind Redis": (): ReceiveDeps => ({
      ...base(),
      store: withAdjust(async (command) => {
        await all.stores.store.adjust(command);
        return killed();
      }),
    }),
    "before it is noted": (): ReceiveDeps => ({
      ...base(),
      incoming: { ...all.stores.incoming, settle: killed },
    }),
  };
  type Adjust = ReceiveDeps["store"]["adjust"];
  const withAdjust = (adjust: Adjust): ReceiveDeps["store"] =>
    new Proxy(all.stores.store, {
      get: (store, name) => {
        if (name === "adjust") return adjust;
        const member: unknown = Reflect.get(store, name);
        return typeof member === "function" ? member.bind(store) : member;
      },
    });
  const contextOf = (key: string | null): RequestContext => ({
    caller: { role: "admin", subject: CustomerId.parse("ada") },
    requestId: randomId(8),
    operation: key === null ? null : operation(key),
    deadline: soon(),
  });
  const age = (incomingId: IncomingId) => all.stores.sql`
    UPDATE incoming_receipts SET claimed_at = now() - interval '1 minute'
    WHERE incoming_id = ${incomingId}`;

  test.each(Object.keys(ended))("%s is finished by its repeat, once", async (when) => {
    const productId = await all.initialize(0);
    const { incomingId } = await all.expectUnits(productId, 10);
    const key = randomId(8);
    const deps =
      ended[z.enum(["before Redis", "behind Redis", "before it is noted"]).parse(when)]();
    await receive(deps, contextOf(key), incomingId, 4).catch(() => null);
    expect(await all.stateOf(incomingId)).toEqual([[4, "claimed", 4]]);
    for (const _ of [1, 2, 3]) {
      const outcome = await receive(base(), contextOf(key), incomingId, 4);
      expect(outcome).toMatchObject({ kind: "received", receipt: { receipt: 1, units: 4 } });
    }
    expect(await all.stateOf(incomingId)).toEqual([[4, "done", 4]]);
    expect(await all.unitsOf(productId)).toBe(4);
  });

  test.each(Object.keys(ended))("%s is finished by a worker, once", async (when) => {
    const productId = await all.initialize(0);
    const { incomingId } = await all.expectUnits(productId, 10);
    const deps =
      ended[z.enum(["before Redis", "behind Redis", "before it is noted"]).parse(when)]();
    await receive(deps, contextOf(null), incomingId, 4).catch(() => null);
    expect(await finishReceipts(base())).toMatchObject({ finished: 0, failed: [] });
    await age(incomingId);
    await Promise.all([finishReceipts(base()), finishReceipts(base())]);
    expect(await all.stateOf(incomingId)).toEqual([[4, "done", 4]]);
    expect(await all.unitsOf(productId)).toBe(4);
  });

  test("is known by the ledger when Redis has forgotten its operation", async () => {
    const productId = await all.initialize(0);
    const { incomingId } = await all.expectUnits(productId, 10);
    await receive(ended["before it is noted"](), contextOf(null), incomingId, 4);
    const keys = await all.stores.redis.keys("*:operation:*");
    expect(keys.length).toBeGreaterThan(0);
    await all.stores.redis.del(...keys);
    await age(incomingId);
    expect(await finishReceipts(base())).toMatchObject({ finished: 1, failed: [] });
    expect(await all.unitsOf(productId)).toBe(4);
    expect(await all.stateOf(incomingId)).toEqual([[4, "done", 4]]);
  });

  test("holds up no other one when it cannot be finished, and is tried again behind them", async () => {
    const [broken, whole, late] = await Promise.all([1, 2, 3].map(() => all.initialize(0)));
    if (!broken || !whole || !late) throw new Error("three products were asked for");
    const lots = await Promise.all([broken, whole, late].map((id) => all.expectUnits(id, 200)));
    for (const { incomingId } of lots) {
      await receive(ended["before Redis"](), contextOf(null), incomingId, 1).catch(() => null);
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
    const deps: ReceiveDeps = {
      ...base(),
      store: withAdjust((command) =>
        command.productId === broken ? killed() : all.stores.store.adjust(command),
      ),
    };
    const once = await finishReceipts(deps);
    expect([once.finished, once.failed.length, once.mayBeMore]).toEqual([1, 99, true]);
    expect(once.failed[0]).toMatchObject({ incomingId: first, error: new Error("killed") });
    expect(await all.stateOf(second)).toEqual([[1, "done", 1]]);
    expect(await all.stateOf(third)).toEqual([[1, "claimed", 1]]);
    expect(await finishReceipts(deps)).toEqual({ finished: 1, failed: [], mayBeMore: false });
    expect(await all.stateOf(third)).toEqual([[1, "done", 1]]);
    await age(first);
    expect((await finishReceipts(base())).finished).toBe(99);
    expect(await all.unitsOf(broken)).toBe(99);
  });

  test("is not taken for a movement of before its claim", async () => {
    const productId = await all.initialize(0);
    const { incomingId } = await all.expectUnits(productId, 10);
    const reason = `incoming ${incomingId}, receipt 1`;
    const path = `/product/${productId}/stock`;
    await all.send({ method: "PATCH", path, body: { quantity: 7, type: "RESTOCK", reason } });
    expect(await all.list({ productId })).toHaveLength(2);
    await receive(ended["before Redis"](), contextOf(null), incomingId, 4).catch(() => null);
    await age(incomingId);
    await finishReceipts(base());
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
    const deps = { ...base(), store: withAdjust(overloaded) };
    const refused = receive(deps, contextOf(key), incomingId, 4);
    await expect(refused).rejects.toMatchObject({ code: "overloaded" });
    expect(await all.stateOf(incomingId)).toEqual([[0, "refused", 4]]);
    // Another copy of the call went through meanwhile; this one is told that nothing happened.
    const late = {
      ...base(),
      store: withAdjust(async (command) => {
        await all.stores.store.adjust(command);
        throw new Fault("overloaded", "too much");
      }),
    };
    await receive(late, contextOf(key), incomingId, 4).catch(() => null);
    for (const _ of [1, 2]) await receive(base(), contextOf(key), incomingId, 4);
    expect(await all.stateOf(incomingId)).toEqual([[4, "done", 4]]);
    expect(await all.unitsOf(productId)).toBe(4);
  });

  test("and that was refused is no more expected where others took its place", async () => {
    const productId = await all.initialize(0);
    const { incomingId } = await all.expectUnits(productId, 10);
    const key = randomId(8);
    const overloaded = () => Promise.reject(new Fault("overloaded", "too much"));
    const deps = { ...base(), store: withAdjust(overloaded) };
    await receive(deps, contextOf(key), incomingId, 4).catch(() => null);
    await receive(base(), contextOf(null), incomingId, 8);
    const outcome = await receive(base(), contextOf(key), incomingId, 4);
    expect(outcome.kind).toBe("exceeds_expected");
    await all.post(`/incoming/${incomingId}/cancel`, {});
    expect((await receive(base(), contextOf(key), incomingId, 4)).kind).toBe("exceeds_expected");
    expect(await all.unitsOf(productId)).toBe(8);
  });

  test("cannot take what a location does not hold, and is expected again", async () => {
    const productId = await all.initialize(1e12);
    const { incomingId } = await all.expectUnits(productId, 10);
    const answer = await all.post(`/incoming/${incomingId}/receive`, {});
    expect([answer.status, codeIn(answer)]).toEqual([409, "limit_exceeded"]);
    expect(await all.stateOf(incomingId)).toEqual([[0, "refused", 10]]);
  });
});
