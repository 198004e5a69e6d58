/** Takes instances off whose lease has ended, from time to time. Reads leave them out at once. */
import type { Leases } from "#companions/registry/leases";
import type { Log } from "#lib/log";
import { pause } from "#lib/pause";

const EVERY_MS = 5_000;

export interface Eviction {
  /** Resolves once the round at hand is over. */
  stop(): Promise<void>;
}

export function startEvicting(leases: Leases, log: Log, everyMs = EVERY_MS): Eviction {
  const stopping = new AbortController();
  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        for (const { app, instance } of await leases.evict()) {
          log.warn("a lease ended", { app, instanceId: instance.instanceId });
        }
      } catch (error) {
        log.warn("leases cannot be looked at", { error });
      }
      await pause(everyMs, stopping.signal);
    }
  };
  const running = loop();
  return {
    stop: () => {
      stopping.abort();
      return running;
    },
  };
}
