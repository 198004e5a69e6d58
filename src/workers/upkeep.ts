/** Removes from time to time what nobody asks for any more. */
import type { Log } from "#lib/log";

const EVERY_MS = 10 * 60_000;
/** Before the next part of what there is. */
const PAUSE_MS = 100;

export interface UpkeepOptions {
  /** Removes some; answers whether there may be more. */
  readonly forgetOperations: () => Promise<boolean>;
  readonly log: Log;
}

/** Every worker does it: two at once remove the same rows once. */
export function startUpkeep({ forgetOperations, log }: UpkeepOptions): { stop(): void } {
  const stopping = new AbortController();
  const run = async (): Promise<void> => {
    try {
      while (!stopping.signal.aborted && (await forgetOperations())) await Bun.sleep(PAUSE_MS);
    } catch (error) {
      log.debug("old operations could not be removed now", { error });
    }
  };
  const timer = setInterval(() => void run(), EVERY_MS);
  void run();
  return {
    stop: () => {
      stopping.abort();
      clearInterval(timer);
    },
  };
}
