import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { compat } from "#compat/index";
import { inventory } from "#http/inventory";
import { auditStill } from "#test/audit";
import { serveContracts } from "#test/contract";
import { ApiDocument } from "#test/documented";
import { evidence } from "#test/evidence";
import { startFuzzing } from "#test/fuzz-calls";
import { requestsOf } from "#test/fuzz-requests";
import { counted, seed } from "#test/scale";
import { tokenOf } from "#test/service";

const REQUESTS = counted(8_000, 1_000_000);
const TEST_MS_MAX = counted(120_000, 3 * 3_600_000);
/** Calls that may have met nothing but refusals: few requests do not meet everything. */
const UNDONE_MAX = counted(6, 0);
/** Requests that are made before they are sent. */
const AT_ONCE = 500;
/** Of all answers, where nothing is broken: a machine that is busy may be late. */
const LATE_SHARE_MAX = 0.001;
/** What being late is called; then the same in contracts that have words and no codes. */
const LATE: ReadonlySet<string> = new Set([
  "503 overloaded",
  "503 ledger_unavailable",
  "503 redis_unavailable",
  "504 outcome_unknown",
  "503 the ledger did not answer in time",
  "503 Redis did not answer in time",
  "504 no answer in time; repeat the request under the same identity",
  "503 of a HEAD",
]);
/** What the audit must have heard of, besides much else. */
const TOLD = ["RESERVE", "RESTOCK", "SALE"] as const;

const names = [inventory, ...compat].map(({ name }) => name).join(",");

test(
  "whatever is sent, the answer is a documented one, and stock, holds and ledger stay equal",
  async () => {
    const from = seed();
    console.log(`HOLDFAST_TEST_SEED=${from}`);
    await using served = await serveContracts(names);
    const { body } = await served.call("GET", "/openapi.json");
    const document = ApiDocument.parse(body);
    const fuzzing = startFuzzing(served.url, document, {
      admin: `Bearer ${await tokenOf("admin", "ada")}`,
      service: `Bearer ${await tokenOf("service", "orders")}`,
      customer: `Bearer ${await tokenOf("customer", "carol")}`,
      nobody: null,
      forger: "Bearer e30.e30.e30",
    });
    const requests = requestsOf(document);
    for (let made = 0; made < REQUESTS && fuzzing.faults.length === 0; made += AT_ONCE) {
      await fuzzing.send(fc.sample(requests, { numRuns: AT_ONCE, seed: from + made }));
    }

    expect(fuzzing.faults).toEqual([]);
    expect((await served.call("GET", "/health/ready")).status).toBe(200);
    const { redisUrl, databaseUrl } = served;
    const acknowledged = fuzzing.acknowledged();
    // Holds that requests made fall due all the time.
    const audited = await auditStill({ redisUrl, databaseUrl, acknowledged }, (isStill) =>
      served.signal(isStill ? "SIGSTOP" : "SIGCONT"),
    );
    const calls = Object.entries(document.paths).flatMap(([path, byMethod]) =>
      Object.keys(byMethod).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(calls.filter((call) => !fuzzing.sent.has(call))).toEqual([]);
    const undone = calls.filter((call) => !fuzzing.done.has(call));
    expect(undone.slice(UNDONE_MAX)).toEqual([]);
    const told = new Set<string>(acknowledged.map(({ type }) => type));
    expect(TOLD.filter((type) => !told.has(type))).toEqual([]);
    const unavailable = [...fuzzing.unavailable];
    expect(unavailable.filter(([reason]) => !LATE.has(reason))).toEqual([]);
    const late = unavailable.reduce((sum, [, times]) => sum + times, 0);
    expect(late).toBeLessThanOrEqual(REQUESTS * LATE_SHARE_MAX);
    evidence("whatever is sent, the answer is a documented one", {
      requests: REQUESTS,
      seed: from,
      operations: calls.length,
      statuses: [...fuzzing.statuses.keys()].toSorted().join(" "),
      "changed something or read it": [...fuzzing.done.values()].reduce((sum, n) => sum + n, 0),
      "late answers": late,
      acknowledged: audited.acknowledged,
      "movements audited": audited.movements,
    });
  },
  TEST_MS_MAX,
);
