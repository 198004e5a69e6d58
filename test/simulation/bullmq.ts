/**
 * What src/workers has of BullMQ: jobs that run later, and late where a worker died with them; twice
 * where its connection was gone when it had done them; never where they failed too often or are lost.
 */
import { JOBS } from "#workers/catalog";
import { asClient, type SimulatedClient } from "./redis/client.ts";
import { latency } from "./redis/connection.ts";
import type { Job } from "./redis/server.ts";

/** A queue and its jobs, as `src/workers/wake-ups.ts` asks for them. */
export class Queue {
  readonly #client: SimulatedClient;
  constructor(_name: string, { connection }: { readonly connection: object }) {
    this.#client = asClient(connection);
  }
  on(): this {
    return this;
  }
  add(name: string, data: unknown, { jobId, delay }: { jobId: string; delay: number }) {
    return this.#client.call("JOB", jobId, name, String(delay), JSON.stringify(data));
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Thrown by a job that moved itself. */
export class DelayedError extends Error {}

interface RunningJob extends Job {
  moveToDelayed(at: number): Promise<void>;
}

/** As `WakeUps` asks for: between two attempts it waits twice as long as before. */
const BACKOFF_MS = 100;

/** Takes jobs one after another; one that fails is tried again, so often. */
export class Worker {
  constructor(
    _name: string,
    run: (job: RunningJob, token?: string) => Promise<unknown>,
    { connection }: { readonly connection: object },
  ) {
    const client = asClient(connection);
    const { scheduler, server, owner } = client.links;
    const again = (job: Job, inMs: number): void => {
      const add = (): void => server.addJob({ ...job }, inMs);
      scheduler.after(latency(scheduler), "job again", add, null);
    };
    const perform = async (job: Job): Promise<void> => {
      const moveToDelayed = async (at: number): Promise<void> => again(job, at - Date.now());
      try {
        await run({ ...job, moveToDelayed });
        // Who cannot say that it is done leaves it to the next one.
        if (client.status === "ready") server.endJob(job, false);
      } catch (error) {
        if (error instanceof DelayedError) return;
        const failed = (job.failed ?? 0) + 1;
        if (failed >= JOBS.expire.attempts) server.endJob(job, true);
        else again({ ...job, failed }, BACKOFF_MS * 2 ** (failed - 1));
      }
    };
    const take = (job: Job): void => {
      scheduler.after(latency(scheduler), "job", () => void perform(job), owner);
    };
    server.work({ isAlive: () => owner.isAlive, take });
  }
  on(): this {
    return this;
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}
