/** What is there and does not answer: worse than a crash, for no connection ends. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Acknowledged } from "#test/audit";
import { codeIn } from "#test/caller";
import { evidence } from "#test/evidence";
import { startInstallation, type Installation } from "#test/installation";
import { survive, whileBehind, type Outage, type Survived } from "#test/outage";
import { counted } from "#test/scale";
import { spreadOf } from "#test/spread";

/** Of each part, one after the other. */
const STALLS = counted(1, 25);
/** Short, so that a stall is longer than what any request may take. */
const DEADLINE_MS = 2_000;
const STALL_MS = 3_000;
const TEST_MS_MAX = counted(60_000, 60 * 60_000);

let all: Installation;
const acknowledged: Acknowledged[] = [];

beforeAll(async () => {
  const env = { REQUEST_DEADLINE_MS: String(DEADLINE_MS) };
  all = await startInstallation({ api: () => ({ env }) });
}, TEST_MS_MAX);
afterAll(async () => {
  await all[Symbol.asyncDispose]();
});

/** As often as this run asks for; gives what was seen to evidence. */
async function stallAgainAndAgain(guarantee: string, outage: Outage): Promise<void> {
  const seen: Survived[] = [];
  for (let stall = 0; stall < STALLS; stall += 1) {
    seen.push(await survive(all, outage, acknowledged));
  }
  const sum = (of: (one: Survived) => number): number =>
    seen.reduce((total, one) => total + of(one), 0);
  const recovered = spreadOf(seen.map(({ recoveredMs }) => recoveredMs));
  const figures = {
    stalls: seen.length,
    "refused with 503": sum(({ refused }) => refused),
    "unknown with 504": sum(({ unknown }) => unknown),
    "served again (ms, p50)": recovered.p50,
    "served again (ms, max)": recovered.max,
    "ledger complete (ms, max)": spreadOf(seen.map(({ drainedMs }) => drainedMs)).max,
  };
  evidence(guarantee, figures, { trials: seen.length });
}

test(
  "Redis stands still: every change is refused in time, none has an effect in part, all goes on by itself",
  () =>
    stallAgainAndAgain("Redis stands still: clear refusals in time, no effect in part", {
      begin: () => all.redis.pause(),
      end: () => all.redis.resume(),
      expected: () => "refused",
      codes: ["redis_unavailable", "outcome_unknown"],
      deadlineMs: DEADLINE_MS,
      lastsMsMin: STALL_MS,
    }),
  TEST_MS_MAX,
);

test(
  "PostgreSQL stands still: every change that needs no history is served, the others and history are refused in time, the ledger catches up",
  () =>
    stallAgainAndAgain("PostgreSQL stands still: only what needs history is refused", {
      begin: () => all.postgres.pause(),
      end: () => all.postgres.resume(),
      expected: ({ needs }) => (needs === "redis" ? "done" : "refused"),
      codes: ["outcome_unknown"],
      deadlineMs: DEADLINE_MS,
      lastsMsMin: STALL_MS,
      meanwhile: async () => {
        const askedAt = performance.now();
        const request = {
          method: "GET",
          path: "/reservations?orderId=x",
          token: all.admin,
        } as const;
        const answer = await all.caller.once(request);
        expect([answer.status, codeIn(answer)]).toEqual([503, "ledger_unavailable"]);
        expect(answer.headers.has("retry-after")).toBe(true);
        expect(performance.now() - askedAt).toBeLessThan(DEADLINE_MS + 1_000);
      },
    }),
  TEST_MS_MAX,
);

test(
  "the worker stands still: every change is served that needs no whole ledger, and the ledger catches up",
  () =>
    stallAgainAndAgain("the worker stands still: only what needs a whole ledger is refused", {
      begin: () => all.worker.signal("SIGSTOP"),
      end: () => all.worker.signal("SIGCONT"),
      expected: whileBehind,
      codes: [],
      deadlineMs: DEADLINE_MS,
      lastsMsMin: STALL_MS,
    }),
  TEST_MS_MAX,
);

test(
  "the api stands still: it answers what it was asked when it goes on, and nothing is done twice",
  () =>
    stallAgainAndAgain("the api stands still: nothing is done twice", {
      begin: () => all.api.signal("SIGSTOP"),
      end: () => all.api.signal("SIGCONT"),
      expected: () => "either",
      codes: ["redis_unavailable", "outcome_unknown", "overloaded"],
      deadlineMs: null,
      lastsMsMin: STALL_MS,
    }),
  TEST_MS_MAX,
);
