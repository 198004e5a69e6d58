/** Looks for fenced partitions and rebuilds them, for as long as the process runs. */
import { Fault } from "#inventory/faults";
import { ClaimLost } from "#inventory/rebuild-ports";
import { processClock } from "#lib/clock";
import type { Log } from "#lib/log";
import { rebuildPartition, type RebuildDependencies, type Rebuilt } from "#workers/rebuild";

/**
 * Most of a rebuild may be its wait for other servers, so one after another takes as many waits as
 * there are partitions. Each at hand has a connection to PostgreSQL, and one more while it copies.
 */
export const REBUILDS_AT_ONCE = 8;

/** Between two looks at what this process knows of its partitions. */
const LOOK_EVERY_MS = 250;
/** After a rebuild that could not be done. */
const AGAIN_AFTER_MS = 2_000;

export interface RebuilderOptions extends RebuildDependencies {
  /** Partitions that this process found fenced. */
  readonly fenced: () => readonly number[];
  readonly onRebuilt: (partition: number, rebuilt: Rebuilt) => void;
  readonly log: Log;
}

export class Rebuilder implements AsyncDisposable {
  readonly #options: RebuilderOptions;
  readonly #ended: Promise<void>;
  /** What was said last of a partition, so that it is said once. */
  readonly #said = new Map<number, string>();
  readonly #atHand = new Map<number, Promise<void>>();
  /** When a partition may be tried again. */
  readonly #notBefore = new Map<number, number>();
  #isStopped = false;
  #wake: () => void = () => undefined;

  constructor(options: RebuilderOptions) {
    this.#options = options;
    this.#ended = this.#run();
  }

  /** After the partitions at hand. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    this.#wake();
    await this.#ended;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      this.#begin();
      await this.#pause(LOOK_EVERY_MS);
    }
    await Promise.all(this.#atHand.values());
  }

  /** As many as may be at hand at once; whoever was tried longest ago comes first. */
  #begin(): void {
    const now = processClock.now();
    const notBefore = (partition: number) => this.#notBefore.get(partition) ?? 0;
    const due = this.#options
      .fenced()
      .filter((partition) => !this.#atHand.has(partition) && notBefore(partition) <= now)
      .toSorted((a, b) => notBefore(a) - notBefore(b));
    for (const partition of due.slice(0, REBUILDS_AT_ONCE - this.#atHand.size)) {
      this.#atHand.set(partition, this.#attempt(partition));
    }
  }

  async #attempt(partition: number): Promise<void> {
    const isDone = await this.#rebuild(partition);
    // What was rebuilt is fenced for this process until it has looked.
    const again = processClock.now() + (isDone ? LOOK_EVERY_MS : AGAIN_AFTER_MS);
    this.#notBefore.set(partition, again);
    this.#atHand.delete(partition);
    this.#wake();
  }

  /** Answers whether there is nothing left to do for now. */
  async #rebuild(partition: number): Promise<boolean> {
    const { log, onRebuilt } = this.#options;
    try {
      const options = { which: "fenced", discards: false } as const;
      const outcome = await rebuildPartition(partition, this.#options, options);
      if (outcome.kind === "rebuilt") {
        const { kind: _, missing, dueSeconds, ...facts } = outcome;
        const level = missing === null ? "info" : "error";
        log[level]("a partition was rebuilt from the ledger", {
          partition,
          missing,
          dueSeconds: dueSeconds.length,
          ...facts,
        });
        this.#said.delete(partition);
        onRebuilt(partition, outcome);
        return true;
      }
      if (outcome.kind === "waits") {
        this.#say(partition, outcome.reason);
        return false;
      }
      return outcome.kind === "open";
    } catch (error) {
      if (error instanceof ClaimLost) return false;
      const reason = error instanceof Error ? error.message : String(error);
      if (error instanceof Fault) this.#say(partition, reason);
      else log.error("a partition could not be rebuilt", { partition, error });
      return false;
    }
  }

  #say(partition: number, reason: string): void {
    if (this.#said.get(partition) === reason) return;
    this.#said.set(partition, reason);
    this.#options.log.warn("a fenced partition waits", { partition, reason });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
