import { expect, test } from "bun:test";
import { Random } from "#test/random";
import {
  GAUGES,
  judge,
  memoryJudged,
  memoryMinutes,
  Recorder,
  type GaugeName,
} from "#faults/soak/judge";

const MINUTE_MS = 60_000;
const HALF_AN_HOUR_MS = 30 * MINUTE_MS;

interface Shape {
  readonly gauge?: GaugeName;
  readonly forMs?: number;
  readonly everyMs?: number;
  /** Its process starts again so often, as another one. */
  readonly restartsMs?: number;
  readonly seed?: number;
  /** By the time since the process started, and since all began. */
  readonly value: (sinceStartMs: number, random: Random, atMs: number) => number;
}

/** Samples as a soak takes them; answers what is said of each process's series. */
function judged({ gauge = "memory", value, ...shape }: Shape) {
  const { forMs = HALF_AN_HOUR_MS, everyMs = 1_000, restartsMs = Infinity, seed = 1 } = shape;
  const recorder = new Recorder();
  const random = new Random(seed);
  for (let atMs = 0; atMs < forMs; atMs += everyMs) {
    const starts = Number.isFinite(restartsMs) ? Math.floor(atMs / restartsMs) : 0;
    const sinceStartMs = starts === 0 ? atMs : atMs - starts * restartsMs;
    const point = { atMs, value: value(sinceStartMs, random, atMs) };
    recorder.note({ name: "it", gauge, of: starts, point });
  }
  return recorder.series.map(judge);
}

const minutes = (ms: number): number => ms / MINUTE_MS;
/** A heap: warm after two minutes, and up to 40 MiB above its floor until it is collected. */
const heap = (sinceStartMs: number, random: Random): number =>
  80 + 60 * Math.min(1, minutes(sinceStartMs) / 2) + 40 * random.next();
const aBitOf = (count: number) => (_: number, random: Random) => random.whole(0, count);

const LEAKS: readonly (readonly [what: string, shape: Shape])[] = [
  [
    "memory that grows by 6 MiB a minute, under all that is collected",
    { value: (ms, random) => heap(ms, random) + 6 * minutes(ms) },
  ],
  [
    "memory that grows by 20 MiB a minute in processes that are killed every 8 minutes",
    { restartsMs: 8 * MINUTE_MS, value: (ms, random) => heap(ms, random) + 20 * minutes(ms) },
  ],
  [
    "three descriptors a minute",
    { gauge: "descriptors", value: (ms) => 20 + Math.floor(3 * minutes(ms)) },
  ],
  ["a key a second", { gauge: "keys", everyMs: MINUTE_MS, value: (ms) => 180 + ms / 1_000 }],
  [
    "a key a minute, of a family that has one",
    { gauge: "few keys", everyMs: MINUTE_MS, value: (ms) => 1 + minutes(ms) },
  ],
  [
    "half a MiB of data a minute",
    { gauge: "data", everyMs: MINUTE_MS, value: (ms) => 3 + 0.5 * minutes(ms) },
  ],
  [
    "a ledger that falls behind by one movement a second",
    { gauge: "lag", value: (ms, random) => ms / 1_000 + 50 * random.next() },
  ],
  [
    "a ledger that stops in the last third",
    { gauge: "lag", value: (ms) => Math.max(0, ms - (2 / 3) * HALF_AN_HOUR_MS) / 100 },
  ],
];

test.each(LEAKS)("rises: %s", (_, shape) => {
  const verdicts = judged(shape);
  expect(verdicts.length).toBeGreaterThan(0);
  expect(verdicts.some((verdict) => verdict?.isFlat === false)).toBe(true);
});

const FLAT: readonly (readonly [what: string, shape: Shape])[] = [
  ["a heap that warms up and is collected now and then", { value: heap }],
  [
    "heaps of processes that are killed every 5 minutes, and warm up each time",
    { restartsMs: 5 * MINUTE_MS, value: heap },
  ],
  [
    "memory that came once, in the warm-up, and stays",
    { value: (ms, random) => heap(ms, random) + (ms > 5 * MINUTE_MS ? 200 : 0) },
  ],
  [
    "connections that are dead for half of the last minute",
    {
      gauge: "descriptors",
      value: (ms) => (ms > HALF_AN_HOUR_MS - MINUTE_MS && ms % 2_000 === 0 ? 80 : 25),
    },
  ],
  ["holds that come and go", { gauge: "keys", everyMs: MINUTE_MS, value: aBitOf(50) }],
  [
    "one key, and some more for a moment",
    { gauge: "few keys", everyMs: MINUTE_MS, value: (_, random) => 1 + random.whole(0, 4) },
  ],
  [
    "a ledger that is behind for a while, again and again",
    { gauge: "lag", value: (ms) => (ms % MINUTE_MS < 10_000 ? 2_000 : 0) },
  ],
];

test.each(FLAT)("is flat: %s", (_, shape) => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const verdicts = judged({ ...shape, seed });
    expect(verdicts.length).toBeGreaterThan(0);
    expect(verdicts.filter((verdict) => verdict?.isFlat !== true)).toEqual([]);
  }
});

test.each([30, 60, 120, 180, 240, 257, 270, 300, 360, 600, 900, 1_800])(
  "a list for each second of the next three minutes is flat in %d s, whenever Redis loses them",
  (seconds) => {
    const forMs = seconds * 1_000;
    for (let lostMs = 0; lostMs < forMs; lostMs += 7_000) {
      const value = (ms: number): number =>
        12 + Math.min(180, (ms < lostMs ? ms : ms - lostMs) / 1_000);
      for (const everyMs of [10_000, 20_000, MINUTE_MS]) {
        const verdicts = judged({ gauge: "keys", forMs, everyMs, value });
        expect(verdicts.filter((verdict) => verdict?.isFlat === false)).toEqual([]);
      }
    }
  },
);

/** README says so much: who needs to see less lets it run for longer. */
const UNSEEN: readonly (readonly [what: string, shape: Shape])[] = [
  ["1.5 descriptors a minute", { gauge: "descriptors", value: (ms) => 20 + 1.5 * minutes(ms) }],
  ["1.5 MiB of memory a minute", { value: (ms) => 110 + 1.5 * minutes(ms) }],
  [
    "fifteen keys a minute",
    { gauge: "keys", everyMs: MINUTE_MS, value: (ms) => 180 + 15 * minutes(ms) },
  ],
];

test.each(UNSEEN)("is not seen to rise in half an hour, and is in four: %s", (_, shape) => {
  const isFlat = (forMs: number): (boolean | undefined)[] =>
    judged({ ...shape, forMs }).map((verdict) => verdict?.isFlat);
  expect(isFlat(HALF_AN_HOUR_MS)).toEqual([true]);
  expect(isFlat(8 * HALF_AN_HOUR_MS)).toEqual([false]);
});

test("is not judged while it may be warming up, and is as soon as it is not", () => {
  const { spanMsMin } = GAUGES.memory;
  expect(judged({ forMs: spanMsMin, value: heap })).toEqual([null]);
  expect(judged({ forMs: spanMsMin + 1_001, value: heap })).toEqual([
    expect.objectContaining({ isFlat: true }),
  ]);
});

test.each([1, 10, 60, 300])(
  "the least time of a soak with a fault every %d s is enough for memory, and no minute too long",
  (seconds) => {
    const everyMs = seconds * 1_000;
    const leastMs = memoryMinutes(everyMs) * MINUTE_MS;
    // It may end as soon as no further fault would begin in time.
    const measured = (forMs: number) => judged({ forMs: forMs - everyMs, value: heap });
    expect(measured(leastMs)).toEqual([expect.objectContaining({ isFlat: true })]);
    expect(measured(leastMs - MINUTE_MS)).toEqual([null]);
  },
);

test("memory counts as judged by role", () => {
  const of = (name: string, gauge: GaugeName = "memory") => ({
    name,
    gauge,
    before: 1,
    after: 1,
    allowed: 2,
    isFlat: true,
  });
  const verdicts = [
    of("worker-1 memory"),
    of("worker-2 memory"),
    of("api-1 memory", "descriptors"),
  ];
  expect(memoryJudged(verdicts)).toEqual({ api: 0, worker: 2 });
});

test("nothing in a process that starts again counts as more of the one before", () => {
  const value = (_: number, __: Random, atMs: number): number =>
    atMs < HALF_AN_HOUR_MS / 2 ? 50 : 500;
  expect(judged({ value })).toEqual([expect.objectContaining({ isFlat: false })]);
  expect(judged({ value, restartsMs: HALF_AN_HOUR_MS / 2 })).toEqual([
    expect.objectContaining({ isFlat: true }),
    expect.objectContaining({ isFlat: true }),
  ]);
});
