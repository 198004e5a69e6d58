/**
 * Holds that ended, by the ledger alone and at one moment: each has what its movements come to. They are
 * walked once, in their order, and what each hold did is added up until nothing of it is held.
 */
import type { LedgerSnapshot, MovedUnits } from "#inventory/ledger-snapshot";
import type { Allocation, Reservation, ReservationId } from "#inventory/model";
import { splitReservationId } from "#inventory/reservation-id";
import { isAsMoved } from "#workers/reconcile/agreement";
import { levelName } from "#workers/reconcile/breaks";
import { settle, type Comparison, type Mendable } from "#workers/reconcile/comparison";
import { doubtOf, unless } from "#workers/reconcile/doubt";
import { baseOf } from "#workers/reconcile/holds";
import { AGAINST, told } from "#workers/reconcile/judge-hold";
import { FIRST_HOLD, PAGE_RESERVATIONS, shareOf } from "#workers/reconcile/live-holds";

/** Movements of one statement: few enough that reading what they did stops nothing for long. */
const PART_MOVEMENTS = 10_000;
/** Holds that are followed at once, some 500 bytes each: the ends of those beyond them are not judged. */
const HOLDS_FOLLOWED_MAX = 1_000_000;
/** Of the two walks, over movements and over rows, each is so much. */
const WALK_SHARE = 0.5;

/** What the movements of a hold did so far. */
interface Course {
  readonly levels: ReadonlyMap<string, MovedUnits>;
  /** Time of the first (ms). */
  readonly since: number;
  /** Of the last. */
  readonly seq: number;
  readonly isExpired: boolean;
}

export async function checkEndedHolds(
  run: Comparison,
  doubtful: ReadonlySet<string>,
): Promise<void> {
  // A hold may be of other products too: it is met where all movements are.
  if (run.scope.kind === "products") return;
  await run.ledger.atOneMoment(async (snapshot) => {
    const { until } = await snapshot.openings();
    const walk = new EndedHolds(run, snapshot, doubtful);
    for (const [place, partition] of run.partitions.entries()) {
      await walk.follow(partition, until, (share) =>
        run.advance("ended holds", (WALK_SHARE * (place + share)) / run.partitions.length),
      );
    }
    await walk.tellStrange();
  });
}

class EndedHolds {
  readonly #run: Comparison;
  readonly #snapshot: LedgerSnapshot;
  readonly #doubtful: ReadonlySet<string>;
  /** By partition: of what ended below that seq some rows are gone. */
  readonly #removed = new Map<number, number>();

  constructor(run: Comparison, snapshot: LedgerSnapshot, doubtful: ReadonlySet<string>) {
    this.#run = run;
    this.#snapshot = snapshot;
    this.#doubtful = doubtful;
  }

  async follow(
    partition: number,
    until: number,
    advance: (share: number) => Promise<void>,
  ): Promise<void> {
    const cursor = this.#snapshot.cursors.get(partition) ?? 0;
    const open = new Map<ReservationId, Course>();
    for (let after = until; after < cursor; after += PART_MOVEMENTS) {
      const upTo = Math.min(after + PART_MOVEMENTS, cursor);
      const moved = await this.#snapshot.movedUnits(partition, after, upTo);
      const ended = new Map<ReservationId, Course>();
      for (const [id, units] of Map.groupBy(moved, ({ reservationId }) => reservationId)) {
        const course = joined(open.get(id), units);
        const levels = [...course.levels.values()];
        open.delete(id);
        if (levels.every(({ held }) => held === 0)) ended.set(id, course);
        // Below zero its beginning is not there: nothing can be said of it.
        else if (levels.every(({ held }) => held >= 0)) keep(open, id, course);
      }
      await this.#judge(partition, ended);
      await advance((upTo - until) / (cursor - until));
    }
  }

  /** What is live by its row is held against Redis elsewhere. */
  async #judge(partition: number, ended: ReadonlyMap<ReservationId, Course>): Promise<void> {
    if (ended.size === 0) return;
    const rows = await this.#snapshot.reservations([...ended.keys()]);
    const known = new Map(rows.map((row) => [row.reservationId, row]));
    const wrong = new Map<ReservationId, Mendable>();
    for (const [id, course] of ended) {
      const row = known.get(id);
      if (row === undefined) {
        const isRemoved = course.seq < (await this.#removedBelow(partition));
        if (!isRemoved) wrong.set(id, lost(partition, id, course));
      } else if (row.status !== "ACTIVE" && isWhole(row, course) && !isAsEnded(row, course)) {
        wrong.set(id, differing(partition, row, course));
      }
    }
    if (wrong.size === 0) return;
    const doubt = await doubtOf(this.#run, partition, this.#doubtful);
    for (const [id, difference] of wrong) {
      const row = known.get(id) ?? null;
      const why = doubt.ofHold(splitReservationId(id).owner, row);
      await settle(this.#run, unless(why, difference));
    }
  }

  async #removedBelow(partition: number): Promise<number> {
    const known = this.#removed.get(partition);
    if (known !== undefined) return known;
    const from = await this.#snapshot.reservationsFrom(partition);
    this.#removed.set(partition, from);
    return from;
  }

  /** Rows that name a movement as their end which is of something else, or still to come. */
  async tellStrange(): Promise<void> {
    for (let after: typeof FIRST_HOLD | null = FIRST_HOLD; after !== null;) {
      const { holds, last } = await this.#snapshot.strangeEnds(after, PAGE_RESERVATIONS);
      for (const row of holds) {
        const { partition } = splitReservationId(row.reservationId);
        if (!this.#run.partitions.includes(partition)) continue;
        const cause = `the ledger has movement ${row.seq} for something else, or not yet`;
        const found = { ...baseOf(partition, row), kind: "hold_differs" as const, redis: null };
        await settle(this.#run, { found: { ...found, ledger: told(row), cause }, repair: null });
      }
      await this.#run.advance("ended holds", WALK_SHARE + (1 - WALK_SHARE) * shareOf(last));
      after = last;
    }
  }
}

function keep(open: Map<ReservationId, Course>, id: ReservationId, course: Course): void {
  if (open.size < HOLDS_FOLLOWED_MAX) open.set(id, course);
}

function joined(before: Course | undefined, units: readonly MovedUnits[]): Course {
  const levels = new Map(before?.levels);
  let { since, seq, isExpired } = before ?? { since: Infinity, seq: 0, isExpired: false };
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
    if (more.seq > seq) ({ seq, isExpired } = more);
  }
  return { levels, since, seq, isExpired };
}

/** As lua/lib/holds.lua ends a hold: what was confirmed decides. */
function statusOf({ levels, isExpired }: Course): "CONFIRMED" | "EXPIRED" | "CANCELLED" {
  if ([...levels.values()].some(({ confirmed }) => confirmed > 0)) return "CONFIRMED";
  return isExpired ? "EXPIRED" : "CANCELLED";
}

const END_REASON_OF = {
  CONFIRMED: "confirmed",
  EXPIRED: "expired",
  CANCELLED: "cancelled",
} as const;

/** Whether its movements are there from its beginning: older ones may have been put away. */
const isWhole = (row: Reservation, { since }: Course): boolean => row.createdAt === since;

const isAsEnded = (row: Reservation, course: Course): boolean =>
  row.seq === course.seq &&
  row.status === statusOf(course) &&
  isAsMoved(row, [...course.levels.values()]);

const unitsOf = ({ levels }: Course): Allocation[] =>
  [...levels.values()].map(({ productId, location, confirmed, released }) => {
    return { productId, location, held: 0, confirmed, released };
  });

function differing(partition: number, row: Reservation, course: Course): Mendable {
  const status = statusOf(course);
  const hold: Reservation = {
    ...row,
    status,
    endReason: row.status === status ? row.endReason : END_REASON_OF[status],
    allocations: unitsOf(course),
    seq: course.seq,
  };
  const base = { ...baseOf(partition, row), kind: "hold_differs" as const, redis: null };
  const cause = `the row ${AGAINST}: ${told(hold)}`;
  return {
    found: { ...base, ledger: told(row), cause },
    repair: { side: "reservation", hold, found: row },
  };
}

/** Who it was of, and when it was due, its movements do not tell: nobody can write it again. */
function lost(partition: number, reservationId: ReservationId, course: Course): Mendable {
  const [first] = course.levels.values();
  const found = {
    kind: "hold_differs" as const,
    partition,
    productId: first?.productId ?? null,
    location: first?.location ?? null,
    reservationId,
    redis: null,
    ledger: null,
    cause: `it ended with movement ${course.seq}, and its row is not there`,
  };
  return { found, repair: null };
}
