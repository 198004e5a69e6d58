/** Doubles of the runs that a worker would do. */
import type { CountRun, CountRuns } from "#inventory/count-run-ports";
import type { ReconcileRun, ReconcileRuns } from "#inventory/reconcile-ports";

const AT = Date.UTC(2025, 0, 1);

export const RUN_ID = "0a".repeat(16);

export function runOf(changes: Partial<ReconcileRun> = {}): ReconcileRun {
  return {
    id: RUN_ID,
    status: "queued",
    mode: "report",
    scope: { kind: "all" },
    askedBy: "admin:ada",
    askedAt: AT,
    startedAt: null,
    finishedAt: null,
    progress: 0,
    report: null,
    error: null,
    ...changes,
  };
}

export const RUNS: ReconcileRuns = {
  ask: async ({ id, mode, scope, askedBy }) => {
    const run = runOf({ id, mode, scope, askedBy });
    return { kind: "asked", run, replayed: false };
  },
  read: async (id) => (id === RUN_ID ? runOf() : null),
  list: async () => ({ items: [runOf()], nextCursor: null }),
};

export function countRunOf(changes: Partial<CountRun> = {}): CountRun {
  return {
    id: RUN_ID,
    status: "queued",
    pass: "check",
    errorPolicy: "reject_all",
    commit: true,
    reference: null,
    askedBy: "admin:ada",
    askedAt: AT,
    startedAt: null,
    finishedAt: null,
    rows: 4,
    done: 0,
    succeeded: 0,
    differing: 0,
    nextChunk: 0,
    tries: 0,
    error: null,
    ...changes,
  };
}

export const COUNT_RUNS: CountRuns = {
  ask: async ({ id }) => ({ kind: "asked", run: countRunOf({ id }), replayed: false }),
  read: async (id) => (id === RUN_ID ? countRunOf() : null),
  list: async () => ({ items: [countRunOf()], nextCursor: null }),
  errors: async () => [],
};
