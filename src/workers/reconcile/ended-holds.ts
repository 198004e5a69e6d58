/**
 * Holds that ended, by the ledger alone and at one moment: each has what its movements come to. They are
 * walked once, in their order, and what each hold did is added up until nothing of it is held.
 */
import type { LedgerSnapshot, UnreadableRow } from "#inventory/ledger-snapshot";
import { ReservationId, type Reservation } from "#inventory/model";
import { splitReservationId } from "#inventory/reservation-id";
import { settle, type Comparison, type Mendable } from "#workers/reconcile/comparison";
import {
  Courses,
  endedRow,
  isAsEnded,
  isOfCourse,
  productIdsOf,
  type Course,
} from "#workers/reconcile/courses";
import { doubtOf, unless } from "#workers/reconcile/doubt";
import { baseOf } from "#workers/reconcile/holds";
import { AGAINST, told } from "#workers/reconcile/judge-hold";
import { FIRST_HOLD, PAGE_RESERVATIONS, shareOf } from "#workers/reconcile/live-holds";
import { tellUnreadableRow } from "#workers/reconcile/unreadable";

/** Movements of one statement: few enough that reading what they did stops nothing for long. */
const PART_MOVEMENTS = 10_000;
/** Of the two walks, over movements and over rows, each is so much. */
const WALK_SHARE = 0.5;

export async function checkEndedHolds(
  run: Comparison,
  doubtful: ReadonlySet<string>,
): Promise<void> {
  // A hold may be of other products too: it is met where all movements are.
  if (run.scope.kind === "products") return;
  await run.ledger.atOneMoment(async (snapshot) => {
    const openings = await snapshot.openings();
    const walk = new EndedHolds(run, snapshot, doubtful, openings.at);
    for (const [place, partition] of run.partitions.entries()) {
      await walk.follow(partition, openings.until, (share) =>
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
  /** What was made until then (ms) may have movements that were put away. */
  readonly #putAwayAt: number;

  constructor(
    run: Comparison,
    snapshot: LedgerSnapshot,
    doubtful: ReadonlySet<string>,
    putAwayAt: number,
  ) {
    this.#run = run;
    this.#snapshot = snapshot;
    this.#doubtful = doubtful;
    this.#putAwayAt = putAwayAt;
  }

  async follow(
    partition: number,
    until: number,
    advance: (share: number) => Promise<void>,
  ): Promise<void> {
    const cursor = this.#snapshot.cursors.get(partition) ?? 0;
    const removedBelow = await this.#snapshot.reservationsFrom(partition);
    const courses = new Courses();
    for (let after = until; after < cursor; after += PART_MOVEMENTS) {
      const upTo = Math.min(after + PART_MOVEMENTS, cursor);
      const moved = await this.#snapshot.movedUnits(partition, after, upTo);
      const { ended, strange } = courses.add(moved, upTo, upTo === cursor);
      for (const [id, course] of strange) await this.#tellStrangeMovement(partition, id, course);
      await this.#judge(partition, ended, { removedBelow, cursor });
      await advance((upTo - until) / (cursor - until));
    }
  }

  /** What is live by its row is held against Redis elsewhere. */
  async #judge(
    partition: number,
    ended: ReadonlyMap<string, Course>,
    { removedBelow, cursor }: { readonly removedBelow: number; readonly cursor: number },
  ): Promise<void> {
    const ids = [...ended.keys()].map((id) => ReservationId.parse(id));
    if (ids.length === 0) return;
    const { known, unreadable } = await this.#snapshot.reservations(ids);
    for (const row of unreadable) await tellUnreadableRow(this.#run, row);
    const rows = new Map(known.map((row) => [row.reservationId, row]));
    const stands = new Set(unreadable.map(placeOf));
    for (const id of ids) {
      const course = ended.get(id);
      if (course === undefined || stands.has(placeOf(splitReservationId(id)))) continue;
      const row = rows.get(id);
      if (row === undefined) {
        // Of what ends with the last movement there is, the row may come with the next.
        const isMissed = course.seq >= removedBelow && course.seq < cursor;
        if (isMissed) await this.#tell(partition, id, null, course, lost(partition, id, course));
      } else if (row.status !== "ACTIVE" && this.#isWhole(row, course) && !isAsEnded(row, course)) {
        await this.#tell(partition, id, row, course, differing(partition, row, course));
      }
    }
  }

  /** Whether none of its movements was put away. */
  #isWhole({ createdAt }: Reservation, { since }: Course): boolean {
    return Math.min(createdAt, since) > this.#putAwayAt;
  }

  async #tell(
    partition: number,
    reservationId: ReservationId,
    row: Reservation | null,
    course: Course,
    difference: Mendable,
  ): Promise<void> {
    const own = row?.allocations.map(({ productId }) => productId) ?? [];
    const productIds = [...new Set([...productIdsOf(course), ...own])];
    const createdAt = Math.min(row?.createdAt ?? course.since, course.since);
    const seq = Math.max(row?.seq ?? 0, course.seq);
    const hold = { partition, reservationId, productIds, createdAt, seq };
    if (await this.#snapshot.mayLackMovement(hold)) return;
    const doubt = await doubtOf(this.#run, partition, this.#doubtful);
    const { owner } = splitReservationId(reservationId);
    const why = doubt.ofHold(owner, row) ?? this.#whyLeft(partition, productIds);
    await settle(this.#run, unless(why, difference));
  }

  /** What its movements say may itself be wrong. */
  #whyLeft(partition: number, productIds: readonly string[]): string | null {
    if (this.#run.contested.has(partition))
      return "movements or holds of the partition are in doubt";
    const of = productIds.find((id) => this.#run.broken.has(id));
    return of === undefined ? null : `the movements of ${of} do not follow each other`;
  }

  async #tellStrangeMovement(partition: number, id: string, { seq }: Course): Promise<void> {
    const nothing = { productId: null, location: null, reservationId: null, redis: null };
    const cause = `movement ${seq} is of hold ${JSON.stringify(id)}, which can be none`;
    const found = { kind: "hold_differs" as const, partition, ...nothing, ledger: null, cause };
    await settle(this.#run, { found, repair: null });
  }

  /** Rows that name a movement as their end which is of something else, or still to come. */
  async tellStrange(): Promise<void> {
    for (let after: typeof FIRST_HOLD | null = FIRST_HOLD; after !== null;) {
      const { holds, unreadable, last } = await this.#snapshot.strangeEnds(
        after,
        PAGE_RESERVATIONS,
      );
      for (const row of unreadable) await tellUnreadableRow(this.#run, row);
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

/** One reservation of a partition. */
const placeOf = (of: Pick<UnreadableRow, "owner" | "generation">): string =>
  `${of.owner} ${of.generation}`;

function differing(partition: number, row: Reservation, course: Course): Mendable {
  const hold = endedRow(row, course);
  const base = { ...baseOf(partition, row), kind: "hold_differs" as const, redis: null };
  const found = { ...base, ledger: told(row) };
  if (isOfCourse(row, course)) {
    const cause = `the row ${AGAINST}: ${told(hold)}`;
    return { found: { ...found, cause }, repair: { side: "reservation", hold, found: row } };
  }
  const since = new Date(course.since).toISOString();
  const cause = `by its movements it was made at ${since} for order ${course.orderId ?? "none"}`;
  return { found: { ...found, cause }, repair: null };
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
