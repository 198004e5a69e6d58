/** The worker that offers: at once when something happens, by itself when it hears of nothing. */
import { expect, test } from "bun:test";
import type { JournalEntry } from "#inventory/ports";
import { Fault } from "#inventory/faults";
import type { OfferResult, OfferTo } from "#inventory/waitlist-ports";
import { steadyClock } from "#lib/clock";
import { createLog } from "#lib/log";
import { OfferWorker } from "#workers/offer";
import { entry, movement } from "#test/movements";
import { until } from "#test/until";

const NOTHING: OfferResult = {
  offered: 0,
  left: 0,
  more: false,
  dueSeconds: [],
  damaged: [],
  waited: 0,
};
const NEVER_MS = 2 ** 31 - 1;

/** A worker over a waitlist that answers what the test says. */
function openWorker(answer: (to: OfferTo) => OfferResult, lookEveryMs = NEVER_MS) {
  const asked: OfferTo[] = [];
  const lines: string[] = [];
  const counted: string[] = [];
  const worker = new OfferWorker({
    waitlist: {
      offer: async (_partition, to) => {
        asked.push(to);
        return answer(to);
      },
    },
    partitions: 1,
    clock: steadyClock,
    metrics: { outcome: (verb, word, count) => void counted.push(`${verb} ${word} ${count}`) },
    log: createLog({ level: "debug", format: "json", write: (line) => void lines.push(line) }),
    lookEveryMs,
  });
  const looks = (count: number) =>
    until(() => asked.length >= count, { withinMs: 5_000, what: `${count} looks` });
  return { worker, asked, lines, counted, looks };
}

const sale: readonly JournalEntry[] = [entry([movement(1)])];
const joined: readonly JournalEntry[] = [
  entry([movement(1)], { records: [{ kind: "waiting", id: "p1/a", text: "1", seq: 1 }] }),
];

test("it looks when something happens, until nothing is left, and not where nobody waits", async () => {
  const steps = [
    { ...NOTHING, offered: 64, more: true, waited: 1 },
    { ...NOTHING, left: 2, waited: 1 },
  ];
  const { worker, asked, counted, looks } = openWorker(() => steps.shift() ?? NOTHING);
  await using _ = worker;
  // The first look of all: two steps of what was freed, and one of the others.
  await looks(3);
  expect(asked).toEqual(["freed", "freed", 0]);
  expect(counted).toEqual(["waitlist offered 64", "waitlist passed_over 2"]);
  worker.look(0, sale);
  await looks(4);
  // It was told that nobody waits: only who joins makes it look again.
  await new Promise((resolve) => setImmediate(resolve));
  const before = asked.length;
  worker.look(0, sale);
  worker.look(1, joined);
  expect(asked).toHaveLength(before);
  worker.look(0, joined);
  expect(asked).toHaveLength(before + 1);
});

test("it looks by itself, at all lines now and then", async () => {
  const { worker, asked, looks } = openWorker(() => ({ ...NOTHING, waited: 40 }), 5);
  await using _ = worker;
  await looks(20);
  expect(asked.filter((to) => to === 0).length).toBeGreaterThan(1);
  expect(asked.filter((to) => to === "freed").length).toBeGreaterThan(5);
});

test("what keeps it from its work is told once, and ends nothing", async () => {
  const { worker, lines, looks } = openWorker(() => {
    throw new Fault("redis_unavailable", "Redis is away");
  }, 5);
  await using _ = worker;
  await looks(5);
  expect(lines.filter((line) => line.includes('"level":"warn"'))).toHaveLength(1);
});

test("a line that cannot be read is an error that names its product", async () => {
  const { worker, lines, looks } = openWorker(() => ({ ...NOTHING, damaged: ["p1"] }));
  await using _ = worker;
  await looks(1);
  await until(() => lines.length > 0, { withinMs: 5_000, what: "an error" });
  expect(lines[0]).toContain('"products":["p1"]');
});
