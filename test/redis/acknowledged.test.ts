import { expect, test } from "bun:test";
import { Acknowledged, DONE_WORDS } from "#redis/acknowledged";
import { SCRIPT_PATHS, wordsOfHeader } from "#test/answers";

/** Words by which nothing was done, or nothing new. */
const NOTHING_DONE = new Set([
  "above_limit",
  "above_quota",
  "absent",
  "again",
  "available",
  "begun",
  "below_reserved",
  "campaign_due",
  "campaign_ended",
  "campaign_lacks",
  "campaign_not_started",
  "campaign_stopped",
  "campaign_unknown",
  "cancelled",
  "confirmed",
  "current",
  "due",
  "exceeds",
  "exists",
  "expected_mismatch",
  "expired",
  "full",
  "held",
  "held_partly",
  "idle",
  "insufficient",
  "kept",
  "key_reused",
  "limited",
  "line",
  "line_full",
  "moved",
  "no_product",
  "order_confirmed",
  "over",
  "past",
  "possible",
  "replayed",
  "standing",
  "superseded",
  "too_many_places",
  "too_often",
  "turned",
  "unknown",
  "unknown_product",
  "waiting",
]);

test("every word of every verb is known as one by which something was done, or nothing", () => {
  const reads = "stock/next-due.lua";
  const verbs = SCRIPT_PATHS.filter(
    (path) => /^(stock|location|campaign|limit)\//.test(path) && path !== reads,
  );
  const words = verbs.flatMap((path) => [...wordsOfHeader(path).items]);
  const unknown = words.filter((word) => !DONE_WORDS.has(word) && !NOTHING_DONE.has(word));
  expect(unknown).toEqual([]);
  expect([...DONE_WORDS].filter((word) => !words.includes(word))).toEqual([]);
});

const batch = (epoch: number, seq: number) => {
  const line = `owner${seq}\tabcdefgh\t900\t{"actor":"a","requestId":"r${seq}"}`;
  return { epoch, seq, verb: "reserve", lines: [line], replies: ["reserved\t1"] };
};

test("what lies behind the end of its epoch is lost, and nothing that the ledger has", () => {
  const acknowledged = new Acknowledged(3);
  for (let seq = 1; seq <= 400; seq += 1) acknowledged.note(batch(seq <= 300 ? 1 : 2, seq));
  acknowledged.drained(200);
  const ends = new Map([
    [1, 298],
    [2, 399],
  ]);
  const lost = acknowledged.lostBeyond((epoch) => ends.get(epoch) ?? 0);
  expect(lost.map(({ seq }) => seq)).toEqual([299, 300, 400]);
  expect(lost[0]).toEqual({
    verb: "reserve",
    outcome: "reserved",
    seq: 299,
    requestId: "r299",
    reservationId: "p3-owner299-abcdefgh",
    productId: null,
  });
});

test("refusals and repeats are no operations, and what is about a product names it", () => {
  const acknowledged = new Acknowledged(0);
  const lines = ["p1\tx", "p2\tx", "p3\tx"];
  const replies = ["adjusted\t{}", "unknown", "replayed\tadjusted"];
  acknowledged.note({ epoch: 1, seq: 5, verb: "adjust", lines, replies });
  expect(acknowledged.lostBeyond(() => 0)).toMatchObject([
    { outcome: "adjusted", productId: "p1", reservationId: null, requestId: null },
  ]);
});

test("what a repeat was told counts too, if it is of those that are lost; a standing hold has its id", () => {
  const acknowledged = new Acknowledged(0);
  const record = (seq: number) => `1\tgenerate\tACTIVE\t\t0\t1\t${seq}\tp1=default=1=0=0\t"c"\t"o"`;
  // A repeat names a hold that it would have made: what it was told is of the one that is there.
  const lines = ["o1\tgenerate\tx", "o2\tanother0\tx", "o3\t\tx", "k\tx"];
  const replies = [
    `held\t${record(3)}`,
    `held\t${record(9)}`,
    `replayed\tdone\t${record(8)}`,
    "replayed\t?",
  ];
  acknowledged.note({ epoch: 1, seq: 9, verb: "reserve", lines, replies });
  const product = 'adjusted\t{"seq":"7","productId":"p1"}';
  acknowledged.note({ epoch: 1, seq: 9, verb: "adjust", lines: ["p1\tx"], replies: [product] });
  acknowledged.note({
    epoch: 1,
    seq: 9,
    verb: "registerLocation",
    lines: ["X"],
    replies: ["registered\t"],
  });
  expect(acknowledged.lostBeyond(() => 5)).toMatchObject([
    { outcome: "held", seq: 9, reservationId: "p0-o2-generate" },
    { outcome: "replayed", seq: 8, reservationId: "p0-o3-generate" },
    { outcome: "adjusted", seq: 7, productId: "p1" },
    { outcome: "registered", seq: 9, productId: null, reservationId: null },
  ]);
  acknowledged.clear();
  expect(acknowledged.lostBeyond(() => 0)).toEqual([]);
});

test("of a hold that went over to another owner the hold of that one is told", () => {
  const acknowledged = new Acknowledged(0);
  const [old, other] = ["a".repeat(32), "b".repeat(32)];
  const record = '1\tanother0\tACTIVE\t\t60\t1\t7\tp1=default=1=0=0\t"c"\t"o"';
  const lines = [`${old}\tgenerate\tx`, `${old}\tgenerate\tx`, `${old}\tgenerate\tx`];
  const replies = [
    `reassigned\t${other}\t${record}`,
    `replayed\treassigned\t${other}\t${record}`,
    `order_confirmed\t${other}\t${record}`,
  ];
  acknowledged.note({ epoch: 1, seq: 9, verb: "reassign", lines, replies });
  const told = { seq: 7, reservationId: `p0-${other}-another0` };
  expect(acknowledged.lostBeyond(() => 5)).toMatchObject([
    { outcome: "reassigned", ...told },
    { outcome: "replayed", ...told },
  ]);
});

test("it remembers so many operations and no more, and forgets whole batches", () => {
  const acknowledged = new Acknowledged(0);
  const count = 5_100;
  for (let seq = 1; seq <= count; seq += 1) {
    const { lines, replies, ...rest } = batch(1, seq);
    const ten = Array.from({ length: 10 }, () => lines).flat();
    acknowledged.note({ ...rest, lines: ten, replies: ten.map(() => String(replies[0])) });
  }
  const lost = acknowledged.lostBeyond(() => 0);
  expect(lost).toHaveLength(50_000);
  expect(lost[0]?.seq).toBe(101);
  expect(lost.at(-1)?.seq).toBe(count);
  acknowledged.drained(count - 1);
  expect(acknowledged.lostBeyond(() => 0)).toHaveLength(10);
});
