/** Looks at the dependencies from time to time, so that readiness answers without asking them. */
import { createAlarms } from "#compose/alarms";
import type { Config } from "#config";
import type { Stores } from "#compose/stores";
import { processClock } from "#lib/clock";
import type { Log } from "#lib/log";
import type { Metrics } from "#lib/metrics";
import { readClockLeads } from "#redis/clock-lead";
import { DURABILITY_LEVELS, type DurabilityLevel } from "#inventory/durability";
import { readLedgerStanding, readLedgerTroubles } from "#postgres/ledger-standing";
import { readServerSettings, type ServerSettings } from "#redis/server-settings";

const LOOK_EVERY_MS = 2_000;
const ANSWER_MS_MAX = 1_500;
const SETTINGS_EVERY_MS = 60_000;
/** What only a person mends; as often as somebody reads the metrics. */
const TROUBLES_EVERY_MS = 15_000;
/** How far a partition's time may be ahead of Redis's clock: a clock that is kept moves by less. */
export const CLOCK_LEAD_MS_MAX = 5_000;
/** Movements that the ledger may be behind before an alert says so: seconds of a full load. */
export const LAG_ALERT_MOVEMENTS = 50_000;
/** And below how many it is over, so that it is not raised again and again. */
export const LAG_OVER_MOVEMENTS = 5_000;

export interface Watch {
  readonly ledgerAway: () => string | null;
  readonly durabilityGaps: () => readonly string[];
  /** Partitions whose drain has stopped for a gap, in this process or in another. */
  readonly drainsStopped: () => readonly number[];
  /** Told by the drain. */
  drainStopped(partition: number): void;
  /** Told once what it could not follow was rebuilt. */
  drainResumed(partition: number): void;
  stop(): void;
}

export function startWatch(stores: Stores, config: Config, metrics: Metrics, log: Log): Watch {
  let away: string | null = null;
  let gaps: readonly string[] = [];
  /** Whether the last look at the settings was answered. */
  let isAnswered = true;
  const stopped = new Set<number>();
  /** As the ledger knows it: the drain may run in another process. */
  let stoppedElsewhere: readonly number[] = [];
  const alarms = createAlarms(stores.alertDesk, log);
  const askLedger = async (): Promise<void> => {
    try {
      const standing = await readLedgerStanding(stores.sql, ANSWER_MS_MAX);
      stoppedElsewhere = standing.flatMap((it) => (it.isStopped ? [it.partition] : []));
      for (const { partition, isStopped } of standing) {
        metrics.drainStopped(String(partition), isStopped ? 1 : 0);
      }
      away = null;
    } catch (error) {
      away = error instanceof Error ? error.message : String(error);
    }
  };
  const askTroubles = async (): Promise<void> => {
    try {
      for (const it of await readLedgerTroubles(stores.sql, ANSWER_MS_MAX)) {
        metrics.openDifferences(String(it.partition), it.openDifferences);
        metrics.lossReports(String(it.partition), it.lossReports);
      }
    } catch (error) {
      log.debug("what the ledger tells of could not be read", { error });
    }
  };
  const askSettings = async (): Promise<void> => {
    try {
      isAnswered = false;
      const settings = await readServerSettings(stores.redis);
      isAnswered = true;
      stores.durability.settingsHold(settings.durabilityGaps.length === 0);
      const level = stores.durability.base();
      metrics.durabilityLevel(DURABILITY_LEVELS.indexOf(level));
      const found = unmet(settings, config.durability, stores.acceptedGaps);
      if (found.join() === gaps.join()) return;
      if (found.length > 0) log.error("Redis lost its durability", { level, gaps: found });
      else log.info("Redis keeps its durability again", { level });
      gaps = found;
    } catch (error) {
      log.debug("the settings of Redis could not be read", { error });
    }
  };
  const lookForFences = async (): Promise<void> => {
    for (const { number: partition, state } of stores.partitions) {
      if (state === "closed") continue;
      await alarms.tell({ partition, kind: "fenced", holds: state === "fenced", units: null });
    }
  };
  const measure = async (): Promise<void> => {
    metrics.fencedPartitions(stores.partitions.filter(({ state }) => state === "fenced").length);
    try {
      for (const position of await stores.store.positions(processClock.now() + ANSWER_MS_MAX)) {
        const { partition, seq, drained } = position;
        const lag = seq - drained;
        metrics.journalLag(String(partition), lag);
        if (lag <= LAG_OVER_MOVEMENTS || lag > LAG_ALERT_MOVEMENTS) {
          const holds = lag > LAG_ALERT_MOVEMENTS;
          await alarms.tell({ partition, kind: "lag", holds, units: lag });
        }
      }
    } catch (error) {
      log.debug("the positions could not be read", { error });
    }
  };
  const ahead = new Set<number>();
  const compareClocks = async (): Promise<void> => {
    try {
      for (const { partition, leadMs } of await readClockLeads(stores.redis, stores.partitions)) {
        metrics.clockLead(String(partition), leadMs / 1_000);
        // It is over when time runs again, and not before.
        const isAhead = leadMs > (ahead.has(partition) ? 0 : CLOCK_LEAD_MS_MAX);
        if (isAhead === ahead.has(partition)) continue;
        if (isAhead) {
          ahead.add(partition);
          log.error("the clock of Redis went back: time stands still", { partition, leadMs });
        } else {
          ahead.delete(partition);
          log.info("the clock of Redis has caught up", { partition });
        }
      }
    } catch (error) {
      log.debug("the clock of Redis could not be read", { error });
    }
  };
  for (const partition of stores.partitions) {
    // The rebuild has said that it was fenced; nobody need have looked meanwhile.
    partition.onRebuilt(() => alarms.forget({ partition: partition.number, kind: "fenced" }));
  }
  const timers = [
    setInterval(() => void measure(), LOOK_EVERY_MS),
    setInterval(() => void lookForFences(), LOOK_EVERY_MS),
    setInterval(() => void compareClocks(), LOOK_EVERY_MS),
    setInterval(() => void askLedger(), LOOK_EVERY_MS),
    setInterval(() => void askTroubles(), TROUBLES_EVERY_MS),
    setInterval(() => void askSettings(), SETTINGS_EVERY_MS),
    setInterval(() => void (isAnswered || askSettings()), LOOK_EVERY_MS),
  ];
  stores.redis.on("ready", () => void askSettings());
  void askSettings();
  void askTroubles();
  return {
    ledgerAway: () => away,
    durabilityGaps: () => gaps,
    drainsStopped: () => [...new Set([...stopped, ...stoppedElsewhere])],
    drainStopped: (partition) => void stopped.add(partition),
    drainResumed: (partition) => void stopped.delete(partition),
    stop: () => {
      for (const timer of timers) clearInterval(timer);
    },
  };
}

/** Why answers mean less than they should, and why this Redis may not be used at all. */
function unmet(
  { refusals, durabilityGaps, replicas }: ServerSettings,
  floor: DurabilityLevel,
  accepted: readonly string[],
): readonly string[] {
  const found = [...refusals];
  // What the start went on with is the person's own choice.
  const lost = floor === "memory" ? [] : durabilityGaps.filter((gap) => !accepted.includes(gap));
  found.push(...lost.map((gap) => `answers mean memory, not ${floor}: ${gap}`));
  if (floor === "replica" && replicas === 0) {
    found.push("answers do not mean replica: no replica of Redis is online");
  }
  return found;
}
