import { Counter, Gauge, Histogram, Registry, type Aggregator } from "prom-client";

/** Answers arrive in well under a millisecond when idle; the last bound is the request deadline. */
const DURATION_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** A batch of one is an idle service; doubling shows how far group commit carries. */
const BATCH_ITEMS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/**
 * Everything the service counts. Whatever takes labels is asked once for a bound function, which
 * is then cheap enough for the hot path. Labels are bounded sets of ours, never a caller's text.
 */
export type Metrics = ReturnType<typeof createMetrics>;

/** A registry of its own for each call: two services in one process do not share counts. */
export function createMetrics() {
  const registry = new Registry();
  processMetrics(registry);
  return {
    ...httpMetrics(registry),
    ...writePathMetrics(registry),
    ...ledgerMetrics(registry),
    ...neighbourMetrics(registry),
    ...feedMetrics(registry),
    /** The whole in Prometheus text form, and its media type. */
    render: () => rendered(registry),
    /** The same as data, to be put together with those of other processes. */
    counts: async (): Promise<unknown> => await registry.getMetricsAsJSON(),
  };
}

export interface MetricsText {
  readonly contentType: string;
  readonly body: string;
}

export async function rendered(registry: Registry): Promise<MetricsText> {
  return { contentType: registry.contentType, body: await registry.metrics() };
}

function httpMetrics(registry: Registry) {
  const requests = tallies(registry, "holdfast_http_requests_total", "Requests answered.", [
    "contract",
    "route",
    "status",
  ]);
  const durations = new Histogram({
    name: "holdfast_http_request_duration_seconds",
    help: "Time from a request's arrival to its answer.",
    labelNames: ["contract", "route"],
    buckets: DURATION_SECONDS,
    registers: [registry],
  });
  return {
    /** Bound for one route, named by its pattern; call the result with each answer. */
    httpRequest: (contract: string, route: string) => {
      const duration = durations.labels(contract, route);
      return (status: number, seconds: number) => {
        requests([contract, route, String(status)], 1);
        duration.observe(seconds);
      };
    },
  };
}

function writePathMetrics(registry: Registry) {
  const outcomes = tallies(
    registry,
    "holdfast_outcomes_total",
    "What the verbs answered, by the word of the answer.",
    ["verb", "word"],
  );
  const batches = new Histogram({
    name: "holdfast_batch_items",
    help: "Commands that went to Redis in one script call.",
    labelNames: ["verb"],
    buckets: BATCH_ITEMS,
    registers: [registry],
  });
  const durabilities = tallies(
    registry,
    "holdfast_durability_waits_total",
    "Changes that were to reach a level above Redis's own answer, by the level they reached.",
    ["asked", "reached"],
  );
  const durability = new Gauge({
    name: "holdfast_durability_level",
    help: "What an answer of Redis means by its settings: 0 memory, 1 disk.",
    // The least that any process answers with.
    aggregator: "min",
    registers: [registry],
  });
  const errors = tallies(
    registry,
    "holdfast_dependency_errors_total",
    "Failed calls to what the service depends on.",
    ["dependency", "kind"],
  );
  return {
    outcome: (verb: string, word: string, count = 1) => outcomes([verb, word], count),
    batchItems: (verb: string) => {
      const sizes = batches.labels(verb);
      return (items: number) => sizes.observe(items);
    },
    /** What was asked for beyond Redis's own answer, and what was reached by the deadline. */
    durabilityReached: (asked: string, reached: string) => durabilities([asked, reached], 1),
    /** 0: memory, 1: disk. */
    durabilityLevel: (level: number) => durability.set(level),
    redisError: (kind: string) => errors(["redis", kind], 1),
    postgresError: (kind: string) => errors(["postgres", kind], 1),
  };
}

function ledgerMetrics(registry: Registry) {
  const gauge = (name: string, help: string) => {
    // All look at the same partition, each at its own time: a sum would count it once for each.
    const metric = new Gauge({
      name,
      help,
      labelNames: ["partition"],
      aggregator: "max",
      registers: [registry],
    });
    return (partition: string, value: number) => metric.set({ partition }, value);
  };
  const fenced = new Gauge({
    name: "holdfast_fenced_partitions",
    help: "Partitions that refuse every change until they are rebuilt.",
    // Those that the process sees that sees most of them.
    aggregator: "max",
    registers: [registry],
  });
  return {
    journalLag: gauge("holdfast_journal_lag_movements", "Movements not yet in the ledger."),
    drainedSeq: gauge("holdfast_drained_seq", "The last movement that reached the ledger."),
    expiryLag: gauge("holdfast_expiry_lag_seconds", "How far expiry is behind Redis's clock."),
    clockLead: gauge(
      "holdfast_clock_lead_seconds",
      "How far a partition's time is ahead of Redis's clock; it never goes back with it.",
    ),
    quarantined: gauge("holdfast_quarantined_movements", "Movements that PostgreSQL refused."),
    drainStopped: gauge(
      "holdfast_drain_stopped",
      "1 where the drain stopped because the journal does not follow the ledger.",
    ),
    openDifferences: gauge(
      "holdfast_open_differences",
      "Products whose counters a comparison found other than their movements, and left so.",
    ),
    lossReports: gauge(
      "holdfast_loss_reports",
      "Reports of acknowledged operations that are lost, as the ledger keeps them.",
    ),
    fencedPartitions: (count: number) => fenced.set(count),
  };
}

function neighbourMetrics(registry: Registry) {
  const registered = new Gauge({
    name: "holdfast_registry_registered",
    help: "1 while a service registry lists this process.",
    // Of several processes on one port, one registers for all.
    aggregator: "max",
    registers: [registry],
  });
  return { registryRegistered: (isRegistered: boolean) => registered.set(isRegistered ? 1 : 0) };
}

function feedMetrics(registry: Registry) {
  const waiting = new Gauge({
    name: "holdfast_event_waiters",
    help: "Long polls that wait for events now.",
    aggregator: "sum",
    registers: [registry],
  });
  const streams = new Gauge({
    name: "holdfast_event_streams",
    help: "Streams of events that are open now.",
    aggregator: "sum",
    registers: [registry],
  });
  const dropped = new Counter({
    name: "holdfast_slow_streams_total",
    help: "Streams that ended because their reader did not take what it was sent.",
    registers: [registry],
  });
  return {
    eventWaiters: (count: number) => waiting.set(count),
    eventStreams: (count: number) => streams.set(count),
    slowStream: () => dropped.inc(),
  };
}

/** Our own few: of prom-client's default metrics many read as nonsense on Bun. */
function processMetrics(registry: Registry): void {
  const gauge = (name: string, help: string, aggregator: Aggregator, read: () => number) => {
    const metric: Gauge = new Gauge({
      name,
      help,
      aggregator,
      registers: [registry],
      collect: () => metric.set(read()),
    });
  };
  // Each is one, and only who answers is in the sum.
  gauge("holdfast_processes", "Processes that these figures are of.", "sum", () => 1);
  gauge("process_resident_memory_bytes", "Resident memory.", "sum", () =>
    process.memoryUsage.rss(),
  );
  // The last start: who was started again shows.
  const startedAt = performance.timeOrigin / 1_000;
  gauge("process_start_time_seconds", "Start, since 1970.", "max", () => startedAt);
  const cpu: Counter = new Counter({
    name: "process_cpu_seconds_total",
    help: "Processor time, user and system.",
    registers: [registry],
    collect: () => {
      const { user, system } = process.cpuUsage();
      // prom-client's counters only add, and this one is read as a whole.
      cpu.reset();
      cpu.inc((user + system) / 1e6);
    },
  });
}

/**
 * A counter for the hot path: it adds to plain numbers and hands them to prom-client when they are
 * read, since prom-client sorts and joins the labels at each increment.
 */
function tallies(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly string[],
): (labels: readonly string[], count: number) => void {
  const pending = new Map<string, { labels: readonly string[]; count: number }>();
  const counter = new Counter({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      for (const tally of pending.values()) {
        counter.labels(...tally.labels).inc(tally.count);
        tally.count = 0;
      }
    },
  });
  return (labels, count) => {
    const key = labels.join("\n");
    const tally = pending.get(key);
    if (tally) tally.count += count;
    else pending.set(key, { labels, count });
  };
}
