/**
 * The process that simulates: its clock, its timers, its chance and BullMQ are the simulation's from
 * here on. The modules that use them are loaded after that was said.
 */
import { plugin } from "bun";
import { DelayedError, Queue, Worker } from "./bullmq.ts";
import { realImmediate, takeOverGlobals } from "./globals.ts";
import type { Result, Watchers } from "./simulate.ts";

plugin({
  name: "simulated jobs",
  setup(build) {
    build.module("bullmq", () => ({ exports: { DelayedError, Queue, Worker }, loader: "object" }));
  },
});

/** Runs one seed; what nobody awaited in it is a failure of it. */
export type Bed = (seed: number, watchers?: Watchers) => Promise<Result>;

/** Loads the service's own modules; after that nothing of the runtime's time is left. */
export async function makeBed(): Promise<Bed> {
  const { simulate } = await import("./simulate.ts");
  takeOverGlobals();
  const strays: unknown[] = [];
  process.on("unhandledRejection", (error) => void strays.push(error));
  return async (seed, watchers) => {
    const result = simulate(seed, watchers);
    // The runtime tells of them at the end of its turn.
    await new Promise((resolve) => void realImmediate(resolve));
    const unawaited = strays.splice(0).map((error) => {
      return `nobody awaited ${error instanceof Error ? error.stack : String(error)}`;
    });
    return { ...result, failures: [...result.failures, ...unawaited] };
  };
}
