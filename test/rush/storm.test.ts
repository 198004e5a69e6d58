/** A storm against a real service over HTTP: what shoppers were told is what is written down. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { KINDS, type Kind } from "#rush/kinds";
import { HOLD_MINUTES, PATIENCE_MS, type Plan } from "#rush/plan";
import { newProductId, runRush } from "#rush/run";
import { evidence } from "#test/evidence";
import { falseClock, type FalseClock } from "#test/false-clock";
import { startInstallation, type Installation } from "#test/installation";
import { calmedDown, reportIn, rushing, SharedMinute, type RushReport } from "#test/rush";
import { counted } from "#test/scale";
import { ROOT } from "#test/packaging";
import { JWT_SECRET, startService } from "#test/service";
import { until } from "#test/until";

const START_MS_MAX = 60_000;
const TEST_MS_MAX = counted(120_000, 30 * 60_000);
const SHOPPERS = counted(240, 20_000);
const UNITS = counted(24, 1_000);
const SECONDS = 3;
const BEGUN_MS_MAX = 20_000;
let clock: FalseClock;
let all: Installation;
/** Those that are `concurrent` storm together, or each would wait a minute of its own. */
let minute: SharedMinute;

beforeAll(async () => {
  clock = await falseClock();
  minute = new SharedMinute(clock);
  all = await startInstallation({ redis: clock.redis });
}, START_MS_MAX);
afterAll(() => all[Symbol.asyncDispose]());

const size = ["--shoppers", `${SHOPPERS}`, "--units", `${UNITS}`, "--seconds", `${SECONDS}`];

/** The command against `url`, until its table; the minute of its holds passes at once. */
async function stormed(url: string, more: readonly string[], onBegun?: () => Promise<void>) {
  await using rush = rushing(["--url", url, ...size, ...more], { JWT_SECRET, ...clock.env });
  await until(() => rush.output().includes("/s "), {
    withinMs: BEGUN_MS_MAX,
    what: "the storm has begun",
  });
  await onBegun?.();
  await calmedDown(rush, SHOPPERS);
  await minute.calm();
  return { code: await rush.exitCode(), output: rush.output() };
}

const sums = (report: RushReport): Record<string, number> =>
  Object.fromEntries(report.rows.map(({ name, told, settled }) => [name, told + settled]));

/** That it was a storm: every way in which a unit can go was gone, and all were sold in the end. */
function expectStorm(report: RushReport): void {
  const { held, refused, expired, cancelled, sold } = sums(report);
  expect(sums(report)).toMatchObject({ sold: UNITS, left: 0, oversold: 0, "still held": 0 });
  expect([refused, expired, cancelled].map((sum) => (sum ?? 0) > 0)).toEqual([true, true, true]);
  expect(held).toBeGreaterThan(sold ?? 0);
}

test.concurrent(
  "every sum that shoppers were told is the ledger's, the reservations' and the product's",
  async () => {
    using _ = minute.begin();
    const { code, output } = await stormed(all.api.url, ["--json", "--seed", "11"]);
    const report = reportIn(output);
    expect(report.rows.filter(({ right }) => !right)).toEqual([]);
    expect([code, report.right, report.unknown]).toEqual([0, true, []]);
    expectStorm(report);
    for (const { told, movements, reservations, product } of report.rows) {
      for (const sum of [movements, reservations, product]) {
        if (sum !== null) expect(sum).toBe(told);
      }
    }
    // What is in the report is what anybody sees who looks.
    const shown = await all.caller.call({
      method: "GET",
      path: `/product/${report.productId}`,
      token: all.admin,
    });
    expect(shown.body).toMatchObject({ availableStock: 0, reservedStock: 0, totalStock: 0 });
    const { answered } = report.requests;
    const { held, expired, sold } = sums(report);
    evidence("a rush over HTTP adds up", {
      operations: report.orders,
      requests: answered,
      holds: held ?? 0,
      released: expired ?? 0,
      sold: sold ?? 0,
      "movements audited": report.movements,
      seed: report.seed,
    });
  },
  TEST_MS_MAX,
);

test.concurrent(
  "the same while the API is killed and started again: nobody is told what is not so",
  async () => {
    using _ = minute.begin();
    // Another process than that which serves the storms beside it.
    await using api = await startService({ ...all.servers, role: "api" });
    const { code, output } = await stormed(api.url, ["--json", "--seed", "12"], async () => {
      await api.kill();
      await api.restart();
    });
    const report = reportIn(output);
    expect(report.rows.filter(({ right }) => !right)).toEqual([]);
    expect(code).toBe(0);
    expectStorm(report);
    expect(report.requests.lost).toBeGreaterThan(0);
    evidence("a rush adds up though the API is killed in the middle of it", {
      kills: 1,
      operations: report.orders,
      requests: report.requests.answered,
      unanswered: report.requests.lost,
      unknown: report.unknown.length,
      "movements audited": report.movements,
      seed: report.seed,
    });
  },
  TEST_MS_MAX,
);

test.concurrent(
  "a sale that a shopper was told of and that never was is a line with ✗, and exit 1",
  async () => {
    using _ = minute.begin();
    let liedAbout = "";
    await using liar = between(all.api.url, async (request, pass) => {
      const [, path] = /^(.*)\/confirm$/.exec(request.url) ?? [];
      if (path === undefined) return pass();
      liedAbout ||= path;
      if (path !== liedAbout) return pass();
      const { authorization = "" } = Object.fromEntries(request.headers);
      const reservation: unknown = await (
        await fetch(path.replace(liar.url, all.api.url), { headers: { authorization } })
      ).json();
      return Response.json({
        message: "Reservation confirmed",
        reservation: Object.assign(Object(reservation), { status: "CONFIRMED" }),
      });
    });
    const { code, output } = await stormed(liar.url, ["--seed", "13"]);
    expect(liedAbout).not.toBe("");
    expect(output).toMatch(/^sold [\d ]+✗$/m);
    expect(output).toMatch(/^held [\d ]+✓$/m);
    expect(output).toContain(`\nsold: ${liedAbout.replace(/.*\//, "")}\n`);
    expect(output).toMatch(
      /what was told and what is written differ: expired, sold, left, oversold\n$/,
    );
    expect(code).toBe(1);
    const shown = await looked(output.split("\nLook at it:\n")[1]?.split("\n\n")[0] ?? "");
    const parts = ['"totalStock":0', '"type":"SALE"', '"status":"', '"complete":true'];
    for (const part of parts) expect(shown).toContain(part);
  },
  TEST_MS_MAX,
);

/** What the commands print that a rush shows at its end. */
async function looked(commands: string): Promise<string> {
  const shell = Bun.spawn(["bash", "-euo", "pipefail", "-c", commands], {
    cwd: ROOT,
    // `bun` is the one that runs this test, wherever it was installed.
    env: { PATH: `${join(process.execPath, "..")}:${process.env["PATH"]}`, JWT_SECRET },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  return await shell.stdout.text();
}

test.concurrent(
  "who could not be told is settled from the ledger, and named",
  async () => {
    using _ = minute.begin();
    const productId = newProductId();
    const fates = new Map([
      // Done, and nobody hears of it.
      [`${productId}-1`, "lost answer"],
      // Never done.
      [`${productId}-2`, "lost request"],
    ]);
    const away = () => Response.json(UNKNOWN, { status: 504, headers: { "retry-after": "0" } });
    let isLosingConfirms = true;
    await using line = between(all.api.url, async (request, pass) => {
      const text = await request.clone().text();
      const [fate] = [...fates].flatMap(([id, name]) => (text.includes(`"${id}"`) ? [name] : []));
      const isFirstConfirm = request.url.endsWith("/confirm") && isLosingConfirms;
      if (fate === "lost request") return away();
      const answer = await pass();
      return fate === "lost answer" || isFirstConfirm ? away() : answer;
    });
    const [buyers] = KINDS;
    const plan: Plan = {
      productId,
      units: 3,
      shoppers: 3,
      seconds: 1,
      seed: 1,
      kinds: [{ ...mustHave(buyers), share: 1 }],
      campaignSeconds: 65,
      holdMinutes: 1,
      patienceMs: 1_500,
    };
    const rush = await runRush({
      url: line.url,
      token: all.admin,
      plan,
      signal: new AbortController().signal,
      onStorm: () => {},
      say: () => {
        isLosingConfirms = false;
        void minute.calm();
      },
    });
    const unknown = rush.table.unknown.map(
      ({ verb, orderId, was }) => `${verb} ${orderId}: ${was}`,
    );
    expect(unknown.toSorted((one, other) => (one < other ? -1 : 1))).toEqual([
      `confirm ${productId}-3: held, then sold`,
      `reserve ${productId}-1: held, then expired`,
      `reserve ${productId}-2: nothing was held`,
    ]);
    expect(rush.table.rows.filter(({ isRight }) => !isRight)).toEqual([]);
    expect(rush.isRight).toBe(true);
    const settled = rush.table.rows.filter((row) => row.settled > 0);
    expect(settled.map(({ name }) => name)).toEqual(["held", "refused", "expired", "sold"]);
  },
  TEST_MS_MAX,
);

test.concurrent(
  "who waits in line goes home when all is sold",
  async () => {
    using _ = minute.begin();
    const [buyers] = KINDS;
    const waiters = KINDS.find(({ waits }) => waits);
    const productId = newProductId();
    const rush = await runRush({
      url: all.api.url,
      token: all.admin,
      plan: {
        productId,
        units: 2,
        shoppers: 8,
        seconds: 1,
        seed: 1,
        kinds: [buyers, waiters].map((kind) => ({ ...mustHave(kind), share: 1, returns: 0 })),
        campaignSeconds: 2,
        holdMinutes: 1,
        patienceMs: PATIENCE_MS,
      },
      signal: new AbortController().signal,
      onStorm: () => {},
      say: () => {},
    });
    const shown = rush.table.rows.map(({ name, told }) => [name, told]);
    expect(Object.fromEntries(shown)).toMatchObject({ sold: 2, left: 0 });
    expect(rush.isRight).toBe(true);
    // A hold lasts a minute, and so does the line where something may come back.
    expect(rush.seconds).toBeLessThan(HOLD_MINUTES * 60);
  },
  TEST_MS_MAX,
);

describe("a rush that is stopped", () => {
  test("says so in one line, compares nothing, and exits with 1", async () => {
    await using rush = rushing(["--url", all.api.url, ...size], { JWT_SECRET });
    await until(() => rush.output().includes("/s "), {
      withinMs: BEGUN_MS_MAX,
      what: "the storm has begun",
    });
    rush.signal("SIGINT");
    expect(await rush.exitCode()).toBe(1);
    expect(rush.output()).toMatch(/\nstopped by SIGINT: nothing was compared; what rush-\w+ holds/);
    expect(rush.output()).not.toContain("✓");
  });
});

const UNKNOWN = {
  type: "/problems/outcome_unknown",
  title: "Outcome unknown",
  status: 504,
  detail: "nobody knows",
  code: "outcome_unknown",
  message: "nobody knows",
  error: "nobody knows",
  requestId: "between",
  retryable: true,
};

/** Somebody on the way to the service, who may answer himself. */
function between(
  target: string,
  meddle: (request: Request, pass: () => Promise<Response>) => Promise<Response>,
) {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const url = request.url.replace(server.url.origin, target);
      const pass = async (): Promise<Response> => {
        const { method, headers } = request;
        const body = method === "GET" ? null : await request.clone().arrayBuffer();
        const answer = await fetch(url, { method, headers, body, decompress: false });
        return new Response(answer.body, { status: answer.status, headers: answer.headers });
      };
      return await meddle(request, pass);
    },
  });
  return { url: server.url.origin, [Symbol.asyncDispose]: () => server.stop(true) };
}

function mustHave(kind: Kind | undefined): Kind {
  if (kind === undefined) throw new Error("there are no kinds");
  return kind;
}
