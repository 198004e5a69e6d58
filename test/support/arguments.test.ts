import { expect, test } from "bun:test";
import { timeIn } from "#test/arguments";
import { manifest, ROOT } from "#test/packaging";

const STACK = /^ +at /m;

/** Runs one of the scripts, without its first part, which installs packages. */
async function run(script: string, args: readonly string[], env: Record<string, string> = {}) {
  const [, command = ""] = (manifest().scripts[script] ?? "").split(" && bun ");
  const child = Bun.spawn([process.execPath, ...command.split(" "), ...args], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, output, errors };
}

test.each([
  ["simulate --runs 0", '--runs must be a whole number from 1 to 9999999, not "0"'],
  ["simulate --runs ten", '--runs must be a whole number from 1 to 9999999, not "ten"'],
  ["simulate --processes -2", "--processes"],
  ["simulate --processes 9", '--processes must be a whole number from 1 to 8, not "9"'],
  [
    "simulate --seed 2147483648",
    '--seed must be a whole number below 2147483648, not "2147483648"',
  ],
  ["simulate --times 3", "--times"],
  ["simulate 7", "7"],
  ["faults --for 5", '--for must be a time such as 30s, 5m or 2h, not "5"'],
  ["faults --times 0", "--times must be a whole number from 1 to 9999999"],
  ["faults --times 99999999", "--times must be a whole number from 1 to 9999999"],
  ["faults --only kill-api,nothing", '--only: there is no fault "nothing" here'],
  ["faults --seed one", "--seed must be a whole number"],
  ["soak --for 0m", '--for must be a time such as 30s, 5m or 2h, not "0m"'],
  ["soak --every 1d", "--every must be a time"],
  ["soak --for 5m --every 10m", "--every must not be longer than --for (5m), not 10m"],
  ["soak --only clock-ahead", '--only: there is no fault "clock-ahead" here'],
  ["soak --seed", "--seed"],
  ["soak --minutes 5", "--minutes"],
  ["soak --for 4m", "--for 4m is too short to judge memory: at least 5 minutes with --every 1m"],
  ["soak --for 3m --every 10s", "too short to judge memory: at least 4 minutes with --every 10s"],
])("of a tool that cannot be understood is named, with exit 2: %s", async (args, why) => {
  const [script = "", ...rest] = args.split(" ");
  const { code, output, errors } = await run(script, rest);
  expect({ code, output, errors }).toEqual({
    code: 2,
    output: "",
    errors: expect.stringContaining(why),
  });
  expect(errors).toEndWith(`\nFor help: bun run ${script} --help\n`);
  expect(errors).not.toMatch(STACK);
});

test.each([
  ["x", [], "SEED must be a whole number below"],
  ["7", ["--runs", "3"], "SEED is of one run, which has no --runs 3"],
])("a seed of simulate that is %p, beside %p, is refused by its name", async (SEED, args, why) => {
  const refused = await run("simulate", args, { SEED });
  expect(refused).toEqual({ code: 2, output: "", errors: expect.stringContaining(why) });
});

test.each([
  ["simulate", ["--runs", "2", "--seed", "7", "--processes", "1"], {}, "2 runs, 0 failed"],
  ["simulate", [], { SEED: "7" }, "seed 7, trace"],
  ["faults", ["--list"], {}, "kill-api"],
])("what is right is done, with exit 0: %s %p %p", async (script, args, env, what) => {
  const done = await run(script, args, env);
  expect(done).toEqual({ code: 0, output: expect.stringContaining(what), errors: "" });
});

test("a time has a unit", () => {
  expect(["30s", "5m", "2h"].map((text) => timeIn("--for", text))).toEqual([
    30_000, 300_000, 7_200_000,
  ]);
});
