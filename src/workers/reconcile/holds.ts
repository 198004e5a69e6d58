/** The holds of Redis against the ledger's reservations, and their places in the due lists. */
import type { Reservation } from "#inventory/model";
import type { Repair } from "#inventory/reconcile-repairs";
import type { StockMoment, StoredHold } from "#inventory/reconcile-sides";
import { splitReservationId } from "#inventory/reservation-id";
import {
  chunksOf,
  isAskedFor,
  LOOKS_MAX,
  settle,
  type Comparison,
  type Mendable,
} from "#workers/reconcile/comparison";
import { tellUnreadable } from "#workers/reconcile/unreadable";
import { wordOfMovements } from "#workers/reconcile/agreement";
import { AGAINST, judged, told, type Repairs } from "#workers/reconcile/judge-hold";
import { doubtOf, unless } from "#workers/reconcile/doubt";
import { checkUnknownProducts } from "#workers/reconcile/products";

/** Records of one read: well under 1 ms of Redis. */
const CHUNK_HOLDS = 500;

/** Due seconds of a partition, each with the live holds that were met. */
type DueSeconds = Map<number, string[]>;

/** Every key of Redis: products that the ledger does not know, live holds, and when they are due. */
export async function checkStoredHolds(
  run: Comparison,
  doubtful: ReadonlySet<string>,
): Promise<void> {
  for (const [place, partition] of run.partitions.entries()) {
    const due: DueSeconds = new Map();
    for (let cursor: string | null = "0"; cursor !== null;) {
      const step = await run.stock.keys(partition, cursor);
      if (run.scope.kind !== "products") {
        await checkUnknownProducts(run, partition, step.productIds, doubtful);
        for (const key of step.strange) await tellUnreadable(run, partition, key);
      }
      for (const owners of chunksOf(step.owners, CHUNK_HOLDS)) {
        await compareHolds(run, partition, owners, due, doubtful);
      }
      await run.advance("holds", place / run.partitions.length);
      cursor = step.next;
    }
    await checkDueLists(run, partition, due);
  }
}

async function compareHolds(
  run: Comparison,
  partition: number,
  owners: readonly string[],
  due: DueSeconds,
  doubtful: ReadonlySet<string>,
): Promise<void> {
  let left = owners;
  let differing: Mendable[] = [];
  for (let look = 0; look < LOOKS_MAX && left.length > 0; look += 1) {
    const { at, found: stored } = await run.stock.holds(partition, left);
    await run.follow(partition, at.seq);
    const live = left.flatMap((owner, i) => liveOf(run, owner, stored[i] ?? null));
    const known = await reservationsOf(run, live);
    if (look === 0) {
      run.findings.looked("holds", live.length);
      for (const { owner, hold } of live) noteDue(due, owner, hold);
    }
    differing = [];
    const unequal = live.filter(({ hold }) => {
      const row = hold === null ? undefined : known.get(hold.reservationId);
      return hold === null || row === undefined || !Bun.deepEquals(hold, row);
    });
    left = unequal.map(({ owner }) => owner);
    if (unequal.length === 0) return;
    const doubt = await doubtOf(run, partition, doubtful);
    for (const record of unequal) {
      const row = record.hold === null ? null : (known.get(record.hold.reservationId) ?? null);
      // The ledger is ahead of what was read of this hold: it is read again.
      if (row !== null && row.seq > at.seq) continue;
      const difference = await differenceOf(run, partition, record, row);
      if (difference === null) continue;
      differing.push(unless(doubt.ofHold(record.owner, record.hold, row), difference));
    }
  }
  for (const one of differing) await settle(run, one);
}

interface LiveHold extends StoredHold {
  readonly owner: string;
}

/** Live ones that were asked for; a record that cannot be read may be one. */
function liveOf(run: Comparison, owner: string, stored: StoredHold | null): LiveHold[] {
  if (stored === null) return [];
  const { hold } = stored;
  if (hold === null) return run.scope.kind === "products" ? [] : [{ owner, ...stored }];
  const isWanted = hold.allocations.some(({ productId }) => isAskedFor(run, productId));
  return hold.status === "ACTIVE" && isWanted ? [{ owner, ...stored }] : [];
}

async function reservationsOf(run: Comparison, live: readonly LiveHold[]) {
  const ids = live.flatMap(({ hold }) => (hold === null ? [] : [hold.reservationId]));
  const rows = ids.length === 0 ? [] : await run.ledger.reservations(ids);
  return new Map(rows.map((row) => [row.reservationId, row]));
}

function noteDue(due: DueSeconds, owner: string, hold: Reservation | null): void {
  if (hold === null || hold.expiresAt === null) return;
  const second = hold.expiresAt / 1_000;
  const owners = due.get(second) ?? [];
  owners.push(owner);
  if (owners.length === 1) due.set(second, owners);
}

/** Whose a hold is, as a difference names it. */
export const baseOf = (partition: number, hold: Reservation | null) => ({
  partition,
  productId: hold?.allocations[0]?.productId ?? null,
  location: hold?.allocations[0]?.location ?? null,
  reservationId: hold?.reservationId ?? null,
});

async function differenceOf(
  run: Comparison,
  partition: number,
  { owner, hold, text }: LiveHold,
  row: Reservation | null,
): Promise<Mendable | null> {
  const base = { ...baseOf(partition, hold), redis: hold === null ? "unreadable" : told(hold) };
  const remove: Repair = { side: "record", partition, owner, found: text, hold: null };
  if (hold === null) {
    // Whose hold that was, the ledger tells: it is met there.
    if ((await run.ledger.liveHoldOf(partition, owner)) !== null) return null;
    const cause = `the record of owner ${owner} cannot be read`;
    return { found: { ...base, kind: "hold_differs", ledger: null, cause }, repair: remove };
  }
  const isMoved = (await run.ledger.holdOfMovement(partition, hold.seq)) === hold.reservationId;
  const [ofHold = "unknown", ofRow = "unknown"] = await wordOfMovements(run, hold, row);
  if (row !== null) {
    const found = { ...base, kind: "hold_differs" as const, ledger: told(row) };
    const repairs: Repairs = {
      row: isMoved ? { side: "reservation", hold, found: row } : null,
      record: { ...remove, hold: liveOnly(row) },
    };
    return judged(found, hold, row, { ofHold, ofRow }, repairs);
  }
  if (isMoved) {
    const found = { ...base, kind: "hold_differs" as const, ledger: null };
    const lost = "its movements are in the ledger, its row is not";
    if (ofHold === "disagree") {
      return { found: { ...found, cause: `${lost}; its record ${AGAINST}` }, repair: null };
    }
    const repair: Repair = { side: "reservation", hold, found: null };
    return { found: { ...found, cause: lost }, repair };
  }
  const cause = "the ledger has no movement of it";
  return { found: { ...base, kind: "orphan_hold", ledger: null, cause }, repair: remove };
}

/** What ended needs no record: the ledger answers for it. */
const liveOnly = (row: Reservation): Reservation | null => (row.status === "ACTIVE" ? row : null);

async function checkDueLists(run: Comparison, partition: number, due: DueSeconds): Promise<void> {
  for (const [second, owners] of due) {
    await run.goOn();
    const { listed, unreadable } = await run.stock.dueList(partition, second);
    if (unreadable !== null) {
      const why = `is no list, and ${owners.length} live holds are due in it`;
      await tellUnreadable(run, partition, unreadable, why);
      continue;
    }
    const { swept } = await run.stock.moment(partition);
    const lost = second > swept ? owners.filter((owner) => !listed.has(owner)) : owners;
    for (const owner of lost) await checkDue(run, partition, owner, second);
  }
}

/** Record and list at one moment: a hold that was extended or ended meanwhile is well. */
async function checkDue(
  run: Comparison,
  partition: number,
  owner: string,
  second: number,
): Promise<void> {
  const { at, found: stored, isListed } = await run.stock.dueHold(partition, owner, second);
  const hold = stored?.hold ?? null;
  const isLive = hold?.status === "ACTIVE" && hold.expiresAt === second * 1_000;
  if (!isLive || (isListed && second > at.swept)) return;
  const place = isListed ? "in a list that was swept" : "in no list";
  const cause = `it is due at ${new Date(second * 1_000).toISOString()} and ${place}`;
  const found = { ...baseOf(partition, hold), kind: "missing_due" as const, ledger: null };
  await settle(run, {
    found: { ...found, redis: isListed ? "swept" : null, cause },
    repair: { side: "due", partition, owner, second },
  });
}

/**
 * What the ledger says of a hold that Redis was asked for, and both once more. Answers the products of
 * those that were told.
 */
export async function checkMissingHolds(
  run: Comparison,
  holds: readonly Reservation[],
  doubtful: ReadonlySet<string>,
): Promise<readonly string[]> {
  const products: string[] = [];
  const byPartition = Map.groupBy(
    holds,
    ({ reservationId }) => splitReservationId(reservationId).partition,
  );
  for (const [partition, own] of byPartition) {
    for (const chunk of chunksOf(own, CHUNK_HOLDS)) {
      products.push(...(await findMissing(run, partition, chunk, doubtful)));
    }
  }
  return products;
}

async function findMissing(
  run: Comparison,
  partition: number,
  holds: readonly Reservation[],
  doubtful: ReadonlySet<string>,
): Promise<readonly string[]> {
  let left = holds;
  let found: Mendable[] = [];
  let products: string[] = [];
  for (let look = 0; look < LOOKS_MAX && left.length > 0; look += 1) {
    const owners = left.map(({ reservationId }) => splitReservationId(reservationId).owner);
    const { at, found: stored } = await run.stock.holds(partition, owners);
    const gone = left.flatMap((row, i) => {
      const record = stored[i] ?? null;
      const { hold } = record ?? { hold: null };
      const isThere = hold?.reservationId === row.reservationId && hold.status === "ACTIVE";
      return isThere ? [] : [{ id: row.reservationId, record }];
    });
    if (gone.length === 0) return [];
    await run.follow(partition, at.seq);
    const rows = await run.ledger.reservations(gone.map(({ id }) => id));
    const live = new Map(
      rows.filter(({ status }) => status === "ACTIVE").map((row) => [row.reservationId, row]),
    );
    left = [...live.values()];
    if (left.length === 0) return [];
    const doubt = await doubtOf(run, partition, doubtful);
    const lacking = gone.flatMap(({ id, record }) => {
      const row = live.get(id);
      if (row === undefined || row.seq > at.seq) return [];
      return [{ row, record }];
    });
    products = lacking.flatMap(({ row }) => row.allocations.map(({ productId }) => productId));
    found = [];
    for (const { row, record } of lacking) {
      const { owner } = splitReservationId(row.reservationId);
      const why = doubt.ofHold(owner, row, record?.hold ?? null);
      found.push(unless(why, await missing(run, partition, row, record, at)));
    }
  }
  for (const one of found) await settle(run, one);
  return products;
}

async function missing(
  run: Comparison,
  partition: number,
  row: Reservation,
  record: StoredHold | null,
  { seq }: StockMoment,
): Promise<Mendable> {
  const base = { ...baseOf(partition, row), ledger: told(row) };
  const { owner } = splitReservationId(row.reservationId);
  const text = record === null ? null : record.text;
  const hold = record?.hold ?? null;
  const restore: Repair = { side: "record", partition, owner, found: text, hold: row };
  const isSame = hold?.reservationId === row.reservationId;
  const [ofRow = "unknown", ofHold = "unknown"] = await wordOfMovements(
    run,
    row,
    isSame ? hold : null,
  );
  if (hold === null) {
    const isGone = record === null;
    const why = isGone
      ? `it is live in the ledger up to ${seq}, and Redis has no record`
      : "its record cannot be read";
    const isWrong = ofRow === "disagree";
    const cause = isWrong ? `${why}; the row ${AGAINST}: it is left as it is` : why;
    const differs = isGone
      ? { ...base, kind: "missing_hold" as const, redis: null, cause }
      : { ...base, kind: "hold_differs" as const, redis: "unreadable", cause };
    return { found: differs, repair: isWrong ? null : restore };
  }
  const redis = `${hold.reservationId}: ${told(hold)}`;
  const found = { ...base, kind: "hold_differs" as const, redis };
  // Which of two holds of one owner is right is for a person to say.
  if (!isSame) return { found: { ...found, cause: "another record has its place" }, repair: null };
  const repairs: Repairs = { row: { side: "reservation", hold, found: row }, record: restore };
  return judged(found, hold, row, { ofHold, ofRow }, repairs);
}
