/**
 * The process that simulates: its clock, its timers, its chance and BullMQ are the simulation's from
 * here on. The modules that use them are loaded after that was said.
 */
import { plugin } from "bun";
import { DelayedError, Queue, Worker } from "./bullmq.ts";
import { takeOverGlobals } from "./globals.ts";

plugin({
  name: "simulated jobs",
  setup(build) {
    build.module("bullmq", () => ({ exports: { DelayedError, Queue, Worker }, loader: "object" }));
  },
});

/** Loads the service's own modules; after that nothing of the runtime's time is left. */
export async function makeBed() {
  const { simulate } = await import("./simulate.ts");
  takeOverGlobals();
  return simulate;
}
