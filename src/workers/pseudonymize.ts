/** Replaces customers' ids in the ledger, as somebody asked for, a bounded step at a time. */
import { factsOf, Fault } from "#inventory/faults";
import type { PseudonymWork } from "#inventory/pseudonym-ports";
import type { Log } from "#lib/log";
import { pause } from "#lib/pause";

/** Between two looks whether there is something to do. */
const LOOK_MS = 1_000;
/** Between two steps: the drain comes first. */
const PAUSE_MS = 20;

export interface PseudonymizerOptions {
  readonly work: PseudonymWork;
  readonly log: Log;
}

/** Every worker does it; a step that one has begun is passed over by the others. */
export class Pseudonymizer implements AsyncDisposable {
  readonly #options: PseudonymizerOptions;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;

  constructor(options: PseudonymizerOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Ends after the step at hand. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { work, log } = this.#options;
    while (!this.#stopping.signal.aborted) {
      let isBusy = false;
      try {
        isBusy = await work.step();
      } catch (error) {
        // A server that is away is known elsewhere; anything else is a bug.
        const level = error instanceof Fault ? "debug" : "error";
        log[level]("customers' ids could not be replaced now", factsOf(error));
        isBusy = false;
      }
      await pause(isBusy ? PAUSE_MS : LOOK_MS, this.#stopping.signal);
    }
  }
}
