/** The words of counts that come by the ten thousand: what is asked for, and what is told of it. */
import type { Location, ProductId } from "#inventory/model";
import type { Page } from "#inventory/ports";

export const COUNT_RUN_STATUSES = [
  "queued",
  "running",
  "completed",
  /** By the policy: a row was refused, so nothing was changed. */
  "rejected",
  "failed",
] as const;
/** `reject_all`: a row that is refused refuses all. `reject_failed`: itself alone. */
export const ERROR_POLICIES = ["reject_all", "reject_failed"] as const;
export type ErrorPolicy = (typeof ERROR_POLICIES)[number];
/** A check changes nothing. */
export const COUNT_PASSES = ["check", "apply"] as const;
export type CountPass = (typeof COUNT_PASSES)[number];

interface CountPlace {
  /** Numbered from 1. */
  readonly row: number;
  /** Of a CSV, the line that it begins at; null of JSON. */
  readonly line: number | null;
}

/** A row of what was sent. */
export type CountRow =
  | (CountPlace & {
      readonly productId: ProductId;
      readonly location: Location | null;
      readonly quantity: number;
      readonly countedAt: number;
    })
  /** It is no count; whoever sent it must be told why, and what it is about if it says so. */
  | (CountPlace & {
      readonly productId: string | null;
      readonly location: string | null;
      readonly wrong: string;
    });

/** Why a row was not put right. */
export interface CountRowError extends CountPlace {
  readonly productId: string | null;
  readonly location: string | null;
  readonly code: string;
  readonly message: string;
}

interface Wish {
  readonly id: string;
  readonly errorPolicy: ErrorPolicy;
  /** Without it, nothing changes: the run tells which rows would be refused. */
  readonly commit: boolean;
  readonly reference: string | null;
  /** `<role>:<subject>`. */
  readonly askedBy: string;
}

export interface NewCountRun extends Wish {
  /** Hash of the request: another one under the same id is refused. */
  readonly payload: string;
  readonly rows: readonly CountRow[];
}

/** Times are epoch milliseconds by PostgreSQL's clock. */
export interface CountRun extends Wish {
  readonly status: (typeof COUNT_RUN_STATUSES)[number];
  readonly pass: CountPass;
  readonly askedAt: number;
  readonly startedAt: number | null;
  readonly finishedAt: number | null;
  readonly rows: number;
  /** Of the present pass, as are the next two. */
  readonly done: number;
  readonly succeeded: number;
  /** Of those that succeeded, rows that found something else than was expected. */
  readonly differing: number;
  readonly nextChunk: number;
  /** How often the chunk at hand was tried in vain. */
  readonly tries: number;
  /** Why it failed, or what it waits for. */
  readonly error: string | null;
}

/** The runs of counts, as the core sees them. */
export interface CountRuns {
  /** Notes it, once for an id, and wakes a worker. */
  ask(
    run: NewCountRun,
    deadline: number,
  ): Promise<
    | { readonly kind: "asked"; readonly run: CountRun; readonly replayed: boolean }
    | { readonly kind: "key_reused" }
    /** So many wait already that this one would wait too long. */
    | { readonly kind: "too_many_open" }
  >;
  /** Newest first; a cursor is one that it answered. */
  list(cursor: string | null, limit: number, deadline: number): Promise<Page<CountRun>>;
  read(id: string, deadline: number): Promise<CountRun | null>;
  /** In the order of rows, behind that one. */
  errors(
    id: string,
    after: number,
    limit: number,
    deadline: number,
  ): Promise<readonly CountRowError[]>;
}
