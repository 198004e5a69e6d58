/**
 * What must hold between Redis and PostgreSQL once all is drained, whatever happened before. The
 * model: stock is the sum of the ledger's movements, and what was acknowledged is among them.
 */
import type { Movement, MovementType, Reservation } from "#inventory/model";

/** An effect that a caller was told of. */
export interface Acknowledged {
  readonly requestId: string;
  readonly type: MovementType;
  /** Units that moved, without sign. */
  readonly units: number;
  /** Of the hold that it is about; not given: its caller was not told. */
  readonly reservationId?: string | null;
  /** Other requests that were answered with the same: one of them all did it. */
  readonly orBy?: readonly string[];
}

/** What both stores say once all is drained. */
export interface State {
  readonly movements: readonly Movement[];
  /** `product at location` → on hand and reserved, by PostgreSQL and by Redis. */
  readonly snapshot: ReadonlyMap<string, string>;
  readonly stock: ReadonlyMap<string, string>;
  readonly reservations: ReadonlyMap<string, Reservation>;
  readonly records: readonly Reservation[];
  /** Location → what the registry says of it, by PostgreSQL and by each partition of Redis. */
  readonly registry: ReadonlyMap<string, string>;
  readonly registries: readonly ReadonlyMap<string, string>[];
  readonly quarantined: number;
  readonly acknowledged: readonly Acknowledged[];
}

interface Law {
  readonly name: string;
  readonly law: (state: State) => string[];
  /** How much of what it is about there is: it says nothing of nothing. */
  readonly sees: (state: State) => number;
}

const movementsIn = ({ movements }: State): number => movements.length;
const levelsIn = ({ snapshot }: State): number => snapshot.size;
const reservationsIn = ({ reservations }: State): number => reservations.size;
const locationsIn = ({ registry }: State): number => registry.size;
const acknowledgedIn = ({ acknowledged }: State): number => acknowledged.length;

export const LAWS: readonly Law[] = [
  { name: "the sequence has no gap", law: ledgerHasNoGap, sees: movementsIn },
  {
    name: "what came in less what went out is on hand",
    law: movementsChainUpToTheSnapshot,
    sees: movementsIn,
  },
  { name: "the snapshot is Redis", law: snapshotIsRedis, sees: levelsIn },
  {
    name: "a reservation is the sum of its movements",
    law: reservationsAreTheSumOfTheirMovements,
    sees: reservationsIn,
  },
  {
    name: "a hold is sold before it is due, and expires then",
    law: holdsEndAsTheirTimeSays,
    sees: (state) => endsIn(state).length,
  },
  {
    name: "the ledger's reservations are those of Redis",
    law: reservationsAreTheRecordsOfRedis,
    sees: ({ records }) => records.length,
  },
  { name: "the registry is the same everywhere", law: registryIsRedis, sees: locationsIn },
  { name: "nothing is in quarantine", law: nothingIsInQuarantine, sees: movementsIn },
  { name: "nothing happened twice", law: nothingHappenedTwice, sees: movementsIn },
  {
    name: "what was acknowledged is in the ledger",
    law: acknowledgedIsInTheLedger,
    sees: acknowledgedIn,
  },
];

/** Every law that does not hold, in words. */
export const brokenLaws = (state: State, laws = LAWS): string[] =>
  laws.flatMap(({ law }) => law(state));

function ledgerHasNoGap({ movements }: State): string[] {
  const last = new Map<number, number>();
  return movements.flatMap(({ partition, seq }) => {
    const expected = (last.get(partition) ?? 0) + 1;
    last.set(partition, seq);
    return seq === expected ? [] : [`p${partition}: ${seq} stands where ${expected} belongs`];
  });
}

function movementsChainUpToTheSnapshot({ movements, snapshot }: State): string[] {
  const sums = new Map<string, { onHand: number; reserved: number }>();
  const broken: string[] = [];
  for (const movement of movements) {
    if (movement.productId === null) continue;
    const name = `${movement.productId} at ${movement.location}`;
    const sum = sums.get(name) ?? { onHand: 0, reserved: 0 };
    if (movement.onHandBefore !== sum.onHand || movement.reservedBefore !== sum.reserved) {
      broken.push(`movement ${movement.seq} does not begin where the last one of ${name} ended`);
    }
    sum.onHand += movement.onHandAfter - movement.onHandBefore;
    sum.reserved += movement.reservedAfter - movement.reservedBefore;
    if (sum.reserved < 0 || sum.reserved > sum.onHand) {
      broken.push(`${name} is oversold by movement ${movement.seq}`);
    }
    sums.set(name, sum);
  }
  for (const [name, { onHand, reserved }] of sums) {
    const counts = snapshot.get(name);
    if (counts !== `${onHand}/${reserved}`) {
      broken.push(`${name}: movements sum up to ${onHand}/${reserved}, the snapshot is ${counts}`);
    }
  }
  // A level that nothing moved has nothing.
  for (const [name, counts] of snapshot) {
    if (!sums.has(name) && counts !== "0/0") {
      broken.push(`${name}: no movement is of it, the snapshot is ${counts}`);
    }
  }
  return broken;
}

function snapshotIsRedis({ snapshot, stock }: State): string[] {
  return [...new Set([...snapshot.keys(), ...stock.keys()])]
    .filter((name) => snapshot.get(name) !== (stock.get(name) ?? goneFence(name)))
    .map((name) => `${name}: Redis ${stock.get(name)}, the snapshot ${snapshot.get(name)}`);
}

/** A campaign's ring-fence leaves its product once it is empty; the ledger keeps the row. */
const goneFence = (name: string): string | undefined => (name.includes("~") ? "0/0" : undefined);

function reservationsAreTheSumOfTheirMovements({ movements, reservations }: State): string[] {
  const sums = new Map<string, number>();
  const add = (id: string, what: string, units: number): void =>
    void sums.set(`${id} ${what}`, (sums.get(`${id} ${what}`) ?? 0) + units);
  for (const movement of movements) {
    const { reservationId, type, reservedBefore, reservedAfter } = movement;
    const { onHandBefore, onHandAfter } = movement;
    if (reservationId === null) continue;
    if (!reservations.has(reservationId)) return [`${reservationId} moved and is no reservation`];
    add(reservationId, type, Math.abs(reservedAfter - reservedBefore));
    // What an expired hold was sold as was never held.
    const wasHeld = reservedAfter !== reservedBefore;
    if (type === "SALE" && !wasHeld) add(reservationId, "unheld", onHandBefore - onHandAfter);
  }
  return [...reservations.values()].flatMap(({ reservationId, allocations, status }) => {
    const of = (type: MovementType): number => sums.get(`${reservationId} ${type}`) ?? 0;
    const held = allocations.reduce((sum, line) => sum + line.held, 0);
    const confirmed = allocations.reduce((sum, line) => sum + line.confirmed, 0);
    const released = allocations.reduce((sum, line) => sum + line.released, 0);
    const unheld = sums.get(`${reservationId} unheld`) ?? 0;
    const isWhole =
      of("SALE") + unheld === confirmed &&
      of("RELEASE") + of("EXPIRE") === released &&
      of("RESERVE") + unheld === held + confirmed + released &&
      (unheld === 0 || unheld === confirmed) &&
      (status === "ACTIVE") === held > 0;
    return isWhole ? [] : [`${reservationId} (${status}) is not what its movements say`];
  });
}

/** Movements that sold or expired a hold. */
const endsIn = ({ movements }: State): Movement[] =>
  movements.filter(
    ({ type, reservationId }) => reservationId !== null && (type === "SALE" || type === "EXPIRE"),
  );

/**
 * By the clock of Redis, which both times are of. A due time only ever moves later, so that the last
 * one holds for parts that were sold before it moved. A hold that expired and is sold after all keeps
 * its due time under its new id: that sale moves what was not held. A standing hold is never due.
 */
function holdsEndAsTheirTimeSays(state: State): string[] {
  return endsIn(state).flatMap((movement) => {
    const { type, reservationId, at, seq, reservedBefore, reservedAfter } = movement;
    const hold = reservationId === null ? undefined : state.reservations.get(reservationId);
    if (!hold) return [];
    const due = hold.expiresAt ?? Infinity;
    const isOfLive = type === "SALE" && reservedAfter !== reservedBefore;
    const isRight = isOfLive ? at < due : at >= due;
    return isRight ? [] : [`${reservationId}, due at ${due}: ${type} at ${at} (movement ${seq})`];
  });
}

function reservationsAreTheRecordsOfRedis({ reservations, records }: State): string[] {
  const broken = records
    .filter((record) => !isSame(record, reservations.get(record.reservationId)))
    .map(({ reservationId }) => `${reservationId}: the ledger knows another state than Redis`);
  const known = new Set<string>(records.map(({ reservationId }) => reservationId));
  const lost = [...reservations.values()]
    .filter(({ status, reservationId }) => status === "ACTIVE" && !known.has(reservationId))
    .map(({ reservationId }) => `${reservationId} is live in the ledger and not in Redis`);
  return broken.concat(lost);
}

/** The record of an ended hold keeps whom it was for until Redis forgets it, within a day. */
function isSame(record: Reservation, known: Reservation | undefined): boolean {
  if (known?.customerId?.startsWith("pseudonym-") !== true || record.status === "ACTIVE") {
    return Bun.deepEquals(record, known);
  }
  return Bun.deepEquals({ ...record, customerId: known.customerId }, known);
}

function registryIsRedis({ registry, registries }: State): string[] {
  return registries.flatMap((own, partition) =>
    Bun.deepEquals(own, registry) ? [] : [`p${partition}: another registry than the ledger's`],
  );
}

function nothingIsInQuarantine({ quarantined }: State): string[] {
  return quarantined === 0 ? [] : [`${quarantined} movements are in quarantine`];
}

/**
 * All attempts of one request bear one request id: whatever it did, it did once. One request makes
 * one hold. Without a key it may come late, when others ended that one, and is a new one then.
 */
function nothingHappenedTwice({ movements }: State): string[] {
  const seen = new Set<string>();
  const madeBy = new Map<string, { readonly requestId: string; readonly names: string[] }>();
  return movements.flatMap(({ seq, requestId, type, productId, location, reservationId }) => {
    const made = reservationId === null ? undefined : madeBy.get(reservationId);
    if (made && ENDS.has(type) && made.requestId !== requestId) {
      for (const name of made.names) seen.delete(name);
    }
    if (requestId === null) return [];
    const what = [requestId, type, productId, location];
    const ofHold = JSON.stringify([...what, reservationId]);
    const ofAny = JSON.stringify(what);
    const isHold = type === "RESERVE" && reservationId !== null;
    if (seen.has(ofHold) || (isHold && seen.has(ofAny))) {
      return [`movement ${seq} repeats an earlier one: ${ofHold}`];
    }
    seen.add(ofHold);
    if (isHold) {
      seen.add(ofAny);
      madeBy.set(reservationId, { requestId, names: [...(made?.names ?? []), ofAny] });
    }
    return [];
  });
}
const ENDS: ReadonlySet<MovementType> = new Set(["SALE", "RELEASE", "EXPIRE"]);

function acknowledgedIsInTheLedger({ movements, acknowledged }: State): string[] {
  const byRequest = Map.groupBy(movements, ({ requestId }) => requestId);
  return acknowledged.flatMap(({ requestId, type, units, reservationId, orBy = [] }) => {
    const all = [requestId, ...orBy].flatMap((id) => byRequest.get(id) ?? []);
    const made = all.filter(
      (movement) =>
        movement.type === type &&
        (reservationId === undefined || movement.reservationId === reservationId),
    );
    const moved = made.reduce((sum, movement) => sum + unitsOf(movement), 0);
    if (made.length > 0 && moved === units) return [];
    return [`${type} of ${units} by request ${requestId}: the ledger has ${moved}`];
  });
}

function unitsOf(movement: Movement): number {
  const { onHandBefore, onHandAfter, reservedBefore, reservedAfter } = movement;
  const physical = Math.abs(onHandAfter - onHandBefore);
  return physical > 0 ? physical : Math.abs(reservedAfter - reservedBefore);
}
