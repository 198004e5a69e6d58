/** Looks at the dependencies from time to time, so that readiness answers without asking them. */
import type { Config } from "#config";
import type { Stores } from "#compose/stores";
import { deadlineAfter, withDeadline } from "#lib/deadline";
import type { Log } from "#lib/log";
import type { Metrics } from "#lib/metrics";
import { readServerSettings } from "#redis/server-settings";

const LEDGER_EVERY_MS = 2_000;
const LEDGER_ANSWER_MS_MAX = 1_500;
const SETTINGS_EVERY_MS = 60_000;

export interface Watch {
  readonly ledgerAway: () => string | null;
  readonly durabilityGaps: () => readonly string[];
  stop(): void;
}

export function startWatch(stores: Stores, config: Config, metrics: Metrics, log: Log): Watch {
  let away: string | null = null;
  let gaps: readonly string[] = [];
  const askLedger = async (): Promise<void> => {
    try {
      const answer = stores.sql`select 1`.then(() => null);
      away = await withDeadline(answer, deadlineAfter(LEDGER_ANSWER_MS_MAX), () => "no answer");
    } catch (error) {
      away = error instanceof Error ? error.message : String(error);
    }
  };
  const askSettings = async (): Promise<void> => {
    if (config.durability === "memory") return;
    try {
      const found = (await readServerSettings(stores.redis)).durabilityGaps;
      if (found.length > gaps.length) log.error("Redis lost its durability", { gaps: found });
      // Outside production the start has warned; there it is the person's own choice.
      gaps = config.production ? found : [];
    } catch (error) {
      log.debug("the settings of Redis could not be read", { error });
    }
  };
  const countFenced = (): void => {
    metrics.fencedPartitions(stores.partitions.filter(({ state }) => state === "fenced").length);
  };
  const timers = [
    setInterval(countFenced, LEDGER_EVERY_MS),
    setInterval(() => void askLedger(), LEDGER_EVERY_MS),
    setInterval(() => void askSettings(), SETTINGS_EVERY_MS),
  ];
  stores.redis.on("ready", () => void askSettings());
  return {
    ledgerAway: () => away,
    durabilityGaps: () => gaps,
    stop: () => {
      for (const timer of timers) clearInterval(timer);
    },
  };
}
