/** The supervisor can fail: each check is broken here by what was read, made by hand. */
import { expect, test } from "bun:test";
import {
  availableAddsUp,
  endsArePunctual,
  everyProcessLives,
  failuresOf,
  faultWasThere,
  ledgerCatchesUp,
  liveHoldsAreReserved,
  lossIsTrue,
  nothingIsStrange,
  readsNeverGoBack,
  redisIsTheLedger,
  whatFellDueEnded,
  type Check,
  type StockSeen,
} from "#faults/laws";
import type { Sight, Witness } from "#faults/witness";

const LAG = { behind: 30, movements: 900, tookMs: 7_900, sinceFaultMs: 2_000, withinMs: 10_000 };
const ENDS = { made: 20, lateMs: new Map([["h1", 5_100]]), left: [], withinMs: 8_000 };
const ROUNDS = [
  { holds: 10, latestMs: 4_000, lateUntilMs: 4_900 },
  { holds: 10, latestMs: 900, lateUntilMs: 0 },
];
const LOOKED_AT = { products: 7, levels: 9, holds: 2, movements: 300 };
const REPORT = { checked: LOOKED_AT, differences: [], differenceCount: 0, quarantined: 0 };
const HOLD = "p0-0123456789abcdef0123456789abcdef-a1";
const LOST = {
  requests: new Set(["r1"]),
  subjects: ["p1", "p2", "0123456789abcdef0123456789abcdef"],
  known: new Set(["p1", "p7"]),
};
const ANSWERS = { answers: 50, refusals: {}, strange: [], lost: LOST };
const LOSS = { acknowledged: 9, gone: 0, untrue: [], mayLose: false };
const back = (productId: string, version: number) => ({ productId, version, after: 90 });
const READS = { reads: 70, wentBack: [back("p1", 60)], rebuilds: 1, hasLost: true };
const STOCK = {
  onHand: 30,
  reserved: 4,
  safetyStock: 20,
  fields: ["name=one", "sku=s1"],
  levels: ["annex 10/0", "default 20/4"],
};
const API = { ...STOCK, available: 6, sums: "30/4" };
const SEEN: StockSeen = { productId: "p1", apis: [API, API], redis: STOCK, ledger: STOCK };
/** Four more are held than there were above the safety stock: no API says less than nothing. */
const OVERSOLD = { ...STOCK, reserved: 14, levels: ["annex 10/0", "default 20/14"] };
const OF_OVERSOLD = { ...OVERSOLD, available: 0, sums: "30/14" };

const sight = (rebuilds: number, oom: number, harmed: number, copies: number): Sight => ({
  lost: { requests: new Set(), subjects: [], known: new Set(), reports: 0, rebuilds },
  noted: 0,
  errors: new Map([["OOM", oom]]),
  harmed,
  onTheWay: new Map([
    ["redis copy", copies],
    ["http hold", 3],
  ]),
});
const BEFORE = sight(2, 7, 5, 4);
function twoWays(ofRedis: number, ofHttp: number): Sight {
  const { onTheWay, ...now } = sight(3, 8, 6, ofRedis);
  return { ...now, onTheWay: new Map([...onTheWay, ["http copy", ofHttp]]) };
}
const was = (witness: Witness, now: Sight): Check => faultWasThere(witness, BEFORE, now);

const HOLDING: readonly (readonly [what: string, check: Check])[] = [
  ["a ledger that has all 9.9 s after the fault", ledgerCatchesUp(LAG)],
  ["a hold that a sweep ended", whatFellDueEnded(ENDS)],
  ["no hold, where a fault says why", whatFellDueEnded({ ...ENDS, made: 0 }, "nobody makes any")],
  ["the second round in time", endsArePunctual(ROUNDS, 5_000)],
  ["Redis as it should be", liveHoldsAreReserved(LOOKED_AT)],
  ["both equal", redisIsTheLedger(REPORT)],
  ["a claim that was left", redisIsTheLedger({ ...REPORT, ...found("sku", null) })],
  ["stock that adds up", availableAddsUp([SEEN])],
  ["a version that was lost", readsNeverGoBack(READS)],
  [
    "two products that went back",
    readsNeverGoBack({ ...READS, wentBack: [back("p1", 6), back("p2", 6)] }),
  ],
  ["answers as expected", nothingIsStrange(ANSWERS)],
  [
    "a lost hold",
    nothingIsStrange({ ...ANSWERS, strange: [`POST /reservation/${HOLD}/confirm: 404 {}`] }),
  ],
  [
    "a lost product",
    nothingIsStrange({ ...ANSWERS, strange: ["POST /product/p1/return: 409 {}"] }),
  ],
  [
    "what was lost done anew",
    nothingIsStrange({ ...ANSWERS, strange: [`POST /product/p7/reserve of ${HOLD}: 201 {}`] }),
  ],
  [
    "a lost request under its key again",
    strangely("PATCH /product/p1/stock of r1: 200 was not replayed"),
  ],
  ["a lost product that nobody made again", strangely("GET /product/p2: 404 {}")],
  ["a lost product that is made again", strangely("POST /initialize of p1: 201 {}")],
  ["a return that was lost", strangely("POST /product/p1/return: 200 {}")],
  ["nothing lost", lossIsTrue(LOSS)],
  ["something lost that may be", lossIsTrue({ ...LOSS, gone: 2, mayLose: true })],
  ["processes that live", everyProcessLives([{ name: "api-1", hasExited: false, output: "" }])],
  ["a rebuild", was({ by: "rebuild" }, sight(3, 7, 5, 4))],
  ["an error", was({ by: "error", code: "OOM" }, sight(2, 8, 5, 4))],
  ["harm", was({ by: "harm on the way" }, sight(2, 7, 6, 4))],
  ["copies", was({ by: "chance on the way", each: ["redis copy"] }, sight(2, 7, 5, 9))],
  [
    "copies of two kinds of ways",
    was({ by: "chance on the way", each: ["redis copy", "http copy"] }, twoWays(5, 1)),
  ],
  ["what the fault saw itself", was({ by: "sight", of: "refusals" }, { ...BEFORE, noted: 1 })],
  ["a fault that rejects by itself", was({ by: "itself", because: "it ended" }, BEFORE)],
];

const BROKEN: readonly (readonly [what: string, check: Check])[] = [
  [
    "a ledger that has all 10.1 s after the fault, most of it before all was served",
    ledgerCatchesUp({ ...LAG, sinceFaultMs: 9_000, tookMs: 1_100 }),
  ],
  ["a ledger that never has all", ledgerCatchesUp({ ...LAG, tookMs: null })],
  ["a journal without a movement", ledgerCatchesUp({ ...LAG, behind: 0, movements: 0 })],
  ["a hold that nobody ended", whatFellDueEnded({ ...ENDS, left: ["h1"] })],
  [
    "one that nobody ended, where none was made",
    whatFellDueEnded({ ...ENDS, made: 0, left: ["h1"] }, "none"),
  ],
  ["no hold, and no reason", whatFellDueEnded({ ...ENDS, made: 0 })],
  ["holds that stay late", endsArePunctual(ROUNDS.slice(0, 1), 20_000)],
  ["in time, and too late for that", endsArePunctual(ROUNDS, 4_800)],
  ["no round", endsArePunctual([], 5_000)],
  ["rounds without a hold", endsArePunctual([{ holds: 0, latestMs: 0, lateUntilMs: 0 }], 5_000)],
  ["Redis as it should not be", liveHoldsAreReserved("p1: reserved 3, live holds have 2")],
  ["no live hold", liveHoldsAreReserved({ ...LOOKED_AT, holds: 0 })],
  ["a product that differs", redisIsTheLedger({ ...REPORT, ...found("product", null) })],
  ["an SKU that differs", redisIsTheLedger({ ...REPORT, ...found("sku", "s2") })],
  ["more differences than are told", redisIsTheLedger({ ...REPORT, differenceCount: 1 })],
  ["a movement in quarantine", redisIsTheLedger({ ...REPORT, quarantined: 1 })],
  [
    "a comparison of no product",
    redisIsTheLedger({ ...REPORT, checked: { ...LOOKED_AT, products: 0 } }),
  ],
  [
    "available that is not what is free",
    availableAddsUp([{ ...SEEN, apis: [{ ...API, available: 7 }] }]),
  ],
  [
    "safety stock that was sold",
    availableAddsUp([{ ...SEEN, apis: [OF_OVERSOLD], redis: OVERSOLD, ledger: OVERSOLD }]),
  ],
  [
    "locations that have another sum",
    availableAddsUp([{ ...SEEN, apis: [{ ...API, sums: "31/4" }] }]),
  ],
  [
    "an API that knows another name",
    availableAddsUp([{ ...SEEN, apis: [API, { ...API, fields: ["name=two", "sku=s1"] }] }]),
  ],
  [
    "a ledger that knows another safety stock",
    availableAddsUp([{ ...SEEN, ledger: { ...STOCK, safetyStock: 0 } }]),
  ],
  [
    "a ledger with other locations",
    availableAddsUp([{ ...SEEN, ledger: { ...STOCK, levels: ["default 30/4"] } }]),
  ],
  ["products without safety stock", availableAddsUp([zeroSafety()])],
  ["products that no API was asked for", availableAddsUp([{ ...SEEN, apis: [] }])],
  ["no product", availableAddsUp([])],
  ["a version that goes back", readsNeverGoBack({ ...READS, hasLost: false })],
  [
    "one product twice in one rebuild",
    readsNeverGoBack({ ...READS, wentBack: [back("p1", 60), back("p1", 50)] }),
  ],
  ["without a rebuild", readsNeverGoBack({ ...READS, rebuilds: 0 })],
  ["no read", readsNeverGoBack({ ...READS, reads: 0, wentBack: [] })],
  [
    "a hold that is not lost",
    nothingIsStrange({
      ...ANSWERS,
      strange: ["POST /reservation/p0-ffffffffffffffffffffffffffffffff-a1/confirm: 404 {}"],
    }),
  ],
  [
    "the id of a lost one in the answer alone",
    nothingIsStrange({ ...ANSWERS, strange: [`POST /product/p7/sell: 409 {"of":"${HOLD}"}`] }),
  ],
  [
    "an outage of what is lost",
    nothingIsStrange({ ...ANSWERS, strange: ["GET /product/p1: 500 {}"] }),
  ],
  [
    "a product whose name begins as that of a lost one",
    nothingIsStrange({ ...ANSWERS, strange: ["GET /product/p11: 404 {}"] }),
  ],
  [
    "another request about a lost one's product under its key again",
    strangely("PATCH /product/p1/stock of r2: 200 was not replayed"),
  ],
  ["a lost one that names no request", strangely("PATCH /product/p1/stock: 200 {}")],
  ["a lost request that is not there", strangely("PATCH /product/p1/stock of r1: 404 {}")],
  ["a product that the ledger has, and is not there", strangely("GET /product/p1: 404 {}")],
  ["a product that is gone", strangely("GET /product/p2: 410 {}")],
  ["a change that is refused", strangely("PATCH /product/p1: 409 {}")],
  ["an error of a client", nothingIsStrange({ ...ANSWERS, strange: ["Error: p1"] })],
  ["no answer", nothingIsStrange({ ...ANSWERS, answers: 0 })],
  ["a loss where none may be", lossIsTrue({ ...LOSS, gone: 1 })],
  [
    "what is reported and there",
    lossIsTrue({ ...LOSS, gone: 1, mayLose: true, untrue: ["r is movement 3, not lost"] }),
  ],
  ["nothing acknowledged", lossIsTrue({ ...LOSS, acknowledged: 0 })],
  ["a process that ended", everyProcessLives([{ name: "api-1", hasExited: true, output: "" }])],
  ["no process", everyProcessLives([])],
  ["no rebuild", was({ by: "rebuild" }, sight(2, 8, 6, 9))],
  ["no error", was({ by: "error", code: "OOM" }, sight(3, 7, 6, 9))],
  ["an error of another kind", was({ by: "error", code: "NOSCRIPT" }, sight(3, 9, 6, 9))],
  ["nothing that the fault saw itself", was({ by: "sight", of: "refusals" }, sight(3, 8, 6, 9))],
  ["no harm", was({ by: "harm on the way" }, sight(3, 8, 5, 9))],
  ["no copies", was({ by: "chance on the way", each: ["redis copy"] }, sight(3, 8, 6, 4))],
  [
    "copies on one kind of ways alone",
    was({ by: "chance on the way", each: ["redis copy", "http copy"] }, twoWays(4, 9)),
  ],
  [
    "copies, and nothing held",
    was({ by: "chance on the way", each: ["redis copy", "http hold"] }, sight(3, 8, 6, 9)),
  ],
];

function strangely(text: string): Check {
  return nothingIsStrange({ ...ANSWERS, strange: [text] });
}

function found(kind: "sku" | "product", ledger: string | null) {
  const where = { partition: 0, productId: "p1", location: null, reservationId: null };
  const one = { ...where, kind, redis: "p1", ledger, cause: "made by hand", repaired: false };
  return { differences: [one], differenceCount: 1 };
}

function zeroSafety(): StockSeen {
  const stock = { ...STOCK, safetyStock: 0 };
  return {
    productId: "p1",
    apis: [{ ...API, ...stock, available: 26 }],
    redis: stock,
    ledger: stock,
  };
}

test.each(HOLDING)("holds: %s", (_, check) => {
  expect(failuresOf(check)).toEqual([]);
});

test.each(BROKEN)("does not hold: %s", (_, check) => {
  expect(failuresOf(check)).not.toEqual([]);
});

test("every check was seen to hold and to fail", () => {
  const named = (all: typeof BROKEN): Set<string> => new Set(all.map(([, { name }]) => name));
  expect(named(HOLDING)).toEqual(named(BROKEN));
});
