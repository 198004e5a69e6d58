/**
 * What Prometheus tells people of. Each alert is one heading of the runbook in docs/operations.md; all
 * expressions look at an installation as a whole, by its namespace (none outside a cluster), for each
 * process sees the same partitions.
 */
import { CLOCK_LEAD_MS_MAX, LAG_ALERT_MOVEMENTS, LAG_OVER_MOVEMENTS } from "#compose/watch";
import { VARIABLES } from "#config/variables";
import { EVENT_WAITERS_MAX } from "#inventory/event-tail";
import { SWEEP_EVERY_MS } from "#workers/expire";
import { JOB, REQUESTS_SERIES } from "./monitoring.ts";

/** `critical`: wake somebody. `warning`: the next working day is soon enough. */
export type Severity = "critical" | "warning";

export interface Alert {
  readonly name: `Holdfast${string}`;
  readonly severity: Severity;
  readonly expr: string;
  /** How long it must be so: longer than what passes by itself. */
  readonly for: `${number}${"s" | "m"}`;
  readonly summary: string;
  readonly description: string;
}

export interface AlertGroup {
  readonly name: string;
  readonly alerts: readonly Alert[];
}

/** Where each alert is explained: a page of the repository, or wherever that is published. */
const RUNBOOK = "docs/operations.md";

const SECOND_MS = 1_000;
const LEAD_SECONDS = CLOCK_LEAD_MS_MAX / SECOND_MS;
/** A lost wake-up is made good by one sweep; two that were late are none that passes. */
const EXPIRY_SECONDS = (2 * SWEEP_EVERY_MS) / SECOND_MS;
/** A fifth of what a request may take, and a bound of the histogram. */
const SLOW_SECONDS = fallbackOf("REQUEST_DEADLINE_MS") / SECOND_MS / 5;
/** Half of what may wait for PostgreSQL: as much time is left as it took to come here. */
const JOURNAL_MOVEMENTS = fallbackOf("JOURNAL_MAX_ENTRIES") / 2;
/** One in a hundred callers notices; one in ten is an outage. Nothing in the code knows these. */
const [SOME, MANY] = [0.01, 0.1];
/** Nine tenths of the places: the next ones are refused. */
const WAITERS = Math.floor(EVENT_WAITERS_MAX * 0.9);
/** A process that was deployed starts once. */
const STARTS = 2;

const ofAll = (metric: string): string => `max by (namespace) (${metric})`;
const ofPartition = (metric: string): string => `max by (namespace, partition) (${metric})`;

/** Long polls wait, exports last, and health says by its status what is told of elsewhere. */
const SERVED = 'route!~"/health.*|/metrics|/api/inventory/(events|movements/export)"';
const shareOfErrors =
  `sum by (namespace) (rate(${REQUESTS_SERIES}{status=~"5..",${SERVED}}[5m]))` +
  ` / sum by (namespace) (rate(${REQUESTS_SERIES}{${SERVED}}[5m]))`;

export const ALERTS: readonly AlertGroup[] = [
  {
    name: "holdfast-stock",
    alerts: [
      {
        name: "HoldfastFenced",
        severity: "critical",
        expr: `${ofAll("holdfast_fenced_partitions")} > 0`,
        // A rebuild of some thousand products takes seconds.
        for: "1m",
        summary: "{{ $value }} partitions are fenced and sell nothing",
        description:
          "Redis lacks what was acknowledged, or belongs to another store. A worker rebuilds it within seconds; this one waits for something.",
      },
      {
        name: "HoldfastDifferences",
        severity: "critical",
        expr: `${ofPartition("holdfast_open_differences")} > 0`,
        for: "0m",
        summary: "{{ $value }} products of partition {{ $labels.partition }} are not as counted",
        description:
          "A comparison found counters in Redis that are not what their movements come to, and left them. Stock may be sold that is not there, or kept that is.",
      },
      {
        name: "HoldfastOperationsLost",
        severity: "critical",
        // Reports stay: what was not there within the last day is new.
        expr:
          ofPartition("holdfast_loss_reports") +
          " - min by (namespace, partition) (min_over_time(holdfast_loss_reports[1d])) > 0",
        for: "0m",
        summary: "acknowledged operations of partition {{ $labels.partition }} are lost",
        description:
          "Redis came back older than what callers were told, and the ledger had not heard of it. The recovery reports name the operations; their callers must be told.",
      },
      {
        name: "HoldfastQuarantine",
        severity: "warning",
        expr: `${ofAll("holdfast_quarantined_movements")} > 0`,
        for: "0m",
        summary: "{{ $value }} movements are in quarantine",
        description:
          "PostgreSQL refused them. They happened; the ledger lacks them until somebody has mended the cause and brought them in.",
      },
      {
        name: "HoldfastDurabilityLost",
        severity: "critical",
        expr: "min by (namespace) (holdfast_durability_level) < 1",
        // The settings are asked for once a minute, and a start has not asked yet.
        for: "2m",
        summary: "answers are kept in memory alone",
        description:
          "The settings of Redis do not keep on its disk what is answered. Leave this rule out where DURABILITY=memory is meant.",
      },
      {
        name: "HoldfastDurabilityNotReached",
        severity: "warning",
        expr:
          'sum by (namespace, asked) (rate(holdfast_durability_waits_total{asked="ledger",reached!="ledger"}[5m])' +
          ' or rate(holdfast_durability_waits_total{asked="replica",reached=~"memory|disk"}[5m])) > 0',
        for: "5m",
        summary: "changes do not reach the durability {{ $labels.asked }} in time",
        description:
          "They are done and say which level they have, after the whole deadline. A replica of Redis, or the ledger, does not keep up.",
      },
    ],
  },
  {
    name: "holdfast-ledger",
    alerts: [
      {
        name: "HoldfastLedgerBehind",
        severity: "warning",
        expr: `${ofPartition("holdfast_journal_lag_movements")} > ${LAG_ALERT_MOVEMENTS}`,
        for: "1m",
        summary: "the ledger is {{ $value }} movements behind in partition {{ $labels.partition }}",
        description:
          "More than seconds of a full load wait in Redis for PostgreSQL. Sales go on; reports, returns and counts are of the past.",
      },
      {
        name: "HoldfastLedgerFallsBehind",
        severity: "warning",
        expr:
          `min by (namespace, partition) (min_over_time(holdfast_journal_lag_movements[10m])) > ${LAG_OVER_MOVEMENTS}` +
          ` and ${ofPartition("deriv(holdfast_journal_lag_movements[10m])")} > 0`,
        for: "10m",
        summary:
          "the ledger of partition {{ $labels.partition }} falls behind and does not recover",
        description:
          "For twenty minutes more came into the journal than left it. That ends at JOURNAL_MAX_ENTRIES, where nothing is sold any more.",
      },
      {
        name: "HoldfastJournalFills",
        severity: "critical",
        expr: `${ofPartition("holdfast_journal_lag_movements")} > ${JOURNAL_MOVEMENTS}`,
        for: "1m",
        summary: "the journal of partition {{ $labels.partition }} is half full",
        description:
          "At JOURNAL_MAX_ENTRIES movements everything but the end of live holds is refused. The threshold is half of its default; set it with it.",
      },
      {
        name: "HoldfastDrainStopped",
        severity: "critical",
        expr: `${ofPartition("holdfast_drain_stopped")} > 0`,
        for: "1m",
        summary: "the drain of partition {{ $labels.partition }} stopped before a gap",
        description:
          "The journal in Redis does not continue where the ledger stands. Sales go on until the journal is full; a person has to find out what was removed.",
      },
      {
        name: "HoldfastNoWorker",
        severity: "critical",
        expr: "max by (namespace) (holdfast_processes) unless max by (namespace) (holdfast_drained_seq)",
        for: "2m",
        summary: "no worker drains the journal",
        description:
          "Nothing is oversold, but the ledger stands still, and what is due comes back only when somebody asks for it.",
      },
    ],
  },
  {
    name: "holdfast-time",
    alerts: [
      {
        name: "HoldfastExpiryLate",
        severity: "warning",
        // The gauge keeps what the last wake-up found; without any it says nothing of now.
        expr:
          `${ofPartition("holdfast_expiry_lag_seconds")} > ${EXPIRY_SECONDS}` +
          ' and on (namespace) sum by (namespace) (increase(holdfast_outcomes_total{verb="expire",word="expired"}[5m])) > 0',
        for: "2m",
        summary: "holds of partition {{ $labels.partition }} end {{ $value }} s late",
        description:
          "Wake-ups are lost or the worker does not keep up. No expired hold is sold; what it held is missing from sale for so long.",
      },
      {
        name: "HoldfastClockBack",
        severity: "critical",
        expr: `${ofPartition("holdfast_clock_lead_seconds")} > ${LEAD_SECONDS}`,
        for: "0m",
        summary: "the clock of Redis went back by {{ $value }} s",
        description:
          "The time of a partition never goes back, so it stands still until the clock has caught up: nothing expires meanwhile.",
      },
    ],
  },
  {
    name: "holdfast-requests",
    alerts: [
      {
        name: "HoldfastErrors",
        severity: "warning",
        expr: `${shareOfErrors} > ${SOME}`,
        for: "5m",
        summary: "{{ $value | humanizePercentage }} of the requests fail",
        description: "More than one answer in a hundred is a 5xx for five minutes.",
      },
      {
        name: "HoldfastOutage",
        severity: "critical",
        expr: `${shareOfErrors} > ${MANY}`,
        for: "1m",
        summary: "{{ $value | humanizePercentage }} of the requests fail",
        description: "More than one answer in ten is a 5xx.",
      },
      {
        name: "HoldfastSlow",
        severity: "warning",
        expr:
          "histogram_quantile(0.99, sum by (namespace, le)" +
          ` (rate(holdfast_http_request_duration_seconds_bucket{${SERVED}}[5m]))) > ${SLOW_SECONDS}`,
        for: "5m",
        summary: "one request in a hundred takes {{ $value | humanizeDuration }} or more",
        description: "That is a fifth of what REQUEST_DEADLINE_MS lets it take by default.",
      },
      {
        name: "HoldfastDependencyErrors",
        severity: "warning",
        expr: "sum by (namespace, dependency, kind) (rate(holdfast_dependency_errors_total[5m])) > 0",
        for: "5m",
        summary: "calls to {{ $labels.dependency }} fail: {{ $labels.kind }}",
        description: "A restart ends sooner; this goes on for five minutes at least.",
      },
      {
        name: "HoldfastFollowersFull",
        severity: "warning",
        expr: `sum by (namespace) (holdfast_event_waiters) > ${WAITERS} * sum by (namespace) (holdfast_processes)`,
        for: "5m",
        summary: "{{ $value }} long polls wait for events",
        description: "Nearly all places for followers are taken; the next hear 503.",
      },
    ],
  },
  {
    name: "holdfast-processes",
    alerts: [
      {
        name: "HoldfastAbsent",
        severity: "critical",
        expr: "absent(holdfast_processes)",
        for: "2m",
        summary: "Prometheus reads no process of Holdfast",
        description:
          "All are gone, or METRICS_TOKEN, the network or the job of Prometheus changed: none of the other alerts can be raised.",
      },
      {
        name: "HoldfastSilent",
        severity: "warning",
        expr: `up{job="${JOB}"} == 0`,
        for: "2m",
        summary: "{{ $labels.instance }} does not answer",
        description: "One process is there and does not show its metrics.",
      },
      {
        name: "HoldfastRestarts",
        severity: "warning",
        expr: `changes(process_start_time_seconds{job="${JOB}"}[15m]) > ${STARTS}`,
        for: "0m",
        summary: "{{ $labels.instance }} was started again {{ $value }} times in 15 minutes",
        description: "It ends by itself, or is ended: for want of memory, or for not answering.",
      },
      {
        name: "HoldfastUnregistered",
        severity: "warning",
        // Always 0 on workers and where no registry is meant: only what it was before tells.
        expr:
          `${ofAll("holdfast_registry_registered")} == 0` +
          ` and ${ofAll("max_over_time(holdfast_registry_registered[1d])")} > 0`,
        for: "5m",
        summary: "no process is in the service registry",
        description:
          "Who looks for it there finds nobody. Who knows the address is served all the same.",
      },
    ],
  },
];

/** As Prometheus reads it below `rule_files`. */
export const RULES = {
  groups: ALERTS.map(({ name, alerts }) => ({ name, rules: alerts.map(ruleOf) })),
};

function ruleOf({ name, severity, summary, description, ...rule }: Alert) {
  const runbook_url = `${RUNBOOK}#${name.toLowerCase()}`;
  const { expr, for: during } = rule;
  return {
    alert: name,
    expr,
    for: during,
    labels: { severity },
    annotations: { summary, description, runbook_url },
  };
}

/** The number that is set where nobody sets another. */
function fallbackOf(name: string): number {
  const found = VARIABLES.find((variable) => variable.name === name);
  if (found === undefined || !("fallback" in found)) throw new Error(`${name} has no default`);
  return Number(found.fallback);
}
