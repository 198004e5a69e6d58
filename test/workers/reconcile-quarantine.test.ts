import { describe, expect, test } from "bun:test";
import type { Reservation } from "#inventory/model";
import type { Difference } from "#inventory/reconcile-ports";
import { splitReservationId } from "#inventory/reservation-id";
import { seed } from "#test/harms";
import { openReconcileBed, type ReconcileBed } from "#test/reconcile";
import {
  adjustCommand,
  endCommand,
  extendCommand,
  product,
  reserve,
  type TimedHold,
} from "#test/store";
import { until } from "#test/until";
import { reservationKey, stockKey } from "#redis/keys";

const EXPIRED_MS_MAX = 5_000;

/** PostgreSQL refuses what is like that, from now on. */
async function refuse({ db }: ReconcileBed, which: string): Promise<void> {
  await db.sql.unsafe(
    `ALTER TABLE movements ADD CONSTRAINT refused_by_a_test CHECK (NOT (${which})) NOT VALID`,
  );
}

/** All that a repair could harm: records, counts, and what the ledger has of holds. */
async function standing({ redis, db }: ReconcileBed, hold: Reservation): Promise<unknown[]> {
  const { owner } = splitReservationId(hold.reservationId);
  return [
    await redis.get(reservationKey(0, owner)),
    await redis.hgetall(stockKey(0, "p1")),
    await redis.hgetall(stockKey(0, "p2")),
    [...(await db.sql`SELECT * FROM reservations ORDER BY owner, generation`)],
  ];
}

/** A repair tells of them and leaves all as it is; so does one of the products alone. */
async function isLeft(bed: ReconcileBed, hold: Reservation, kinds: readonly Difference["kind"][]) {
  const before = await standing(bed, hold);
  const all = await bed.repair();
  const productIds = [product("p1"), product("p2")];
  const some = await bed.repair({ kind: "products", productIds });
  expect(await standing(bed, hold)).toEqual(before);
  const { partition } = splitReservationId(hold.reservationId);
  for (const { differences, quarantined } of [all, some]) {
    expect(quarantined).toBe(1);
    expect(differences.map(({ kind }) => kind)).toEqual([...kinds]);
    for (const one of differences) {
      expect(one.repaired).toBe(false);
      const { reservationId } = hold;
      expect(one).toMatchObject({ reservationId, partition });
      expect(one.cause).toContain("in quarantine");
      expect(one.cause).toEndWith("it is left as it is");
    }
  }
}

type Case = readonly [
  what: string,
  refused: string,
  kinds: readonly Difference["kind"][],
  change: (bed: ReconcileBed, live: TimedHold) => Promise<Reservation>,
];
const CASES: readonly Case[] = [
  ["RESERVE", "type = 'RESERVE'", ["orphan_hold"], ({ store }) => reserve(store, "o3", { p1: 2 })],
  [
    "RESERVE of one product of a cart",
    "type = 'RESERVE' AND product_id = 'p2'",
    ["orphan_hold"],
    ({ store }) => reserve(store, "o3", { p1: 2, p2: 1 }),
  ],
  [
    "CONFIRM",
    "type = 'SALE'",
    ["hold_differs"],
    async ({ store }, live) => {
      expect((await store.confirm(endCommand(live.reservationId))).kind).toBe("done");
      return live;
    },
  ],
  [
    "CONFIRM in part",
    "type = 'SALE'",
    ["hold_differs"],
    async ({ store }, live) => {
      const lines = [{ productId: product("p1"), quantity: 2 }];
      expect((await store.confirm(endCommand(live.reservationId, { lines }))).kind).toBe("done");
      return live;
    },
  ],
  [
    "CANCEL",
    "type = 'RELEASE'",
    ["hold_differs"],
    async ({ store }, live) => {
      expect((await store.cancel(endCommand(live.reservationId))).kind).toBe("done");
      return live;
    },
  ],
  [
    "EXTEND",
    "type = 'EXTEND'",
    ["hold_differs"],
    async ({ store }, live) => {
      expect((await store.extend(extendCommand(live.reservationId, 2_000))).kind).toBe("done");
      return live;
    },
  ],
  [
    "EXPIRE",
    "type = 'EXPIRE'",
    ["hold_differs"],
    async ({ store }) => {
      const brief = await reserve(store, "o3", { p1: 2 }, { holdSeconds: 1 });
      const isExpired = async () => (await store.expire(0)).expired === 1;
      await until(isExpired, { withinMs: EXPIRED_MS_MAX, what: "the hold expired" });
      return brief;
    },
  ],
];

describe("a repair leaves a hold as it is whose movement is in quarantine:", () => {
  test.each(CASES)("%s", async (_what, refused, kinds, change) => {
    await using bed = await openReconcileBed();
    const { one } = await seed(bed);
    await refuse(bed, refused);
    const hold = await change(bed, one);
    await bed.drained();
    await isLeft(bed, hold, kinds);
  });

  test("and whose record is gone", async () => {
    await using bed = await openReconcileBed();
    const { one } = await seed(bed);
    await refuse(bed, "type = 'RELEASE'");
    await bed.store.cancel(endCommand(one.reservationId));
    await bed.drained();
    await bed.redis.del(reservationKey(0, splitReservationId(one.reservationId).owner));
    await isLeft(bed, one, ["missing_hold"]);
  });

  test("and whose record cannot be read", async () => {
    await using bed = await openReconcileBed();
    await seed(bed);
    await refuse(bed, "type = 'RESERVE'");
    const hold = await reserve(bed.store, "o3", { p1: 2 });
    await bed.drained();
    const key = reservationKey(0, splitReservationId(hold.reservationId).owner);
    await bed.redis.set(key, "something else");
    const { differences } = await bed.repair();
    expect(differences).toMatchObject([{ kind: "hold_differs", repaired: false }]);
    expect(await bed.redis.get(key)).toBe("something else");
  });
});

test("while nobody can tell of what a movement in quarantine is, no hold and no count is mended", async () => {
  await using bed = await openReconcileBed();
  const { one } = await seed(bed);
  await refuse(bed, "type = 'RESERVE'");
  const hold = await reserve(bed.store, "o3", { p1: 2 });
  await bed.drained();
  await bed.db.sql`UPDATE quarantine SET payload = '{}'`;
  await bed.redis.del(reservationKey(0, splitReservationId(one.reservationId).owner));
  const before = await standing(bed, hold);
  const { differences } = await bed.repair();
  expect(differences.map(({ kind }) => kind)).toEqual(["counter", "orphan_hold", "missing_hold"]);
  for (const difference of differences) {
    expect(difference.repaired).toBe(false);
    expect(difference.cause).toContain("and of what it is unknown: it is left as it is");
  }
  expect(await standing(bed, hold)).toEqual(before);
});

test("a movement in quarantine keeps no repair from a hold that it is not of", async () => {
  await using bed = await openReconcileBed();
  const { one } = await seed(bed);
  await refuse(bed, "type = 'ADJUSTMENT'");
  await bed.store.adjust(adjustCommand("p3", 1));
  await bed.drained();
  await bed.redis.del(reservationKey(0, splitReservationId(one.reservationId).owner));
  const { differences } = await bed.repair();
  expect(differences).toMatchObject([{ kind: "missing_hold", repaired: true }]);
});

describe("of a movement in quarantine that an operator has settled", () => {
  /** An adjustment of p3 by 1 that PostgreSQL refuses, and will not again. */
  async function setAside(bed: ReconcileBed): Promise<void> {
    await seed(bed);
    await refuse(bed, "type = 'ADJUSTMENT'");
    await bed.store.adjust(adjustCommand("p3", 1));
    await bed.drained();
    await bed.db.sql`ALTER TABLE movements DROP CONSTRAINT refused_by_a_test`;
    expect(await bed.report()).toMatchObject({ differences: [], quarantined: 1 });
  }
  const settle = ({ db }: ReconcileBed) => db.sql`UPDATE quarantine SET settled_at = now()`;
  const pass = async (bed: ReconcileBed): Promise<void> => {
    await bed.store.adjust(adjustCommand("p3", 2));
    await bed.drained();
  };
  const onHand = ({ redis }: ReconcileBed) => redis.hget(stockKey(0, "p3"), "onHand:Warehouse A");
  const bringIn = ({ db }: ReconcileBed) => db.sql`
    INSERT INTO movements
    SELECT (jsonb_populate_record(own, jsonb_build_object(
      'seq', aside.seq, 'type', 'ADJUSTMENT', 'on_hand_before', 5, 'on_hand_after', 6
    ))).*
    FROM quarantine AS aside, movements AS own
    WHERE own.product_id = 'p3' AND own.seq < aside.seq ORDER BY own.seq DESC LIMIT 1`;

  test("and brought into the ledger nothing is told but a level that is behind it", async () => {
    await using bed = await openReconcileBed();
    await setAside(bed);
    await bringIn(bed);
    await settle(bed);
    expect((await bed.repair()).differences).toMatchObject([
      { kind: "snapshot", productId: "p3", repaired: true },
    ]);
    await pass(bed);
    expect(await bed.report()).toMatchObject({ differences: [], quarantined: 0, explained: 0 });
    expect(await onHand(bed)).toBe("8");
  });

  test("and left out, while others went on, the change is written down", async () => {
    await using bed = await openReconcileBed();
    await setAside(bed);
    await pass(bed);
    expect((await bed.repair()).differences).toEqual([]);
    await settle(bed);
    expect((await bed.repair()).differences).toMatchObject([
      { kind: "break", productId: "p3", repaired: true },
    ]);
    await bed.drained();
    expect(await bed.report()).toMatchObject({ differences: [], explained: 1 });
    expect(await onHand(bed)).toBe("8");
  });

  test("and left out for good, Redis is set back to the ledger", async () => {
    await using bed = await openReconcileBed();
    await setAside(bed);
    await settle(bed);
    expect((await bed.repair()).differences).toMatchObject([
      { kind: "counter", productId: "p3", repaired: true },
    ]);
    await bed.drained();
    expect(await bed.report()).toMatchObject({ differences: [], explained: 0 });
    expect(await onHand(bed)).toBe("5");
  });
});
