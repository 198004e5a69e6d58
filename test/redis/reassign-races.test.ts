/** Holds change hands while others want them, end them, and look: each unit ends once, and none is ever free. */
import { expect, test } from "bun:test";
import type { ReassignOutcome } from "#inventory/ports";
import { clockAt, redisOfFile } from "#test/redis";
import {
  endCommand,
  initialize,
  product,
  reassignCommand,
  reserve,
  reserveCommand,
  soon,
  totals,
  type TestStore,
} from "#test/store";
import { until } from "#test/until";

const { redis, open } = await redisOfFile();

type Store = TestStore["store"];

/** Four processes on one Redis, taken in turn. */
async function processes(): Promise<(turn: number) => Store> {
  const stores = await Promise.all([open(), open(), open(), open()]);
  const [first] = stores;
  return (turn) => (stores[turn % stores.length] ?? first).store;
}

/** Looks at what is available, and tries to take it, for as long as something goes on. */
async function watched<Result>(
  store: Store,
  work: Promise<Result>,
): Promise<{ result: Result; looks: number; seen: Set<number>; taken: number }> {
  const state = { isOver: false };
  const seen = new Set<number>();
  let [looks, taken] = [0, 0];
  const watch = async (): Promise<void> => {
    while (!state.isOver) {
      const { available, onHand, reserved } = await totals(store, "p1");
      expect(available).toBe(onHand - reserved);
      seen.add(available);
      const rival = await store.reserve(reserveCommand(`rival ${looks}`, { p1: 1 }));
      if (rival.kind === "reserved") taken += 1;
      looks += 1;
    }
  };
  const watching = watch();
  try {
    const result = await work;
    return { result, looks, seen, taken };
  } finally {
    state.isOver = true;
    await watching;
  }
}

const HOLDS = 200;
const TURNS = 30;

test("no unit is ever seen free, nor taken by a rival, while all of them change hands again and again", async () => {
  const store = await processes();
  await initialize(store(0), "p1", 2 * HOLDS);
  const holds = await Promise.all(
    Array.from({ length: HOLDS }, (_, i) => reserve(store(i), `o${i}`, { p1: 2 })),
  );
  const give = async (id: (typeof holds)[number]["reservationId"], to: string, turn: number) => {
    const outcome = await store(turn).reassign(reassignCommand(id, to));
    if (outcome.kind !== "done") throw new Error(`reassign answered ${outcome.kind}`);
    return outcome.reservation.reservationId;
  };
  // To a new owner each, to and fro, and then four at a time into one.
  const all = holds.map(async ({ reservationId }, i) => {
    let id = reservationId;
    for (let turn = 0; turn < TURNS; turn += 1) {
      id = await give(id, turn % 2 === 0 ? `second ${i}` : `o${i}`, i + turn);
    }
    return await give(id, `shared ${i % (HOLDS / 4)}`, i);
  });
  const { result, looks, seen, taken } = await watched(store(3), Promise.all(all));
  expect(looks).toBeGreaterThan(10);
  expect([...seen]).toEqual([0]);
  expect(taken).toBe(0);
  const left = await Promise.all(
    [...new Set(result)].map((id) => store(0).reservation(id, soon())),
  );
  expect(left).toHaveLength(HOLDS / 4);
  for (const hold of left) expect(hold).toMatchObject({ allocations: [{ held: 8 }] });
  expect(await totals(store(0), "p1")).toMatchObject({ reserved: 2 * HOLDS, available: 0 });
});

test("each hold ends once when two new owners, confirm, cancel, expire and reserve race for it", async () => {
  const store = await processes();
  await initialize(store(0), "p1", 3 * HOLDS);
  await clockAt(redis, Date.now() + 3_600_000);
  const holds = await Promise.all(
    Array.from({ length: HOLDS }, (_, i) =>
      reserve(store(i), `o${i}`, { p1: 1 }, { holdSeconds: 60 }),
    ),
  );
  const dueAt = Math.min(...holds.map(({ expiresAt }) => expiresAt));
  const steps: Promise<unknown>[] = [];
  const raced: Promise<string[]>[] = [];
  for (const [i, { reservationId }] of holds.entries()) {
    // Few at a time, so that none of the verbs is always the first to come.
    if (i % 4 === 0) await Promise.all(raced);
    if (i === HOLDS / 2) await clockAt(redis, dueAt);
    const moves = [
      () => store(i).reassign(reassignCommand(reservationId, `a${i}`)),
      () => store(i + 1).reassign(reassignCommand(reservationId, `b${i}`)),
      () => store(i + 2).confirm(endCommand(reservationId)),
      () => store(i + 3).cancel(endCommand(reservationId)),
      () => store(i).reserve(reserveCommand(`o${i}`, { p1: 2 }, { holdSeconds: 600 })),
    ];
    const turned = moves.map((_, n) => moves[(n + i) % moves.length] ?? moves[0]);
    raced.push(Promise.all(turned.map(async (move) => (await move?.())?.kind ?? "")));
    if (i >= HOLDS / 2 && i % 10 === 0) steps.push(store(i + 2).expire(0));
  }
  const kinds = await Promise.all(raced);
  await Promise.all(steps);
  await until(async () => !(await store(0).expire(0)).more, {
    withinMs: 10_000,
    what: "nothing is due",
  });
  const counts = { given: 0, sold: 0, cancelled: 0, replaced: 0, refused: 0, expired: 0 };
  for (const [i, { reservationId }] of holds.entries()) {
    const told = kinds[i] ?? [];
    const of = (move: number): string => told[(move - (i % 5) + 5) % 5] ?? "";
    const done = [0, 1, 2, 3].filter((move) => of(move) === "done");
    // One of them ended it, or none did: then it expired, or another quantity took its place.
    expect(done.length, told.join(" ")).toBeLessThanOrEqual(1);
    if (done[0] === 0 || done[0] === 1) counts.given += 1;
    else if (done[0] === 2) counts.sold += 1;
    else if (done[0] === 3) counts.cancelled += 1;
    else if (told.includes("expired")) counts.expired += 1;
    else counts.replaced += 1;
    if (of(4) === "already_confirmed") counts.refused += 1;
    else expect(of(4), reservationId).toBe("reserved");
  }
  expect(counts.refused).toBe(counts.sold);
  for (const what of ["given", "sold", "cancelled", "replaced", "expired"] as const) {
    expect([what, counts[what] > 0]).toEqual([what, true]);
  }
  const { onHand, reserved } = await totals(store(0), "p1");
  expect(onHand).toBe(3 * HOLDS - counts.sold);
  // What was given away before it was due has been released since, or lives where it is not due.
  const own = 2 * (HOLDS - counts.refused);
  expect(reserved).toBeGreaterThanOrEqual(own);
  expect(reserved).toBeLessThanOrEqual(own + counts.given);
});

test("a hold that takes in another one while it is sold sells both, or is sold without it", async () => {
  const store = await processes();
  await initialize(store(0), "p1", 2 * HOLDS);
  const pairs = await Promise.all(
    Array.from({ length: HOLDS }, async (_, i) => {
      const guest = await reserve(store(i), `guest ${i}`, { p1: 1 });
      const account = await reserve(store(i), `account ${i}`, { p1: 1 });
      return { guest, account };
    }),
  );
  const work = pairs.map(async ({ guest, account }, i) => {
    const give = () => store(i).reassign(reassignCommand(guest.reservationId, `account ${i}`));
    const sell = () => store(i + 1).confirm(endCommand(account.reservationId));
    // Some come one after the other, so that each run sees both ends; all others at once.
    if (i % 10 === 0) {
      const given = give();
      await given;
      return { given, sold: sell() };
    }
    const sold = sell();
    if (i % 10 === 1) await sold;
    return { given: give(), sold };
  });
  const outcomes = await watched(
    store(2),
    Promise.all(
      work.map(async (pair) => {
        const { given, sold } = await pair;
        const both: [ReassignOutcome, string] = [await given, (await sold).kind];
        return both;
      }),
    ),
  );
  expect([...outcomes.seen]).toEqual([0]);
  expect(outcomes.taken).toBe(0);
  const given = outcomes.result.filter(([{ kind }]) => kind === "done").length;
  const late = outcomes.result.filter(([{ kind }]) => kind === "already_confirmed").length;
  expect(given + late).toBe(HOLDS);
  expect(outcomes.result.every(([, sold]) => sold === "done")).toBe(true);
  expect(await totals(store(0), "p1")).toEqual({ onHand: late, reserved: late, available: 0 });
  expect([given > 0, late > 0]).toEqual([true, true]);
  expect(await store(0).product(product("p1"), soon())).toMatchObject({
    levels: [{ onHand: late }],
  });
});
