/** Looks for fenced partitions and rebuilds them, for as long as the process runs. */
import { Fault } from "#inventory/faults";
import { ClaimLost } from "#inventory/repair-ports";
import type { Log } from "#lib/log";
import { rebuildPartition, type RebuildDependencies, type Rebuilt } from "#workers/rebuild";

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
  #isStopped = false;
  #wake: () => void = () => undefined;

  constructor(options: RebuilderOptions) {
    this.#options = options;
    this.#ended = this.#run();
  }

  /** After the partition at hand. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    this.#wake();
    await this.#ended;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      let failed = false;
      for (const partition of this.#options.fenced()) {
        if (this.#isStopped) return;
        failed = !(await this.#rebuild(partition)) || failed;
      }
      await this.#pause(failed ? AGAIN_AFTER_MS : LOOK_EVERY_MS);
    }
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
