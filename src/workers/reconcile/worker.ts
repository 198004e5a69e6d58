/** Runs the comparisons that were asked for, one at a time. */
import { Worker, type Job } from "bullmq";
import type { Redis } from "ioredis";
import { factsOf, Fault } from "#inventory/faults";
import type {
  Attempt,
  ReconcileReport,
  ReconcileRun,
  ReconcileRunTable,
} from "#inventory/reconcile-ports";
import type { Clock } from "#lib/clock";
import { deadlineAfter, withDeadline } from "#lib/deadline";
import type { Log } from "#lib/log";
import {
  isReconcileJobName,
  QUEUE_PREFIX,
  RECONCILE_JOBS,
  RECONCILE_QUEUE,
} from "#workers/catalog";
import { Findings } from "#workers/reconcile/findings";
import type { ReconcileOptions } from "#workers/reconcile/run";

/** Least time between two notes of how far a run is. */
const NOTE_MS = 500;
/** A step of a run ends by then, and with it a run that shall stop. */
const CLOSE_MS_MAX = 3_500;
const ANSWER_MS_MAX = 7_000;
/** How often runs are looked for that nobody was woken for. */
const LOOK_MS = 30_000;

/** Of a run that meets a server which is away: each of its job's tries begins it anew. */
const ATTEMPTS_MAX = RECONCILE_JOBS.reconcile.attempts;

/** What a comparison is given by who runs it. */
export type Hands = Required<Pick<ReconcileOptions, "findings" | "notes" | "onProgress">>;

export interface ReconcileWorkerOptions {
  /** For the worker: never gives up (`maxRetriesPerRequest: null`). */
  readonly workerConnection: Redis;
  /** Of the queue: a Redis that comes back there may have forgotten what it was told. */
  readonly queueConnection: Redis;
  readonly runs: ReconcileRunTable;
  readonly clock: Clock;
  readonly log: Log;
  /** Compares what that run is about. */
  readonly compare: (run: ReconcileRun, hands: Hands) => Promise<ReconcileReport>;
  /** Asks for it once more, and sees to the nightly one. */
  readonly wake: (id: string) => Promise<void>;
  readonly schedule: () => Promise<void>;
}

/** The process stops: the run is for another one. */
class Stopped extends Error {}
/** It stood still so long that another worker has begun the run. */
class Superseded extends Error {}

export class ReconcileWorker implements AsyncDisposable {
  readonly #options: ReconcileWorkerOptions;
  readonly #worker: Worker;
  readonly #looks: ReturnType<typeof setInterval>;
  #isStopping = false;

  constructor(options: ReconcileWorkerOptions) {
    this.#options = options;
    const { workerConnection, log } = options;
    this.#worker = new Worker(RECONCILE_QUEUE, (job) => this.#handle(job), {
      connection: workerConnection,
      prefix: QUEUE_PREFIX,
      concurrency: 1,
      removeOnComplete: { count: 0 },
    });
    this.#worker.on("error", (error) => log.debug("reconcile queue", { error: error.message }));
    this.#worker.on("failed", (job, error) => {
      log.warn("a reconcile job failed", { job: job?.id, ...factsOf(error) });
    });
    options.queueConnection.on("ready", () => void this.#prepare());
    this.#looks = setInterval(() => void this.#wakeWaiting(), LOOK_MS);
    void this.#prepare();
  }

  /** Ends after the step at hand; its run is put back. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#looks);
    const isAway = this.#options.workerConnection.status !== "ready";
    await withDeadline(this.#worker.close(isAway), deadlineAfter(CLOSE_MS_MAX), () => {
      this.#options.log.warn("the reconcile queue was left with a run at hand");
    });
  }

  /** Whatever a Redis that came back has lost: the schedule, and who shall be woken. */
  async #prepare(): Promise<void> {
    if (this.#isStopping || this.#options.queueConnection.status !== "ready") return;
    await this.#options.schedule();
    await this.#wakeWaiting();
  }

  /** Those that were asked for while Redis was away, and those whose worker died. */
  async #wakeWaiting(): Promise<void> {
    try {
      for (const id of await this.#options.runs.waiting()) await this.#options.wake(id);
    } catch (error) {
      this.#options.log.debug("the runs that wait could not be read", { error });
    }
  }

  async #handle(job: Job): Promise<null> {
    if (!isReconcileJobName(job.name)) throw new Error(`there is no job ${job.name}`);
    if (job.name === "nightly") await this.#run(await this.#askNightly(job));
    else await this.#run(RECONCILE_JOBS.reconcile.payload.parse(job.data).id);
    return null;
  }

  /** One run for each night, however often its job is tried. */
  async #askNightly(job: Job): Promise<string> {
    const [night = "0"] = /\d+$/.exec(job.id ?? "") ?? [];
    const id = `nightly${night}`;
    const run = { id, mode: "report", scope: { kind: "all" }, askedBy: "system:nightly" } as const;
    await this.#options.runs.ask(
      { ...run, payload: "" },
      this.#options.clock.now() + ANSWER_MS_MAX,
    );
    return id;
  }

  async #run(id: string): Promise<void> {
    const { runs, compare, log } = this.#options;
    const run = await runs.begin(id);
    if (run === null) return;
    const findings = new Findings(run.mended);
    try {
      const report = await compare(run, this.#handsOf(run, findings));
      if (!(await runs.complete(run, report))) throw new Superseded();
      const { differenceCount, quarantined, leftOutCount, checked } = report;
      const level = differenceCount + quarantined > 0 ? "error" : "info";
      log[level]("Redis and the ledger were compared", {
        id,
        differenceCount,
        quarantined,
        leftOutCount,
        checked,
      });
    } catch (error) {
      if (error instanceof Superseded) {
        log.warn("another worker has begun this comparison anew", { id });
        return;
      }
      if (error instanceof Stopped) {
        await runs.putBack(run);
        throw error;
      }
      if (run.attempt < ATTEMPTS_MAX && isAway(error) && (await runs.putBack(run))) {
        log.warn("a comparison is begun anew: a server was away", { id, ...factsOf(error) });
        throw error;
      }
      const reason = error instanceof Fault ? `${error.code}: ${error.message}` : "internal_error";
      log.error("a comparison could not be finished", { id, ...factsOf(error) });
      await runs.fail(run, reason, hasLooked(findings) ? findings.report() : null);
    }
  }

  #handsOf(run: Attempt, findings: Findings): Hands {
    const { runs } = this.#options;
    const mustBeOurs = (isOurs: boolean): void => {
      if (!isOurs) throw new Superseded();
    };
    let notedAt = -Infinity;
    return {
      findings,
      notes: {
        note: async (name, difference) => mustBeOurs(await runs.noteMended(run, name, difference)),
        withdraw: async (name) => mustBeOurs(await runs.withdrawMended(run, name)),
      },
      onProgress: async (percent) => {
        if (this.#isStopping) throw new Stopped("the process stops");
        if (performance.now() < notedAt + NOTE_MS) return;
        notedAt = performance.now();
        mustBeOurs(await runs.progress(run, percent, findings.report()));
      },
    };
  }
}

const hasLooked = ({ checked, count }: Findings): boolean =>
  count + Object.values(checked).reduce((sum, one) => sum + one, 0) > 0;

/** Connections that end for a moment are no reason to go without a comparison until the next night. */
const isAway = (error: unknown): boolean =>
  error instanceof Fault &&
  (error.code === "redis_unavailable" || error.code === "ledger_unavailable");
