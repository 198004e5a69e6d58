/** What the movements of holds come to, added up part by part of the ledger. */
import type { MovedUnits } from "#inventory/ledger-snapshot";
import { RESERVATION_ID_PATTERN, type Allocation, type Reservation } from "#inventory/model";
import { isAsMoved } from "#workers/reconcile/agreement";
import { levelName } from "#workers/reconcile/breaks";

/** Lines of holds that are followed at once, some 200 bytes each: holds beyond them are not judged. */
export const LINES_FOLLOWED_MAX = 2_000_000;

/** What the movements of a hold did so far. */
export interface Course {
  readonly levels: ReadonlyMap<string, MovedUnits>;
  readonly orderId: string | null;
  /** Time of the first (ms). */
  readonly since: number;
  /** Of the last. */
  readonly seq: number;
  readonly isExpired: boolean;
}

/** Courses that have come to nothing held, and ids that can be no hold's. */
export interface PartOfCourses {
  readonly ended: ReadonlyMap<string, Course>;
  readonly strange: ReadonlyMap<string, Course>;
}

/** The holds of one partition, in the order of its movements. */
export class Courses {
  readonly #open = new Map<string, Course>();
  #lines = 0;

  /**
   * Goes on with what a part of the movements did. What ends with the part's last movement may have one
   * more line behind it, and is carried on unless `isLast`.
   */
  add(moved: readonly MovedUnits[], upTo: number, isLast: boolean): PartOfCourses {
    const ended = new Map<string, Course>();
    const strange = new Map<string, Course>();
    for (const [id, units] of Map.groupBy(moved, ({ reservationId }) => reservationId)) {
      const before = this.#open.get(id);
      const course = joined(before, units);
      if (before !== undefined) this.#forget(id, before);
      const held = [...course.levels.values()].map((level) => level.held);
      if (!RESERVATION_ID_PATTERN.test(id)) strange.set(id, course);
      else if (held.every((count) => count === 0) && (isLast || course.seq < upTo)) {
        ended.set(id, course);
        // Below zero its beginning is not there: nothing can be said of it.
      } else if (held.every((count) => count >= 0)) this.#keep(id, course);
    }
    return { ended, strange };
  }

  #keep(id: string, course: Course): void {
    if (this.#lines + course.levels.size > LINES_FOLLOWED_MAX) return;
    this.#lines += course.levels.size;
    this.#open.set(id, course);
  }

  #forget(id: string, course: Course): void {
    this.#lines -= course.levels.size;
    this.#open.delete(id);
  }
}

function joined(before: Course | undefined, units: readonly MovedUnits[]): Course {
  const levels = new Map(before?.levels);
  let { orderId, since, seq, isExpired } = before ?? NOTHING;
  for (const more of units) {
    const name = levelName(more);
    const own = levels.get(name);
    levels.set(name, {
      ...more,
      held: (own?.held ?? 0) + more.held,
      confirmed: (own?.confirmed ?? 0) + more.confirmed,
      released: (own?.released ?? 0) + more.released,
    });
    since = Math.min(since, more.since);
    orderId ??= more.orderId;
    if (more.seq > seq) ({ seq, isExpired } = more);
  }
  return { levels, orderId, since, seq, isExpired };
}

const NOTHING = { orderId: null, since: Infinity, seq: 0, isExpired: false } as const;

const END_REASON_OF = {
  CONFIRMED: "confirmed",
  EXPIRED: "expired",
  CANCELLED: "cancelled",
} as const;

/** As lua/lib/holds.lua ends a hold: what was confirmed decides. */
function statusOf({ levels, isExpired }: Course): keyof typeof END_REASON_OF {
  if ([...levels.values()].some(({ confirmed }) => confirmed > 0)) return "CONFIRMED";
  return isExpired ? "EXPIRED" : "CANCELLED";
}

export const productIdsOf = ({ levels }: Course): string[] =>
  [...levels.values()].map(({ productId }) => productId);

/** Whether the row of an ended hold is what its movements come to. */
export const isAsEnded = (row: Reservation, course: Course): boolean =>
  isOfCourse(row, course) &&
  row.seq === course.seq &&
  row.status === statusOf(course) &&
  isAsMoved(row, [...course.levels.values()]);

/** Whether it was made when its movements say, and for whom. */
export const isOfCourse = (row: Reservation, course: Course): boolean =>
  row.createdAt === course.since && row.orderId === course.orderId;

/** The row as its movements have it. */
export function endedRow(row: Reservation, course: Course): Reservation {
  const status = statusOf(course);
  const allocations = [...course.levels.values()].map(
    ({ productId, location, confirmed, released }): Allocation => {
      return { productId, location, held: 0, confirmed, released };
    },
  );
  const endReason = row.status === status ? row.endReason : END_REASON_OF[status];
  return { ...row, status, endReason, allocations, seq: course.seq };
}
