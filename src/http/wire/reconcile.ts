/** What the routes of comparisons take and answer. */
import { z } from "zod";
import { Cursor, pageLimit, PARTITION_MAX, ProductId } from "#http/wire/fields";
import {
  DIFFERENCE_KINDS,
  LEFT_OUT_REASONS,
  RECONCILE_MODES,
  RUN_STATUSES,
  type ReconcileRun as Run,
  type ReconcileScope,
} from "#inventory/reconcile-ports";

/** Products that one call may name; more of them is a partition, or all. */
const PRODUCTS_MAX = 500;
const RUNS = 50;
const RUNS_MAX = 200;

export const ReconcileBody = z
  .strictObject({
    mode: z.enum(RECONCILE_MODES).default("report"),
    all: z.literal(true).exactOptional(),
    productIds: z.array(ProductId).min(1).max(PRODUCTS_MAX).exactOptional(),
    partition: z.int().min(0).max(PARTITION_MAX).exactOptional(),
  })
  .refine(
    ({ all, productIds, partition }) =>
      [all, productIds, partition].filter((named) => named !== undefined).length <= 1,
    "the body may name one of all, productIds and partition; none is all",
  );

/** Nothing named: all. */
export function scopeOf({
  productIds,
  partition,
}: Pick<z.output<typeof ReconcileBody>, "productIds" | "partition">): ReconcileScope {
  if (productIds !== undefined) return { kind: "products", productIds };
  return partition === undefined ? { kind: "all" } : { kind: "partition", partition };
}

export const RunParam = z.strictObject({
  runId: z.string().regex(/^[0-9a-z]{1,64}$/, "must be an id that a call of reconcile answered"),
});
export const RunsQuery = z.strictObject({
  cursor: Cursor.optional(),
  limit: pageLimit(RUNS, RUNS_MAX),
});

export const ReconcileAsked = z.strictObject({ id: z.string() });

const Count = z.int().min(0);
const Time = z.iso.datetime();

const Difference = z.strictObject({
  kind: z.enum(DIFFERENCE_KINDS),
  partition: Count,
  productId: z.string().nullable(),
  location: z.string().nullable(),
  reservationId: z.string().nullable(),
  redis: z.string().nullable(),
  ledger: z.string().nullable(),
  cause: z.string(),
  repaired: z.boolean(),
});

const RUN = {
  id: z.string(),
  status: z.enum(RUN_STATUSES),
  mode: z.enum(RECONCILE_MODES),
  productIds: z.array(z.string()).readonly().nullable(),
  partition: Count.nullable(),
  askedBy: z.string(),
  askedAt: Time,
  startedAt: Time.nullable(),
  finishedAt: Time.nullable(),
  progress: z.int().min(0).max(100),
  checked: z.strictObject({ products: Count, levels: Count, holds: Count, movements: Count }),
  /** All there are; of the differences the first thousand are kept. */
  differenceCount: Count,
  /** Changes without a record that a repair wrote down: they are no differences any more. */
  explained: Count,
  /** Limits whose counts could not be compared, and the first hundred of them: the next run looks again. */
  leftOutCount: Count,
  leftOut: z
    .array(z.strictObject({ partition: Count, limit: z.string(), why: z.enum(LEFT_OUT_REASONS) }))
    .readonly(),
  /** Of `productIds`: those that neither Redis nor the ledger knows. */
  unknownProductIds: z.array(z.string()).readonly(),
  quarantined: Count,
  /** The first hundred of them. */
  quarantine: z.array(z.strictObject({ partition: Count, seq: Count })).readonly(),
  error: z.string().nullable(),
};

export const ReconcileRun = z.strictObject({
  ...RUN,
  differences: z.array(Difference).readonly(),
});
export const ReconcileRuns = z.strictObject({
  runs: z.array(z.strictObject(RUN)),
  nextCursor: z.string().nullable(),
});

const NOTHING = { products: 0, levels: 0, holds: 0, movements: 0 };
const timeOf = (ms: number): string => new Date(ms).toISOString();
const optionalTime = (ms: number | null): string | null => (ms === null ? null : timeOf(ms));

/** A run as it is answered. */
export function runOf(run: Run): z.input<typeof ReconcileRun> {
  const { scope, report } = run;
  return {
    id: run.id,
    status: run.status,
    mode: run.mode,
    productIds: scope.kind === "products" ? scope.productIds : null,
    partition: scope.kind === "partition" ? scope.partition : null,
    askedBy: run.askedBy,
    askedAt: timeOf(run.askedAt),
    startedAt: optionalTime(run.startedAt),
    finishedAt: optionalTime(run.finishedAt),
    progress: run.progress,
    checked: report?.checked ?? NOTHING,
    differenceCount: report?.differenceCount ?? 0,
    explained: report?.explained ?? 0,
    leftOutCount: report?.leftOutCount ?? 0,
    leftOut: report?.leftOut ?? [],
    unknownProductIds: report?.unknownProductIds ?? [],
    quarantined: report?.quarantined ?? 0,
    quarantine: report?.quarantine ?? [],
    error: run.error,
    differences: report?.differences ?? [],
  };
}
