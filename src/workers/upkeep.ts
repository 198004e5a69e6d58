/** From time to time: removes what nobody asks for any more, and finishes what was left unfinished. */
import { factsOf, Fault } from "#inventory/faults";
import type { FinishedReceipts } from "#inventory/receive";
import type { Log } from "#lib/log";

const EVERY_MS = 10 * 60_000;
/** How long a receipt whose caller is gone may stay unfinished, beside the time it is left to it. */
const FINISH_EVERY_MS = 30_000;
/** Before the next part of what there is. */
const PAUSE_MS = 100;

export interface UpkeepOptions {
  /** Removes some of what is old; answers whether there may be more. */
  readonly removeOld: () => Promise<boolean>;
  /** Finishes some of the receipts whose caller is gone. */
  readonly finishReceipts: () => Promise<FinishedReceipts>;
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
      for (let goesOn = true; goesOn && !stopping.signal.aborted;) {
        const outcome = await finishReceipts();
        tellOf(log, outcome);
        goesOn = outcome.mayBeMore;
      }
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

function tellOf(log: Log, { finished, failed }: FinishedReceipts): void {
  if (finished > 0) log.warn("receipts were finished whose caller was gone", { finished });
  const [first] = failed;
  if (first === undefined) return;
  // A bug among them is what must be read.
  const { incomingId, receipt, error } = failed.find((it) => !(it.error instanceof Fault)) ?? first;
  const level = error instanceof Fault ? "warn" : "error";
  const facts = { failed: failed.length, incomingId, receipt, ...factsOf(error) };
  log[level]("receipts whose caller is gone could not be finished", facts);
}

/** A server that is away is known elsewhere; anything else is a bug. */
function tell(log: Log, message: string, error: unknown): void {
  log[error instanceof Fault ? "debug" : "error"](message, factsOf(error));
}
