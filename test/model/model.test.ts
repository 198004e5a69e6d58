/**
 * The scripts against a model: random commands go to a real Redis and to a model that is far
 * simpler, and after each step everything is compared (test/model/run.ts says what).
 * A failure prints its seed and a short sequence; HOLDFAST_TEST_SEED repeats a run.
 */
import * as fc from "fast-check";
import { expect, test } from "bun:test";
import { openBed, type Bed } from "#model/bed";
import type { Shape } from "#model/plan";
import { SENT_AGAIN } from "#model/slots";
import { beginnings, steps } from "#model/steps";
import type { Step } from "#model/turns";
import { STOCK_ALERTS } from "#inventory/event-ports";
import { loadScript } from "#redis/script";
import { SCRIPT_PATHS, wordsOfHeader } from "#test/answers";
import { evidence } from "#test/evidence";
import { counted, isLong, seed as seedOfRun } from "#test/scale";

const COMMANDS = counted(100_000, 5_000_000);
const COMMANDS_ELSEWHERE = counted(4_000, 200_000);
/** Each word of each script must have been answered so often, or little was proved about it. */
const WORDS_MIN = 100;
/** What a run of few commands must have had of each that it is asked for. */
const SEEN_MIN = 5;
const STEPS_MAX = 60;
/** Of a rich world: what stands there after a few is much, and is compared after each. */
const STEPS_RICH_MAX = 14;
/** Runs of one property, after which the count of commands is looked at. */
const RUNS = 20;
const MINUTE_MS = 60_000;
/** Runs take seconds; a failure is made shorter for no longer than this. */
const PROPERTY_MS_MAX = 2 * MINUTE_MS;
const TEST_MS_MAX = isLong ? 600 * MINUTE_MS : 15 * MINUTE_MS;

const USUAL: Shape = {
  name: "usual",
  products: 4,
  locations: 3,
  shoppers: 6,
  lines: 4,
  burst: 12,
  isClockRunning: false,
  isRich: false,
  journalEntriesMax: 1_000_000,
};
const SHAPES: readonly { readonly weight: number; readonly shape: Shape }[] = [
  { weight: 18, shape: USUAL },
  { weight: 2, shape: { ...USUAL, name: "running clock", isClockRunning: true } },
  { weight: 6, shape: { ...USUAL, name: "small journal", journalEntriesMax: 40 } },
  // Carts and batches as large as one call takes.
  {
    weight: 2,
    shape: {
      ...USUAL,
      name: "wide",
      products: 32,
      lines: 40,
      shoppers: 64,
      burst: 64,
      isRich: true,
    },
  },
  // More locations than a product may have.
  { weight: 2, shape: { ...USUAL, name: "places", products: 2, locations: 70, burst: 64 } },
];

const sequences = fc.oneof(
  ...SHAPES.map(({ weight, shape }) => {
    const maxLength = shape.isRich ? STEPS_RICH_MAX : STEPS_MAX;
    const all = fc.array(steps(shape), { maxLength, size: "max" });
    const arbitrary = fc
      .tuple(beginnings(shape), all)
      .map(([first, rest]) => sequence(shape, [...first, ...rest]));
    return { weight, arbitrary };
  }),
);

interface Sequence {
  readonly shape: Shape;
  readonly steps: readonly Step[];
  readonly toString: () => string;
}

function sequence(shape: Shape, list: readonly Step[]): Sequence {
  return { shape, steps: list, toString: () => `${shape.name}: ${list.map(String).join("")}` };
}

/** Brings to other partitions what the first one decided: where there is one, nobody calls it. */
const COPY = "location/copy.lua";
/** No shape has so many; test/redis/locations.test.ts and test/redis/campaigns.test.ts have them. */
const NOT_REACHED: ReadonlySet<string> = new Set([
  "location/register.lua above_limit",
  "campaign/schedule.lua above_limit",
  // It was removed after somebody looked, and before the turn came.
  "campaign/turn.lua unknown",
  // Nor do ten thousand wait, or one in a hundred lines: test/redis/waitlist.test.ts does.
  "stock/join.lua line_full",
  "stock/join.lua too_many_places",
  // Nor are there a hundred limits: test/redis/named-limits.test.ts.
  "limit/put.lua above_limit",
  // The model's store bounds no extensions: test/redis/extend.test.ts does.
  "stock/extend.lua too_often",
]);
/** They go in batches as others do, and only read: test/redis/waitlist.test.ts asks them. */
const READS: ReadonlySet<string> = new Set(["stock/place.lua", "stock/line.lua"]);

/** Scripts of stock and of locations that may write; one that only reads decides nothing. */
const changesStock = (path: string): boolean =>
  /^(stock|location|campaign|limit)\//.test(path) &&
  !READS.has(path) &&
  !/^#!lua .*no-writes/.test(loadScript(path).text);

/** `path word` of all that a header promises. */
const WORDS = SCRIPT_PATHS.filter((path) => changesStock(path) && path !== COPY)
  .flatMap((path) => {
    const { items, whole } = wordsOfHeader(path);
    return [
      ...items.map((word) => `${path} ${word}`),
      ...whole.map((it) => `${path} ${it} (whole)`),
    ];
  })
  .filter((name) => !NOT_REACHED.has(name));
/** What only several partitions have. */
const BETWEEN_PARTITIONS = [
  ...wordsOfHeader(COPY).items.map((word) => `${COPY} ${word}`),
  "fault cart_spans_partitions",
];
/** What the journal must have told so often of products. */
const CROSSINGS = STOCK_ALERTS.map((kind) => `crossing ${kind}`);
const COPIES = Object.values(SENT_AGAIN);
const COUNTED = [...WORDS, ...CROSSINGS, ...COPIES];
const rareWords = ({ words }: Bed): string[] =>
  COUNTED.filter((name) => words.of(name) < WORDS_MIN);

/** Random runs for as long as `more` says; answers the seed of the first. */
async function hold(bed: Bed, more: () => boolean): Promise<number> {
  const first = seedOfRun();
  const property = fc.asyncProperty(sequences, (it) => bed.run(it.shape, it.steps));
  const plugins = [fc.interruptAfterTimeLimit(PROPERTY_MS_MAX)];
  for (let seed = first; more(); seed += 1) {
    await fc.assert(property, { seed, numRuns: RUNS, plugins });
  }
  return first;
}

test(
  "every verb decides and writes what a simple model says, and nothing else",
  async () => {
    await using bed = await openBed({ cluster: false, partitions: 1 });
    const startedAt = performance.now();
    const { counts, words } = bed;
    // Chance may be late with a rare word: it has twice as much again.
    const isMissing = () => rareWords(bed).length > 0 && counts.commands < COMMANDS * 3;
    const seed = await hold(bed, () => counts.commands < COMMANDS || isMissing());
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    const seen = COUNTED.map((name) => `${words.of(name)} × ${name}`);
    console.log(seen.join("\n"));
    const least = Math.min(...COUNTED.map((name) => words.of(name)));
    const figures = { ...counts, seed, seconds, words: COUNTED.length, "each at least": least };
    evidence("the scripts against a model", figures);
    expect(WORDS.length).toBeGreaterThan(0);
    expect(rareWords(bed)).toEqual([]);
  },
  TEST_MS_MAX,
);

test.each([
  { cluster: true, partitions: 1 },
  { cluster: false, partitions: 4 },
  { cluster: true, partitions: 4 },
])(
  "and so do they with %j",
  async (where) => {
    await using bed = await openBed(where);
    const { counts, words } = bed;
    const wanted = where.partitions > 1 ? [...COPIES, ...BETWEEN_PARTITIONS] : COPIES;
    const rare = () => wanted.filter((name) => words.of(name) < SEEN_MIN);
    const isMissing = () => rare().length > 0 && counts.commands < COMMANDS_ELSEWHERE * 3;
    const seed = await hold(bed, () => counts.commands < COMMANDS_ELSEWHERE || isMissing());
    const seen = Object.fromEntries(wanted.map((name) => [name, words.of(name)]));
    evidence(`the scripts against a model, ${JSON.stringify(where)}`, {
      ...counts,
      seed,
      ...seen,
    });
    expect(rare()).toEqual([]);
  },
  TEST_MS_MAX,
);
