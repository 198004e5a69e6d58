/**
 * Of each alert what a Prometheus reads when it is to fire, and what comes near that and passes by
 * itself: by metric what it is at each minute, `0 1x5` being once 0 and then six times 1.
 */
import type { Series } from "#test/promtool";

export interface AlertCase {
  /** It fires at the end of these, and not at their beginning. */
  readonly fires: Series;
  /** It never fires of any of these. */
  readonly silent: readonly Series[];
}

/** As series have them that were read in a cluster. */
const of = (metric: string, labels = "", pod = "a"): string =>
  `${metric}{namespace="shop",pod="${pod}",instance="${pod}:3003",job="holdfast"${labels === "" ? "" : `,${labels}`}}`;

const P0 = 'partition="0"';
const fenced = of("holdfast_fenced_partitions");
const differences = of("holdfast_open_differences", P0);
const reports = of("holdfast_loss_reports", P0);
const quarantined = of("holdfast_quarantined_movements", 'partition="all"');
const level = of("holdfast_durability_level");
const lag = of("holdfast_journal_lag_movements", P0);
const stopped = of("holdfast_drain_stopped", P0);
const processes = of("holdfast_processes");
const drained = of("holdfast_drained_seq", P0, "worker");
const late = of("holdfast_expiry_lag_seconds", P0);
const expired = of("holdfast_outcomes_total", 'verb="expire",word="expired"');
const lead = of("holdfast_clock_lead_seconds", P0);
const errors = of("holdfast_dependency_errors_total", 'dependency="redis",kind="lost"');
const waiters = of("holdfast_event_waiters");
const startedAt = of("process_start_time_seconds");
const registered = of("holdfast_registry_registered");

const waits = (asked: string, reached: string): string =>
  of("holdfast_durability_waits_total", `asked="${asked}",reached="${reached}"`);
const RESERVE = 'contract="inventory",route="/api/inventory/product/:productId/reserve"';
const answers = (status: number, route = RESERVE): string =>
  of("holdfast_http_requests_total", `${route},status="${status}"`);
const EVENTS = 'contract="inventory",route="/api/inventory/events"';
const durations = (le: string, route = RESERVE): string =>
  of("holdfast_http_request_duration_seconds_bucket", `${route},le="${le}"`);

export const ALERT_CASES: Readonly<Record<string, AlertCase>> = {
  HoldfastFenced: {
    fires: { [fenced]: "0 1x5" },
    // A worker rebuilt it.
    silent: [{ [fenced]: "0 1 0x10" }],
  },
  HoldfastDifferences: {
    fires: { [differences]: "0 0 1x5" },
    silent: [{ [differences]: "0x10" }],
  },
  HoldfastOperationsLost: {
    fires: { [reports]: "0 0 1x5" },
    // Of long ago; and of a process that was started since.
    silent: [{ [reports]: "3x30" }, { [reports]: "_x5 3x30" }],
  },
  HoldfastQuarantine: {
    fires: { [quarantined]: "0 0 2x5" },
    silent: [{ [quarantined]: "0x10" }],
  },
  HoldfastDurabilityLost: {
    // One of two processes sees it.
    fires: { [level]: "1 0x5", [of("holdfast_durability_level", "", "b")]: "1x6" },
    // A start has not asked yet.
    silent: [{ [level]: "0 1x10" }, { [level]: "1x10" }],
  },
  HoldfastDurabilityNotReached: {
    fires: { [waits("ledger", "disk")]: "0+60x15" },
    silent: [
      { [waits("ledger", "ledger")]: "0+60x20", [waits("replica", "replica")]: "0+60x20" },
      // What is asked for is there, and more.
      { [waits("replica", "ledger")]: "0+60x20" },
      // For a moment, when a replica restarts.
      { [waits("replica", "disk")]: "0 60x20" },
    ],
  },
  HoldfastLedgerBehind: {
    fires: { [lag]: "0 50001x5" },
    silent: [{ [lag]: "0 90000 0x10" }, { [lag]: "50000x10" }],
  },
  HoldfastLedgerFallsBehind: {
    fires: { [lag]: "0 6000+500x30" },
    silent: [
      // Less each minute.
      { [lag]: "0 40000-500x40" },
      // Up and down, with the load.
      { [lag]: "0+1000x9 0+1000x9 0+1000x9 0+1000x9" },
      { [lag]: "0+100x40" },
    ],
  },
  HoldfastJournalFills: {
    fires: { [lag]: "0 5000001x5" },
    silent: [{ [lag]: "0 4000000x10" }],
  },
  HoldfastDrainStopped: {
    fires: { [stopped]: "0 1x5" },
    silent: [{ [stopped]: "0 1 0x10" }],
  },
  HoldfastNoWorker: {
    fires: { [processes]: "1x10", [drained]: "5 9 stale" },
    // Another one takes over at once, or soon; and what drains stands still where nothing is sold.
    silent: [
      {
        [processes]: "1x10",
        [drained]: "5 9 stale",
        [of("holdfast_drained_seq", P0, "second")]: "5 9x10",
      },
      { [processes]: "1x10", [drained]: "5 stale 9x10" },
      { [processes]: "1x10", [drained]: "9x10" },
    ],
  },
  HoldfastExpiryLate: {
    fires: { [late]: "0 12x20", [expired]: "0+10x20" },
    silent: [
      // The last wake-up was late, an hour ago: nothing has expired since.
      { [late]: "0 3600x20", [expired]: "10x20" },
      { [late]: "9x20", [expired]: "0+10x20" },
    ],
  },
  HoldfastClockBack: {
    fires: { [lead]: "0 6x5" },
    silent: [{ [lead]: "5x10" }],
  },
  HoldfastErrors: {
    fires: { [answers(200)]: "0+980x20", [answers(503)]: "0+20x20" },
    silent: [
      { [answers(200)]: "0+995x20", [answers(503)]: "0+5x20" },
      // Who was refused was answered.
      { [answers(200)]: "0+10x20", [answers(409)]: "0+990x20", [answers(429)]: "0+990x20" },
      // A process that starts says for a while that it is not ready.
      {
        [answers(200)]: "0+100x20",
        [answers(503, 'contract="inventory",route="/health/ready"')]: "0+100x20",
      },
    ],
  },
  HoldfastOutage: {
    fires: { [answers(200)]: "0+80x20", [answers(504)]: "0+20x20" },
    silent: [{ [answers(200)]: "0+95x20", [answers(503)]: "0+5x20" }],
  },
  HoldfastSlow: {
    fires: {
      [durations("1")]: "0+980x20",
      [durations("5")]: "0+1000x20",
      [durations("+Inf")]: "0+1000x20",
    },
    silent: [
      {
        [durations("1")]: "0+995x20",
        [durations("5")]: "0+1000x20",
        [durations("+Inf")]: "0+1000x20",
      },
      // Who follows events waits for them.
      {
        [durations("1", EVENTS)]: "0x20",
        [durations("5", EVENTS)]: "0+60x20",
        [durations("+Inf", EVENTS)]: "0+60x20",
      },
    ],
  },
  HoldfastDependencyErrors: {
    fires: { [errors]: "0+5x15" },
    // A restart of Redis.
    silent: [{ [errors]: "0 40x20" }, { [errors]: "7x20" }],
  },
  HoldfastFollowersFull: {
    fires: { [waiters]: "116x10", [processes]: "1x10" },
    // Two processes have twice the places.
    silent: [
      { [waiters]: "116x10", [processes]: "2x10" },
      { [waiters]: "100x10", [processes]: "1x10" },
    ],
  },
  HoldfastAbsent: {
    fires: { [processes]: "1 1 stale _x5" },
    silent: [{ [processes]: "1 stale 1x10" }],
  },
  HoldfastSilent: {
    fires: { [of("up")]: "1 0x5", [of("up", "", "b")]: "1x6" },
    silent: [{ [of("up")]: "1 0 1x10" }],
  },
  HoldfastRestarts: {
    fires: { [startedAt]: "100 200 300 400 400" },
    // A deployment, and one more.
    silent: [{ [startedAt]: "100 200 300x20" }],
  },
  HoldfastUnregistered: {
    fires: { [registered]: "1 1 0x10" },
    silent: [
      // Nobody is meant to be; another process is.
      { [registered]: "0x20" },
      { [registered]: "1 1 0x20", [of("holdfast_registry_registered", "", "b")]: "1x22" },
      // The registry restarted.
      { [registered]: "1 1 0 0 0 1x20" },
    ],
  },
};

/** How many minutes series last: their samples, however they are written. */
export const minutesOf = (series: Series): number =>
  Math.max(...Object.values(series).map((values) => samplesIn(values)));

const samplesIn = (values: string): number =>
  values.split(" ").reduce((sum, part) => sum + 1 + Number(/x(\d+)$/.exec(part)?.[1] ?? 0), 0);
