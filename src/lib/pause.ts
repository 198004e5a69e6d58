import { setTimeout as sleep } from "node:timers/promises";

/** Until then, or until the signal says that nobody waits any more. It keeps no process alive. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal, ref: false });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
