/** From time to time: removes what nobody asks for any more, and finishes what was left unfinished. */
import { factsOf, Fault } from "#inventory/faults";
import type { Log } from "#lib/log";

const EVERY_MS = 10 * 60_000;
/** How long a receipt whose caller is gone may stay unfinished, beside the time it is left to it. */
const FINISH_EVERY_MS = 30_000;
/** Before the next part of what there is. */
const PAUSE_MS = 100;

export interface UpkeepOptions {
  /** Removes some of what is old; answers whether there may be more. */
  readonly removeOld: () => Promise<boolean>;
  /** Finishes receipts whose caller is gone; answers how many. */
  readonly finishReceipts: () => Promise<number>;
  readonly log: Log;
}

/** Every worker does it: two at once remove the same rows once. */
export function startUpkeep(options: UpkeepOptions): { stop(): void } {
  const { removeOld, finishReceipts, log } = options;
  const stopping = new AbortController();
  const run = async (): Promise<void> => {
    try {
      while (!stopping.signal.aborted && (await removeOld())) await Bun.sleep(PAUSE_MS);
    } catch (error) {
      tell(log, "old rows could not be removed now", error);
    }
  };
  const finish = async (): Promise<void> => {
    try {
      const finished = await finishReceipts();
      if (finished > 0) log.warn("receipts were finished whose caller was gone", { finished });
    } catch (error) {
      tell(log, "receipts could not be finished now", error);
    }
  };
  const timers = [
    setInterval(() => void run(), EVERY_MS),
    setInterval(() => void finish(), FINISH_EVERY_MS),
  ];
  void run();
  void finish();
  return {
    stop: () => {
      stopping.abort();
      for (const timer of timers) clearInterval(timer);
    },
  };
}

/** A server that is away is known elsewhere; anything else is a bug. */
function tell(log: Log, message: string, error: unknown): void {
  log[error instanceof Fault ? "debug" : "error"](message, factsOf(error));
}
