/**
 * The ports of those who write the ledger and begin epochs, part of `ports.ts`: the journal, the
 * ledger as its writer sees it, and its part in an epoch.
 */
import type { Crossing } from "#inventory/event-ports";
import type { JournaledLocation } from "#inventory/location-ports";
import type { Movement, Product, Reservation } from "#inventory/model";
import type { RecoveryReport } from "#inventory/rebuild-ports";

/** A place in a partition's journal: all movements up to and including `seq` are behind it. */
export interface Cursor {
  readonly epoch: number;
  readonly seq: number;
}

/** One journal entry, which is what one batch changed; its id is `<epoch>-<seq of its last movement>`. */
export interface JournalEntry {
  readonly epoch: number;
  readonly seq: number;
  /** In order of seq, without a gap; the last one has the entry's seq. */
  readonly movements: readonly Movement[];
  /** Last state in this batch of each hold (owner and generation) that it changed. */
  readonly reservations: readonly Reservation[];
  /** Products made or amended, as they were after the batch. */
  readonly products: readonly Product[];
  /** Locations registered or amended, as they were after the batch. */
  readonly locations: readonly JournaledLocation[];
  /** Products that the batch left with another grade than it found. */
  readonly crossings: readonly Crossing[];
  /** What repeats under the keys of its operations hear. */
  readonly operations: readonly KeptOperation[];
  /** Last state in this batch of each record that it changed. */
  readonly records: readonly KeptRecord[];
}

/** What is kept beside stock, holds and locations. */
export const RECORD_KINDS = ["limit", "campaign", "waiting"] as const;
export type RecordKind = (typeof RECORD_KINDS)[number];

/** A record of that kind as a batch left it; its text belongs to its kind. */
export interface KeptRecord {
  readonly kind: RecordKind;
  readonly id: string;
  /** One line; null: it was removed. */
  readonly text: string | null;
  /** Of the movement that says so. */
  readonly seq: number;
}

/** What Redis keeps under the key of an operation, so that a repeat is known. */
export interface KeptOperation {
  readonly key: string;
  /** Hash of the request, and the reply: nothing but Lua reads it. */
  readonly text: string;
  /** Last seq of its batch. */
  readonly seq: number;
}

/** The journal as the drain sees it. */
export interface Journal {
  readonly partitions: number;
  /**
   * Entries after the cursor, oldest first; waits up to `waitMsMax` when there is none. Rejects with
   * Fault `partition_fenced` when Redis is fenced or holds another store's journal.
   */
  read(
    partition: number,
    after: Cursor,
    entriesMax: number,
    waitMsMax: number,
  ): Promise<readonly JournalEntry[]>;
  /**
   * Tells Redis how far the ledger is, and trims what lies behind the kept tail. `located`: read
   * from PostgreSQL, which may stand before what Redis was told (restored from a backup).
   * Rejects with Fault `partition_fenced` when Redis is not the one whose journal this is.
   */
  settle(partition: number, drained: Cursor, how: "located" | "appended"): Promise<void>;
}

/** What the drain hands to PostgreSQL in one statement. */
export interface LedgerBatch {
  readonly partition: number;
  /** Where the cursor must be; the statement changes nothing otherwise. */
  readonly from: Cursor;
  readonly to: Cursor;
  readonly movements: readonly Movement[];
  readonly reservations: readonly Reservation[];
  readonly products: readonly Product[];
  readonly locations: readonly JournaledLocation[];
  readonly crossings: readonly Crossing[];
  readonly operations: readonly KeptOperation[];
  readonly records: readonly KeptRecord[];
}
export type AppendOutcome =
  | { readonly kind: "appended" }
  /** Another drain moved the cursor: read it again. */
  | { readonly kind: "cursor_moved" }
  /** PostgreSQL refuses a row of the batch (its data, not its state): narrow it down. */
  | { readonly kind: "refused"; readonly error: string };

/** The ledger as the drain sees it. Rejects with Fault `ledger_unavailable` while PostgreSQL is away. */
export interface LedgerWriter {
  cursor(partition: number): Promise<Cursor>;
  /** `next`: what will come after it, if that is known, for who can make it ready meanwhile. */
  append(batch: LedgerBatch, next?: LedgerBatch): Promise<AppendOutcome>;
  /** Sets one refused movement aside with its payload, and moves the cursor over it, in one statement. */
  quarantine(batch: LedgerBatch, error: string): Promise<AppendOutcome>;
  /** Movements set aside and not yet settled by an operator. */
  quarantined(): Promise<number>;
}

/** What a partition's Redis answers when an epoch shall begin there. */
export type BeginAnswer =
  | { readonly kind: "begun"; readonly epoch: number; readonly seq: number }
  /** Redis has seen a higher epoch: take one above it. */
  | { readonly kind: "used"; readonly epoch: number }
  /** Redis lacks movements that the ledger has. */
  | { readonly kind: "behind"; readonly seq: number }
  /** Redis holds another store's data. */
  | { readonly kind: "foreign" };

/** The ledger's part in beginning an epoch. */
export interface EpochLedger {
  /** Random, the same in PostgreSQL and in every partition's meta. */
  readonly storeId: string;
  /** The epochs that began after that one, in order, and the seq at which each did. */
  beganAfter(
    partition: number,
    epoch: number,
  ): Promise<readonly { readonly epoch: number; readonly beganAt: number }[]>;
  /**
   * Notes that a server is in use for these partitions: nobody rebuilds another meanwhile. Answers
   * the epoch that the ledger has come to.
   */
  use(
    partitions: readonly number[],
    runId: string,
  ): Promise<readonly { readonly partition: number; readonly epoch: number }[]>;
  /** Notes an epoch that somebody else may have begun, unless it is noted. */
  note(partition: number, epoch: number, beganAt: number, runId: string): Promise<void>;
  report(report: RecoveryReport): Promise<void>;
  /**
   * Takes an epoch number that no history ever had (it is spent even if nothing comes of it), then
   * asks Redis to begin it, and notes an epoch that began. Appends prepared before move nothing.
   * `known.seq` is the highest seq that the ledger has heard of, `known.epoch` the last epoch that
   * began: a Redis without them is an older one.
   */
  begin(
    partition: number,
    runId: string,
    ask: (epoch: number, known: Cursor) => Promise<BeginAnswer>,
  ): Promise<BeginAnswer>;
}
