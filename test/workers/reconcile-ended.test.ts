/** Ended holds and receipts of incoming stock against the movements of the ledger. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { CustomerId, OrderId } from "#inventory/model";
import { finishReceipts, receive } from "#inventory/receive";
import type { IncomingId } from "#inventory/incoming-ports";
import { steadyClock } from "#lib/clock";
import { randomId } from "#lib/ids";
import { createIncomingStock } from "#postgres/incoming";
import { createRemoval } from "#postgres/remove-ended";
import { journalKey, metaKey, stockKey } from "#redis/keys";
import { namesOf, openReconcileBed, type ReconcileBed } from "#test/reconcile";
import {
  adjustCommand,
  endCommand,
  extendCommand,
  initialize,
  product,
  reserve,
  reserveCommand,
  soon,
} from "#test/store";
import { until } from "#test/until";

let bed: ReconcileBed;
beforeEach(async () => {
  bed = await openReconcileBed();
  await initialize(bed.store, "p1", 100_000);
});
afterEach(() => bed[Symbol.asyncDispose]());

/** More than one statement of a comparison reads. */
const PART_MOVEMENTS = 10_000;
const KEPT_DAYS = 30;

const TWO = [{ productId: product("p1"), quantity: 2 }];

async function pass(movements: number): Promise<void> {
  for (let done = 0; done < movements; done += 500) {
    const some = Array.from({ length: 500 }, () => bed.store.adjust(adjustCommand("p1", 1)));
    await Promise.all(some);
  }
  await bed.drained();
}

async function ended(order: string): Promise<string> {
  const { reservationId } = await reserve(bed.store, order, { p1: 5 });
  await bed.store.extend(extendCommand(reservationId, 600));
  await bed.store.confirm(endCommand(reservationId, { lines: TWO }));
  await bed.store.cancel(endCommand(reservationId));
  return reservationId;
}

const spoil = (order: string) => bed.db.sql`UPDATE reservations
  SET allocations = replace(allocations::text, '"confirmed": 2', '"confirmed": 1')::jsonb
  WHERE order_id = ${OrderId.parse(order)}`;

describe("an ended hold", () => {
  test("that went on while thousands of movements passed is held against all of its own", async () => {
    const { reservationId } = await reserve(bed.store, "long", { p1: 5 });
    await pass(PART_MOVEMENTS);
    await bed.store.confirm(endCommand(reservationId, { lines: TWO }));
    await pass(PART_MOVEMENTS);
    await bed.store.cancel(endCommand(reservationId));
    await bed.drained();
    expect((await bed.report()).differences).toEqual([]);
    await spoil("long");
    const { differences } = await bed.repair();
    expect(differences).toMatchObject([{ kind: "hold_differs", reservationId, repaired: true }]);
    expect((await bed.report()).differences).toEqual([]);
  });

  test("of which the first movements were put away is not judged by the others", async () => {
    const stand = async (units: number) => {
      const more = { holdSeconds: null, adds: true } as const;
      const outcome = await bed.store.reserve(reserveCommand("old", { p1: units }, more));
      if (outcome.kind !== "reserved") throw new Error(outcome.kind);
      return outcome.reservation.reservationId;
    };
    await stand(5);
    await bed.drained();
    const last = Number(await bed.redis.hget(metaKey(0), "seq"));
    // Behind these it has nothing for a while, by what is left of its movements.
    const reservationId = await stand(2);
    await pass(PART_MOVEMENTS);
    await bed.store.confirm(endCommand(reservationId, { lines: TWO }));
    await pass(PART_MOVEMENTS);
    await bed.store.cancel(endCommand(reservationId));
    await bed.drained();
    await bed.db.sql`INSERT INTO level_openings
        (product_id, location, partition, seq, on_hand, reserved)
      SELECT product_id, location, partition, seq, on_hand_after, reserved_after
      FROM movements WHERE seq = ${last}`;
    await bed.db.sql`INSERT INTO partition_openings (partition, seq, at)
      SELECT 0, seq, at FROM movements WHERE seq = ${last}`;
    await bed.db.sql`DELETE FROM movements WHERE seq <= ${last}`;
    expect((await bed.report()).differences).toEqual([]);
  });

  test("that was removed for its age is not missed, and a younger one is", async () => {
    await ended("aged");
    await bed.drained();
    const age = `${KEPT_DAYS + 1} days`;
    await bed.db.sql`UPDATE movements SET at = at - ${age}::interval`;
    await bed.db.sql`UPDATE reservations SET created_at = created_at - ${age}::interval`;
    await ended("young");
    // The row of what ends with the last movement there is may come with the next.
    await bed.store.adjust(adjustCommand("p1", 1));
    await bed.drained();
    const remove = createRemoval(bed.db.sql, KEPT_DAYS);
    while (await remove());
    const left = await bed.db.sql`SELECT order_id FROM reservations`;
    expect(left.map((row) => row["order_id"])).toEqual(["young"]);
    expect((await bed.report()).differences).toEqual([]);
    await bed.db.sql`DELETE FROM reservations`;
    expect(namesOf(await bed.report())).toEqual(["hold_differs p1"]);
  });
});

describe("a hold that was sold after its end", () => {
  const seq = async () => Number(await bed.redis.hget(metaKey(0), "seq"));

  /** A cart of two products that expired, and is sold all the same behind that many movements. */
  async function soldLate(behind: number): Promise<void> {
    await initialize(bed.store, "p2", 100);
    const { reservationId, expiresAt } = await reserve(
      bed.store,
      "late",
      { p1: 2, p2: 3 },
      { holdSeconds: 1 },
    );
    await until(() => Date.now() > expiresAt, { withinMs: 5_000, what: "it has expired" });
    await bed.store.expire(0);
    const left = behind - (await seq());
    const some = Array.from({ length: left }, () => bed.store.adjust(adjustCommand("p1", 1)));
    await Promise.all(some);
    const sold = await bed.store.confirm(endCommand(reservationId, { reacquireAs: "sold0000" }));
    expect(sold.kind).toBe("done");
    await bed.store.adjust(adjustCommand("p1", 1));
    await bed.drained();
  }

  test("between two parts of the ledger is well", async () => {
    await soldLate(PART_MOVEMENTS - 1);
    expect((await bed.repair()).differences).toEqual([]);
  });

  test("and of which one movement was lost and put back without its name is left as it is", async () => {
    await soldLate(20);
    const before = await bed.db.sql`SELECT allocations FROM reservations ORDER BY seq`;
    await bed.redis.xtrim(journalKey(0), "MAXLEN", 0);
    await bed.db.sql`DELETE FROM movements WHERE type = 'SALE' AND product_id = 'p1'`;
    const { differences } = await bed.repair();
    expect(differences).toMatchObject([{ kind: "missing_movement", repaired: true }]);
    expect((await bed.report()).differences).toEqual([]);
    expect(await bed.db.sql`SELECT allocations FROM reservations ORDER BY seq`).toEqual(before);
  });

  test("and of which one movement was given up is left as it is", async () => {
    await soldLate(20);
    const rows = await bed.db.sql`DELETE FROM movements
      WHERE type = 'SALE' AND product_id = 'p1' RETURNING seq, epoch, reservation_id`;
    const [{ seq: at, epoch, reservation_id: id } = {}] = rows;
    const payload = { movement: { productId: "p1", reservationId: id }, reservations: [] };
    await bed.db.sql`INSERT INTO quarantine (partition, seq, epoch, payload, error, settled_at)
      VALUES (0, ${at}, ${epoch}, ${JSON.stringify(payload)}::text::json, 'refused', now())`;
    const { differences } = await bed.report();
    expect(differences.map(({ kind }) => kind)).not.toContain("hold_differs");
  });

  test("and of which one movement was changed is not mended by it", async () => {
    await soldLate(20);
    await bed.db.sql`UPDATE movements SET on_hand_before = on_hand_before + 1
      WHERE type = 'SALE' AND product_id = 'p1'`;
    const held = (await bed.repair()).differences.filter(({ kind }) => kind === "hold_differs");
    expect(held).toMatchObject([{ repaired: false }]);
  });
});

describe("what stands in the row of an ended hold and", () => {
  type Wrong = readonly [what: string, cause: RegExp, wrong: () => Promise<unknown>];
  const WRONGS: readonly Wrong[] = [
    [
      "cannot be read",
      /cannot be read/,
      () => bed.db.sql`UPDATE reservations SET end_reason = 'nonsense'`,
    ],
    [
      "is of no shape",
      /cannot be read/,
      () => bed.db.sql`UPDATE reservations SET allocations = '{}'`,
    ],
    [
      "is of no time",
      /cannot be read/,
      () => bed.db.sql`UPDATE reservations SET created_at = 'infinity'`,
    ],
    [
      "is of another time",
      /by its movements it was made at/,
      () => bed.db.sql`UPDATE reservations SET created_at = created_at + interval '1 second'`,
    ],
    [
      "is of another order",
      /for order known/,
      () => bed.db.sql`UPDATE reservations SET order_id = 'another'`,
    ],
    [
      "is in no movement",
      /can be none/,
      () => bed.db.sql`UPDATE movements SET reservation_id = 'x' WHERE type = 'SALE'`,
    ],
  ];

  test.each(WRONGS)("%s is told, and all else is compared", async (_what, cause, wrong) => {
    await ended("known");
    await bed.drained();
    await wrong();
    await bed.redis.hincrby(stockKey(0, "p1"), "onHand:Warehouse A", 1);
    const { differences } = await bed.repair();
    expect(differences.filter((one) => cause.test(one.cause))).toMatchObject([
      { kind: "hold_differs", repaired: false },
    ]);
    // What stands there is not told as missing too.
    expect(namesOf({ differences }).filter((name) => !name.startsWith("counter"))).toHaveLength(1);
    expect(differences.map(({ kind }) => kind)).toContain("counter");
  });
});

describe("a receipt of incoming stock", () => {
  const incoming = () => createIncomingStock({ sql: bed.db.sql, clock: steadyClock });
  const deps = () => ({ store: bed.store, incoming: incoming(), clock: steadyClock });

  /** Two receipts of a lot, both in the ledger. */
  async function received(): Promise<IncomingId> {
    const by = { actor: "admin:ada", operation: null };
    const lot = { productId: product("p1"), location: null, quantity: 10, reference: null };
    const expected = await incoming().expect({ ...lot, expectedAt: Date.now() }, by, soon());
    if (expected.kind !== "expected") throw new Error(expected.kind);
    const { incomingId } = expected.incoming;
    const caller = { role: "admin", subject: CustomerId.parse("ada") } as const;
    for (const units of [4, 5]) {
      const context = { caller, requestId: randomId(8), operation: null, deadline: soon() };
      const outcome = await receive(deps(), context, incomingId, units);
      expect(outcome.kind).toBe("received");
    }
    await bed.drained();
    await bed.db.sql`UPDATE incoming_receipts SET claimed_at = now() - interval '1 hour'`;
    expect(await finishReceipts(deps())).toMatchObject({ finished: 0, failed: [] });
    return incomingId;
  }

  type Wrong = (incomingId: IncomingId) => Promise<unknown>;
  const WRONGS: readonly (readonly [what: string, cause: RegExp, wrong: Wrong])[] = [
    [
      "of other units than came",
      /is of 3 p1, and its movement of 4 p1/,
      () => bed.db.sql`UPDATE incoming_receipts SET units = 3 WHERE receipt = 1`,
    ],
    [
      "that is done, and whose movement is not there",
      /is done, and the ledger has no movement/,
      () => bed.db.sql`UPDATE movements SET reason = NULL WHERE reason LIKE '%receipt 2'`,
    ],
    [
      "that came twice",
      /has 2 movements/,
      (incomingId) =>
        bed.store.adjust(
          adjustCommand("p1", 4, {
            type: "RESTOCK",
            context: { actor: "admin:eve", reason: `incoming ${incomingId}, receipt 1` },
          }),
        ),
    ],
    [
      "that was refused, and came",
      /was refused, and its units came/,
      () => bed.db.sql`UPDATE incoming_receipts
        SET state = 'refused', claimed_at = now() - interval '1 hour' WHERE receipt = 2`,
    ],
    [
      "that its lot does not count",
      /4 units received, 9 there/,
      () => bed.db.sql`UPDATE incoming SET received = 4`,
    ],
    [
      "that its lot does not know",
      /9 units received, 9 there/,
      () => bed.db.sql`UPDATE incoming SET receipts = 1`,
    ],
    [
      "that its lot counts among others, and not its units",
      /0 units received, 9 there/,
      () => bed.db.sql`UPDATE incoming SET receipts = 3, received = 0`,
    ],
  ];

  test("that is in the ledger once, with its units, is well", async () => {
    await received();
    expect((await bed.report()).differences).toEqual([]);
  });

  test.each(WRONGS)("%s is told, and left as it is", async (_what, cause, wrong) => {
    await wrong(await received());
    await bed.drained();
    const { differences } = await bed.repair();
    const told = differences.filter((one) => cause.test(one.cause));
    expect(told).toMatchObject([{ kind: "receipt", productId: "p1", repaired: false }]);
    for (const { kind } of differences) expect(kind).toBe("receipt");
  });

  test("is not missed where its movement was lost and put back without its name", async () => {
    await received();
    await bed.redis.xtrim(journalKey(0), "MAXLEN", 0);
    await bed.db.sql`DELETE FROM movements WHERE reason LIKE '%receipt 2'`;
    const { differences } = await bed.repair();
    expect(differences).toMatchObject([{ kind: "missing_movement", repaired: true }]);
    expect((await bed.report()).differences).toEqual([]);
  });
});
