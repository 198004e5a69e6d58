/** Who holds and lets expire, as the ledger knows it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { CustomerId, type Reservation } from "#inventory/model";
import { openLedger, soon, type TestLedger } from "#test/ledger";
import { batch, EPOCH_MS, movement, reservation } from "#test/movements";

const [carol, dan, eve] = ["carol", "dan", "eve"].map((name) => CustomerId.parse(name));
if (!carol || !dan || !eve) throw new Error("no customers");
let db: TestLedger;
let seq = 0;

type Units = readonly [held: number, confirmed: number, released: number];
type State = Pick<Reservation, "status" | "endReason">;
const LIVE: State = { status: "ACTIVE", endReason: "" };
const EXPIRED: State = { status: "EXPIRED", endReason: "expired" };
const SOLD: State = { status: "CONFIRMED", endReason: "confirmed" };
const DROPPED: State = { status: "CANCELLED", endReason: "cancelled" };

/** A hold of one line as it stands now. */
async function kept(customerId: CustomerId | null, state: State, units: Units, at = EPOCH_MS) {
  seq += 1;
  const { allocations, ...rest } = reservation(seq);
  const [held, confirmed, released] = units;
  const lines = allocations.slice(0, 1).map((line) => ({ ...line, held, confirmed, released }));
  const one = { ...rest, ...state, customerId, createdAt: at, allocations: lines, seq };
  const outcome = await db.writer.append(batch([movement(seq)], { reservations: [one] }));
  expect(outcome).toEqual({ kind: "appended" });
}

const list = (minimum: number, limit = 50, cursor: string | null = null, since = EPOCH_MS) =>
  db.ledger.customerHolds({ since, minimum, cursor, limit }, soon());

beforeAll(async () => {
  db = await openLedger();
  await db.writer.cursor(0);
  await kept(carol, EXPIRED, [0, 0, 5]);
  await kept(carol, EXPIRED, [0, 0, 3]);
  await kept(carol, LIVE, [2, 1, 0]);
  await kept(carol, DROPPED, [0, 0, 4]);
  await kept(dan, SOLD, [0, 6, 1]);
  await kept(dan, EXPIRED, [0, 0, 8]);
  await kept(eve, SOLD, [0, 2, 0]);
  await kept(null, EXPIRED, [0, 0, 99]);
  await kept(eve, EXPIRED, [0, 0, 50], EPOCH_MS - 1);
});
afterAll(() => db[Symbol.asyncDispose]());

const CAROL = {
  customerId: carol,
  holds: 4,
  live: 1,
  expiredHolds: 2,
  units: 15,
  expiredUnits: 8,
  soldUnits: 1,
};
const DAN = {
  customerId: dan,
  holds: 2,
  live: 0,
  expiredHolds: 1,
  units: 15,
  expiredUnits: 8,
  soldUnits: 6,
};

test("holds of a time are summed by customer, most expired units first, nobody's left out", async () => {
  const { items, nextCursor } = await list(1);
  expect(items).toMatchObject([CAROL, DAN, { customerId: eve, holds: 1, expiredUnits: 0 }]);
  expect(nextCursor).toBeNull();
  expect((await list(3)).items).toEqual([CAROL]);
  const before = await list(1, 50, null, EPOCH_MS - 1);
  expect(before.items[0]).toMatchObject({ customerId: eve, holds: 2, expiredUnits: 50 });
  expect((await list(1, 50, null, EPOCH_MS + 1)).items).toEqual([]);
});

test("pages follow one another, also between customers of as many units", async () => {
  const first = await list(1, 1);
  expect(first.items).toEqual([CAROL]);
  const second = await list(1, 1, first.nextCursor);
  expect(second.items).toEqual([DAN]);
  const third = await list(1, 1, second.nextCursor);
  expect(third.items).toMatchObject([{ customerId: eve }]);
  expect(third.nextCursor).toBeNull();
});

test("a cursor of nobody's is refused", async () => {
  await expect(list(1, 1, "nonsense")).rejects.toThrow("cursor");
});
