/** How late what happens by itself may be, and whether a trouble excuses more. */
import { BEGINS_AT } from "./globals.ts";
import { CLOCK_MS_MAX, type World } from "./world.ts";

/** How late a hold may end, or a campaign begin and end, while nothing is wrong. */
export const EXPIRED_MS_MAX = 1_000;
/** And after what was wrong, where its wake-up may be lost: the sweep finds it. */
export const SWEPT_MS_MAX = 7_000;

export type Judged = Pick<World, "ledger" | "troubles" | "seen" | "saw">;

/** Times are epoch milliseconds by Redis's clock, which may have jumped. */
export interface Awaited {
  /** What is judged, in a word. */
  readonly what: string;
  /** From when on a trouble may hold it up. */
  readonly from: number;
  readonly due: number;
  readonly at: number;
  readonly calmMsMax?: number;
}

/** In words, how much later it was than it may be; null: it was in time. */
export function lateness(run: Judged, { what, from, due, at, ...rest }: Awaited): string | null {
  const { calmMsMax = EXPIRED_MS_MAX } = rest;
  const clockMs = run.seen.has("fault redis clock") ? 2 * CLOCK_MS_MAX : 0;
  const [dueIn, atIn] = [due - BEGINS_AT, at - BEGINS_AT];
  const end = endOfTroubles(run, from - BEGINS_AT - clockMs, dueIn + clockMs);
  run.saw(end === null ? `${what} judged` : `${what} judged after a trouble`);
  const latest = end === null ? dueIn + calmMsMax : Math.max(dueIn, end) + SWEPT_MS_MAX;
  if (atIn - latest - (end === null ? 0 : clockMs) <= 0) return null;
  const told = end === null ? "" : `, and ${Math.round(atIn - end)} ms after a trouble`;
  return `${at - due} ms after it was due${told}`;
}

/** Each by the moment of its movement. */
export function holdsThatEndedLate(run: Judged): string[] {
  const { movements, reservations } = run.ledger.state;
  return movements.flatMap(({ type, reservationId, at, seq }) => {
    if (type !== "EXPIRE" || reservationId === null) return [];
    const hold = reservations.get(reservationId);
    if (!hold || hold.expiresAt === null) return [];
    const late = lateness(run, { what: "hold", from: hold.createdAt, due: hold.expiresAt, at });
    return late === null ? [] : [`${reservationId} ended ${late} (movement ${seq})`];
  });
}

/** When the last trouble is over that may hold up what lived then; null: there was none. */
function endOfTroubles({ troubles }: Judged, from: number, due: number): number | null {
  let end: number | null = null;
  // One that begins before the sweep came by may hold that up too.
  for (const it of troubles.toSorted((one, other) => one.from - other.from)) {
    if (it.to < from || it.from > Math.max(due, end ?? 0) + SWEPT_MS_MAX) continue;
    end = Math.max(end ?? 0, it.to);
  }
  return end;
}
