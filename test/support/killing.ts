/** Processes that are killed under load, one after another, and started again. */
import type { Service } from "#test/service";

export interface Killing {
  /** How often one of each was killed so far. */
  readonly kills: ReadonlyMap<string, number>;
  /** Everything runs when it ends. Rejects where one could not be started again. */
  stop(): Promise<void>;
}

/** Kills one of each in turn, the next one when the last has started again and `everyMs` have passed. */
export function killInTurn(
  instances: ReadonlyMap<string, readonly Service[]>,
  everyMs: number,
): Killing {
  const kills = new Map<string, number>();
  const over = new AbortController();
  const running = (async () => {
    while (!over.signal.aborted) {
      for (const [name, services] of instances) {
        const number = kills.get(name) ?? 0;
        const service = services[number % services.length];
        if (service === undefined || over.signal.aborted) continue;
        await service.kill();
        await service.restart();
        kills.set(name, number + 1);
        await Bun.sleep(everyMs);
      }
    }
  })();
  // Whoever stops it hears of a failure.
  running.catch(() => undefined);
  return {
    kills,
    async stop() {
      over.abort();
      await running;
    },
  };
}
