/**
 * Changes that are asked while something is broken and again when it is whole: what was refused must
 * have done nothing, and what was repeated must have done it once.
 */
import { expect } from "bun:test";
import postgres from "postgres";
import { z } from "zod";
import type { MovementType } from "#inventory/model";
import type { Acknowledged } from "#test/audit";
import type { Answer, Caller, Request } from "#test/caller";

/** What it asks beside Redis: PostgreSQL, or a ledger that has all that happened until now. */
export type Needs = "redis" | "ledger" | "whole ledger";

export interface Probe {
  readonly name: string;
  readonly needs: Needs;
  /** Whether it ends a hold, or sells one that expired: only that may run when Redis is full. */
  readonly endsHold: boolean;
  readonly request: Request;
  /** Of all its attempts. */
  readonly requestId: string;
  /** What it shall do, in the order of its items where it has several. */
  readonly effects: readonly Effect[];
}

export type Effect = readonly [type: MovementType, units: number];

export interface Probed {
  readonly probe: Probe;
  readonly answer: Answer;
  readonly tookMs: number;
}

/** What was answered to one item, or to all of a call that has none. */
export interface Part {
  readonly status: number;
  readonly body: unknown;
  /** Of its movements. */
  readonly requestId: string;
}

/** How long a call is repeated that was done in part. */
const SETTLED_MS_MAX = 30_000;
const RETRY_PAUSE_MS = 50;

const Results = z.object({ results: z.array(z.looseObject({ status: z.int() })) });
const Refusal = z.object({ code: z.string(), retryable: z.boolean() });
const Done = z.object({
  reservation: z.object({ reservationId: z.string() }).optional(),
});

/** The items of a bulk call, each by itself; else the answer. */
export function partsOf({ answer }: Probed): readonly Part[] {
  const { status, body, requestId } = answer;
  const bulk = Results.safeParse(body);
  if (!bulk.success) return [{ status, body, requestId }];
  return bulk.data.results.map((result, index) => {
    return { status: result.status, body: result, requestId: `${requestId}#${index}` };
  });
}

const isPartDone = ({ status }: Part): boolean => status < 300;
export const isDone = (probed: Probed): boolean => partsOf(probed).every(isPartDone);
export const refusedParts = (probed: Probed): readonly Part[] =>
  partsOf(probed).filter((part) => !isPartDone(part));
export const codeOf = ({ body }: Part): string => Refusal.parse(body).code;

/** Asks all at once, each with one attempt on a connection of its own. */
export function askAll(caller: Caller, probes: readonly Probe[]): Promise<Probed[]> {
  return Promise.all(
    probes.map(async (probe) => {
      const askedAt = performance.now();
      const answer = await caller.once({ ...probe.request, fresh: true }, probe.requestId);
      return { probe, answer, tookMs: Math.round(performance.now() - askedAt) };
    }),
  );
}

/** Attempts under one identity until all of it is done, and notes that it was. */
export async function settle(
  caller: Caller,
  probe: Probe,
  acknowledged: Acknowledged[],
): Promise<Probed> {
  const askedAt = performance.now();
  for (;;) {
    const answer = await caller.call(probe.request, probe.requestId);
    const tookMs = Math.round(performance.now() - askedAt);
    const probed = { probe, answer, tookMs };
    if (isDone(probed)) {
      acknowledged.push(...acknowledgedBy(probed));
      return probed;
    }
    const mayBeRepeated = refusedParts(probed).every(
      ({ body }) => Refusal.safeParse(body).data?.retryable === true,
    );
    if (!mayBeRepeated || tookMs > SETTLED_MS_MAX) {
      throw new Error(`${probe.name} was answered ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    await Bun.sleep(RETRY_PAUSE_MS);
  }
}

/** The effects that successes told of. */
export function acknowledgedBy(probed: Probed): Acknowledged[] {
  return partsOf(probed).flatMap((part, index) => {
    const effect = probed.probe.effects[index];
    if (effect === undefined || !isPartDone(part)) return [];
    const [type, units] = effect;
    const { reservation } = Done.parse(part.body);
    const reservationId = reservation?.reservationId ?? null;
    return [{ requestId: part.requestId, type, units, reservationId }];
  });
}

/**
 * Holds a refusal to what the contract says of it: 503 with `Retry-After`, or 504 where nobody can
 * know, each in time and retryable; an item of a bulk call has no headers. `codes` are those that
 * are clear in this fault. Who asks the ledger may also hear that it is away or behind, and an item
 * that waited for others of its name that they took all the time there was.
 */
export function expectClearRefusal(
  probed: Probed,
  codes: readonly string[],
  withinMs: number,
): void {
  const { probe, answer, tookMs } = probed;
  const { name, needs } = probe;
  const refused = refusedParts(probed);
  const more = [
    needs === "redis" ? [] : "ledger_unavailable",
    refused.length > 1 ? "overloaded" : [],
  ];
  const clear = new Set([...codes, ...more.flat()]);
  for (const part of refused) {
    const code = codeOf(part);
    const isUnknown = code === "outcome_unknown";
    expect([name, part.status, code]).toEqual([name, isUnknown ? 504 : 503, code]);
    expect([name, clear.has(code) ? "clear" : code]).toEqual([name, "clear"]);
    expect([name, part.body]).toEqual([name, expect.objectContaining({ retryable: true })]);
  }
  const saysWhen = answer.headers.has("retry-after");
  expect([name, answer.status, saysWhen]).toEqual([name, answer.status, answer.status === 503]);
  expect([name, tookMs < withinMs ? "in time" : `after ${tookMs} ms`]).toEqual([name, "in time"]);
}

/** Whoever was told 503 may go away: nothing of it is in the ledger, now that all is drained. */
export async function expectNoEffect(
  databaseUrl: string,
  requestIds: readonly string[],
): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    const rows = await sql`SELECT request_id FROM movements WHERE request_id = ANY(${requestIds})`;
    expect(rows.map((row) => String(row["request_id"]))).toEqual([]);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
