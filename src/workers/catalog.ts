/**
 * Every kind of background job: the shape of its payload, how often it is tried, and why it exists.
 * A payload of another shape never reaches a handler. A kind of the expiry queue without one does
 * not compile (see `Handlers`).
 */
import { z } from "zod";

/** One queue: its jobs are few, since one job stands for all that is due in a second. */
export const QUEUE_NAME = "expiry";
/** The braces put all of BullMQ's keys on one slot of a cluster. */
export const QUEUE_PREFIX = "{bull}";

export const JOBS = {
  /** Wakes the worker when a second has something due. A lost one is made good by the sweep. */
  expire: {
    payload: z.strictObject({
      partition: z.int().min(0),
      /** Epoch second by Redis's clock. */
      second: z.int().min(1),
    }),
    attempts: 5,
  },
} as const;

export type JobName = keyof typeof JOBS;
export type Payload<Name extends JobName> = z.infer<(typeof JOBS)[Name]["payload"]>;
/** What a handler answers: nothing, or the time the job is to wait for because it came early. */
export type Handled = { readonly againInMs: number } | null;
export type Handlers = {
  readonly [Name in JobName]: (payload: Payload<Name>) => Promise<Handled>;
};

export const isJobName = (name: string): name is JobName => Object.hasOwn(JOBS, name);

/** A queue of their own: a comparison of a large store takes minutes, and one runs at a time. */
export const RECONCILE_QUEUE = "reconcile";

export const RECONCILE_JOBS = {
  /** Somebody asked for that run. One that is lost is found by the next worker that starts. */
  reconcile: { payload: z.strictObject({ id: z.string().min(1) }), attempts: 5 },
  /** Asks for a run of everything by itself. */
  nightly: { payload: z.strictObject({}), attempts: 5 },
} as const;

export const isReconcileJobName = (name: string): name is keyof typeof RECONCILE_JOBS =>
  Object.hasOwn(RECONCILE_JOBS, name);

/** One run of counts at a time: each asks the ledger about 500 levels at once. */
export const COUNT_QUEUE = "counts";

export const COUNT_JOBS = {
  /** Somebody asked for that run. Tried once: every worker looks for runs that have not ended. */
  count: { payload: z.strictObject({ id: z.string().min(1) }), attempts: 1 },
} as const;
