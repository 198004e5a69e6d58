/**
 * The words of a comparison between Redis and the ledger: what may differ, and what both sides must
 * be able to tell while they go on serving. `src/redis` and `src/postgres` give the sides.
 */
import type { Movement, ProductId, Reservation, ReservationId } from "#inventory/model";

/** What may differ, a word each. */
export const DIFFERENCE_KINDS = [
  /** A level's counts are not those of the ledger. */
  "counter",
  /** A live hold that the ledger never heard of. */
  "orphan_hold",
  /** A hold that is live in the ledger and not in Redis. */
  "missing_hold",
  /** A hold that both know, and not in the same state. */
  "hold_differs",
  /** A live hold that nothing would release when it is due. */
  "missing_due",
  /** A product that should be in the low set and is not, or the other way round. */
  "low",
  /** A product's SKU is not claimed for it. */
  "sku",
  /** A number of the ledger's sequence that is neither a movement nor in quarantine. */
  "missing_movement",
  /** The ledger's snapshot is not what its movements or its live holds add up to. */
  "snapshot",
] as const;
export type DifferenceKind = (typeof DIFFERENCE_KINDS)[number];

export interface Difference {
  readonly kind: DifferenceKind;
  readonly partition: number;
  readonly productId: string | null;
  readonly location: string | null;
  readonly reservationId: string | null;
  /** What was found there, in words; null: nothing. */
  readonly redis: string | null;
  readonly ledger: string | null;
  /** Why, as far as it is known. */
  readonly cause: string;
  readonly repaired: boolean;
}

export const RECONCILE_MODES = ["report", "repair"] as const;
export type ReconcileMode = (typeof RECONCILE_MODES)[number];

export const RUN_STATUSES = ["queued", "running", "completed", "failed"] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

/** A comparison that somebody asked for. Times are epoch milliseconds by PostgreSQL's clock. */
export interface ReconcileRun {
  readonly id: string;
  readonly status: RunStatus;
  readonly mode: ReconcileMode;
  readonly scope: ReconcileScope;
  /** `<role>:<subject>`, or the part of the service that asked by itself. */
  readonly askedBy: string;
  readonly askedAt: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  /** 0 … 100. */
  readonly progress: number;
  /** What it has found so far; null before it began. */
  readonly report: ReconcileReport | null;
  /** Why it failed. */
  readonly error: string | null;
}

export type NewRun = Pick<ReconcileRun, "id" | "mode" | "scope" | "askedBy"> & {
  /** Hash of the request: another one under the same id is refused. */
  readonly payload: string;
};

/** The runs that were asked for, as the core sees them. */
export interface ReconcileRuns {
  /** Notes it, once for an id, and wakes a worker. */
  ask(
    run: NewRun,
    deadline: number,
  ): Promise<
    | { readonly kind: "asked"; readonly run: ReconcileRun; readonly replayed: boolean }
    | { readonly kind: "key_reused" }
  >;
  read(id: string, deadline: number): Promise<ReconcileRun | null>;
  /** Newest first, without their differences. */
  list(limit: number, deadline: number): Promise<readonly ReconcileRun[]>;
}

/** What a repair of Redis needs; each changes only what is still as it was found. */
export type StockRepair =
  | {
      readonly side: "counter";
      readonly level: LedgerCounts;
      /** That the product had when it was looked at. */
      readonly productSeq: number;
      /** What stood there, in words. */
      readonly found: string;
    }
  | {
      readonly side: "record";
      readonly partition: number;
      readonly owner: string;
      /** null: there was no record. */
      readonly found: string | null;
      /** null: it is removed. */
      readonly hold: Reservation | null;
    }
  | {
      readonly side: "due";
      readonly partition: number;
      readonly owner: string;
      readonly second: number;
    }
  | { readonly side: "low"; readonly partition: number; readonly productId: string }
  | { readonly side: "sku"; readonly sku: string; readonly productId: string };

/** What a repair of the ledger needs. */
export type LedgerRepair =
  | {
      readonly side: "movement";
      readonly partition: number;
      readonly seq: number;
      /** What it did, where its neighbours leave no doubt. */
      readonly change: LostChange | null;
    }
  | { readonly side: "level"; readonly level: LedgerCounts; readonly found: LedgerLevel | null }
  | { readonly side: "reservation"; readonly hold: Reservation };

export type Repair = StockRepair | LedgerRepair;

/** A level and what it should have. */
export interface LedgerCounts {
  readonly partition: number;
  readonly productId: string;
  readonly location: string;
  readonly onHand: number;
  readonly reserved: number;
}

/** From where one movement of a level ended to where the next one begins. */
export interface LostChange {
  readonly productId: string;
  readonly location: string;
  readonly onHandBefore: number;
  readonly onHandAfter: number;
  readonly reservedBefore: number;
  readonly reservedAfter: number;
}

/** Mends one difference; false: it is not as it was found, or cannot be mended by itself. */
export interface StockRepairs {
  mend(repair: StockRepair): Promise<boolean>;
}
export interface LedgerRepairs {
  /** Of which epoch a seq is; null: none had begun. */
  epochOf(partition: number, seq: number): Promise<number | null>;
  insertMovement(movement: Movement): Promise<boolean>;
  mend(repair: LedgerRepair): Promise<boolean>;
}

/** What is compared. */
export type ReconcileScope =
  | { readonly kind: "all" }
  | { readonly kind: "partition"; readonly partition: number }
  | { readonly kind: "products"; readonly productIds: readonly ProductId[] };

/** How many of each were looked at: a comparison of nothing finds nothing. */
export interface Checked {
  readonly products: number;
  readonly levels: number;
  readonly holds: number;
  readonly movements: number;
}

export interface ReconcileReport {
  readonly checked: Checked;
  /** The first of them; `differenceCount` tells how many there are. */
  readonly differences: readonly Difference[];
  readonly differenceCount: number;
  /** Movements that are set aside and not settled: the ledger is not whole while there are any. */
  readonly quarantined: number;
}

/** A partition of Redis at the moment of a read. */
export interface StockMoment {
  readonly seq: number;
  /** Up to this second nothing more is released. */
  readonly swept: number;
}

/** Counts as they stand in Redis; null: no count stands there. */
export interface StoredLevel {
  readonly location: string;
  readonly onHand: number | null;
  readonly reserved: number | null;
}
export interface StoredProduct {
  readonly productId: string;
  readonly seq: number | null;
  readonly sku: string | null;
  readonly levels: readonly StoredLevel[];
  /** Its score in the low set, and what it should be; null: not in it. */
  readonly low: { readonly found: number | null; readonly expected: number | null };
}

/** A record as it stands under an owner's key; `hold` is null when it cannot be read. */
export interface StoredHold {
  readonly text: string;
  readonly hold: Reservation | null;
}

/** One step over all keys of a partition, in no order; a key may come twice. */
export interface KeyStep {
  /** null: it was the last step. */
  readonly next: string | null;
  readonly productIds: readonly string[];
  readonly owners: readonly string[];
}

/**
 * Redis as a comparison sees it. Reads of several records are of one moment. Rejects with Fault
 * `partition_fenced` when the partition is fenced or holds another store's data.
 */
export interface ReconcileStock {
  readonly partitions: number;
  partitionOf(productId: string): number;
  moment(partition: number): Promise<StockMoment>;
  products(
    partition: number,
    productIds: readonly string[],
  ): Promise<{ readonly at: StockMoment; readonly found: readonly (StoredProduct | null)[] }>;
  /** The product that claims each SKU. */
  skuHolders(skus: readonly string[]): Promise<readonly (string | null)[]>;
  keys(partition: number, cursor: string): Promise<KeyStep>;
  holds(
    partition: number,
    owners: readonly string[],
  ): Promise<{ readonly at: StockMoment; readonly found: readonly (StoredHold | null)[] }>;
  /** Owners in the list of that second. */
  dueList(partition: number, second: number): Promise<ReadonlySet<string>>;
  /** The record and whether the list of that second has it, at one moment. */
  dueHold(
    partition: number,
    owner: string,
    second: number,
  ): Promise<{
    readonly at: StockMoment;
    readonly found: StoredHold | null;
    readonly isListed: boolean;
  }>;
  /** A page of the low set. */
  lowMembers(
    partition: number,
    cursor: string,
  ): Promise<{ readonly next: string | null; readonly productIds: readonly string[] }>;
  /** The journal's kept entry with that movement; null when the tail no longer has it. */
  journaled(partition: number, epoch: number, seq: number): Promise<Movement | null>;
}

/** A level by the ledger. */
export interface LedgerLevel {
  readonly productId: string;
  readonly location: string;
  readonly onHand: number;
  readonly reserved: number;
  /** Of its last movement. */
  readonly seq: number;
}

/** A place in the movements of one level where something begins, ends or breaks. */
export interface ChainLink {
  readonly seq: number;
  readonly productId: string;
  readonly location: string;
  readonly onHandBefore: number;
  readonly onHandAfter: number;
  readonly reservedBefore: number;
  readonly reservedAfter: number;
  /** The one before it in this part; null: it is the level's first there. */
  readonly previous: {
    readonly seq: number;
    readonly onHand: number;
    readonly reserved: number;
  } | null;
}

/** A place in the list of all reservations. */
export interface HoldPlace {
  readonly owner: string;
  readonly generation: string;
  readonly partition: number;
}

/** The ledger at one moment, however long it is read. */
export interface LedgerSnapshot {
  readonly cursors: ReadonlyMap<number, number>;
  /** Up to `until` movements were put away, and what the levels were then. */
  openings(): Promise<{ readonly until: number; readonly levels: readonly LedgerLevel[] }>;
  /** Numbers of that range that are neither a movement nor in quarantine, at most `limit`. */
  gaps(partition: number, after: number, upTo: number, limit: number): Promise<readonly number[]>;
  /** First and last link of each level in that range, and each that does not follow. */
  links(partition: number, after: number, upTo: number): Promise<readonly ChainLink[]>;
  /** The same of the next `limit` movements of one product; `upTo` null: there are no more. */
  linksOf(
    productId: string,
    after: number,
    limit: number,
  ): Promise<{ readonly links: readonly ChainLink[]; readonly upTo: number | null }>;
  /** Levels in the order of product and location. */
  levels(
    after: Pick<LedgerLevel, "productId" | "location">,
    limit: number,
  ): Promise<readonly LedgerLevel[]>;
  /** Live holds among the next `limit` reservations; `last` null: there are no more. */
  liveHolds(
    after: HoldPlace,
    limit: number,
  ): Promise<{ readonly holds: readonly Reservation[]; readonly last: HoldPlace | null }>;
}

export interface QuarantinedMovement {
  readonly partition: number;
  readonly seq: number;
  /** null: it cannot be told. */
  readonly productId: string | null;
}

/** PostgreSQL as a comparison sees it. */
export interface ReconcileLedger {
  cursor(partition: number): Promise<number>;
  quarantine(): Promise<readonly QuarantinedMovement[]>;
  /** Products of the next `limit` levels, in order; none: there are no more. */
  productIds(after: string, limit: number): Promise<readonly string[]>;
  /** Those of them that have no level. */
  unknownProducts(partition: number, productIds: readonly string[]): Promise<readonly string[]>;
  productCount(): Promise<number>;
  /** The levels of these products as they were right after that movement. */
  levelsAt(
    partition: number,
    productIds: readonly string[],
    seq: number,
  ): Promise<readonly LedgerLevel[]>;
  reservations(ids: readonly ReservationId[]): Promise<readonly Reservation[]>;
  /** The live hold of that owner. */
  liveHoldOf(partition: number, owner: string): Promise<Reservation | null>;
  /** Of which hold a movement is; null: there is no such movement, or it has none. */
  holdOfMovement(partition: number, seq: number): Promise<string | null>;
  /** Reads the ledger as it stands now. */
  atOneMoment<Result>(read: (snapshot: LedgerSnapshot) => Promise<Result>): Promise<Result>;
}
