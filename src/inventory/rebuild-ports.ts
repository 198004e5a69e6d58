/**
 * The ports of who rebuilds a partition from the ledger: Redis as a place that is written anew, and
 * the ledger as what it is written from.
 */
import type { Cursor, JournalEntry, KeptRecord } from "#inventory/drain-ports";
import type { CustomerUnits } from "#inventory/reconcile-sides";
import type {
  LocationRule,
  Product,
  ProductId,
  RegisteredLocation,
  Reservation,
  Sku,
} from "#inventory/model";

/** A server that was in use within this time may be in use still: who uses it says so each second. */
export const IN_USE_MS = 5_000;

/** What a partition's Redis was when it was claimed for a rebuild. */
export interface Claimed {
  readonly kind: "claimed";
  /** Of what it holds; 0: it holds nothing. */
  readonly epoch: number;
  readonly seq: number;
  /** seq at which its epoch began. */
  readonly beganAt: number;
  /** Highest seq that somebody knows of and that it lacks; 0: none is known; null: it was open. */
  readonly missing: number | null;
}
/** What a partition's Redis is, for who only looks. */
export interface Looked extends Cursor {
  readonly isForeign: boolean;
  /** Why it is fenced; null: it is not. */
  readonly fence: string | null;
  /** Highest seq that somebody knows of and that it lacks; 0: none is known. */
  readonly missing: number;
}
export type ClaimAnswer =
  | Claimed
  /** Nothing is wrong with it. */
  | { readonly kind: "open" }
  /** Somebody else rebuilds it. */
  | { readonly kind: "taken" }
  /** It holds another store's data. */
  | { readonly kind: "foreign" };

/** A hold as Redis shall have it again. */
export interface HoldCopy {
  readonly reservation: Reservation;
  /** Milliseconds that its record still answers repeats; null: it is live, and stays. */
  readonly livesMs: number | null;
}

/** A product without what the registry says of its locations: that stands in no record of it. */
export type ProductCopy = Omit<Product, "levels"> & {
  readonly levels: readonly Omit<Product["levels"][number], keyof LocationRule>[];
};

/** What of a partition is written in one go. */
export interface PartitionPart {
  readonly products: readonly ProductCopy[];
  readonly holds: readonly HoldCopy[];
  readonly locations: readonly RegisteredLocation[];
  readonly operations: readonly OperationCopy[];
  readonly limits: readonly CustomerUnits[];
  readonly records: readonly RecordCopy[];
}

/** A record as Redis shall have it again. */
export type RecordCopy = KeptRecord & { readonly text: string };

/** What Redis shall keep under an operation's key again. */
export interface OperationCopy {
  readonly key: string;
  readonly text: string;
  readonly livesMs: number;
}

/** Whose a SKU is. */
export interface SkuCopy {
  readonly sku: Sku;
  readonly productId: ProductId;
  readonly createdAt: number;
}

/** A partition of Redis that is rebuilt. Whoever lost the claim is told so by a `ClaimLost`. */
export interface PartitionRebuild {
  /** Of the server that would be written. */
  runId(): Promise<string>;
  /** What it holds now; null: nothing of this store. Changes nothing. */
  look(partition: number): Promise<Looked | null>;
  /** `fenced`: only what is fenced is claimed; `any`: an open partition too. Again: renews. */
  claim(partition: number, which: "fenced" | "any"): Promise<ClaimAnswer>;
  /** Makes the claim last longer. */
  renew(partition: number): Promise<void>;
  /** Gives the claim up, and leaves the partition as it was found: of one that was not written. */
  lift(partition: number): Promise<void>;
  /** Entries of its journal after the cursor, oldest first, at most `entriesMax`. */
  rest(partition: number, after: Cursor, entriesMax: number): Promise<readonly JournalEntry[]>;
  /** Removes all that the partition has, but for its meta. */
  forget(partition: number): Promise<void>;
  /** Takes a part to write; what it does not write at once, `reopen` does. */
  write(partition: number, part: PartitionPart): Promise<void>;
  /** Says whose SKUs are: they stand outside the partitions. */
  claimSkus(claims: readonly SkuCopy[]): Promise<void>;
  /**
   * Begins the epoch at that cursor and lifts the fence; answers the seconds in which something is
   * due. `lastAt`: when its last movement was (ms).
   */
  reopen(
    partition: number,
    runId: string,
    begin: Cursor,
    lastAt: number,
  ): Promise<readonly number[]>;
}

/** Another rebuilds the partition now, or nobody may any more. */
export class ClaimLost extends Error {
  constructor(partition: number) {
    super(`the rebuild of partition ${partition} is somebody else's now`);
  }
}

/** What a report of a recovery says; `lost` comes from a process that remembers. */
export interface RecoveryReport {
  readonly partition: number;
  readonly kind: "rebuilt" | "lost";
  /** rebuilt: the epoch that began; lost: the one in which the operations were acknowledged. */
  readonly epoch: number;
  /** Movements that were acknowledged and that the ledger does not have; null: none is known. */
  readonly missing: { readonly from: number; readonly to: number } | null;
  /** What was acknowledged and is lost, as far as somebody remembers it. */
  readonly operations: readonly LostOperation[];
  /** Counts of what was written, and the like. */
  readonly facts: Readonly<Record<string, number | string>>;
  /** The process, or `rebuild`: each tells once of an epoch. */
  readonly reportedBy: string;
}

/** One acknowledged operation that cannot be saved. */
export interface LostOperation {
  readonly verb: string;
  /** What the caller was told: `reserved`, `adjusted` and their like. */
  readonly outcome: string;
  /** Of what it changed, as its caller was told; else the highest of the batch that it was done in. */
  readonly seq: number;
  readonly requestId: string | null;
  readonly reservationId: string | null;
  readonly productId: string | null;
}

/** The ledger as what a partition is rebuilt from. */
export interface RebuildLedger {
  /** Movements of the partition that PostgreSQL refused and nobody has settled. */
  quarantined(partition: number): Promise<number>;
  /** The server of another run id that was in use last; null: none. */
  otherServer(
    partition: number,
    runId: string,
  ): Promise<{ readonly runId: string; readonly seenMsAgo: number } | null>;
  /**
   * Notes that the epoch begins at `seq`; from here on no movement of an earlier one is appended.
   * False: the cursor is elsewhere, another epoch was taken, or another server is in use.
   */
  seal(partition: number, epoch: number, seq: number, runId: string): Promise<boolean>;
  /** Where the ledger stands, and how much a copy of it is. */
  extent(partition: number): Promise<Extent>;
  /** Gives all of the partition to `use`, part by part, as it was at one moment. */
  copy(partition: number, use: (part: PartitionPart) => Promise<void>): Promise<CopiedCounts>;
  /** Gives whose each SKU is, over all partitions, to `use`, part by part. */
  skus(use: (claims: readonly SkuCopy[]) => Promise<void>): Promise<void>;
  report(report: RecoveryReport): Promise<void>;
}

export interface Extent extends Cursor {
  /** The last one that a Redis began; 0: none did. */
  readonly lastEpoch: number;
  readonly products: number;
  readonly liveHolds: number;
}

export interface CopiedCounts {
  readonly products: number;
  readonly liveHolds: number;
  /** When the last movement was (ms); 0: there is none. */
  readonly lastAt: number;
}
