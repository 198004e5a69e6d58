/** Prometheus' own tool, for what only it can judge. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "#test/containers";
import { ROOT } from "#test/packaging";
import { temporaryFolder } from "#test/servers";

const RULES = join(ROOT, "deploy/monitoring/alerts.yaml");

/** null: this machine has none (Debian: prometheus). A run that judges counts what is skipped as failed. */
export const promtool = Bun.which("promtool");

/** What a series is at each minute, in the tool's words: `0 1x5` is once 0, then six times 1. */
export type Series = Readonly<Record<string, string>>;

export interface Expected {
  readonly alert: string;
  /** What Prometheus has read. */
  readonly series: Series;
  /** Whether the alert fires then, by minute. */
  readonly at: readonly (readonly [minute: number, fires: boolean])[];
}

/** What the tool says of rules: `SUCCESS` and how many there are, or what is wrong. */
export const checkRules = async (path = RULES): Promise<string> =>
  (await run([promtool ?? "promtool", "check", "rules", path])).output;

/** What the tool says of our alerts: `SUCCESS`, or each expression that is not as expected. */
export async function testRules(expected: readonly Expected[]): Promise<string> {
  const tests = expected.map(({ alert, series, at }) => ({
    interval: "1m",
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    promql_expr_test: at.map(([minute, fires]) => ({
      expr: `(count(ALERTS{alertname="${alert}",alertstate="firing"}) or vector(0)) > bool 0`,
      eval_time: `${minute}m`,
      exp_samples: [{ labels: "{}", value: fires ? 1 : 0 }],
    })),
  }));
  const path = join(temporaryFolder("rules"), "test.yaml");
  // As often as there are samples: Prometheus' own default, and a third of the time of 15 s.
  const file = { rule_files: [RULES], evaluation_interval: "1m", tests };
  writeFileSync(path, Bun.YAML.stringify(file, null, 2));
  return (await run([promtool ?? "promtool", "test", "rules", path])).output;
}
