/** The words of a comparison between Redis and the ledger: what was asked for, and what it found. */
import type { Page } from "#inventory/ledger-ports";
import type { ProductId } from "#inventory/model";

/** What may differ, a word each. */
export const DIFFERENCE_KINDS = [
  /** A level's counts are not those of the ledger. */
  "counter",
  /** Two movements of a level that do not follow each other: it changed between them without a record. */
  "break",
  /** A product's attributes are not those of the ledger. */
  "product",
  /** What customers have of a product with a limit is not what their holds and sales add up to. */
  "limit",
  /** A partition's copy of the registry of locations is not that of the ledger. */
  "location",
  /** What is kept beside stock (a limit, a campaign, who waits) is not what the ledger says. */
  "record",
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
  /** A movement of the ledger where none can be yet, or where all was put away. */
  "stray_movement",
  /** The ledger's snapshot is not what its movements or its live holds add up to. */
  "snapshot",
  /** A receipt of incoming stock that the ledger's movements do not bear out. */
  "receipt",
  /** The chain of hashes does not fit at a movement. */
  "chain",
  /** A key of Redis that is of another type or name than any of ours: what stands there is not known. */
  "unreadable",
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
    | { readonly kind: "too_many_open" }
  >;
  read(id: string, deadline: number): Promise<ReconcileRun | null>;
  /** Newest first, without their differences. */
  list(cursor: string | null, limit: number, deadline: number): Promise<Page<ReconcileRun>>;
}

/** Every run that was asked for, for who asks and for the worker. Whoever asked is woken elsewhere. */
export interface ReconcileRunTable {
  /** null: a run of that id with another payload is there; full: too many have not ended. */
  ask(run: NewRun, deadline: number): Promise<{ readonly made: boolean } | "full" | null>;
  read(id: string, deadline: number): Promise<ReconcileRun | null>;
  list(cursor: string | null, limit: number, deadline: number): Promise<Page<ReconcileRun>>;
  /** Ids of runs that nobody has begun, or that stand still, oldest first. */
  waiting(): Promise<readonly string[]>;
  /** A run that begins, or begins anew after its worker died; null: it has ended, or never was. */
  begin(id: string): Promise<BegunRun | null>;
  /** Notes how far that attempt is; false, here and below: another one has begun, or it has ended. */
  progress(attempt: Attempt, percent: number, report: ReconcileReport): Promise<boolean>;
  /** Notes a difference that is about to be mended; one that was noted already is noted once. */
  noteMended(attempt: Attempt, name: string, difference: Difference | null): Promise<boolean>;
  /** It was not mended after all. */
  withdrawMended(attempt: Attempt, name: string): Promise<boolean>;
  /** Back to those that wait. */
  putBack(attempt: Attempt): Promise<boolean>;
  complete(attempt: Attempt, report: ReconcileReport): Promise<boolean>;
  /** `report` is what it had found by then; null: nothing yet. */
  fail(attempt: Attempt, error: string, report: ReconcileReport | null): Promise<boolean>;
}

/** One attempt at a run: a worker that stood still may find that another one has begun it. */
export interface Attempt {
  readonly id: string;
  readonly attempt: number;
}

export interface BegunRun extends ReconcileRun, Attempt {
  /** What earlier attempts have mended, by the name of the difference; null: a report does not name it. */
  readonly mended: ReadonlyMap<string, Difference | null>;
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

/** Why nobody could say whether what a limit counts is right. */
export const LEFT_OUT_REASONS = [
  /** One of its products changed at each look. */
  "busy",
  /** Movements that it counts were put away. */
  "put_away",
  /** The ledger was forgetting a customer: it stood there under its id and its pseudonym. */
  "forgetting",
  /** A movement of its products is in quarantine, or what the ledger has of them is in doubt. */
  "in_doubt",
] as const;
export type LeftOutReason = (typeof LEFT_OUT_REASONS)[number];

/** A limit whose counts were not compared: the next comparison looks again. */
export interface LeftOutLimit {
  readonly partition: number;
  /** `product:<product>`, the id of one with a name, or `campaign:<campaign>:<product>`. */
  readonly limit: string;
  readonly why: LeftOutReason;
}

export interface ReconcileReport {
  readonly checked: Checked;
  /** The first of them; `differenceCount` tells how many there are. */
  readonly differences: readonly Difference[];
  readonly differenceCount: number;
  /** Changes without a record that were written down since: no differences any more. */
  readonly explained: number;
  /** Limits that were not compared, and the first of them. */
  readonly leftOutCount: number;
  readonly leftOut: readonly LeftOutLimit[];
  /** Movements that are set aside and not settled: the ledger is not whole while there are any. */
  readonly quarantined: number;
  /** Products that were asked for by name and that neither side knows. */
  readonly unknownProductIds: readonly string[];
  /** The first of them. */
  readonly quarantine: readonly { readonly partition: number; readonly seq: number }[];
}
