import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { ProductId } from "#inventory/model";
import type {
  AlertKind,
  AlertQuery,
  EventQuery,
  EventType,
  LedgerEvent,
  RaiseCommand,
} from "#inventory/ports";
import { systemClock } from "#lib/clock";
import { createAlertDesk, createEventLedger } from "#postgres/event-ledger";
import { cursorOf } from "#postgres/page-cursor";
import { openLedger, soon, type TestLedger } from "#test/ledger";
import { batch, crossing, EPOCH_MS, movement, movements, oversold } from "#test/movements";

let db: TestLedger;
let events: ReturnType<typeof createEventLedger>;
let desk: ReturnType<typeof createAlertDesk>;

beforeAll(async () => {
  db = await openLedger({ partitions: 2 });
  events = createEventLedger({ sql: db.sql, clock: systemClock });
  desk = createAlertDesk(db.sql);
});
beforeEach(async () => {
  await db.sql`TRUNCATE movements, levels, quarantine, alerts`;
  await db.sql`UPDATE partitions SET epoch = 0, cursor_epoch = 0, cursor_seq = 0, raised = 1`;
  await db.writer.cursor(0);
  await db.writer.cursor(1);
});
afterAll(() => db[Symbol.asyncDispose]());

const p1 = ProductId.parse("product-1");
const raise = (fields: Partial<RaiseCommand> = {}) =>
  desk.raise({
    partition: 0,
    kind: "drift",
    productId: null,
    units: null,
    detail: null,
    ...fields,
  });
const alertPage = (fields: Partial<AlertQuery> = {}) =>
  events.alerts(
    { kind: null, productId: null, open: null, cursor: null, limit: 20, ...fields },
    soon(),
  );
const read = (fields: Partial<EventQuery> = {}) =>
  events.events({ after: null, types: null, limit: 100, ...fields }, soon());

/** `partition-seq` of a movement, with number and kind of an alert. */
const nameOf = (event: LedgerEvent): string => {
  if (event.kind === "movement") return `${event.movement.partition}-${event.movement.seq}`;
  const { partition, seq, number, kind } = event.alert;
  return `${partition}-${seq}-${number} ${kind}`;
};

/** Reads on from there until nothing comes; every page is as long as it may be. */
async function follow(
  from: string | null,
  limit: number,
  types: ReadonlySet<EventType> | null = null,
) {
  const names: string[] = [];
  let after = from;
  for (;;) {
    const page = await read({ after, limit, types });
    if (page.kind !== "events") throw new Error(page.kind);
    expect(page.events.length).toBeLessThanOrEqual(limit);
    names.push(...page.events.map(nameOf));
    after = page.cursor;
    if (page.events.length === 0) return { names, cursor: page.cursor };
  }
}

describe("append", () => {
  test("writes a crossing with its movement, once, whoever repeats the batch", async () => {
    const first = batch(movements(1, 3), { crossings: [crossing(2, "low")] });
    expect(await db.writer.append(first)).toEqual({ kind: "appended" });
    expect(await db.writer.append(first)).toEqual({ kind: "cursor_moved" });
    await db.sql`UPDATE partitions SET cursor_epoch = 0, cursor_seq = 0`;
    await db.sql`TRUNCATE movements`;
    // A ledger that was restored to a state before it, with the alerts kept.
    expect(await db.writer.append(first)).toEqual({ kind: "appended" });
    expect((await alertPage({ limit: 9 })).items).toEqual([
      {
        partition: 0,
        seq: 2,
        number: 1,
        kind: "low",
        productId: p1,
        units: 3,
        detail: null,
        at: EPOCH_MS + 2,
        open: true,
      },
    ]);
  });

  test("a movement that is set aside leaves an alert in the same statement", async () => {
    const refused = batch([oversold(1)], { crossings: [crossing(1, "out")] });
    expect((await db.writer.append(refused)).kind).toBe("refused");
    expect(await db.count("SELECT count(*) FROM alerts")).toBe(0);
    expect(await db.writer.quarantine(refused, "no")).toEqual({ kind: "appended" });
    expect(await db.writer.quarantine(refused, "no")).toEqual({ kind: "cursor_moved" });
    const { names } = await follow(null, 10);
    expect(names).toEqual(["0-1-2 quarantine"]);
    const [alert] = await db.sql`SELECT product_id FROM alerts`;
    expect(alert).toEqual({ product_id: "product-1" });
    const payload = await db.sql`SELECT payload -> 'crossings' AS it FROM quarantine`;
    expect(payload[0]?.["it"]).toEqual([crossing(1, "out")]);
  });
});

describe("raise", () => {
  test("a condition is raised once until it ended, and ends once", async () => {
    expect(await raise({ kind: "lag_over" })).toBe(false);
    expect(await raise({ kind: "lag" })).toBe(true);
    await db.writer.append(batch([movement(1)]));
    expect(await raise({ kind: "lag" })).toBe(false);
    expect(await raise({ kind: "fenced" })).toBe(true);
    expect(await raise({ kind: "lag_over" })).toBe(true);
    expect(await raise({ kind: "lag_over" })).toBe(false);
    expect(await raise({ kind: "lag" })).toBe(true);
    expect(await raise({ kind: "lag", partition: 1 })).toBe(true);
    expect(await raise({ kind: "drift", productId: p1 })).toBe(true);
    expect(await raise({ kind: "drift", productId: p1 })).toBe(false);
  });

  test("drift of a product is open until it is over, and may begin again where it ended", async () => {
    const open = async () => {
      const { items } = await alertPage({ kind: "drift", open: true });
      return items.map(({ productId }) => productId);
    };
    for (const productId of [p1, null]) await raise({ kind: "drift", productId });
    expect(await open()).toEqual([null, p1]);
    expect(await raise({ kind: "drift_over", productId: p1 })).toBe(true);
    expect(await raise({ kind: "drift_over", productId: p1 })).toBe(false);
    expect(await open()).toEqual([null]);
    expect(await raise({ kind: "drift", productId: p1 })).toBe(true);
    expect(await raise({ kind: "drift_over" })).toBe(true);
    expect(await open()).toEqual([p1]);
  });

  test("when ten processes find it at once, one raises it", async () => {
    const raised = await Promise.all(Array.from({ length: 10 }, () => raise({ kind: "fenced" })));
    expect(raised.filter(Boolean)).toHaveLength(1);
  });
});

describe("the feed", () => {
  test("has movements and alerts of a partition in one order, whatever the size of a page", async () => {
    await raise({ kind: "lag" });
    await db.writer.append(batch(movements(1, 3), { crossings: [crossing(1, "low")] }));
    await raise({ kind: "lag_over" });
    await raise({ kind: "fenced" });
    await db.writer.append(batch([movement(4)], { crossings: [crossing(4, "out")] }));
    const all = [
      "0-0-2 lag",
      "0-1",
      "0-1-1 low",
      "0-2",
      "0-3",
      "0-3-3 lag_over",
      "0-3-4 fenced",
      "0-4",
      "0-4-1 out",
    ];
    for (const limit of [1, 2, 3, 4, 100]) expect((await follow(null, limit)).names).toEqual(all);
    const low = new Set<AlertKind>(["low", "fenced"]);
    for (const limit of [1, 2, 100]) {
      expect((await follow(null, limit, low)).names).toEqual(["0-1-1 low", "0-3-4 fenced"]);
    }
    const onlyMovements = await follow(null, 2, new Set<EventType>(["movement"]));
    expect(onlyMovements.names).toEqual(["0-1", "0-2", "0-3", "0-4"]);
  });

  test("whoever resumes sees what came since, also where a filter passed over the rest", async () => {
    const onlyOut = new Set<EventType>(["out"]);
    await db.writer.append(batch(movements(1, 3)));
    const { cursor } = await follow(null, 1);
    const filtered = await follow(null, 1, onlyOut);
    expect(filtered.cursor).toBe(cursor);
    await raise();
    await db.writer.append(
      batch([movement(4, { partition: 0 })], { crossings: [crossing(4, "out")] }),
    );
    await db.writer.append(batch([movement(1, { partition: 1 })]));
    const rest = ["0-3-2 drift", "0-4", "0-4-1 out", "1-1"];
    expect((await follow(cursor, 2)).names.toSorted()).toEqual(rest);
    expect((await follow(filtered.cursor, 1, onlyOut)).names).toEqual(["0-4-1 out"]);
  });

  test("takes the partitions in the order of time, so that none waits for another", async () => {
    const at = (partition: number, seq: number) =>
      movement(seq, { partition, at: EPOCH_MS + 10 * seq + partition });
    await db.writer.append(batch([1, 2, 3].map((seq) => at(0, seq))));
    await db.writer.append(batch([1, 2, 3].map((seq) => at(1, seq))));
    expect((await follow(null, 2)).names).toEqual(["0-1", "1-1", "0-2", "1-2", "0-3", "1-3"]);
  });

  test("`latest` is where it ends now", async () => {
    await db.writer.append(batch(movements(1, 3)));
    const page = await read({ after: "latest" });
    if (page.kind !== "events") throw new Error(page.kind);
    expect(page.events).toEqual([]);
    await db.writer.append(batch([movement(4)]));
    expect((await follow(page.cursor, 5)).names).toEqual(["0-4"]);
  });

  test("refuses cursors that no feed of this ledger answered", async () => {
    for (const after of [
      "",
      "x",
      "1.1",
      "1.1_1.1_1.1",
      "1.1_1.1",
      "0.9_0.1",
      "zzzzzzzzzzz.0_0.0",
    ]) {
      await expect(read({ after })).rejects.toMatchObject({ code: "validation_failed" });
    }
  });

  test("says so when what follows the cursor was put away", async () => {
    const range = 10_000_000;
    await db.sql`UPDATE partitions SET cursor_seq = ${range} WHERE partition = 0`;
    const from = { epoch: 1, seq: range };
    await db.sql`UPDATE partitions SET cursor_epoch = 1 WHERE partition = 0`;
    await db.writer.append(
      batch([movement(range + 1, { reservedBefore: 0, reservedAfter: 1 })], { from }),
    );
    const placeAt = (seq: number) => `${seq.toString(36)}.1_0.1`;
    expect(await read({ after: placeAt(range - 2) })).toEqual({ kind: "gone" });
    expect(await read({ after: placeAt(range - 1) })).toMatchObject({ kind: "events" });
  });
});

describe("a look", () => {
  test("tells where the feeds end, and the kinds of alerts since the last one", async () => {
    const { places, alerts } = await events.look(null);
    expect(places).toEqual([
      { partition: 0, seq: 0, number: 1 },
      { partition: 1, seq: 0, number: 1 },
    ]);
    expect(alerts).toEqual(new Set());
    await db.writer.append(batch(movements(1, 2), { crossings: [crossing(1, "low")] }));
    await raise({ partition: 1, kind: "fenced" });
    const next = await events.look(places);
    expect(next.places).toEqual([
      { partition: 0, seq: 2, number: 1 },
      { partition: 1, seq: 0, number: 2 },
    ]);
    expect(next.alerts).toEqual(new Set(["low", "fenced"]));
    expect((await events.look(next.places)).alerts).toEqual(new Set());
  });
});

test("an alert is open until another says otherwise", async () => {
  const kinds = async (open: boolean | null) => {
    const { items } = await alertPage({ open });
    return items.map(({ kind, seq }) => `${kind} ${seq}`);
  };
  const [low, out] = [crossing(1, "low"), crossing(2, "out")];
  await db.writer.append(batch(movements(1, 2), { crossings: [low, out] }));
  expect(await kinds(true)).toEqual(["out 2"]);
  await raise({ kind: "lag" });
  await raise({ kind: "gap", detail: "gap" });
  expect((await kinds(true)).toSorted()).toEqual(["gap 2", "lag 2", "out 2"]);
  await db.writer.append(batch([movement(3)], { crossings: [crossing(3, "back_in_stock")] }));
  await raise({ kind: "lag_over" });
  expect(await kinds(true)).toEqual([]);
  await db.writer.quarantine(batch([oversold(4)]), "no");
  expect(await kinds(true)).toEqual(["quarantine 4"]);
  await db.sql`UPDATE quarantine SET settled_at = now()`;
  expect(await kinds(true)).toEqual([]);
  expect(await kinds(null)).toHaveLength(7);
  const query = { kind: "low", productId: p1, open: false, limit: 1 } as const;
  expect((await alertPage(query)).items).toMatchObject([{ kind: "low", seq: 1 }]);
  const other = { ...query, productId: ProductId.parse("product-2") };
  expect((await alertPage(other)).items).toEqual([]);
});

test("alerts are listed page by page, each once, also those of one instant", async () => {
  for (let round = 0; round < 3; round += 1) {
    await raise({ productId: ProductId.parse(`other-${round}`), detail: `${round}` });
    await raise({ partition: 1, productId: ProductId.parse(`product-${round}`) });
    await db.writer.append(batch([movement(round + 1)]));
  }
  await db.sql`UPDATE alerts SET at = '2025-01-31T12:00:00.123456Z' WHERE partition = 0 OR product_id > 'product-0'`;
  await db.sql`UPDATE alerts SET at = '2025-01-31T12:00:00.123Z' WHERE product_id = 'product-0'`;
  const all = (await alertPage()).items;
  expect(all.length).toBeGreaterThan(4);
  for (const limit of [1, 2, 3]) {
    const seen: unknown[] = [];
    for (let cursor: string | null = null; ;) {
      const page = await alertPage({ limit, cursor });
      seen.push(...page.items);
      cursor = page.nextCursor;
      if (cursor === null) break;
      expect(page.items).toHaveLength(limit);
    }
    expect(seen).toEqual([...all]);
  }
  await expect(alertPage({ cursor: cursorOf(["x"]) })).rejects.toThrow("cursor");
});
