import { expect, test } from "bun:test";
import type { ReservationId } from "#inventory/model";
import type { ConfirmOutcome, ReserveCommand } from "#inventory/ports";
import { invariants } from "#test/invariants";
import { clockAt, redisOfFile } from "#test/redis";
import {
  adjustCommand,
  amendCommand,
  endCommand,
  extendCommand,
  initialize,
  product,
  reserve,
  reserveCommand,
  totals,
  type TestStore,
} from "#test/store";
import { until } from "#test/until";

const { redis, open } = await redisOfFile();

const CALLERS = 500;

/** Outcomes that random commands must have met. */
const POSSIBLE = [
  "reserved",
  "held",
  "already_confirmed",
  "insufficient",
  "done",
  "confirmed",
  "cancelled",
  "expired",
  "superseded",
  "exceeds_held",
  "adjusted",
  "amended",
  "expire true",
];

/** Four processes on one Redis, taken in turn. */
async function processes(): Promise<(turn: number) => TestStore["store"]> {
  const stores = await Promise.all([open(), open(), open(), open()]);
  const [first] = stores;
  return (turn) => (stores[turn % stores.length] ?? first).store;
}

/** Random numbers that are the same in every run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const count = (outcomes: readonly { readonly kind: string }[], kind: string): number =>
  outcomes.filter((outcome) => outcome.kind === kind).length;

test("never oversells when 500 callers of 4 processes race for 50 units", async () => {
  const store = await processes();
  await initialize(store(0), "p1", 50);
  const outcomes = await Promise.all(
    Array.from({ length: CALLERS }, (_, i) => store(i).reserve(reserveCommand(`o${i}`, { p1: 1 }))),
  );
  expect(count(outcomes, "reserved")).toBe(50);
  expect(count(outcomes, "insufficient")).toBe(450);
  expect(await totals(store(0), "p1")).toEqual({ onHand: 50, reserved: 50, available: 0 });
  expect(await invariants(redis)).toMatchObject({ holds: 50, movements: 51 });
});

test("never oversells when they race with carts whose lines are in different order", async () => {
  const store = await processes();
  const next = random(1);
  const ids = ["p1", "p2", "p3", "p4"];
  for (const id of ids) await initialize(store(0), id, 50);
  const carts = Array.from({ length: CALLERS }, () => {
    const from = next(ids.length);
    const own = [...ids.slice(from), ...ids.slice(0, from)].slice(0, 2 + next(3));
    if (next(2) === 0) own.reverse();
    return Object.fromEntries(own.map((id) => [id, 1 + next(3)]));
  });
  const outcomes = await Promise.all(
    carts.map((lines, i) => store(i).reserve(reserveCommand(`o${i}`, lines))),
  );
  const taken = outcomes.flatMap((outcome) =>
    outcome.kind === "reserved" ? outcome.reservation.allocations : [],
  );
  for (const id of ids) {
    const sum = taken.reduce((units, it) => units + (it.productId === id ? it.held : 0), 0);
    const { reserved, available } = await totals(store(0), id);
    expect(reserved).toBe(sum);
    expect(available).toBe(50 - sum);
    expect(available).toBeGreaterThanOrEqual(0);
  }
  // It was a race: some carts won, most found nothing.
  expect(count(outcomes, "reserved")).toBeGreaterThan(10);
  expect(count(outcomes, "insufficient")).toBeGreaterThan(300);
});

test("each hold ends once when confirm, cancel and expire race for it", async () => {
  const store = await processes();
  await initialize(store(0), "p1", 1_000);
  await clockAt(redis, Date.now() + 3_600_000);
  const holds = await Promise.all(
    Array.from({ length: 300 }, (_, i) =>
      reserve(store(i), `o${i}`, { p1: 1 + (i % 3) }, { holdSeconds: 60 }),
    ),
  );
  const dueAt = holds[0]?.expiresAt ?? 0;
  const ended: Promise<ConfirmOutcome>[] = [];
  const steps: Promise<unknown>[] = [];
  for (const [i, { reservationId }] of holds.entries()) {
    // Half-way through, all of them are due at once.
    if (i === 150) {
      await Promise.all(ended.slice(0, 40));
      await clockAt(redis, dueAt);
    }
    ended.push(store(i).confirm(endCommand(reservationId)));
    ended.push(store(i + 1).cancel(endCommand(reservationId)));
    if (i >= 150 && i % 10 === 0) steps.push(store(i + 2).expire(0));
  }
  const outcomes = await Promise.all(ended);
  await Promise.all(steps);
  await until(async () => !(await store(0).expire(0)).more, {
    withinMs: 10_000,
    what: "nothing is due",
  });
  let sold = 0;
  for (const [i, { allocations }] of holds.entries()) {
    const kinds = [outcomes[2 * i]?.kind ?? "", outcomes[2 * i + 1]?.kind ?? ""];
    // Confirmed by the one, cancelled by the other, or expired for both.
    expect(["done confirmed", "cancelled done", "expired expired"]).toContain(kinds.join(" "));
    if (kinds[0] === "done") sold += allocations[0]?.held ?? 0;
  }
  expect(count(outcomes, "expired")).toBeGreaterThan(0);
  expect(count(outcomes, "done")).toBeGreaterThan(0);
  expect(await totals(store(0), "p1")).toEqual({
    onHand: 1_000 - sold,
    reserved: 0,
    available: 1_000 - sold,
  });
});

test("a hold is either confirmed or replaced when both race for it", async () => {
  const store = await processes();
  await initialize(store(0), "p1", 1_000);
  const holds = await Promise.all(
    Array.from({ length: 200 }, (_, i) => reserve(store(i), `o${i}`, { p1: 1 })),
  );
  const raced = await Promise.all(
    holds.map(async ({ reservationId }, i) => {
      const confirm = () => store(i).confirm(endCommand(reservationId));
      const replace = () => store(i + 1).reserve(reserveCommand(`o${i}`, { p1: 3 }));
      const both = i % 2 === 0 ? [confirm(), replace()] : [replace(), confirm()];
      const kinds = (await Promise.all(both)).map(({ kind }) => kind);
      return kinds.toSorted().join(" ");
    }),
  );
  const confirmed = raced.filter((kinds) => kinds === "already_confirmed done").length;
  const replaced = raced.filter((kinds) => kinds === "reserved superseded").length;
  expect(confirmed + replaced).toBe(200);
  expect(await totals(store(0), "p1")).toEqual({
    onHand: 1_000 - confirmed,
    reserved: 3 * replaced,
    available: 1_000 - confirmed - 3 * replaced,
  });
});

test("the sums hold after 3 000 random commands of 4 processes", async () => {
  const store = await processes();
  const next = random(20_240_601);
  const ids = ["p0", "p1", "p2", "p3", "p4"];
  for (const id of ids) await initialize(store(0), id, 120, { safetyStock: 2 });
  let now = Date.now() + 3_600_000;
  const known: ReservationId[] = [];
  const asked: ReserveCommand[] = [];
  const kinds = new Map<string, number>();
  const id = (): string => ids[next(ids.length)] ?? "p0";
  const command = async (): Promise<{ kind: string }> => {
    const one = store(next(4));
    const reservationId = known[known.length - 1 - next(Math.min(known.length, 80))];
    const draw = next(20);
    if (draw < 9 || !reservationId) {
      const lines = { [id()]: 1 + next(3), [id()]: 1 + next(3) };
      const fresh = reserveCommand(`o${next(300)}`, lines, { holdSeconds: 1 + next(40) });
      // Some callers repeat what they asked for last.
      const again = asked[asked.length - 1 - next(60)];
      const outcome = await one.reserve(draw === 0 && again ? again : fresh);
      asked.push(fresh);
      if (outcome.kind === "reserved") known.push(outcome.reservation.reservationId);
      return outcome;
    }
    if (draw < 11) return one.confirm(endCommand(reservationId));
    if (draw < 12) {
      const lines = [{ productId: product(id()), quantity: 1 }];
      return one.confirm(endCommand(reservationId, { lines }));
    }
    if (draw < 14) return one.cancel(endCommand(reservationId));
    if (draw < 15) return one.extend(extendCommand(reservationId, 1 + next(100)));
    if (draw < 17)
      return one.adjust(adjustCommand(id(), next(2) === 0 ? 1 + next(9) : -1 - next(5)));
    if (draw < 18) return one.amend(amendCommand(id(), { safetyStock: next(8) }));
    return { kind: `expire ${(await one.expire(0)).expired > 0}` };
  };
  for (let round = 0; round < 30; round += 1) {
    await clockAt(redis, (now += next(4) * 1_000 + next(999)));
    for (const { kind } of await Promise.all(Array.from({ length: 100 }, command))) {
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
  }
  console.log([...kinds].map(([kind, times]) => `${times} ${kind}`).join(", "));
  // Nothing that may happen stayed out of it.
  for (const kind of POSSIBLE) {
    expect(kinds.get(kind), kind).toBeGreaterThan(0);
  }
  const checked = await invariants(redis);
  expect(checked.movements).toBeGreaterThan(1_000);
  expect(checked.holds).toBeGreaterThan(0);
});
