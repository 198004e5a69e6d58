/** The ledger at one moment, as a comparison reads it by itself: pages of what stands there. */
import type { IncomingId, ReceiptState } from "#inventory/incoming-ports";
import type { Location, ProductId, Reservation, ReservationId } from "#inventory/model";

/** A level by the ledger. */
export interface LedgerLevel {
  readonly productId: string;
  readonly location: string;
  readonly onHand: number;
  readonly reserved: number;
  /** Of its last movement. */
  readonly seq: number;
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

/** A place in the movements of one level where something begins, ends or breaks. */
export interface ChainLink extends LostChange {
  readonly seq: number;
  /** The one before it in this part; null: it is the level's first there. */
  readonly previous: {
    readonly seq: number;
    readonly onHand: number;
    readonly reserved: number;
  } | null;
  /** Seq of the movement before which something changed without a record, where this one is for that. */
  readonly explains: number | null;
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
  /** Up to `until`, and up to `at` (ms), movements were put away, and what the levels were then. */
  openings(): Promise<{
    readonly until: number;
    readonly at: number;
    readonly levels: readonly LedgerLevel[];
  }>;
  /** Numbers of that range that are neither a movement nor in quarantine, at most `limit`. */
  gaps(partition: number, after: number, upTo: number, limit: number): Promise<readonly number[]>;
  /** First and last link of each level in that range, and each that does not follow. */
  links(partition: number, after: number, upTo: number): Promise<readonly ChainLink[]>;
  /** Where a product has movements. */
  locationsOf(productId: string): Promise<readonly string[]>;
  /** The same links of the next `limit` movements of one level; none: there are no more. */
  linksOf(
    level: Pick<ChainLink, "productId" | "location">,
    after: number,
    limit: number,
    upTo: number,
  ): Promise<readonly ChainLink[]>;
  /** Levels in the order of product and location. */
  levels(
    after: Pick<LedgerLevel, "productId" | "location">,
    limit: number,
  ): Promise<readonly LedgerLevel[]>;
  /** Seq of the last movement that set what is reserved there to what its holds add up to; 0: none. */
  reservedRepairOf(level: Pick<LedgerLevel, "productId" | "location">): Promise<number>;
  /** Movements of that partition where none can be, at most `limit`. */
  strays(partition: number, limit: number): Promise<readonly number[]>;
  /** Live holds among the next `limit` reservations; `last` null: there are no more. */
  liveHolds(after: HoldPlace, limit: number): Promise<PageOfHolds>;
  /** Ended holds among them whose last movement is of something else, or still to come. */
  strangeEnds(after: HoldPlace, limit: number): Promise<PageOfHolds>;
  /** What the movements of that range did to holds, level by level. */
  movedUnits(partition: number, after: number, upTo: number): Promise<readonly MovedUnits[]>;
  /** Those of them that the ledger has. */
  reservations(ids: readonly ReservationId[]): Promise<{
    readonly known: readonly Reservation[];
    readonly unreadable: readonly UnreadableRow[];
  }>;
  /** Of the rows of holds that ended below that seq some are gone. */
  reservationsFrom(partition: number): Promise<number>;
  /**
   * Whether a movement of that hold may be in quarantine, or was lost and put back without its name,
   * between its making (ms) and the seq of its last one.
   */
  mayLackMovement(hold: {
    readonly partition: number;
    readonly reservationId: ReservationId;
    readonly productIds: readonly string[];
    readonly createdAt: number;
    readonly seq: number;
  }): Promise<boolean>;
  /** Movements of that range that say of themselves that they are of a receipt. */
  receiptMovements(
    partition: number,
    after: number,
    upTo: number,
  ): Promise<readonly ReceiptMovement[]>;
  /** The next `limit` receipts of incoming stock; none: there are no more. */
  receipts(
    after: Pick<StoredReceipt, "incomingId" | "receipt">,
    limit: number,
  ): Promise<readonly StoredReceipt[]>;
  /** Whether its movement may be in quarantine, or was lost and put back without its name. */
  mayBeUnderAnotherName(receipt: StoredReceipt, reason: string): Promise<boolean>;
  /**
   * Among the next `limit` lots of incoming stock those that count other units as received than their
   * receipts have; `last` null: there are no more.
   */
  lots(
    after: IncomingId,
    limit: number,
  ): Promise<{ readonly wrong: readonly StoredLot[]; readonly last: IncomingId | null }>;
}

/** A row of a reservation that cannot be read. */
export interface UnreadableRow {
  readonly partition: number;
  /** As in ids, without hyphens. */
  readonly owner: string;
  readonly generation: string;
}

/** `last` null: there are no more holds behind them. */
export interface PageOfHolds {
  readonly holds: readonly Reservation[];
  readonly unreadable: readonly UnreadableRow[];
  readonly last: HoldPlace | null;
}

/** A movement whose reason is that of a receipt. */
export interface ReceiptMovement {
  readonly productId: string;
  readonly reason: string;
  readonly units: number;
  readonly seq: number;
}

/** A receipt of incoming stock as its row has it. */
export interface StoredReceipt {
  readonly incomingId: IncomingId;
  readonly receipt: number;
  readonly units: number;
  readonly state: ReceiptState;
  readonly productId: string;
  readonly partition: number;
  /** Its movement is behind that; 0: not known. */
  readonly ledgerSeq: number;
  /** Since somebody held it last. */
  readonly ageMs: number;
}

/** A lot that counts `received`, and whose receipts have `units`. */
export interface StoredLot {
  readonly incomingId: IncomingId;
  readonly productId: string;
  /** null: there is no such product. */
  readonly partition: number | null;
  readonly received: number;
  readonly units: number;
}

/** What movements of a hold did at one level. */
export interface LevelUnits {
  readonly productId: string;
  readonly location: string;
  readonly held: number;
  readonly confirmed: number;
  readonly released: number;
  /** Of the last of them. */
  readonly seq: number;
}

/** What those of a range did. */
export interface MovedUnits extends LevelUnits {
  /** As it stands there: what has not its shape is no hold's. */
  readonly reservationId: string;
  readonly orderId: string | null;
  readonly productId: ProductId;
  readonly location: Location;
  /** Time of the first of them (ms). */
  readonly since: number;
  /** Whether the last of them is its expiry. */
  readonly isExpired: boolean;
}
