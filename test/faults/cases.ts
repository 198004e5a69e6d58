/** Many cases of one test, some at once, each of which can be had again. */
import { Random } from "#test/random";
import { isLong, seed } from "#test/scale";
import { UsageError } from "#test/arguments";

/** Cases at once: most of one is waiting. */
const LANES = 3;
/** Every case reads all that its bed has lived through: after so many it is made anew. */
const CASES_OF_ONE_MAX = 15;

export interface CasesOptions<Bed extends AsyncDisposable> {
  /** Of the test, in one word, and of all in its file. */
  readonly name: string;
  readonly all: readonly string[];
  readonly count: number;
  readonly openBed: () => Promise<Bed>;
  readonly run: (bed: Bed, random: Random) => Promise<void>;
  /** Of the file, as `bun run test` is told it. */
  readonly file: string;
}

/** Cases of one test that are run alone, both included. */
interface Asked {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

const first = seed();

/**
 * Runs so many cases, on beds that some of them share, one after the other. What a case chooses
 * follows from the seed, the name and its number alone, and which cases share a bed from their
 * numbers. Rejects with the first that fails, and begins no other. Answers whether it ran them all:
 * `HOLDFAST_TEST_CASES=cuts/16-17` asks for these alone, one after the other on a bed of their own.
 */
export async function inCases<Bed extends AsyncDisposable>(
  options: CasesOptions<Bed>,
): Promise<boolean> {
  const { name, count } = options;
  const asked = askedFor(process.env["HOLDFAST_TEST_CASES"] ?? "", options);
  if (asked !== null) {
    if (asked.name === name) await onOneBed(options, asked.from, asked.to, () => false);
    return false;
  }
  const size = Math.min(CASES_OF_ONE_MAX, Math.ceil(count / LANES));
  let next = 1;
  let hasFailed = false;
  const lane = async (): Promise<void> => {
    while (next <= count && !hasFailed) {
      const from = next;
      next += size;
      try {
        await onOneBed(options, from, Math.min(from + size - 1, count), () => hasFailed);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: LANES }, lane));
  for (const ended of lanes) if (ended.status === "rejected") throw ended.reason;
  return true;
}

async function onOneBed<Bed extends AsyncDisposable>(
  { name, openBed, run, file }: CasesOptions<Bed>,
  from: number,
  to: number,
  isOver: () => boolean,
): Promise<void> {
  const bed = await openBed();
  let number = from;
  try {
    for (; number <= to && !isOver(); number += 1) {
      await run(bed, new Random(Bun.hash.crc32(`${first} ${name} ${number}`)));
    }
  } catch (error) {
    const which = `${name}/${from}-${number}`;
    const command = isLong ? "test:long" : "test";
    const again = `HOLDFAST_TEST_SEED=${first} HOLDFAST_TEST_CASES=${which} bun run ${command} ${file}`;
    const hint = `it alone on a new bed: HOLDFAST_TEST_CASES=${name}/${number}`;
    throw new Error(`case ${number} of ${name}: ${String(error)}\nagain: ${again}\n${hint}`, {
      cause: error,
    });
  } finally {
    // What it was is told in any case.
    await Promise.resolve(bed[Symbol.asyncDispose]()).catch(console.error);
  }
}

/** `cuts/16-17`, `cuts/17`; null of nothing. Throws where it names no case: nothing would be tried. */
export function askedFor(
  text: string,
  { name, all, count }: Pick<CasesOptions<never>, "name" | "all" | "count">,
): Asked | null {
  if (text === "") return null;
  const given = `HOLDFAST_TEST_CASES=${text}`;
  const [, named, from, to = from] = /^(\w+)\/(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  if (named === undefined || Number(from) < 1 || Number(to) < Number(from)) {
    throw new UsageError(`${given} is not like ${name}/17 or ${name}/16-17`);
  }
  if (!all.includes(named)) {
    throw new UsageError(`${given}: there are no cases ${named}, but ${all.join(", ")}`);
  }
  if (named === name && Number(to) > count) {
    const words = isLong ? "" : ", with HOLDFAST_TEST_LONG=1 more of them";
    throw new UsageError(`${given}: ${name} has ${count} cases${words}`);
  }
  return { name: named, from: Number(from), to: Number(to) };
}
