/**
 * Operations that are delivered more than once under their identity, over lines that misbehave, and
 * what must come of it: one effect, and answers that are the first one, its replay, or "not now".
 */
import { z } from "zod";
import { randomId } from "#lib/ids";
import type { Acknowledged } from "#test/audit";
import type { Answer, Request } from "#test/caller";
import type { Random } from "#test/random";

/** What an operation shall have done, once. */
export interface Effect extends Pick<Acknowledged, "type" | "units"> {
  readonly reservationId?: string;
  /** Movements that it takes; one is the rule. */
  readonly movements?: number;
  /** Index of the item, for a bulk call. */
  readonly item?: number;
}

export interface Operation {
  readonly request: Request;
  /** By its first answer. */
  readonly effects: (answer: Answer) => readonly Effect[];
  /**
   * Another operation on the same thing, which comes between the copies of this one. Only where
   * this one has an `Idempotency-Key`: without one, a copy that comes later is a request of its own.
   */
  readonly successor?: (answer: Answer) => Operation;
  /** Each call tells what it did itself, so that a repeat may say less than the first. */
  readonly countsItsOwn?: true;
}

/** Copies of one operation at most. */
const COPIES_MAX = 3;
/** A copy that hears nothing for this long is given up by its caller. */
const ANSWER_MS_MAX = 6_000;
const RETRY_PAUSE_MS = 30;
const GIVE_UP_MS = 25_000;
/** What a caller may hear instead of the answer: it is told to come again. */
const NOT_NOW: ReadonlySet<number> = new Set([503, 504]);

export interface Deliveries {
  readonly random: Random;
  /** Base address of the service, behind its misbehaving line. */
  readonly url: string;
  /** Its own address. */
  readonly calmUrl: string;
  readonly acknowledged: Acknowledged[];
  /** What no caller may hear, in words. */
  readonly strange: string[];
  /** Requests, and items of bulk calls, that were told that nothing happened. */
  readonly refused: string[];
  /** Those that were told that nobody knows. */
  readonly unknown: string[];
  readonly counts: {
    operations: number;
    /** Of them, without any identity: delivered once, without a key. */
    bare: number;
    deliveries: number;
    movements: number;
    unanswered: number;
    notNow: number;
    replayed: number;
  };
}

export function newDeliveries(random: Random, url: string, calmUrl: string): Deliveries {
  const counts = {
    operations: 0,
    bare: 0,
    deliveries: 0,
    movements: 0,
    unanswered: 0,
    notNow: 0,
    replayed: 0,
  };
  const lists = { acknowledged: [], strange: [], refused: [], unknown: [] };
  return { random, url, calmUrl, counts, ...lists };
}

/**
 * Delivers an operation one to three times, one after another or at once, with its successor
 * between the copies where it has one, and then until it is done. Answers its first answer.
 */
export async function deliver(to: Deliveries, operation: Operation): Promise<Answer> {
  const { random, counts } = to;
  const requestId = randomId(16);
  const heard: Answer[] = [];
  const once = async (): Promise<void> => {
    const answer = await attempt(to, operation.request, requestId);
    if (answer !== null) heard.push(answer);
  };
  counts.operations += 1;
  const copies = random.whole(1, COPIES_MAX + 1);
  if (random.next() < 0.5) await Promise.all(Array.from({ length: copies }, once));
  else for (let copy = 0; copy < copies; copy += 1) await once();

  const first = await untilDone(to, operation.request, requestId, heard);
  acknowledge(to, operation.effects(first), requestId);
  if (operation.successor) {
    await deliver(to, operation.successor(first));
    for (let copy = 0; copy < copies; copy += 1) await once();
  }
  to.strange.push(...differences(operation, heard));
  return first;
}

/**
 * Delivers an operation once, without a key, and hears its answer: only the name of its batch tells
 * the copies that are made behind it. 2xx is one effect, 503 none, and 504 one or none.
 */
export async function deliverBare(to: Deliveries, operation: Operation): Promise<void> {
  const { request, effects } = operation;
  const requestId = randomId(16);
  to.counts.operations += 1;
  to.counts.bare += 1;
  to.counts.deliveries += 1;
  const { key: _key, ...bare } = request;
  const answer = await send(to.calmUrl, bare, requestId);
  if (answer === null) return void to.strange.push(`${nameOf(request)}: no answer`);
  const isBulk = Results.safeParse(answer.body).success;
  const done = new Set<number>();
  for (const [item, part] of partsOf(answer).entries()) {
    const { status } = Part.parse(part);
    const id = isBulk ? `${requestId}#${item}` : requestId;
    if (status < 300) done.add(item);
    else if (status === 503) to.refused.push(id);
    else if (status === 504) to.unknown.push(id);
    else to.strange.push(told(request, part));
  }
  if (done.size === 0) return;
  const known = effects(answer).filter(({ item }) => item === undefined || done.has(item));
  acknowledge(to, known, requestId);
}

/** The first whole answer: one that leaves nothing to be asked again. */
async function untilDone(
  to: Deliveries,
  request: Request,
  requestId: string,
  heard: Answer[],
): Promise<Answer> {
  const giveUpAt = performance.now() + GIVE_UP_MS;
  for (;;) {
    const whole = heard.find((answer) => isWhole(answer));
    if (whole) return whole;
    if (performance.now() > giveUpAt) {
      throw new Error(`${nameOf(request)} was not done in ${GIVE_UP_MS} ms`);
    }
    await Bun.sleep(RETRY_PAUSE_MS);
    const answer = await attempt(to, request, requestId);
    if (answer !== null) heard.push(answer);
  }
}

/** One copy; null where there is no answer, or one that says "not now" as it should. */
async function attempt(to: Deliveries, request: Request, requestId: string) {
  const { counts, strange } = to;
  counts.deliveries += 1;
  const answer = await send(to.url, request, requestId);
  if (answer === null) counts.unanswered += 1;
  else if (answer.headers.get("idempotency-replayed") === "true") counts.replayed += 1;
  if (answer === null || !NOT_NOW.has(answer.status)) return answer;
  counts.notNow += 1;
  if (!isRetryable(answer.body)) strange.push(`${nameOf(request)}: ${JSON.stringify(answer.body)}`);
  return null;
}

/** Over a connection of its own: a client that repeats by itself would hide what happens. */
export async function send(
  url: string,
  request: Request,
  requestId: string,
): Promise<Answer | null> {
  const { method, path, token, body, key } = request;
  try {
    const response = await fetch(`${url}/api/inventory${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        connection: "close",
        "x-request-id": requestId,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(key === undefined ? {} : { "idempotency-key": key }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    const { status, headers } = response;
    return { status, headers, requestId, body: JSON.parse(await response.text()) };
  } catch {
    return null;
  }
}

function acknowledge(to: Deliveries, effects: readonly Effect[], requestId: string): void {
  for (const { type, units, reservationId = null, movements = 1, item } of effects) {
    const id = item === undefined ? requestId : `${requestId}#${item}`;
    to.acknowledged.push({ requestId: id, type, units, reservationId });
    to.counts.movements += movements;
  }
}

const Problem = z.object({ retryable: z.boolean() });
const isRetryable = (body: unknown): boolean => Problem.safeParse(body).data?.retryable === true;

const Part = z.object({ status: z.int() });
const Results = z.object({ results: z.array(z.record(z.string(), z.unknown())) });

/** What an answer says, part by part: the items of a bulk call, else itself. */
function partsOf({ status, body }: Answer): readonly unknown[] {
  const bulk = Results.safeParse(body);
  if (!bulk.success) return [{ status, body }];
  return bulk.data.results.map((result) => ({ ...result, replayed: undefined }));
}

const isWhole = (answer: Answer): boolean => !partsOf(answer).some((part) => isRetryable(part));

/** Where an answer is neither the first one, nor its replay, nor a refusal for now. */
function differences({ request, countsItsOwn }: Operation, heard: readonly Answer[]): string[] {
  const strange: string[] = [];
  const first = new Map<number, unknown>();
  for (const answer of heard) {
    if (answer.status >= 300) strange.push(told(request, answer.body));
    for (const [index, part] of partsOf(answer).entries()) {
      if (isRetryable(part) || countsItsOwn === true) continue;
      const known = first.get(index) ?? part;
      first.set(index, known);
      if (!Bun.deepEquals(known, part)) strange.push(told(request, { first: known, other: part }));
    }
  }
  return strange;
}

const told = (request: Request, what: unknown): string =>
  `${nameOf(request)}: ${JSON.stringify(what)}`;
const nameOf = ({ method, path }: Request): string => `${method} ${path}`;
