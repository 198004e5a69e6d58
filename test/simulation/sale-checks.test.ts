/** A rule of limits, campaigns and lines that cannot fail holds nothing: each is broken here by hand. */
import { expect, test } from "bun:test";
import { CampaignId } from "#inventory/campaigns";
import { customerField } from "#inventory/limits";
import {
  CustomerId,
  OrderId,
  type Location,
  type Movement,
  type MovementType,
} from "#inventory/model";
import { reservationIdOf } from "#inventory/reservation-id";
import { limitedKey, metaKey, recordKey, ruleKey, stockKey, waitedKey } from "#redis/keys";
import { encodeLimit } from "#redis/limit-record";
import { recorded } from "#redis/recorded";
import { HOME, movement, reservation } from "#test/movements";
import { Random } from "#test/random";
import type { Asked } from "./callers.ts";
import { brokenCampaigns, fencesLeft } from "./campaign-laws.ts";
import { brokenNow } from "./checks.ts";
import { BEGINS_AT } from "./globals.ts";
import { LedgerServer } from "./ledger.ts";
import { LedgerState } from "./ledger-state.ts";
import { countsThatDiffer, takenAboveLimits } from "./limit-laws.ts";
import { LineLaws } from "./line-laws.ts";
import { SimulatedRedis } from "./redis/server.ts";
import { Scheduler } from "./scheduler.ts";

const CAROL = CustomerId.parse("customer-1");

function runOf(movements: readonly Movement[] = []) {
  const scheduler = new Scheduler(new Random(1));
  const state = new LedgerState(() => BEGINS_AT);
  state.movements.push(...movements);
  const seen = new Map<string, number>();
  return {
    redis: new SimulatedRedis(scheduler),
    ledger: new LedgerServer(state, scheduler, () => true),
    troubles: [],
    seen,
    saw: (what: string) => void seen.set(what, (seen.get(what) ?? 0) + 1),
  };
}

/** Movements that follow each other, a second apart. */
const following = (...all: readonly Partial<Movement>[]): Movement[] =>
  all.map((fields, i) => movement(i + 1, { at: BEGINS_AT + 1_000 * i, ...fields }));

const levels = (onHand: number, reserved: number, onHandBefore = onHand, reservedBefore = 0) => {
  return { onHandBefore, onHandAfter: onHand, reservedBefore, reservedAfter: reserved };
};
const RECORD = { type: "RECORD", productId: null, location: "", ...levels(0, 0) } as const;
const LIMIT = {
  limitId: "few",
  products: "all" as const,
  maxUnits: 2,
  windowHours: null,
  counts: "taken" as const,
  maxHolds: 1,
  since: BEGINS_AT,
  createdAt: BEGINS_AT,
  updatedAt: BEGINS_AT,
  version: 1,
};

function limited(movements: readonly Movement[], limit = LIMIT) {
  const run = runOf(movements);
  const { state } = run.ledger;
  const record = { kind: "limit", id: "few", text: encodeLimit(limit), seq: 1 } as const;
  state.history.push(record);
  state.records.set("limit/few", record);
  for (const number of [2, 3]) {
    const hold = reservation(number, { createdAt: BEGINS_AT + 5_000, allocations: [] });
    state.reservations.set(hold.reservationId, hold);
  }
  return run;
}
const held = (number: number, reservedBefore: number, reservedAfter: number) => {
  const { reservationId } = reservation(number);
  return { reservationId, reservedBefore, reservedAfter, customerId: CAROL };
};

test("nobody takes more units than a limit with a name allows, nor has more live holds", () => {
  const taken = (second: Partial<Movement>, limit = LIMIT): string[] =>
    takenAboveLimits(limited(following(RECORD, held(2, 0, 1), second), limit));
  expect(taken(held(2, 1, 2))).toEqual([]);
  expect(taken(held(2, 1, 3))).toEqual(["movement 3: customer-1 has 3 under few, at most 2"]);
  expect(taken(held(3, 1, 2))).toEqual(["movement 3: customer-1 has 2 holds under few, at most 1"]);
  // What was made before it counts is not counted, and who sells holds nothing.
  expect(taken(held(2, 1, 3), { ...LIMIT, since: BEGINS_AT + 6_000 })).toEqual([]);
  const sale = { type: "SALE", customerId: CAROL, ...levels(0, 0, 2) } as const;
  expect(taken(sale)).toEqual(["movement 3: customer-1 has 3 under few, at most 2"]);
});

test("what is counted under a limit is what the ledger adds up to", () => {
  const run = limited(following(RECORD));
  const field = customerField(CAROL);
  const key = ruleKey(0, "few", "always");
  run.redis.keys.write(key, "hash").fields.set(field, "1");
  expect(countsThatDiffer(run)).toEqual([`limit: ${key} ${field} has 1 and should have 0`]);
  run.redis.keys.endAt(key, BEGINS_AT);
  expect(countsThatDiffer(run)).toEqual([]);
});

test("what is found by product is what the records of limits and of who waits say", () => {
  const { redis, saw } = runOf();
  const meta = redis.keys.write(metaKey(0), "hash").fields;
  meta.set("epoch", "1").set("seq", "0").set("swept", "0").set("drained", "0");
  const broken = (): string[] => brokenNow({ redis, saw }, true);
  redis.keys.write(recordKey(0, "limit"), "hash").fields.set("few", encodeLimit(LIMIT));
  expect(broken()).toEqual(["limits over all: null and not few"]);
  meta.set("limits", "few");
  expect(broken()).toEqual([]);
  redis.keys.write(limitedKey(0), "hash").fields.set("product-1", "few");
  expect(broken()).toEqual(["limits by product: product-1=few and not "]);
  redis.keys.remove(limitedKey(0));
  redis.keys.write(waitedKey(0), "zset").scores.set("product-1", 1);
  expect(broken()).toEqual(["products that somebody waits for: product-1 and not "]);
});

const inLine = (order: string, reason: string): Partial<Movement> => {
  return { ...RECORD, orderId: OrderId.parse(order), reason, reference: "waiting:product-1" };
};
const offer = (order: string, more: Partial<Movement> = {}): Partial<Movement> => {
  const orderId = OrderId.parse(order);
  return { orderId, actor: "system:waitlist", reason: "offered", ...levels(1, 1), ...more };
};
const lineLaws = (...all: readonly Partial<Movement>[]): string[] =>
  new LineLaws(runOf(following({ type: "INITIAL", ...levels(0, 0) }, ...all))).broken;
const restock = (at: number): Partial<Movement> => {
  return { type: "RESTOCK", ...levels(1, 0, 0), at: BEGINS_AT + at };
};
const [first, second] = [inLine("op1", "joined"), inLine("op2", "joined")];
const [offered, left] = [inLine("op1", "offered"), inLine("op1", "left")];

test("who waits is offered units in line, once each, and all that is free", () => {
  const at = { at: BEGINS_AT + 3_000 };
  expect(lineLaws(first, second, restock(3_000), offer("op1", at), { ...offered, ...at })).toEqual(
    [],
  );
  expect(lineLaws(first, second, restock(3_000))).toEqual([
    "1 of product-1 are free, and op1 waits",
  ]);
  const last = inLine("op2", "offered");
  expect(lineLaws(first, second, offer("op2"), last)).toEqual([
    "movement 5: RECORD of op2: offered, and op1 is before it",
  ]);
  expect(lineLaws(first, offer("op1"))).toEqual([
    "movement 3: RESERVE of op1: was offered, and is in line",
  ]);
  expect(lineLaws(first, offered)).toEqual(["movement 3: RECORD of op1: was offered nothing"]);
  expect(lineLaws(first, left, offer("op1"), offered)).toEqual([
    "movement 5: RECORD of op1: offered without a place",
  ]);
});

test("free units are offered soon", () => {
  const at = { at: BEGINS_AT + 60_000 };
  const late = lineLaws(first, restock(2_000), offer("op1", at), { ...offered, ...at });
  expect(late).toEqual(["free units of product-1 were offered 58000 ms after it was due"]);
});

test("while somebody waits nobody takes more than it gives back", () => {
  const requestId = "op9";
  const give = { type: "RELEASE", requestId, ...levels(5, 3, 5, 5) } as const;
  const take = (reserved: number): Partial<Movement> => {
    return { requestId, orderId: OrderId.parse("op9"), ...levels(5, reserved, 5, 3) };
  };
  const past = (text: string): boolean => text.includes("past a line");
  expect(lineLaws(first, give, take(5)).filter(past)).toEqual([]);
  expect(lineLaws(first, give, take(6)).filter(past)).toEqual([
    "movement 4: RESERVE of op9: takes 3 past a line, and had 2",
  ]);
  expect(lineLaws(first, take(4)).filter(past)).toHaveLength(1);
  expect(lineLaws(first, left, take(4)).filter(past)).toEqual([]);
  const sale = { type: "SALE", ...levels(0, 0, 1) } as const;
  expect(lineLaws(first, sale).filter(past)).toHaveLength(1);
});

const CAMPAIGN = CampaignId.parse("p0-abcdefgh");
const FENCE = recorded<Location>(`default~${CAMPAIGN}`);
const [STARTS_AT, ENDS_AT] = [BEGINS_AT + 2_000, BEGINS_AT + 6_000];

const START = {
  type: "TRANSFER",
  at: STARTS_AT,
  reason: "campaign_started",
  reference: `campaign:${CAMPAIGN}`,
} as const;

/** Of a campaign that was planned with movement 1 and begun with 4; `all` comes behind that. */
function campaignLaws(
  all: readonly Partial<Movement>[],
  asked: readonly Asked[] = [],
  planned = 3,
): string[] {
  const started = [
    {
      ...RECORD,
      type: "INITIAL",
      productId: movement(1).productId,
      location: HOME,
      ...levels(5, 0),
    },
    { ...START, ...levels(2, 0, 5) },
    { ...START, location: FENCE, ...levels(3, 0, 0) },
    { ...RECORD, at: STARTS_AT },
  ] as const;
  const run = runOf(following(...started, ...all));
  for (const [seq, state, fenced] of [
    [1, "scheduled", 0],
    [4, "running", 3],
  ]) {
    const times = [STARTS_AT, ENDS_AT, 0, 0, BEGINS_AT, BEGINS_AT].join("\t");
    const text = `1\t${state}\tdefault\t${times}\t"a sale"\tproduct-1=${planned}=${fenced}`;
    run.ledger.state.history.push({ kind: "campaign", id: CAMPAIGN, text, seq: Number(seq) });
  }
  const hold = reservation(1, { reservationId: HOLD, expiresAt: STARTS_AT });
  run.ledger.state.reservations.set(HOLD, hold);
  return brokenCampaigns(run, asked);
}
/** What nobody holds goes back, at that moment. */
const goesBack = (at: number, units = 3): Partial<Movement>[] => [
  { type: "TRANSFER", at, location: FENCE, ...levels(0, 0, units) },
  { type: "TRANSFER", at, ...levels(2 + units, 0, 2) },
];
const taking = (at: number, type: MovementType = "RESERVE"): Partial<Movement> => {
  return { type, at, location: FENCE, requestId: "op1", reservationId: HOLD, ...levels(3, 1) };
};
const HOLD = reservationIdOf(0, "1".repeat(32), "abcdefgh");
const ASKED: Asked = {
  id: "op1",
  told: "reserve",
  campaign: CAMPAIGN,
  outcome: null,
  receipts: [],
  node: null,
  isDoubtful: false,
};

test("what a campaign takes aside comes back when it is over, and in time", () => {
  expect(campaignLaws(goesBack(ENDS_AT))).toEqual([]);
  expect(campaignLaws([])).toEqual([`${CAMPAIGN} keeps 3 of product-1`]);
  expect(campaignLaws(goesBack(ENDS_AT + 9_000))).toEqual([
    `end of ${CAMPAIGN} came 9000 ms after it was due`,
  ]);
  const [, into] = goesBack(ENDS_AT);
  const [out] = goesBack(ENDS_AT, 3);
  expect(campaignLaws([out ?? {}])).toContain("transfers of product-1 brought -3 units");
  expect(campaignLaws([into ?? {}])).toContain("transfers of product-1 brought 3 units");
});

test("a campaign takes units aside once, and no more than was planned", () => {
  const more = { type: "TRANSFER", location: FENCE, ...levels(4, 0, 3) } as const;
  const less = { type: "TRANSFER", ...levels(1, 0, 2) } as const;
  const at = { at: STARTS_AT + 1 };
  const broken = campaignLaws([{ ...more, ...at }, { ...less, ...at }, ...goesBack(ENDS_AT, 4)]);
  expect(broken).toEqual([`${CAMPAIGN} took 4 aside in 2 steps`]);
});

test("a campaign begins with what was planned, or all that is free and was due", () => {
  expect(campaignLaws(goesBack(ENDS_AT), [], 4)).toContain(
    `${CAMPAIGN} has 3 of product-1: 5 were free`,
  );
  const late = { ...taking(ENDS_AT, "EXPIRE"), location: HOME, ...levels(3, 0, 3, 1) };
  expect(campaignLaws([late, ...goesBack(ENDS_AT)], [], 9)).toContain(
    `${CAMPAIGN} is short, and movement 5 was due before it`,
  );
});

test("nothing of a ring-fence is left in the record of its product", () => {
  const { redis } = runOf();
  const { fields } = redis.keys.write(stockKey(0, "product-1"), "hash");
  fields.set("onHand:default", "5");
  expect(fencesLeft(redis)).toEqual([]);
  fields.set(`onHand:${FENCE}`, "0");
  expect(fencesLeft(redis)).toHaveLength(1);
});

test("units of a campaign are had while it is open, and by who named it", () => {
  const released = { ...taking(ENDS_AT - 1, "EXPIRE"), ...levels(3, 0, 3, 1) };
  const ended = [released, ...goesBack(ENDS_AT)];
  expect(campaignLaws([taking(STARTS_AT), ...ended], [ASKED])).toEqual([]);
  expect(campaignLaws([taking(ENDS_AT), ...goesBack(ENDS_AT)], [ASKED])).toContain(
    `movement 5 takes of ${CAMPAIGN}, which is not open`,
  );
  expect(campaignLaws([taking(STARTS_AT), ...ended])).toEqual([
    `movement 5: op1 asked for units of undefined, and has some of ${CAMPAIGN}`,
  ]);
  const elsewhere = { ...taking(STARTS_AT), location: movement(1).location };
  expect(campaignLaws([elsewhere, ...goesBack(ENDS_AT)], [ASKED])).toEqual([
    `movement 5: op1 asked for units of ${CAMPAIGN}, and has some of undefined`,
  ]);
});
