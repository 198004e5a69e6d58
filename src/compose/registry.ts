/** This process in the service registry: joined when it serves, left before it stops serving. */
import type { Config } from "#config";
import type { Log } from "#lib/log";
import type { Metrics } from "#lib/metrics";
import type { Shutdown } from "#lib/shutdown";
import { placeOf } from "#registry/instance";
import { keepRegistered, type Registration } from "#registry/registration";

export interface RegistryOptions {
  readonly config: Config;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly shutdown: Shutdown;
}

export interface Registry {
  /** Begins to register; nothing without EUREKA_URL, or once the process stops. */
  join(port: number): void;
  /** Begins to deregister. Nothing waits for it here: the listener closes meanwhile. */
  leave(): void;
  /** Settles when the registry has answered, or was given long enough. */
  left(): Promise<void>;
}

export function openRegistry({ config, metrics, log, shutdown }: RegistryOptions): Registry {
  let registration: Registration | null = null;
  const left = async (): Promise<void> => registration?.leave();
  return {
    join: (port) => {
      const { eurekaUrls, advertiseHost, advertisePort, host } = config;
      if (eurekaUrls.length === 0 || shutdown.stopping()) return;
      registration = keepRegistered({
        registries: eurekaUrls,
        place: placeOf({ advertiseHost, advertisePort, host, port }),
        log,
        onChange: metrics.registryRegistered,
      });
    },
    leave: () => void left(),
    left,
  };
}
