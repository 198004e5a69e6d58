/** What `rush` understands, and what it refuses before anything is begun. */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "#embedded/free-port";
import { KINDS } from "#rush/kinds";
import { RUSH_HELP, rushOptions, RushUsageError } from "#rush/options";
import { shoppersOf, type Plan } from "#rush/plan";
import { temporaryFolder } from "#test/servers";
import { JWT_SECRET, runMain } from "#test/service";

const words = (command: string): string[] => command.split(/ +/).filter((word) => word !== "");

describe("the help of rush", () => {
  const shown = Array.from(RUSH_HELP.matchAll(/^ {2}bun run rush(.*)$/gm), ([, args = ""]) =>
    args.replace(/ >.*$/, ""),
  ).filter((args) => args !== " [options]");

  test("shows commands that can be understood", () => {
    expect(shown).toHaveLength(4);
    for (const args of shown) expect(rushOptions(words(args))).toHaveProperty("shoppers");
  });

  test("is printed wherever --help stands, and says what is taken where nothing is said", async () => {
    for (const args of [["--help"], ["--shoppers", "5", "-h"]]) {
      expect(await runMain(["rush", ...args], {})).toEqual({ code: 0, output: RUSH_HELP });
    }
    const { shoppers, units, seconds } = rushOptions([]);
    for (const value of [shoppers, units, seconds]) {
      expect(RUSH_HELP).toContain(`(default: ${value})`);
    }
  });
});

describe("a rush that cannot be understood", () => {
  test.each([
    ["--shoppers 0", "--shoppers must be a whole number from 1 to 100000"],
    ["--shoppers 1e3", "--shoppers must be a whole number"],
    ["--shoppers 100001", "--shoppers must be a whole number"],
    ["--units=-1", "--units must be a whole number from 1 to 100000"],
    ["--units 1.5", "--units must be a whole number"],
    ["--seconds 0", "--seconds must be a whole number from 1 to 600"],
    ["--seed x", "--seed must be a whole number from 0"],
    ["--url stock", "--url must be an http or https URL"],
    ["--url ftp://stock", "--url must be an http or https URL"],
    ["--url http://:secret@stock", "--url must be an http or https URL"],
    ["--token-file=", "--token-file must name a file"],
    ["--bogus", "Unknown option '--bogus'"],
    ["now", "Unexpected argument 'now'"],
  ])("is refused by name, with exit 2, and nothing is begun: %s", async (args, why) => {
    expect(() => rushOptions(words(args))).toThrow(why);
    const DATA_DIR = join(temporaryFolder("rush"), "data");
    const { code, output } = await runMain(["rush", ...words(args)], { DATA_DIR });
    expect({ code, output }).toEqual({ code: 2, output: expect.stringContaining(why) });
    expect(output).toEndWith("\nFor help: bun run rush --help\n");
    expect(existsSync(DATA_DIR)).toBe(false);
  });

  test("says so as an error of its own", () => {
    expect(() => rushOptions(["--units", "none"])).toThrow(RushUsageError);
  });
});

describe("what may be production", () => {
  const port = freePort();
  const flag = "--against-production if it is meant";

  test.each([
    [
      ["--url", "https://stock.example.com"],
      {},
      "https://stock.example.com is not of this machine",
    ],
    [["--token-file", "admin.jwt"], {}, "--token-file is for a service with another key"],
    [[], { NODE_ENV: "production", JWT_SECRET }, "the settings are those of production"],
  ])("is not stormed by mistake: %j", async (args, env, why) => {
    const { code, output } = await runMain(["rush", ...args], { PORT: `${port}`, ...env });
    expect({ code, output }).toEqual({ code: 1, output: `nothing was begun: ${why}; ${flag}\n` });
  });

  test("is never started by a rush, whatever is meant", async () => {
    const env = { NODE_ENV: "production", JWT_SECRET, PORT: `${port}` };
    const { code, output } = await runMain(["rush", "--against-production"], env);
    expect({ code, output }).toEqual({
      code: 1,
      output: `no service answers at http://localhost:${port}\n`,
    });
  });
});

test("nobody is stormed who is no service of ours, and none is started for a URL", async () => {
  const other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("hello") });
  const args = ["rush", "--url", other.url.origin];
  const wrong = await runMain(args, { JWT_SECRET });
  await other.stop(true);
  const none = await runMain(args, { JWT_SECRET });
  const { origin } = other.url;
  expect(wrong).toEqual({ code: 1, output: `what answers at ${origin} is not Holdfast\n` });
  expect(none).toEqual({ code: 1, output: `no service answers at ${origin}\n` });
});

describe("the shoppers of a rush", () => {
  const plan: Plan = {
    productId: "rush-plan",
    units: 5,
    shoppers: 1_000,
    seconds: 4,
    seed: 7,
    kinds: KINDS,
    holdMinutes: 1,
    patienceMs: 1_000,
  };

  test("are of every kind, in their shares, and the same for the same seed", () => {
    const shoppers = shoppersOf(plan);
    expect(shoppers).toHaveLength(plan.shoppers);
    const total = KINDS.reduce((sum, { share }) => sum + share, 0);
    expect(total).toBe(100);
    for (const kind of KINDS) {
      const count = shoppers.filter((one) => one.kind === kind).length;
      expect([kind.name, count]).toEqual([kind.name, kind.share * 10]);
    }
    const told = (seed: number): string =>
      JSON.stringify(
        shoppersOf({ ...plan, seed }).map(({ kind, chance }) => [kind.name, chance()]),
      );
    expect(told(7)).toBe(told(7));
    expect(told(7)).not.toBe(told(8));
  });

  test("come within the seconds, and no two orders are the same", () => {
    const shoppers = shoppersOf(plan);
    const times = shoppers.map(({ comesAt }) => comesAt);
    expect(times).toEqual(times.toSorted((one, other) => one - other));
    expect(times.at(-1)).toBeLessThan(4_000);
    const orders = shoppers.flatMap(({ orders: own }) => own.map(({ orderId }) => orderId));
    expect(new Set(orders).size).toBe(orders.length);
    expect(orders.length).toBeGreaterThan(plan.shoppers);
  });
});
