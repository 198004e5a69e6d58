import { describe, expect, test } from "bun:test";
import { Location, LOCATIONS_MAX } from "#inventory/model";
import type { ReserveMode } from "#inventory/hold-ports";
import { withoutClock } from "#test/keyspace";
import { clockAt, redisOfFile } from "#test/redis";
import {
  adjustCommand,
  amendCommand,
  initialize,
  operation,
  reserve,
  product,
  registerLocationCommand,
  reserveCommand,
  soon,
  totals,
} from "#test/store";

const { redis, open } = await redisOfFile();

const BEST = { mode: "best_effort" } as const;
const DRY = { dryRun: true } as const;
const B = Location.parse("B");

describe("reserve with best effort", () => {
  test("takes of each line what there is, and tells what each line lacks", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    await initialize(store, "p2", 2);
    await initialize(store, "p3", 0);
    const outcome = await store.reserve(reserveCommand("o1", { p1: 5, p2: 3, p3: 1 }, BEST));
    expect(outcome).toMatchObject({
      kind: "reserved",
      reservation: {
        allocations: [
          { productId: "p1", held: 5 },
          { productId: "p2", held: 2 },
        ],
      },
      short: [
        { productId: "p2", requested: 3, largest: 2, available: 2 },
        { productId: "p3", requested: 1, largest: 0, available: 0 },
      ],
    });
    expect(await totals(store, "p2")).toEqual({ onHand: 2, reserved: 2, available: 0 });
  });

  test("is refused when no line can have anything, and changes nothing", async () => {
    const { store } = await open();
    await initialize(store, "p1", 0);
    const before = await withoutClock(redis);
    const outcome = await store.reserve(reserveCommand("o1", { p1: 1 }, BEST));
    expect(outcome.kind).toBe("insufficient");
    expect(await withoutClock(redis)).toEqual(before);
  });

  test("asked again is the same hold, and another when there is more", async () => {
    const { store } = await open();
    await initialize(store, "p1", 3);
    const first = await store.reserve(reserveCommand("o1", { p1: 5 }, BEST));
    const again = await store.reserve(reserveCommand("o1", { p1: 5 }, BEST));
    if (first.kind !== "reserved" || again.kind !== "held") throw new Error(again.kind);
    expect(again.reservation).toEqual(first.reservation);
    expect(again.short).toMatchObject([{ requested: 5, largest: 3, available: 0 }]);
    await store.adjust(adjustCommand("p1", 10, { type: "RESTOCK" }));
    const more = await store.reserve(reserveCommand("o1", { p1: 5 }, BEST));
    expect(more).toMatchObject({
      kind: "reserved",
      short: [],
      reservation: { allocations: [{ held: 5 }] },
    });
    expect((await totals(store, "p1")).reserved).toBe(5);
  });

  test("asked again keeps what the first call was given, though less could be had now", async () => {
    const { store } = await open();
    await initialize(store, "p1", 10);
    const hold = await reserve(store, "o1", { p1: 8 }, BEST);
    await store.amend(amendCommand("p1", { safetyStock: 5 }));
    const again = await store.reserve(reserveCommand("o1", { p1: 8 }, BEST));
    expect(again).toMatchObject({ kind: "held", reservation: hold });
    const less = await store.reserve(reserveCommand("o1", { p1: 7 }, BEST));
    expect(less).toMatchObject({ kind: "reserved", reservation: { allocations: [{ held: 7 }] } });
  });

  test("asked again gives no line up, though another one could be had now", async () => {
    const { store } = await open();
    await initialize(store, "p1", 3);
    await initialize(store, "p2", 0);
    const cart = { p1: 5, p2: 2 };
    await reserve(store, "o1", cart, BEST);
    await store.amend(amendCommand("p1", { safetyStock: 4 }));
    await store.adjust(adjustCommand("p2", 2, { type: "RESTOCK" }));
    const more = await store.reserve(reserveCommand("o1", cart, BEST));
    expect(more).toMatchObject({
      kind: "reserved",
      reservation: { allocations: [{ held: 3 }, { productId: "p2", held: 2 }] },
    });
  });

  test("asked again keeps what is at a location that was switched off since", async () => {
    const { store } = await open();
    await initialize(store, "p1", 3);
    await initialize(store, "p2", 0, { location: B });
    const cart = { p1: 5, p2: 2 };
    const hold = await reserve(store, "o1", cart, BEST);
    await store.registerLocation(registerLocationCommand("Warehouse A", { active: false }));
    await store.adjust(adjustCommand("p2", 2, { type: "RESTOCK" }));
    const again = await store.reserve(reserveCommand("o1", cart, BEST));
    expect(again).toMatchObject({ kind: "held", reservation: hold });
  });

  test("under its Idempotency-Key is answered as the first time, with what it lacked", async () => {
    const { store } = await open();
    await initialize(store, "p1", 3);
    const command = { ...BEST, operation: operation("k1") };
    const first = await store.reserve(reserveCommand("o1", { p1: 5 }, command));
    await store.adjust(adjustCommand("p1", 10, { type: "RESTOCK" }));
    const again = await store.reserve(reserveCommand("o1", { p1: 5 }, command));
    if (first.kind !== "reserved" || again.kind !== "held") throw new Error(again.kind);
    expect(again.reservation).toEqual(first.reservation);
    expect(again.short).toMatchObject([{ requested: 5, largest: 3 }]);
    expect(again.replayed).toBe(true);
  });

  test("gives nothing that is due to others without having it released first", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const hold = await reserve(store, "o1", { p1: 4 }, { holdSeconds: 1 });
    await clockAt(redis, hold.expiresAt);
    const outcome = await store.reserve(reserveCommand("o2", { p1: 5 }, BEST));
    expect(outcome).toMatchObject({ kind: "reserved", short: [] });
  });
});

describe("a dry run of reserve", () => {
  test("answers what each line would get and changes nothing", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    await initialize(store, "p2", 1);
    const before = await withoutClock(redis);
    expect(await store.reserve(reserveCommand("o1", { p1: 5, p2: 1 }, DRY))).toEqual({
      kind: "possible",
      lines: [
        { productId: product("p1"), quantity: 5 },
        { productId: product("p2"), quantity: 1 },
      ],
      short: [],
    });
    const partly = await store.reserve(reserveCommand("o1", { p1: 5, p2: 2 }, { ...DRY, ...BEST }));
    expect(partly).toMatchObject({
      kind: "possible",
      lines: [{ quantity: 5 }, { quantity: 1 }],
      short: [{ productId: "p2", requested: 2, largest: 1 }],
    });
    const refused = await store.reserve(reserveCommand("o1", { p1: 6 }, DRY));
    expect(refused.kind).toBe("insufficient");
    expect(await withoutClock(redis)).toEqual(before);
  });

  test("counts the owner's live hold as its own, and leaves it", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    const hold = await reserve(store, "o1", { p1: 3 });
    const command = reserveCommand("o1", { p1: 5 }, { ...DRY, operation: operation("k1") });
    expect(await store.reserve(command)).toMatchObject({
      kind: "possible",
      lines: [{ quantity: 5 }],
    });
    expect(await store.reservation(hold.reservationId, soon())).toEqual(hold);
    expect(await store.reserve({ ...command, dryRun: false })).toMatchObject({ kind: "reserved" });
  });
});

describe("where the safety stock is above what there is, a dry run", () => {
  const asked = [
    ["as much as is held", 5, {}, { kind: "possible", lines: [{ quantity: 5 }] }, "held"],
    ["less than is held", 4, {}, { kind: "possible", lines: [{ quantity: 4 }] }, "reserved"],
    ["more than is held", 6, {}, { kind: "insufficient", lines: [{ largest: 5 }] }, "insufficient"],
    ["the best of more", 6, BEST, { kind: "possible", lines: [{ quantity: 5 }] }, "held"],
  ] as const;

  test.each(asked)("of %s says what the real call does", async (_what, units, how, told, kind) => {
    const { store } = await open();
    await initialize(store, "p1", 10);
    await reserve(store, "o1", { p1: 5 }, how);
    await store.amend(amendCommand("p1", { safetyStock: 10 }));
    const command = reserveCommand("o1", { p1: units }, how);
    expect(await store.reserve({ ...command, dryRun: true })).toMatchObject(told);
    expect(await store.reserve(command)).toMatchObject({ kind });
  });
});

describe("a hold has at most 400 places", () => {
  const PLACES_MAX = 400;
  const PRODUCTS = 7;

  /** Products with one unit at each of as many locations as there may be. */
  async function openWide() {
    const opened = await open();
    const ids = Array.from({ length: PRODUCTS }, (_, i) => `wide-${i}`);
    for (const id of ids) {
      await initialize(opened.store, id, 1, { location: Location.parse("L0") });
      const more = Array.from({ length: LOCATIONS_MAX - 1 }, (_, i) =>
        opened.store.adjust(
          adjustCommand(id, 1, { location: Location.parse(`L${i + 1}`), type: "RESTOCK" }),
        ),
      );
      await Promise.all(more);
    }
    return { ...opened, cart: Object.fromEntries(ids.map((id) => [id, LOCATIONS_MAX])) };
  }
  /** Of the last product as many as places are left. */
  const LAST = PLACES_MAX - (PRODUCTS - 1) * LOCATIONS_MAX;

  test("and a cart that would have more is refused, with what can be had of each line", async () => {
    const { store, cart } = await openWide();
    const refused = await store.reserve(reserveCommand("o1", cart));
    expect(refused).toMatchObject({
      kind: "insufficient",
      lines: [{ productId: `wide-${PRODUCTS - 1}`, requested: LOCATIONS_MAX, largest: LAST }],
    });
    const best = await reserve(store, "o1", cart, BEST);
    expect(best.allocations).toHaveLength(PLACES_MAX);
    const fits = { ...cart, [`wide-${PRODUCTS - 1}`]: LAST };
    expect(await store.reserve(reserveCommand("o1", fits))).toMatchObject({ kind: "held" });
    expect(await store.reserve(reserveCommand("o2", { "wide-6": 1 }))).toMatchObject({
      kind: "reserved",
    });
  });

  test("also where units are added to it", async () => {
    const { store, cart } = await openWide();
    const adds = { holdSeconds: null, adds: true } as const;
    const { [`wide-${PRODUCTS - 1}`]: _last, ...first } = cart;
    expect((await store.reserve(reserveCommand("o1", first, adds))).kind).toBe("reserved");
    const more = { "wide-6": LAST + 1 };
    expect(await store.reserve(reserveCommand("o1", more, adds))).toMatchObject({
      kind: "insufficient",
      lines: [{ largest: LAST }],
    });
    expect((await store.reserve(reserveCommand("o1", { "wide-6": LAST }, adds))).kind).toBe(
      "reserved",
    );
  });
});

describe("a refusal explains", () => {
  test("what was asked, what there is, the largest quantity, and where units are", async () => {
    const { store } = await open();
    await initialize(store, "p1", 4);
    await store.adjust(adjustCommand("p1", 7, { location: B, type: "RESTOCK" }));
    await store.amend(amendCommand("p1", { safetyStock: 1 }));
    await reserve(store, "o1", { p1: 2 });
    const there = await store.reserve(reserveCommand("o2", { p1: 9 }));
    const locations = [
      { location: Location.parse("Warehouse A"), available: 2 },
      { location: B, available: 7 },
    ];
    expect(there).toMatchObject({
      kind: "insufficient",
      lines: [{ requested: 9, largest: 8, available: 8, locations }],
    });
    const named = reserveCommand("o1", {});
    const lines = reserveCommand("o1", { p1: 5 }).lines.map((line) => {
      return { ...line, location: Location.parse("Warehouse A") };
    });
    expect(await store.reserve({ ...named, lines })).toMatchObject({
      kind: "insufficient",
      lines: [{ requested: 5, largest: 4, available: 2, locations }],
    });
  });

  test("when the next hold with units of that product is due, and with nothing held: never", async () => {
    const { store } = await open();
    await initialize(store, "p1", 5);
    await initialize(store, "p2", 5);
    await initialize(store, "p3", 1);
    const later = await reserve(store, "o1", { p1: 2 }, { holdSeconds: 700 });
    const sooner = await reserve(store, "o2", { p1: 1, p2: 1 }, { holdSeconds: 500 });
    await reserve(store, "o3", { p2: 1 }, { holdSeconds: 5 });
    const outcome = await store.reserve(reserveCommand("o4", { p1: 9, p2: 9, p3: 9 }));
    if (outcome.kind !== "insufficient") throw new Error(outcome.kind);
    const [p1, p2, p3] = outcome.lines.map(({ nextHoldEndsAt }) => nextHoldEndsAt);
    expect(p1).toBe(sooner.expiresAt);
    expect(p2).toBeLessThan(sooner.expiresAt);
    expect(p3).toBeNull();
    expect(later.expiresAt).toBeGreaterThan(sooner.expiresAt);
  });

  test("and nothing where a limit is what allows no more: its end would give that customer none", async () => {
    const { store } = await open();
    await initialize(store, "p1", 9, { maxPerCustomer: 2 });
    await reserve(store, "o1", { p1: 6 }, { customerId: null });
    await reserve(store, "o2", { p1: 1 });
    const evals = async () =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info("commandstats"))?.[1] ?? 0);
    const before = await evals();
    const ends = async (units: number, mode: ReserveMode = "all_or_nothing") => {
      const outcome = await store.reserve(reserveCommand("o3", { p1: units }, { mode }));
      const short = outcome.kind === "reserved" ? outcome.short : [];
      const lines = outcome.kind === "above_quota" ? outcome.lines : short;
      return [outcome.kind, ...lines.map(({ nextHoldEndsAt }) => nextHoldEndsAt !== null)];
    };
    expect(await ends(3)).toEqual(["above_quota", false]);
    expect(await ends(3, "best_effort")).toEqual(["reserved", false]);
    // Nobody looked it up.
    expect((await evals()) - before).toBe(2);
    await reserve(store, "o4", { p1: 1 }, { customerId: null });
  });

  test("also where a limit allows more than there is", async () => {
    const { store } = await open();
    await initialize(store, "p1", 3, { maxPerCustomer: 2 });
    const held = await reserve(store, "o1", { p1: 2 }, { customerId: null });
    const outcome = await store.reserve(reserveCommand("o2", { p1: 5 }));
    expect(outcome).toMatchObject({
      kind: "above_quota",
      lines: [{ largest: 1, nextHoldEndsAt: held.expiresAt, quota: { left: 2 } }],
    });
  });

  test("at the price of one look a second for each product, however many are refused", async () => {
    const { store } = await open();
    await initialize(store, "p1", 0);
    const calls = async () =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info("commandstats"))?.[1] ?? 0);
    await store.reserve(reserveCommand("warm", { p1: 1 }));
    const before = await calls();
    for (let i = 0; i < 20; i += 1) await store.reserve(reserveCommand(`o${i}`, { p1: 1 }));
    expect((await calls()) - before).toBeLessThanOrEqual(20 + 2);
  });
});
