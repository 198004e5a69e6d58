/** Lives through a plan: on one bed after the other, with a line for each fault. */
import { Failure } from "#test/arguments";
import { startBed, type Bed, type BedOptions } from "#faults/bed";
import { failuresOf, type Check } from "#faults/laws";
import { wordsOf } from "#faults/failure";
import type { Step } from "#faults/plan";
import { survive, type How, type Life, type Survived } from "#faults/survive";

/** Checks read all that a bed has lived through: after so many it is made anew. */
const FAULTS_OF_ONE_MAX = 16;

/** Looks on for as long as a bed lives. */
export interface Watch extends AsyncDisposable {
  /** Nobody asks for anything, not yet or not now; answers what must hold beside what is always checked. */
  quiet(): Promise<readonly Check[]>;
}

export interface SupervisorOptions extends BedOptions {
  readonly faultsOfOneMax?: number;
  /** A fault begins that often; default: when the one before was looked at. */
  readonly everyMs?: number;
  readonly load?: How["load"];
  readonly watch?: (bed: Bed) => Watch;
  /** The command that has the first so many faults again, one after the other. */
  readonly again: (faults: number) => string;
  readonly say: (line: string) => void;
  /** Whether each check is told with what it saw, or only those that do not hold. */
  readonly isVerbose: boolean;
}

export interface Lived extends Survived {
  readonly step: Step;
}

/** Rejects at the first fault after which something does not hold, with how to have it again. */
export async function supervise(
  steps: Iterable<Step>,
  options: SupervisorOptions,
): Promise<Lived[]> {
  const { say, isVerbose, faultsOfOneMax = FAULTS_OF_ONE_MAX, everyMs = 0, load = {} } = options;
  const lived: Lived[] = [];
  let notBefore = performance.now();
  let life: Watched | null = null;
  try {
    for (const step of steps) {
      if (life !== null && lived.length % faultsOfOneMax === 0) {
        await end(life);
        life = null;
      }
      if (life === null) {
        life = await begin(options);
        await life.watch?.quiet();
      }
      notBefore = Math.max(notBefore + everyMs, performance.now());
      const number = lived.length + 1;
      const place = [
        `it was fault ${number} of this run, ${(lived.length % faultsOfOneMax) + 1} of its installation`,
        `again, with those before it: ${options.again(number)}`,
      ];
      const survived = await surviveOrTell(life, step, { load, notBefore }, place);
      lived.push({ ...survived, step });
      say(lineOf(step, survived));
      if (isVerbose) for (const { name, saw } of survived.checks) say(`    ${name}: ${saw}`);
    }
  } finally {
    if (life !== null) await end(life);
  }
  return lived;
}

interface Watched extends Life {
  readonly watch: Watch | null;
}

async function begin(options: SupervisorOptions): Promise<Watched> {
  const bed = await startBed(options);
  return { bed, acknowledged: [], watch: options.watch?.(bed) ?? null };
}

async function end({ bed, watch }: Watched): Promise<void> {
  await watch?.[Symbol.asyncDispose]();
  await bed[Symbol.asyncDispose]();
}

async function surviveOrTell(
  life: Watched,
  step: Step,
  how: How,
  place: readonly string[],
): Promise<Survived> {
  const since = new Date();
  const failure = (checks: readonly Check[], error?: unknown): Failure => {
    const { apis, workers } = life.bed;
    const printed = [...apis, ...workers].map(({ name, service }) => {
      return { name, output: service.output() };
    });
    return new Failure(wordsOf({ step, checks, error, place, since, printed }), { cause: error });
  };
  const survived = await lookedAt(life, step, how).catch((error: unknown) => {
    throw failure([], error);
  });
  const broken = survived.checks.filter((one) => failuresOf(one).length > 0);
  if (broken.length > 0) throw failure(broken);
  return survived;
}

async function lookedAt(life: Watched, step: Step, how: How): Promise<Survived> {
  const survived = await survive(life, step, how);
  const more = (await life.watch?.quiet()) ?? [];
  return { ...survived, checks: [...survived.checks, ...more] };
}

function lineOf({ fault, seed }: Step, survived: Survived): string {
  const { checks, acknowledged, servedMs, wholeMs, lagMs, lateMs } = survived;
  const { lostReported, onTheWay } = survived;
  const figures = [
    `served after ${servedMs} ms`,
    `whole after ${wholeMs} ms`,
    `ledger complete after ${lagMs} ms`,
    ...(lateMs > 0 ? [`late until ${lateMs} ms after it`] : []),
    `${acknowledged} acknowledged`,
    ...(lostReported > 0 ? [`${lostReported} reported as lost`] : []),
    ...(onTheWay === "" ? [] : [`on the way ${onTheWay}`]),
    `${checks.length} checks hold`,
  ];
  return `${fault.name.padEnd(22)} seed ${seed}: ${figures.join(", ")}`;
}
