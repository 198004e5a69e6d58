/** One outage, from before it begins until everything is audited again. */
import { expect } from "bun:test";
import { Redis } from "ioredis";
import postgres from "postgres";
import { metaKey } from "#redis/keys";
import { audit, type Acknowledged } from "#test/audit";
import type { Installation } from "#test/installation";
import { startLoad } from "#test/load";
import {
  acknowledgedBy,
  askAll,
  codeOf,
  expectClearRefusal,
  expectNoEffect,
  partsOf,
  refusedParts,
  settle,
  type Probe,
} from "#test/probes";
import { prepareProbes } from "#test/probe-cases";
import { seed, seedBehind } from "#test/scale";
import { until } from "#test/until";

const LOAD = { users: 6, products: 3, units: 5_000, perSecondMax: 150 };
/** What is well within a request's deadline and its way there and back on a busy machine. */
const SLACK_MS = 1_500;
const RECOVERED_MS_MAX = 20_000;

/** Each meets other choices of the users. */
const first = seed();
let outages = 0;

/** What requests of a kind must meet while it lasts: success, a clear refusal, or one of the two. */
export type Expected = "done" | "refused" | "either";

/**
 * While nothing is written to the ledger: who asks for a whole one is served where nothing had moved
 * since it was written last.
 */
export const whileBehind = ({ needs }: Probe): Expected =>
  needs === "whole ledger" ? "either" : "done";

export interface Outage {
  begin(): Promise<void> | void;
  end(): Promise<void> | void;
  expected(probe: Probe): Expected;
  /** What a refusal may say. */
  readonly codes: readonly string[];
  /** It goes on at least for so long. */
  readonly lastsMsMin: number;
  /** Of a request, as the API was started with; null: it cannot answer while it lasts. */
  readonly deadlineMs: number | null;
  /** Looked at while it lasts. */
  readonly meanwhile?: () => Promise<void>;
}

export interface Survived {
  readonly refused: number;
  readonly unknown: number;
  /** From its end until a change was served, and until the ledger had everything. */
  readonly recoveredMs: number;
  readonly drainedMs: number;
}

/**
 * Asks for every change that Redis makes, twice, while the outage lasts: one of each is given up and
 * must have had no effect where it was told so, the other is repeated and must have had one.
 * `acknowledged` is of the installation, over all outages.
 */
export async function survive(
  installation: Installation,
  outage: Outage,
  acknowledged: Acknowledged[],
): Promise<Survived> {
  const { caller, servers, api } = installation;
  const [givenUp, repeated] = await Promise.all([
    prepareProbes(installation, acknowledged),
    prepareProbes(installation, acknowledged),
  ]);
  outages += 1;
  const choices = seedBehind(first, outages);
  await using load = await startLoad({ ...LOAD, url: api.url, seed: choices });
  await outage.begin();
  const begunAt = performance.now();
  const asking = askAll(caller, [...givenUp, ...repeated]);
  if (outage.deadlineMs !== null) await asking;
  await outage.meanwhile?.();
  await until(() => performance.now() - begunAt > outage.lastsMsMin, {
    withinMs: outage.lastsMsMin + 1_000,
    what: "the outage lasted long enough",
  });
  await outage.end();
  const endedAt = performance.now();
  const sinceMs = (): number => Math.round(performance.now() - endedAt);
  const asked = await asking;
  for (const probed of asked) {
    const expected = outage.expected(probed.probe);
    const refused = refusedParts(probed).length;
    const { name } = probed.probe;
    const { status, body } = probed.answer;
    if (expected === "done" && refused > 0) expect([name, status, body]).toEqual([name, 200, {}]);
    if (expected === "refused") expect([name, refused]).toEqual([name, partsOf(probed).length]);
    if (refused === 0) continue;
    const withinMs = outage.deadlineMs === null ? Infinity : outage.deadlineMs + SLACK_MS;
    expectClearRefusal(probed, outage.codes, withinMs);
  }

  const recovered = repeated.map(async (probe) => {
    await settle(caller, probe, acknowledged);
    return sinceMs();
  });
  const recoveredMs = Math.min(...(await Promise.all(recovered)));
  await load.stop();
  expect(load.strange).toEqual([]);
  acknowledged.push(...load.acknowledged);
  const abandoned = asked.filter(({ probe }) => givenUp.includes(probe));
  acknowledged.push(...abandoned.flatMap(acknowledgedBy));
  await drained(installation);
  const drainedMs = sinceMs();
  await audit({ ...servers, acknowledged });
  const undone = abandoned.flatMap(refusedParts).filter(({ status }) => status === 503);
  await expectNoEffect(
    servers.databaseUrl,
    undone.map(({ requestId }) => requestId),
  );
  const codes = asked.flatMap(refusedParts).map(codeOf);
  const unknown = codes.filter((code) => code === "outcome_unknown").length;
  return { refused: codes.length - unknown, unknown, recoveredMs, drainedMs };
}

/** A broken connection of the drain is given up after 7 s: longer than an audit likes to wait. */
async function drained({ servers }: Installation): Promise<void> {
  const redis = new Redis(servers.redisUrl);
  const sql = postgres(servers.databaseUrl, { max: 1, onnotice: () => {} });
  try {
    await until(
      async () => {
        const seq = await redis.hget(metaKey(0), "seq");
        const [row] = await sql`SELECT cursor_seq::text FROM partitions WHERE partition = 0`;
        return row?.["cursor_seq"] === seq;
      },
      { withinMs: RECOVERED_MS_MAX, what: "the ledger has everything" },
    );
  } finally {
    redis.disconnect();
    await sql.end({ timeout: 1 });
  }
}
