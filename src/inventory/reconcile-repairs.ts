/** What mends a difference between Redis and the ledger, on each side. */
import type { LimitWindow, RecordedRule } from "#inventory/limit-ports";
import type { RecordKind } from "#inventory/drain-ports";
import type { Movement, RegisteredLocation, Reservation } from "#inventory/model";
import type { LedgerLevel, LostChange } from "#inventory/ledger-snapshot";
import type { PlacesOfCustomer, StoredRegistry } from "#inventory/reconcile-sides";

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
      /** What a level changed without a record, and traffic has passed since. */
      readonly side: "break";
      readonly partition: number;
      /** The movement before which it changed. */
      readonly seq: number;
      readonly change: LostChange;
    }
  | {
      /** What is reserved of a level, and held by nobody; below zero: what its holds have beyond it. */
      readonly side: "reserved";
      readonly partition: number;
      readonly productId: string;
      readonly location: string;
      readonly units: number;
      /** Seq of the last repair of that kind which was seen; 0: none. */
      readonly after: number;
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
  | {
      readonly side: "product";
      readonly partition: number;
      readonly productId: string;
      /** That it had when it was looked at. */
      readonly productSeq: number;
      readonly attributes: Readonly<Record<string, string>>;
    }
  | {
      readonly side: "limit";
      readonly partition: number;
      readonly productId: string;
      /** That it had when it was looked at. */
      readonly productSeq: number;
      /** Hash of a customer, and what it should have. */
      readonly units: readonly (readonly [string, number])[];
    }
  | {
      readonly side: "named_limit";
      readonly partition: number;
      readonly rule: RecordedRule;
      readonly window: LimitWindow;
      /** The highest that its products had; of one over all products, the partition's. */
      readonly seq: number;
      /** Field of its counts, and what it should be. */
      readonly units: readonly (readonly [string, number])[];
    }
  /** What is found by product of the limits with a name: it is made anew from their records. */
  | { readonly side: "limited"; readonly partition: number }
  | {
      readonly side: "registry";
      readonly partition: number;
      readonly found: StoredRegistry;
      readonly wanted: readonly RegisteredLocation[];
    }
  | {
      /** What is kept beside stock, holds and locations. */
      readonly side: "kept";
      readonly partition: number;
      readonly kind: RecordKind;
      readonly id: string;
      /** Text that was found; null: there was none. */
      readonly found: string | null;
      /** null: it is removed. */
      readonly wanted: string | null;
    }
  | {
      /** What is derived from who waits for a product. */
      readonly side: "line";
      readonly partition: number;
      readonly productId: string;
      readonly owners: readonly string[];
    }
  /** How many places in line a customer has. */
  | { readonly side: "places"; readonly partition: number; readonly of: PlacesOfCustomer }
  | { readonly side: "low"; readonly partition: number; readonly productId: string }
  | { readonly side: "sku"; readonly sku: string; readonly productId: string }
  /** A claim as it was found, which no product has. */
  | { readonly side: "claim"; readonly sku: string; readonly text: string };

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
  | {
      readonly side: "reservation";
      readonly hold: Reservation;
      /** The row as it was found, where it may stand at the same movement. */
      readonly found: Reservation | null;
    };

export type Repair = StockRepair | LedgerRepair;

/** A level and what it should have. */
export interface LedgerCounts {
  readonly partition: number;
  readonly productId: string;
  readonly location: string;
  readonly onHand: number;
  readonly reserved: number;
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
