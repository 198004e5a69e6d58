/** Cuts what was read of a journal into batches for the ledger, and sees where it is broken. */
import type { Cursor, JournalEntry, LedgerBatch } from "#inventory/ports";

export interface CutJournal {
  /** One follows the other from the cursor on; each has movements of one epoch only. */
  readonly batches: readonly LedgerBatch[];
  /** Why the journal cannot be followed beyond the last batch; null when it can. */
  readonly gap: string | null;
}

/**
 * Batches of at most `movementsMax` movements; an entry is divided only if it alone has more. The
 * cursor may stand inside the first entry: the movements at or below it are in the ledger already.
 */
export function cutJournal(
  partition: number,
  cursor: Cursor,
  entries: readonly JournalEntry[],
  movementsMax: number,
): CutJournal {
  const groups: LedgerBatch[][] = [];
  let at = cursor;
  let count = 0;
  for (const entry of entries) {
    const gap = gapOf(entry, at, at === cursor);
    if (gap !== null) return { batches: groups.map(joined), gap };
    for (const piece of pieces(after(partition, at, entry), movementsMax)) {
      count += piece.movements.length;
      const group = groups.at(-1);
      if (group !== undefined && at.epoch === entry.epoch && count <= movementsMax) {
        group.push(piece);
      } else {
        groups.push([piece]);
        count = piece.movements.length;
      }
      at = piece.to;
    }
  }
  return { batches: groups.map(joined), gap: null };
}

/** Two halves of a batch of at least two movements. */
export function halves(batch: LedgerBatch): [LedgerBatch, LedgerBatch] {
  return divided(batch, Math.floor(batch.movements.length / 2));
}

/** What speaks against `entry` being the next one; null: nothing. */
function gapOf(entry: JournalEntry, at: Cursor, isFirst: boolean): string | null {
  const name = `entry ${entry.epoch}-${entry.seq}`;
  const first = entry.movements[0]?.seq;
  if (first === undefined) return `${name} has no movements`;
  const wrong = entry.movements.findIndex(
    ({ seq, epoch }, index) => seq !== first + index || epoch !== entry.epoch,
  );
  if (wrong !== -1 || entry.movements.at(-1)?.seq !== entry.seq) {
    return `${name} has a gap inside`;
  }
  const next = at.seq + 1;
  const goesOn = first === next && entry.epoch >= at.epoch;
  const holdsCursor = isFirst && entry.epoch === at.epoch && first < next && entry.seq >= next;
  if (goesOn || holdsCursor) return null;
  return `${name} begins with movement ${first}, and after ${at.epoch}-${at.seq} comes ${next}`;
}

/** The part of an entry that is not in the ledger yet. */
function after(partition: number, at: Cursor, entry: JournalEntry): LedgerBatch {
  const isNew = ({ seq }: { readonly seq: number }) => seq > at.seq;
  return {
    partition,
    from: at,
    to: { epoch: entry.epoch, seq: entry.seq },
    movements: entry.movements.filter(isNew),
    reservations: entry.reservations.filter(isNew),
    products: entry.products.filter(isNew),
    locations: entry.locations.filter(isNew),
    operations: entry.operations.filter(isNew),
    crossings: entry.crossings.filter(isNew),
    records: entry.records.filter(isNew),
  };
}

function pieces(batch: LedgerBatch, movementsMax: number): LedgerBatch[] {
  const list: LedgerBatch[] = [];
  let rest = batch;
  while (rest.movements.length > movementsMax) {
    const [piece, remainder] = divided(rest, movementsMax);
    list.push(piece);
    rest = remainder;
  }
  list.push(rest);
  return list;
}

/** The first `count` movements and the rest; a state goes with the movement that made it. */
function divided(batch: LedgerBatch, count: number): [LedgerBatch, LedgerBatch] {
  const { partition, from, to, movements, ...states } = batch;
  const { reservations, products, locations, operations, crossings, records } = states;
  const middle = { epoch: to.epoch, seq: from.seq + count };
  const isLeft = ({ seq }: { readonly seq: number }) => seq <= middle.seq;
  const isRight = ({ seq }: { readonly seq: number }) => seq > middle.seq;
  return [
    {
      partition,
      from,
      to: middle,
      movements: movements.slice(0, count),
      reservations: reservations.filter(isLeft),
      products: products.filter(isLeft),
      locations: locations.filter(isLeft),
      operations: operations.filter(isLeft),
      crossings: crossings.filter(isLeft),
      records: records.filter(isLeft),
    },
    {
      partition,
      from: middle,
      to,
      movements: movements.slice(count),
      reservations: reservations.filter(isRight),
      products: products.filter(isRight),
      locations: locations.filter(isRight),
      operations: operations.filter(isRight),
      crossings: crossings.filter(isRight),
      records: records.filter(isRight),
    },
  ];
}

function joined(group: readonly LedgerBatch[]): LedgerBatch {
  const [first] = group;
  const last = group.at(-1);
  if (first === undefined || last === undefined) throw new Error("a group of no batches");
  if (group.length === 1) return first;
  return {
    partition: first.partition,
    from: first.from,
    to: last.to,
    movements: group.flatMap(({ movements }) => movements),
    reservations: group.flatMap(({ reservations }) => reservations),
    products: group.flatMap(({ products }) => products),
    locations: group.flatMap(({ locations }) => locations),
    operations: group.flatMap(({ operations }) => operations),
    crossings: group.flatMap(({ crossings }) => crossings),
    records: group.flatMap(({ records }) => records),
  };
}
