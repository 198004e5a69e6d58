/** Units become free while many wait, several processes offer, and others want them: in order, each once. */
import { expect, test } from "bun:test";
import { decodeEntry } from "#redis/journal";
import { redisOfFile } from "#test/redis";
import {
  adjustCommand,
  endCommand,
  initialize,
  joinCommand,
  leaveCommand,
  reserve,
  reserveCommand,
  sellCommand,
  soon,
  totals,
  type TestStore,
} from "#test/store";

const { redis, open } = await redisOfFile();

const UNITS = 40;
const WAITERS = 120;

/** Until nothing is left to offer. */
async function offerAll({ waitlist }: TestStore): Promise<number> {
  let offered = 0;
  for (let more = true; more;) {
    const step = await waitlist.offer(0, "freed", soon());
    offered += step.offered;
    more = step.more;
  }
  return offered;
}

async function movements() {
  const entries = await redis.xrange("{p0}:journal", "-", "+");
  return entries.flatMap(([id, fields]) => decodeEntry(0, id, fields).movements);
}

test(`${WAITERS} wait, ${UNITS} units are cancelled, restocked and offered by four processes: in line, each once, nobody else`, async () => {
  const stores = await Promise.all([open(), open(), open(), open()]);
  const [first] = stores;
  const { store } = first;
  await initialize(store, "p1", UNITS);
  const holds = await Promise.all(
    Array.from({ length: UNITS }, (_, i) => reserve(store, `held ${i}`, { p1: 1 })),
  );
  const joined = await Promise.all(
    Array.from({ length: WAITERS }, (_, i) => {
      const { waitlist } = stores[i % stores.length] ?? first;
      return waitlist.join(joinCommand("p1", `w${i}`, 1, { customer: `c${i}` }));
    }),
  );
  expect(new Set(joined.map(({ kind }) => kind))).toEqual(new Set(["waiting"]));
  const positions = joined.map((one) => (one.kind === "waiting" ? one.position : 0));
  expect(positions.toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: WAITERS }, (_, i) => i + 1),
  );

  const state = { isOver: false };
  let asked = 0;
  let taken = 0;
  const rival = async (of: TestStore): Promise<void> => {
    while (!state.isOver) {
      const [one, other] = await Promise.all([
        of.store.reserve(reserveCommand(`rival ${asked}`, { p1: 1 })),
        of.store.sell(sellCommand("p1", 1)),
      ]);
      if (one.kind === "reserved") taken += 1;
      if (other.kind === "sold") taken += 1;
      asked += 1;
    }
  };
  const rivals = stores.map(rival);
  const frees = holds.map(async ({ reservationId }, i) => {
    const of = stores[i % stores.length] ?? first;
    if (i % 8 === 0) await of.waitlist.leave(leaveCommand("p1", `w${i}`, { customer: `c${i}` }));
    await of.store.cancel(endCommand(reservationId));
    if (i % 4 === 0) await of.store.adjust(adjustCommand("p1", 1));
    return offerAll(stores[(i + 1) % stores.length] ?? first);
  });
  await Promise.all(frees);
  await offerAll(first);
  state.isOver = true;
  await Promise.all(rivals);

  const all = await movements();
  const orders = all.filter((one) => one.type === "RESERVE" && one.reason === "offered");
  const line = joined
    .flatMap((one) => (one.kind === "waiting" ? [one.waiter] : []))
    .toSorted((one, other) => one.joinedSeq - other.joinedSeq)
    .map(({ reservationId }) => reservationId);
  const offered = orders.map(({ reservationId }) => reservationId);
  expect(offered).toEqual(line.filter((id) => id !== null && offered.includes(id)));
  expect(new Set(offered).size).toBe(offered.length);
  expect(offered).toHaveLength(UNITS + UNITS / 4);
  // At most those who left before their turn were passed over.
  const last = Math.max(...offered.map((id) => line.findIndex((one) => one === id)));
  expect(last).toBeLessThan(UNITS + UNITS / 4 + UNITS / 8);
  expect(taken).toBe(0);
  expect(asked).toBeGreaterThan(0);
  expect(await totals(store, "p1")).toMatchObject({
    onHand: UNITS + UNITS / 4,
    reserved: UNITS + UNITS / 4,
    available: 0,
  });
});

test("joins of one owner from everywhere at once make one place", async () => {
  const stores = await Promise.all([open(), open(), open()]);
  const [{ store, waitlist }] = stores;
  await initialize(store, "p1", 0);
  const joins = Array.from({ length: 60 }, (_, i) => stores[i % 3]?.waitlist ?? waitlist).map(
    (one) => one.join(joinCommand("p1", "a", 1)),
  );
  const outcomes = await Promise.all(joins);
  expect(
    new Set(outcomes.map((one) => (one.kind === "waiting" ? one.position : one.kind))),
  ).toEqual(new Set([1]));
  await store.adjust(adjustCommand("p1", 5));
  const steps = await Promise.all(stores.map((of) => of.waitlist.offer(0, "freed", soon())));
  expect(steps.reduce((sum, { offered }) => sum + offered, 0)).toBe(1);
  expect(await totals(store, "p1")).toMatchObject({ reserved: 1, available: 4 });
});
