/**
 * One request of every kind of change, asked while something is broken and again when it is whole:
 * what was refused must have done nothing, and what was repeated must have done it once.
 */
import { expect } from "bun:test";
import postgres from "postgres";
import { z } from "zod";
import { randomId } from "#lib/ids";
import type { MovementType } from "#inventory/model";
import type { Acknowledged } from "#test/audit";
import { codeIn, reservationIn, type Answer, type Caller, type Request } from "#test/caller";

const UNITS = 100;

/** What a change does to stock: only what frees some may run when Redis is out of memory. */
export type Kind = "takes" | "frees" | "records";

export interface Probe {
  readonly name: string;
  readonly kind: Kind;
  readonly request: Request;
  /** Of all its attempts. */
  readonly requestId: string;
  readonly type: MovementType;
  readonly units: number;
}

export interface Probed {
  readonly probe: Probe;
  readonly answer: Answer;
  readonly tookMs: number;
}

/** Makes products and holds, and then the requests; nothing of these has been sent yet. */
export async function prepareProbes(
  { caller, admin }: { readonly caller: Caller; readonly admin: string },
  acknowledged: Acknowledged[],
): Promise<Probe[]> {
  const productId = `probed-${randomId(8)}`;
  const probe = (
    name: string,
    kind: Kind,
    what: readonly [type: MovementType, units: number],
    request: Pick<Request, "method" | "path" | "body">,
  ): Probe => {
    const [type, units] = what;
    const full = { ...request, token: admin, key: randomId(12) };
    return { name, kind, request: full, requestId: randomId(16), type, units };
  };
  const initialize = (id: string): Probe =>
    probe("initialize", "records", ["INITIAL", UNITS], {
      method: "POST",
      path: "/initialize",
      body: { productId: id, sku: `SKU-${id}`, initialStock: UNITS },
    });
  const reserve = (quantity: number): Probe =>
    probe("reserve", "takes", ["RESERVE", quantity], {
      method: "POST",
      path: `/product/${productId}/reserve`,
      body: { quantity, orderId: randomId(8) },
    });
  const held = async (): Promise<string> => {
    const { answer } = await settle(caller, reserve(2), acknowledged);
    return reservationIn(answer).reservationId;
  };
  await settle(caller, initialize(productId), acknowledged);
  const [kept, sold, left, cut] = [await held(), await held(), await held(), await held()];
  const stock = { method: "PATCH", path: `/product/${productId}/stock` } as const;
  const items = [{ productId, quantity: 3 }];
  const lines = [{ productId, quantity: 1 }];
  const of = (id: string, verb: string, body = {}) => {
    return { method: "POST", path: `/reservation/${id}/${verb}`, body } as const;
  };
  return [
    reserve(1),
    probe("cart", "takes", ["RESERVE", 3], {
      method: "POST",
      path: "/reservations",
      body: { orderId: randomId(8), items },
    }),
    probe("sale", "takes", ["SALE", 1], { ...stock, body: { quantity: -1, type: "SALE" } }),
    probe("restock", "records", ["RESTOCK", 4], {
      ...stock,
      body: { quantity: 4, type: "RESTOCK" },
    }),
    probe("amend", "records", ["ATTRIBUTE", 0], {
      method: "PATCH",
      path: `/product/${productId}`,
      body: { name: "probed" },
    }),
    initialize(`${productId}-more`),
    probe("extend", "records", ["EXTEND", 0], of(kept, "extend", { minutes: 30 })),
    probe("confirm", "frees", ["SALE", 2], of(sold, "confirm")),
    probe("cancel", "frees", ["RELEASE", 2], of(left, "cancel")),
    probe("cancel of a part", "frees", ["RELEASE", 1], of(cut, "cancel", { lines })),
  ];
}

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

/** Attempts under one identity until it is done, and notes that it was. */
export async function settle(
  caller: Caller,
  probe: Probe,
  acknowledged: Acknowledged[],
): Promise<Probed> {
  const askedAt = performance.now();
  const answer = await caller.call(probe.request, probe.requestId);
  const tookMs = Math.round(performance.now() - askedAt);
  if (!isDone({ probe, answer, tookMs })) {
    throw new Error(`${probe.name} was answered ${answer.status} ${JSON.stringify(answer.body)}`);
  }
  acknowledged.push(acknowledgedBy(probe, answer));
  return { probe, answer, tookMs };
}

export const isDone = ({ answer }: Probed): boolean =>
  answer.status === 200 || answer.status === 201;

/** The effect that a success told of. */
export function acknowledgedBy({ requestId, type, units }: Probe, answer: Answer): Acknowledged {
  const hold = z.object({ reservation: z.unknown() }).safeParse(answer.body);
  const reservationId = hold.success ? reservationIn(answer).reservationId : null;
  return { requestId, type, units, reservationId };
}

/**
 * Holds a refusal to what the contract says of it: 503 with `Retry-After`, or 504 where nobody can
 * know, each in time and retryable. `codes` are those that are clear in this fault.
 */
export function expectClearRefusal(
  { probe, answer, tookMs }: Probed,
  codes: readonly string[],
  withinMs: number,
): void {
  const code = codeIn(answer);
  const known = [probe.name, answer.status, code, answer.headers.has("retry-after")] as const;
  const isUnknown = code === "outcome_unknown";
  expect(known).toEqual([probe.name, isUnknown ? 504 : 503, code, !isUnknown]);
  expect([...codes]).toContain(code);
  expect(answer.body).toMatchObject({ retryable: true });
  expect([probe.name, tookMs < withinMs ? "in time" : `after ${tookMs} ms`]).toEqual([
    probe.name,
    "in time",
  ]);
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
