/**
 * Where services are: what the registry says, asked every other second, and while it is silent what it said
 * last. A service that no registry knows of is where the configuration says.
 */
import { z } from "zod";
import { SERVICES, type ServiceKey } from "#companions/gateway/services";
import { callOut } from "#lib/call-out";
import type { Log } from "#lib/log";
import { pause } from "#lib/pause";

const ASK_EVERY_MS = 2_000;
const ANSWER_MS_MAX = 1_500;
/** All that a registry of ours can have. */
export const ANSWER_BYTES_MAX = 8 * 1024 * 1024;

const Port = z.object({ $: z.coerce.number() });
const Instance = z.object({
  instanceId: z.string(),
  hostName: z.string(),
  status: z.string(),
  port: Port,
  leaseInfo: z.object({ lastRenewalTimestamp: z.number() }),
});
const Applications = z.object({
  applications: z.object({
    application: z.array(z.object({ name: z.string(), instance: z.array(Instance) })),
  }),
});

/** One process of a service. */
export interface Place {
  readonly instanceId: string;
  /** Without a slash at its end. */
  readonly url: string;
  readonly status: string;
  /** When it was heard of last (ms); null: nobody says. */
  readonly renewedAt: number | null;
}

export interface Instances {
  /** Those of a service that serve, by what is known now. */
  serving(key: ServiceKey): readonly Place[];
  /** All that the registry knows of, by their names there; null: it has not answered yet. */
  known(): ReadonlyMap<string, readonly Place[]> | null;
  /** Whether the registry answered when it was asked last; null: there is none. */
  isHeard(): boolean | null;
  stop(): Promise<void>;
}

export interface InstancesOptions {
  /** Bases of registries, as EUREKA_URL has them; empty: there is none. */
  readonly registries: readonly string[];
  /** Where each is when no registry says it. */
  readonly fixed: Readonly<Record<ServiceKey, string | null>>;
  readonly log: Log;
  readonly askEveryMs?: number;
}

export function followInstances(options: InstancesOptions): Instances {
  const { registries, fixed, log, askEveryMs = ASK_EVERY_MS } = options;
  let known: ReadonlyMap<string, readonly Place[]> | null = null;
  let isHeard: boolean | null = null;
  const stopping = new AbortController();
  const ask = async (): Promise<void> => {
    const reasons: string[] = [];
    for (const registry of registries) {
      try {
        known = await applicationsOf(registry);
        if (isHeard === false) log.info("the registry answers again");
        isHeard = true;
        return;
      } catch (error) {
        reasons.push(error instanceof Error ? error.message : String(error));
      }
    }
    if (isHeard !== false) log.warn("no registry answers: what was known last stands", { reasons });
    isHeard = false;
  };
  const asking = (async () => {
    if (registries.length === 0) return;
    while (!stopping.signal.aborted) {
      await ask();
      await pause(askEveryMs, stopping.signal);
    }
  })();
  return {
    serving(key) {
      const { name } = SERVICES[key];
      const listed = (known?.get(name) ?? []).filter(({ status }) => status === "UP");
      const url = fixed[key];
      if (listed.length > 0 || url === null) return listed;
      return [{ instanceId: url, url, status: "UP", renewedAt: null }];
    },
    known: () => known,
    isHeard: () => isHeard,
    async stop() {
      stopping.abort();
      await asking;
    },
  };
}

async function applicationsOf(registry: string): Promise<ReadonlyMap<string, readonly Place[]>> {
  const { status, text } = await callOut({
    method: "GET",
    url: `${rootOf(registry)}/eureka/apps`,
    withinMs: ANSWER_MS_MAX,
    bytesMax: ANSWER_BYTES_MAX,
  });
  if (status !== 200) throw new Error(`the registry answered ${status}`);
  const { applications } = Applications.parse(JSON.parse(text));
  return new Map(
    applications.application.map(
      ({ name, instance }) => [name, instance.map(placeOf).filter(isAddress)] as const,
    ),
  );
}

/** What is no address, or another one than it seems, is nobody's. */
function isAddress({ url }: Place): boolean {
  const parsed = URL.parse(url);
  return (
    parsed !== null && parsed.username === "" && parsed.password === "" && parsed.pathname === "/"
  );
}

/** Of a registry's URL, which may be that of its words: where it is. */
export const rootOf = (registry: string): string =>
  registry.replace(/\/+$/, "").replace(/\/eureka(\/v2)?$/, "");

function placeOf(instance: z.output<typeof Instance>): Place {
  const { instanceId, hostName, port, status, leaseInfo } = instance;
  const host = hostName.includes(":") ? `[${hostName}]` : hostName;
  const url = `http://${host}:${port.$}`;
  return { instanceId, url, status, renewedAt: leaseInfo.lastRenewalTimestamp };
}
