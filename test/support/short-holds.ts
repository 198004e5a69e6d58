/** Holds of a few seconds, made past the API, which knows minutes; and how each of them ended. */
import type { Stores } from "#compose/stores";
import type { Reservation } from "#inventory/model";
import { randomId } from "#lib/ids";
import type { Acknowledged } from "#test/audit";
import { contextOf, withinMs } from "#test/expiring-load";
import { endCommand, initializeCommand, reserveCommand } from "#test/store";

/** At once; a batch of the store takes 64. */
const CHUNK = 250;
/** Of what is wrong: enough to see what it is. */
const SHOWN_MAX = 20;

export async function makeProduct(
  { store }: Stores,
  productId: string,
  units: number,
  acknowledged: Acknowledged[],
): Promise<void> {
  const requestId = randomId(16);
  const more = { context: contextOf(requestId), deadline: withinMs() };
  const outcome = await store.initialize(initializeCommand(productId, units, more));
  if (outcome.kind !== "initialized") throw new Error(`initialize answered ${outcome.kind}`);
  acknowledged.push({ requestId, type: "INITIAL", units, reservationId: null });
}

/** A hold that is due some time. */
export type Held = Reservation & { readonly expiresAt: number };

/** Holds of one unit each, each with an owner of its own. */
export async function makeHolds(
  { store }: Stores,
  what: { readonly productId: string; readonly count: number; readonly seconds: number },
  acknowledged: Acknowledged[],
): Promise<Held[]> {
  const one = async (): Promise<Held> => {
    const requestId = randomId(16);
    const more = { context: contextOf(requestId), deadline: withinMs(), holdSeconds: what.seconds };
    const outcome = await store.reserve(reserveCommand(requestId, { [what.productId]: 1 }, more));
    if (outcome.kind !== "reserved") throw new Error(`reserve answered ${outcome.kind}`);
    const { reservation } = outcome;
    const { reservationId, expiresAt } = reservation;
    if (expiresAt === null) throw new Error(`${reservationId} is never due`);
    acknowledged.push({ requestId, type: "RESERVE", units: 1, reservationId });
    return { ...reservation, expiresAt };
  };
  const holds: Held[] = [];
  while (holds.length < what.count) {
    const chunk = Math.min(CHUNK, what.count - holds.length);
    holds.push(...(await Promise.all(Array.from({ length: chunk }, one))));
  }
  return holds;
}

/** Also of somebody else; one that ended meanwhile stays as it is. */
export async function cancelHold(
  { store }: Stores,
  { reservationId, allocations }: Reservation,
  acknowledged: Acknowledged[],
): Promise<void> {
  const requestId = randomId(16);
  const more = { context: contextOf(requestId), deadline: withinMs() };
  const outcome = await store.cancel(endCommand(reservationId, more));
  if (outcome.kind !== "done") return;
  const units = allocations.reduce((sum, { held }) => sum + held, 0);
  acknowledged.push({ requestId, type: "RELEASE", units, reservationId });
}

/** The end of a hold: the type of the movement, its time, and when the hold was due. */
export interface End {
  readonly id: string;
  readonly type: string;
  readonly at: number;
  readonly due: number;
}

/** Every end of the product's holds, by the ledger: one that ended twice is there twice. */
export async function endsOf({ sql }: Stores, productId: string): Promise<End[]> {
  const rows = await sql`
    SELECT m.reservation_id AS id, m.type, (extract(epoch FROM m.at) * 1000)::float8 AS at,
      (extract(epoch FROM r.expires_at) * 1000)::float8 AS due
    FROM movements m
    JOIN reservations r ON m.reservation_id
      = 'p' || r.partition || '-' || replace(r.owner::text, '-', '') || '-' || r.generation
    WHERE m.product_id = ${productId} AND m.type IN ('SALE', 'EXPIRE', 'RELEASE')`;
  return rows.map((row) => ({
    id: String(row["id"]),
    type: String(row["type"]),
    at: Number(row["at"]),
    due: Number(row["due"]),
  }));
}

/** What breaks "each ended once, none was sold after its due time, none expired before it". */
export function wrongEnds(holds: readonly Reservation[], ends: readonly End[]): string[] {
  const count = Map.groupBy(ends, ({ id }) => id);
  const notOnce = holds
    .filter(({ reservationId }) => count.get(reservationId)?.length !== 1)
    .map(({ reservationId }) => `${reservationId} ended ${count.get(reservationId)?.length ?? 0}×`);
  const late = ends.filter(({ type, at, due }) => type === "SALE" && at >= due);
  const early = ends.filter(({ type, at, due }) => type === "EXPIRE" && at < due);
  const wrong = [
    ...notOnce,
    ...late.map(({ id, at, due }) => `${id} was sold ${at - due} ms after it was due`),
    ...early.map(({ id, at, due }) => `${id} expired ${due - at} ms before it was due`),
  ];
  return wrong.slice(0, SHOWN_MAX);
}
