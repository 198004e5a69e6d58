/** Where no service runs, a rush starts one, and leaves none behind. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { freePort } from "#embedded/free-port";
import { reportIn, rowOf, rushing } from "#test/rush";
import { temporaryFolder } from "#test/servers";
import { isRunning, runningIn } from "#test/service";
import { until } from "#test/until";

/** A first start makes a data folder of PostgreSQL, and fetches a Redis where there is none. */
const TEST_MS_MAX = 240_000;
const BEGUN_MS_MAX = 120_000;
const ENDED_MS_MAX = 20_000;
/** One shopper, who pays: nothing is left to expire. */
const ONE = ["--shoppers", "1", "--units", "2", "--seconds", "1"];

/** Nothing of it is there yet. */
function machine() {
  const DATA_DIR = join(temporaryFolder("rush-data"), "data");
  return { DATA_DIR, PORT: `${freePort()}`, WORKER_PORT: `${freePort()}`, SAMPLE_DATA: "0" };
}

test(
  "starts one with servers of its own, storms it, and ends all of it",
  async () => {
    const env = machine();
    await using rush = rushing([...ONE, "--json"], env);
    const code = await rush.exitCode();
    const output = rush.output();
    expect(output).toContain(`no service runs at http://localhost:${env.PORT}: starting one ...\n`);
    const [, pid = ""] = /it runs as process (\d+), and ends with this/.exec(output) ?? [];
    const report = reportIn(output);
    expect([code, report.right]).toEqual([0, true]);
    expect([rowOf(report, "sold").movements, rowOf(report, "left").product]).toEqual([1, 1]);
    expect(isRunning(Number(pid))).toBe(false);
    expect(runningIn(env.DATA_DIR)).toEqual([]);
    // What was sold there is sold the next time too.
    expect(existsSync(env.DATA_DIR)).toBe(true);
  },
  TEST_MS_MAX,
);

test(
  "ends it, too, when it is stopped or killed in the middle of it",
  async () => {
    const env = machine();
    const many = ["--shoppers", "500", "--seconds", "60"];
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      await using rush = rushing(many, env);
      await until(() => rush.output().includes("/s "), {
        withinMs: BEGUN_MS_MAX,
        what: "the storm has begun",
      });
      const [, pid = ""] = /it runs as process (\d+)/.exec(rush.output()) ?? [];
      expect(isRunning(Number(pid))).toBe(true);
      rush.signal(signal);
      await rush.exitCode();
      await until(() => !isRunning(Number(pid)) && runningIn(env.DATA_DIR).length === 0, {
        withinMs: ENDED_MS_MAX,
        what: "the service that it started has ended",
      });
    }
  },
  TEST_MS_MAX,
);

test(
  "says why the service that it started could not start",
  async () => {
    const env = { ...machine(), LOG_LEVEL: "loud" };
    await using rush = rushing(ONE, env);
    expect(await rush.exitCode()).toBe(1);
    expect(rush.output()).toContain("the service did not start:\n");
    expect(rush.output()).toContain("LOG_LEVEL: must be one of");
  },
  TEST_MS_MAX,
);
