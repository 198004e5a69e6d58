/** A rule that cannot fail holds nothing: each is broken here by a state made by hand. */
import { expect, test } from "bun:test";
import { OrderId, ReservationId, type Movement } from "#inventory/model";
import { lowKey, metaKey } from "#redis/keys";
import type { RecoveryReport } from "#inventory/rebuild-ports";
import { LAWS } from "#test/laws";
import { movement, reservation } from "#test/movements";
import { Random } from "#test/random";
import type { Asked } from "./callers.ts";
import { brokenRules, type Run } from "./checks.ts";
import { BEGINS_AT } from "./globals.ts";
import { LedgerServer } from "./ledger.ts";
import { LedgerState } from "./ledger-state.ts";
import { EXPIRED_MS_MAX, SWEPT_MS_MAX } from "./lateness.ts";
import { HOLD_SECONDS_MAX } from "./plan.ts";
import { SimulatedRedis } from "./redis/server.ts";
import { Scheduler } from "./scheduler.ts";

const DUE_MS = 5_000;
const HOLD = reservation(1, {
  orderId: OrderId.parse("op1"),
  createdAt: BEGINS_AT + 1_000,
  expiresAt: BEGINS_AT + DUE_MS,
});
const ASKED: Asked = {
  id: "op1",
  told: "sell 1 of product-1",
  outcome: { kind: "done", type: "SALE", units: 1, reservation: null, versions: [] },
  receipts: [],
  node: null,
  isDoubtful: false,
};

/** Nothing happened in it yet. */
function emptyRun(): Run {
  const scheduler = new Scheduler(new Random(1));
  const state = new LedgerState(() => BEGINS_AT);
  const seen = new Map<string, number>();
  return {
    redis: new SimulatedRedis(scheduler),
    ledger: new LedgerServer(state, scheduler, () => true),
    nodes: [],
    troubles: [],
    hasLost: false,
    seen,
    saw: (what) => void seen.set(what, (seen.get(what) ?? 0) + 1),
  };
}

/** A hold that ended so long after it was due. */
function expired(lateMs: number, troubles: Run["troubles"]): Run {
  const run = { ...emptyRun(), troubles };
  run.ledger.state.reservations.set(HOLD.reservationId, HOLD);
  const at = BEGINS_AT + DUE_MS + lateMs;
  const { reservationId } = HOLD;
  run.ledger.state.movements.push(movement(1, { type: "EXPIRE", reservationId, at }));
  return run;
}

const lateIn = (run: Run): string[] =>
  brokenRules(run, []).filter((text) => text.includes("after it was due"));

function moved(fields: Partial<Movement>): Run {
  const run = emptyRun();
  run.ledger.state.movements.push(movement(1, fields));
  return run;
}

test("nothing is broken where nothing happened", () => {
  expect(brokenRules(emptyRun(), [])).toEqual([]);
});

test("a hold ends within a second of its due time where nothing is wrong", () => {
  const run = expired(EXPIRED_MS_MAX, []);
  expect(lateIn(run)).toEqual([]);
  expect(run.seen.get("hold judged")).toBe(1);
  expect(lateIn(expired(EXPIRED_MS_MAX + 1, []))).toHaveLength(1);
});

test("a hold that met a trouble ends within the sweep after it", () => {
  const troubles = [{ from: DUE_MS - 100, to: DUE_MS + 2_000 }];
  const run = expired(2_000 + SWEPT_MS_MAX, troubles);
  expect(lateIn(run)).toEqual([]);
  expect(run.seen.get("hold judged after a trouble")).toBe(1);
  expect(lateIn(expired(2_001 + SWEPT_MS_MAX, troubles))).toHaveLength(1);
});

test("a trouble that follows before the sweep came holds it up again, a later one does not", () => {
  const first = { from: DUE_MS - 100, to: DUE_MS + 2_000 };
  const next = { from: first.to + SWEPT_MS_MAX, to: first.to + SWEPT_MS_MAX + 1_000 };
  const late = next.to + SWEPT_MS_MAX - DUE_MS;
  expect(lateIn(expired(late, [first, next]))).toEqual([]);
  expect(lateIn(expired(late, [first, { ...next, from: next.from + 1 }]))).toHaveLength(1);
});

test("a trouble before a hold was made excuses nothing", () => {
  expect(lateIn(expired(EXPIRED_MS_MAX + 1, [{ from: 0, to: 999 }]))).toHaveLength(1);
});

test("no hold is due later than the longest life after it was made", () => {
  const dueAt = (expiresAt: number): string[] => {
    const run = emptyRun();
    run.ledger.state.reservations.set(HOLD.reservationId, { ...HOLD, expiresAt });
    return brokenRules(run, []).filter((text) => text.includes("longest life"));
  };
  const latest = HOLD.createdAt + HOLD_SECONDS_MAX * 1_000;
  expect(dueAt(latest)).toEqual([]);
  expect(dueAt(latest + 1_000)).toHaveLength(1);
});

test("what was acknowledged is in the ledger", () => {
  const told = brokenRules(emptyRun(), [ASKED]);
  expect(told).toEqual(["SALE of 1 by request op1: the ledger has 0"]);
});

test("who was refused finds that nothing was done", () => {
  const refused = { ...ASKED, outcome: { kind: "refused", word: "insufficient" } } as const;
  const run = moved({ type: "SALE", requestId: "op1" });
  const broken = (asked: Asked): string[] =>
    brokenRules(run, [asked]).filter((text) => text.includes("was refused"));
  expect(broken(refused)).toHaveLength(1);
  expect(broken({ ...refused, isDoubtful: true })).toEqual([]);
});

test("what a Redis lost is reported by its id, or by a range of movements that has it", () => {
  const process = { isAlive: true, name: "api-1" };
  const receipt = { partition: 0, epoch: 1, seq: 7 };
  const lost = { ...ASKED, receipts: [receipt] };
  const asks = (node: object | null, reports: readonly Partial<RecoveryReport>[]): string[] => {
    const run = { ...emptyRun(), hasLost: true };
    Object.assign(run.nodes, node === null ? [] : [node]);
    Object.assign(run.ledger.state.reports, reports);
    return brokenRules(run, [Object.assign({}, lost, { node })]);
  };
  const none = { operations: [], missing: null };
  const witness = { process, heard: [receipt] };
  expect(asks(witness, [none])[0]).toContain("api-1 does not report it");
  expect(asks(witness, [{ ...none, missing: { from: 1, to: 9 } }])).toHaveLength(1);
  const named = { missing: { from: 7, to: 7 }, operations: [{ requestId: "op1", seq: 7 }] };
  expect(asks(witness, [Object.assign({}, none, named)])).toEqual([]);
});

test("what only another process knew of is in a reported range", () => {
  const receipt = { partition: 0, epoch: 1, seq: 7 };
  const lost = { ...ASKED, receipts: [receipt] };
  const broken = (isAlive: boolean, to: number): string[] => {
    const run = { ...emptyRun(), hasLost: true };
    Object.assign(run.nodes, [{ process: { isAlive, name: "api-2" }, heard: [receipt] }]);
    Object.assign(run.ledger.state.reports, [{ operations: [], missing: { from: 1, to } }]);
    return brokenRules(run, [lost]);
  };
  expect(broken(true, 6)[0]).toContain("which api-2 knew of");
  expect(broken(true, 7)).toEqual([]);
  expect(broken(false, 6)).toEqual([]);
});

test("what another epoch lacks is no report of it", () => {
  const receipt = { partition: 0, epoch: 2, seq: 7 };
  const broken = (kind: RecoveryReport["kind"], epoch: number): number => {
    const run = { ...emptyRun(), hasLost: true };
    Object.assign(run.nodes, [{ process: { isAlive: true, name: "api-2" }, heard: [receipt] }]);
    const report = { kind, epoch, operations: [], missing: { from: 1, to: 9 } };
    Object.assign(run.ledger.state.reports, [report]);
    return brokenRules(run, [{ ...ASKED, receipts: [receipt] }]).length;
  };
  expect([broken("lost", 2), broken("rebuilt", 3)]).toEqual([0, 0]);
  expect([broken("lost", 1), broken("rebuilt", 2)]).toEqual([1, 1]);
});

test("what is reported as lost is lost, has a number that is missing, and no other has that", () => {
  let asked: readonly Asked[] = [];
  const reported = (
    movementOf: Partial<Movement>,
    { seq = 7, to = 9, outcome = "reserved", of = HOLD.reservationId } = {},
  ): string[] => {
    const run = emptyRun();
    const operations = [{ requestId: "op1", seq, outcome, reservationId: of }];
    const report = { kind: "lost", epoch: 2, operations, missing: { from: 5, to } };
    Object.assign(run.ledger.state.reports, [report]);
    const one = movement(1, { requestId: "op9", epoch: 1, ...movementOf });
    run.ledger.state.movements.push(one);
    return brokenRules(run, asked).filter((text) => /not lost|has number|not missing/.test(text));
  };
  expect(reported({})).toEqual([]);
  expect(reported({ requestId: "op1", epoch: 3 })).toEqual([]);
  expect(reported({ requestId: "op1", epoch: 2 })[0]).toContain("not lost");
  expect(reported({}, { seq: 4 })[0]).toContain("op1 has number 4, not one of 5 to 9");
  expect(reported({ seq: 6, epoch: 2 })[0]).toContain("not missing");
  expect(reported({ seq: 6, epoch: 3 })).toEqual([]);
  // A repeat heard that its hold was sold meanwhile: that is lost, and the hold is not.
  expect(reported({ requestId: "op1", epoch: 2 }, { outcome: "confirmed" })).toEqual([]);
  expect(reported({}, { seq: 4, outcome: "confirmed" })[0]).toContain("op1 has number 4");
  expect(reported({ requestId: "op1", epoch: 2 }, { outcome: "replayed" })[0]).toContain(
    "not lost",
  );
  // Without an answer it made another hold, which ended before it was asked again.
  const { reservationId } = HOLD;
  const held = { type: "RESERVE", units: 1, reservation: HOLD, versions: [] } as const;
  asked = [{ ...ASKED, outcome: { kind: "done", ...held } }];
  expect(reported({ requestId: "op1", type: "RESERVE", reservationId })[0]).toContain("not lost");
  const another = ReservationId.parse(reservationId.replace(/.$/, "z"));
  expect(reported({ requestId: "op1", type: "RESERVE", reservationId: another })).toEqual([]);
  // A copy that came late made another hold, which is lost: only of who may have left one behind.
  const answered = { requestId: "op1", type: "RESERVE", reservationId } as const;
  expect(reported(answered, { of: another })[0]).toContain("not lost");
  asked = [{ ...ASKED, outcome: { kind: "done", ...held }, isDoubtful: true }];
  expect(reported(answered, { of: another })).toEqual([]);
  expect(reported(answered)[0]).toContain("not lost");
});

test("Redis is looked at by itself, and a fenced one is not", () => {
  const run = emptyRun();
  const meta = run.redis.keys.write(metaKey(0), "hash").fields;
  meta.set("epoch", "1").set("seq", "0").set("swept", "0").set("drained", "0");
  expect(brokenRules(run, [])).toEqual([]);
  run.redis.keys.write(lowKey(0), "zset").scores.set("product-1", 3);
  expect(brokenRules(run, [])[0]).toContain("the low set is product-1=3");
  meta.set("fence", "behind:0");
  expect(brokenRules(run, [])).toEqual([]);
  expect(run.seen.get("look at Redis")).toBe(2);
});

test("the laws of what is not simulated are left out by name, and all others asked", () => {
  const names = LAWS.map(({ name }) => name);
  expect(names).toContain("the registry is the same everywhere");
  expect(names).toContain("nothing is in quarantine");
  const oversold = moved({ onHandBefore: 0, onHandAfter: 0, reservedBefore: 0, reservedAfter: 1 });
  expect(brokenRules(oversold, []).some((text) => text.includes("is oversold"))).toBe(true);
});

test("a hold is not sold when it is due, and does not expire before", () => {
  const broken = (type: "SALE" | "EXPIRE", lateMs: number): string[] => {
    const run = expired(lateMs, []);
    const [only] = run.ledger.state.movements.splice(0);
    if (only) run.ledger.state.movements.push({ ...only, type });
    return brokenRules(run, []).filter((text) => text.includes(`${type} at `));
  };
  expect([broken("SALE", -1), broken("EXPIRE", 0)]).toEqual([[], []]);
  expect([broken("SALE", 0).length, broken("EXPIRE", -1).length]).toEqual([1, 1]);
});

test("what is sold leaves the house, and what is released does not come back twice", () => {
  const broken = (fields: Partial<Movement>): number =>
    brokenRules(moved(fields), []).filter((text) => / of 9 leaves /.test(text)).length;
  const before = { onHandBefore: 9 };
  expect(broken({ ...before, type: "SALE", onHandAfter: 8 })).toBe(0);
  expect(broken({ ...before, type: "SALE", onHandAfter: 9 })).toBe(1);
  expect(broken({ ...before, type: "RELEASE", onHandAfter: 9 })).toBe(0);
  expect(broken({ ...before, type: "RELEASE", onHandAfter: 10 })).toBe(1);
});

test("time does not go back from one movement to the next", () => {
  const run = moved({ at: BEGINS_AT + 2 });
  run.ledger.state.movements.push(movement(2, { at: BEGINS_AT + 1 }));
  expect(brokenRules(run, []).filter((text) => text.includes("the one before it"))).toHaveLength(1);
});
