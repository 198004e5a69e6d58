/**
 * Redis and the ledger as a comparison sees them: what both must be able to tell while they go on
 * serving. `src/redis` and `src/postgres` give the sides.
 */
import type { KeptLimit, LimitWindow, RecordedRule } from "#inventory/limit-ports";
import type { Campaign } from "#inventory/campaigns";
import type { KeptRecord, RecordKind } from "#inventory/drain-ports";
import type { LedgerLevel, LedgerSnapshot, LevelUnits } from "#inventory/ledger-snapshot";
import type {
  CustomerId,
  Movement,
  RegisteredLocation,
  Reservation,
  ReservationId,
} from "#inventory/model";

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
/** What both sides say of a product, and no change of its stock changes. */
export const ATTRIBUTES = [
  "productId",
  "sku",
  "name",
  "price",
  "lowStockThreshold",
  "reorderPoint",
  "reorderQuantity",
  "safetyStock",
  "maxPerCustomer",
  "limitSince",
  "home",
  "createdAt",
] as const;
export type Attributes = Readonly<Partial<Record<(typeof ATTRIBUTES)[number], string>>>;

export interface StoredProduct {
  readonly productId: string;
  readonly seq: number | null;
  readonly sku: string | null;
  /** As text, by their names; what nobody named is empty. */
  readonly attributes: Attributes;
  /** Names of what else its record must have, and is not there or no count. */
  readonly unreadable: readonly string[];
  readonly levels: readonly StoredLevel[];
  /** Its score in the low set, and what it should be; null: not in it. */
  readonly low: { readonly found: number | null; readonly expected: number | null };
}

/** What each customer has of a product with a limit, as it stands in Redis. */
export interface StoredLimit {
  readonly at: StockMoment;
  readonly productSeq: number;
  /** Hash of a customer → units (-1: no count stands there); a key: it is no such hash. */
  readonly counts: ReadonlyMap<string, number> | string;
}
/** The same of a limit with a name. */
export interface StoredNamedLimit extends Pick<StoredLimit, "at" | "counts"> {
  /** The highest that its products have; of one over all products, the partition's. */
  readonly seq: number;
}
/** What a customer has under a limit, by the ledger. */
export interface CustomerUnits {
  /** `product:<product>` for a product's own limit, else the limit's id. */
  readonly rule: string;
  readonly window: string;
  /** When the window ends (ms); null: never. */
  readonly endsAt: number | null;
  readonly customerId: CustomerId;
  readonly units: number;
  /** Live holds, where the limit bounds them; else 0. */
  readonly holds: number;
}

/** A record as it stands under an owner's key; `hold` is null when it cannot be read. */
export interface StoredHold {
  readonly text: string;
  readonly hold: Reservation | null;
}

/** A record of the registry as it stands there; `location` is null when it cannot be read. */
export interface StoredLocation {
  readonly text: string;
  readonly location: RegisteredLocation | null;
}

/** A partition's copy of the registry. */
export interface StoredRegistry {
  readonly records: ReadonlyMap<string, StoredLocation>;
  readonly rules: string;
  /** Whether the rules are what the records say. */
  readonly isRuled: boolean;
}

/** A place in line, as the id of its record names it. */
export interface WaitingPlace {
  readonly id: string;
  readonly productId: string;
  readonly owner: string;
  /** Hash of its customer; null: it is nobody's, or cannot be read. */
  readonly customer: string | null;
}
export interface PlacesOfCustomer {
  /** Its hash. */
  readonly customer: string;
  /** Records that it had when all were walked over, and the seq before that walk. */
  readonly ids: readonly string[];
  readonly since: number;
}

/** One step over all keys of a partition, in no order; a key may come twice. */
export interface KeyStep {
  /** null: it was the last step. */
  readonly next: string | null;
  readonly productIds: readonly string[];
  readonly owners: readonly string[];
  /** Whole names of those that no product and no hold can have. */
  readonly strange: readonly string[];
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
  /** What stands there of a product's limit; null: it is not there, or changed while that was read. */
  limit(partition: number, productId: string): Promise<StoredLimit | null>;
  /** The limits with a name, and whether what is found by product says the same; a key: it is no such hash. */
  namedLimits(partition: number): Promise<
    | {
        readonly at: StockMoment;
        readonly limits: readonly KeptLimit[];
        readonly isIndexed: boolean;
      }
    | string
  >;
  /** Campaigns that have a limit, each with the text of its record. */
  limitedCampaigns(
    partition: number,
  ): Promise<readonly (Campaign & { readonly text: string })[] | string>;
  /** What stands there of one; null: it changed while that was read. */
  recordedLimit(
    partition: number,
    rule: RecordedRule,
    window: LimitWindow,
  ): Promise<StoredNamedLimit | null>;
  registry(
    partition: number,
  ): Promise<{ readonly at: StockMoment; readonly found: StoredRegistry }>;
  /** A page of what is kept of that kind, ids alone; a key: it is no such hash. */
  keptIds(
    partition: number,
    kind: RecordKind,
    cursor: string,
  ): Promise<{
    readonly next: string | null;
    readonly ids: readonly string[];
    readonly unreadable: string | null;
  }>;
  /** Texts of these ids at one moment; null: there is none. */
  keptTexts(
    partition: number,
    kind: RecordKind,
    ids: readonly string[],
  ): Promise<{ readonly at: StockMoment; readonly texts: readonly (string | null)[] }>;
  /** A page of the places in line that the records name; a key: it is no such hash. */
  waiters(
    partition: number,
    cursor: string,
  ): Promise<{
    readonly next: string | null;
    readonly places: readonly WaitingPlace[];
    readonly unreadable: string | null;
  }>;
  /** Those of the products of which anything says that somebody waits for them. */
  withLine(partition: number, productIds: readonly string[]): Promise<readonly string[]>;
  /** Whether a product's line is what the records say; a key: it is of another type. */
  hasExactLine(
    partition: number,
    of: { readonly productId: string; readonly owners: readonly string[] },
  ): Promise<boolean | string>;
  /** A page of what says how many places customers have: hash of one and text by turns; a key as above. */
  placeCounts(
    partition: number,
    cursor: string,
  ): Promise<{
    readonly next: string | null;
    readonly counts: readonly (readonly [string, string])[];
    readonly unreadable: string | null;
  }>;
  /** Whether a customer has as many as its records say. */
  hasExactPlaces(partition: number, of: PlacesOfCustomer): Promise<boolean>;
  /** The product that claims each SKU; null: none does, or there is no SKU to ask for. */
  skuHolders(skus: readonly string[]): Promise<readonly (string | null)[]>;
  /** One step over all claims, each with how long ago it was made. */
  skuClaims(cursor: string): Promise<{
    readonly next: string | null;
    readonly claims: readonly {
      readonly sku: string;
      readonly productId: string;
      readonly ageMs: number;
      readonly text: string;
    }[];
    /** Keys that are no claim. */
    readonly unreadable: readonly string[];
  }>;
  keys(partition: number, cursor: string): Promise<KeyStep>;
  holds(
    partition: number,
    owners: readonly string[],
  ): Promise<{ readonly at: StockMoment; readonly found: readonly (StoredHold | null)[] }>;
  /** Owners in the list of that second; a key: it is no list. */
  dueList(
    partition: number,
    second: number,
  ): Promise<{ readonly listed: ReadonlySet<string>; readonly unreadable: string | null }>;
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
  /** A page of the low set; a key: it is no such set. */
  lowMembers(
    partition: number,
    cursor: string,
  ): Promise<{
    readonly next: string | null;
    readonly productIds: readonly string[];
    /** Members that can be no product. */
    readonly strange: readonly string[];
    readonly unreadable: string | null;
  }>;
  /** The journal's kept entry with that movement; null when the tail no longer has it. */
  journaled(partition: number, epoch: number, seq: number): Promise<Movement | null>;
}

export interface QuarantinedMovement {
  readonly partition: number;
  readonly seq: number;
  /** False: its payload cannot be read, and it may be of any product and hold. */
  readonly isTold: boolean;
  readonly productId: string | null;
  /** Holds that it names, and those whose rows were set aside with it. */
  readonly reservationIds: readonly ReservationId[];
  /** Products of the holds whose rows were set aside with it: the ledger may have their movements. */
  readonly heldProductIds: readonly string[];
}

/** What the movements of a hold did at one level. */
export interface HoldUnits extends LevelUnits {
  /** Whether they begin where the hold began: older ones may have been put away. */
  readonly isWhole: boolean;
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
  /** What each customer has under these products' own limits and those of these ids: some at a time, of one moment. */
  limits(
    partition: number,
    asked: { readonly productIds: readonly string[]; readonly limitIds: readonly string[] },
    use: (part: readonly CustomerUnits[]) => void,
  ): Promise<void>;
  /** Those of them of which movements that their limit counts were put away. */
  unsureLimits(productIds: readonly string[]): Promise<readonly string[]>;
  /** How many customers were to be forgotten until now, and how many of them are being forgotten. */
  forgotten(): Promise<{ readonly asked: number; readonly open: number }>;
  /** When the last movement was, and the last of those that were put away (ms; null: none were). */
  limitTimes(partition: number): Promise<{
    readonly lastAt: number;
    readonly openedAt: number | null;
  }>;
  registry(): Promise<readonly RegisteredLocation[]>;
  /** Ids of that kind that are there, behind that one ("": from the first on), in order; at most a page. */
  keptIds(partition: number, kind: RecordKind, after: string): Promise<readonly string[]>;
  /** What is known of these ids, also of what was removed. */
  kept(
    partition: number,
    kind: RecordKind,
    ids: readonly string[],
  ): Promise<readonly Omit<KeptRecord, "kind">[]>;
  /** What it says of these products now, and of which movement that is. */
  attributes(
    productIds: readonly string[],
  ): Promise<ReadonlyMap<string, { readonly seq: number; readonly attributes: Attributes }>>;
  /** Which product has that SKU; null: none. */
  productOfSku(sku: string): Promise<string | null>;
  reservations(ids: readonly ReservationId[]): Promise<readonly Reservation[]>;
  /** The live hold of that owner. */
  liveHoldOf(partition: number, owner: string): Promise<Reservation | null>;
  /** Of which hold a movement is; null: there is no such movement, or it has none. */
  holdOfMovement(partition: number, seq: number): Promise<string | null>;
  /** What the movements of that hold did; where it is of no order, at these products. */
  unitsOf(
    hold: Pick<Reservation, "reservationId" | "orderId">,
    productIds: readonly string[],
  ): Promise<readonly HoldUnits[]>;
  /** Reads the ledger as it stands now. */
  atOneMoment<Result>(read: (snapshot: LedgerSnapshot) => Promise<Result>): Promise<Result>;
}
