/** An installation that runs under load for long, with a fault now and then, and should not grow. */
import { CATALOG } from "#faults/catalog";
import type { Need } from "#faults/bed";
import { needsOf, type Step } from "#faults/plan";
import { supervise, type Lived } from "#faults/supervisor";
import type { Fault } from "#faults/fault";
import { Gauges } from "#faults/soak/gauges";
import { judge, type Verdict } from "#faults/soak/judge";

/** Holds live two minutes here: none may be past its time because a clock was set. */
const OF_CLOCKS: ReadonlySet<Need> = new Set(["clock", "service clocks"]);
export const FAULTS = CATALOG.filter(({ needs = [] }) => !needs.some((it) => OF_CLOCKS.has(it)));

/** What ends in hours elsewhere ends in minutes here, so that a run sees it end. */
const ENV = {
  RESERVATION_MINUTES: "2",
  JOURNAL_KEEP_ENTRIES: "200",
  /** Each minute. */
  RECONCILE_CRON: "* * * * *",
};
/** Checks read all that was done on a bed: half an hour of this is some seconds of reading. */
const LOAD = { perSecondMax: 40, extendMinutes: 3, withoutNewProducts: true };
const FAULTS_OF_ONE_MAX = 30;

export interface SoakOptions {
  /** All that the steps may be of: what they need is there from the beginning. */
  readonly faults: readonly Fault[];
  readonly everyMs: number;
  readonly say: (line: string) => void;
  /** The command that has all of it again. */
  readonly again: string;
}

export interface Soaked {
  readonly lived: readonly Lived[];
  readonly verdicts: readonly Verdict[];
  /** Series that were too short to tell. */
  readonly unjudged: number;
}

/** Rejects at the first fault after which something does not hold; whether all is flat is judged. */
export async function soak(
  steps: Iterable<Step>,
  { faults, everyMs, say, again }: SoakOptions,
): Promise<Soaked> {
  const startedAt = performance.now();
  const gauges = new Gauges();
  const lived = await supervise(steps, {
    needs: needsOf(faults),
    env: ENV,
    load: LOAD,
    everyMs,
    faultsOfOneMax: FAULTS_OF_ONE_MAX,
    watch: (bed) => gauges.watch(bed),
    again: () => again,
    isVerbose: false,
    say(line) {
      const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
      say(`${minutes} min: ${line}\n    ${gauges.now()}`);
    },
  });
  const { series } = gauges;
  const verdicts = series.flatMap((one) => judge(one) ?? []);
  return { lived, verdicts, unjudged: series.length - verdicts.length };
}
