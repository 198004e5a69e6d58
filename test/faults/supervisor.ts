/** Lives through a plan: on one bed after the other, with a line for each fault. */
import { startBed, type Need } from "#faults/bed";
import { repeatOf, type Step } from "#faults/plan";
import { survive, type Life, type Survived } from "#faults/survive";

/** Checks read all that a bed has lived through: after so many it is made anew. */
const FAULTS_OF_ONE_MAX = 16;
const SHOWN_MAX = 12;

export interface SupervisorOptions {
  readonly needs: ReadonlySet<Need>;
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
  { needs, say, isVerbose }: SupervisorOptions,
): Promise<Lived[]> {
  const lived: Lived[] = [];
  let life: Life | null = null;
  try {
    for (const step of steps) {
      if (life !== null && lived.length % FAULTS_OF_ONE_MAX === 0) {
        await life.bed[Symbol.asyncDispose]();
        life = null;
      }
      life ??= { bed: await startBed(needs), acknowledged: [] };
      const survived = await surviveOrTell(life, step);
      lived.push({ ...survived, step });
      say(lineOf(step, survived));
      if (isVerbose) for (const { name, saw } of survived.checks) say(`    ${name}: ${saw}`);
    }
  } finally {
    await life?.bed[Symbol.asyncDispose]();
  }
  return lived;
}

async function surviveOrTell(life: Life, step: Step): Promise<Survived> {
  const failed = (what: string, cause?: unknown): Error => {
    const { apis, workers } = life.bed;
    const logs = [...apis, ...workers].map(
      ({ name, service }) => `${name} printed last:\n${service.output().slice(-3_000)}`,
    );
    const text = [what, ...logs, `again: ${repeatOf(step)}`].join("\n");
    return new Error(`${step.fault.name} (seed ${step.seed}): ${text}`, { cause });
  };
  const survived = await survive(life, step.fault, step.seed).catch((error: unknown) => {
    throw failed(`it was not lived through: ${String(error)}`, error);
  });
  const broken = survived.checks.filter((one) => one.broken.length > 0);
  if (broken.length === 0) return survived;
  const words = broken.map(({ name, saw, broken: found }) => {
    const shown = found.slice(0, SHOWN_MAX).map((text) => `      ${text}`);
    return [`    DOES NOT HOLD: ${name} (${saw}), ${found.length} times`, ...shown].join("\n");
  });
  throw failed(`what does not hold:\n${words.join("\n")}`);
}

function lineOf({ fault, seed }: Step, survived: Survived): string {
  const { checks, acknowledged, servedMs, wholeMs, lostReported, onTheWay } = survived;
  const figures = [
    `served after ${servedMs} ms`,
    `whole after ${wholeMs} ms`,
    `${acknowledged} acknowledged`,
    ...(lostReported > 0 ? [`${lostReported} reported as lost`] : []),
    ...(onTheWay === "" ? [] : [`on the way ${onTheWay}`]),
    `${checks.length} checks hold`,
  ];
  return `${fault.name.padEnd(22)} seed ${seed}: ${figures.join(", ")}`;
}
