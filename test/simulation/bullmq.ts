/** What src/workers has of BullMQ: jobs that run later, once, perhaps late, twice or never. */
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

/** Takes jobs one after another; one that fails is tried again. */
export class Worker {
  constructor(
    _name: string,
    run: (job: RunningJob, token?: string) => Promise<unknown>,
    { connection }: { readonly connection: object },
  ) {
    const { scheduler, server, owner } = asClient(connection).links;
    const again = (job: Job, inMs: number): void => {
      const add = (): void => server.addJob({ ...job }, inMs);
      scheduler.after(latency(scheduler), "job again", add, null);
    };
    const perform = async (job: Job): Promise<void> => {
      const moveToDelayed = async (at: number): Promise<void> => again(job, at - Date.now());
      try {
        await run({ ...job, moveToDelayed });
      } catch (error) {
        if (!(error instanceof DelayedError)) again(job, 100);
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
