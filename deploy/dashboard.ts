/** The dashboard of Grafana: rows of panels, each of some expressions, written as JSON. */
import { REQUESTS_SERIES } from "./monitoring.ts";

export interface Query {
  readonly expr: string;
  /** What a line is called; labels in double braces. */
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  /** As Grafana calls it: `reqps`, `s`, `bytes`, `short`, `percentunit`. */
  readonly unit: string;
  /** What to see in it, and when to look. */
  readonly description: string;
  readonly kind: "stat" | "timeseries";
  readonly queries: readonly Query[];
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** Of the installation that is chosen above the panels. */
const IN = 'namespace=~"$namespace"';
/** Whatever is asked of a counter is its rate over as long as Grafana draws sensibly. */
const rate = (metric: string, more = ""): string =>
  `rate(${metric}{${IN}${more === "" ? "" : `,${more}`}}[$__rate_interval])`;
const byPartition = (metric: string): string => `max by (partition) (${metric}{${IN}})`;
const quantile = (share: number): string =>
  `histogram_quantile(${share}, sum by (le) (${rate("holdfast_http_request_duration_seconds_bucket", SERVED)}))`;

/** Long polls wait, and exports last. */
const SERVED = 'route!~"/health.*|/metrics|/api/inventory/(events|movements/export)"';

const stat = (title: string, expr: string, description: string, unit = "short"): Panel => ({
  title,
  unit,
  description,
  kind: "stat",
  queries: [{ expr, legend: title }],
});
const graph = (
  title: string,
  unit: string,
  description: string,
  ...queries: readonly (readonly [expr: string, legend: string])[]
): Panel => ({
  title,
  unit,
  description,
  kind: "timeseries",
  queries: queries.map(([expr, legend]) => ({ expr, legend })),
});

export const ROWS: readonly Row[] = [
  {
    title: "At a glance",
    panels: [
      stat("Processes", `sum(holdfast_processes{${IN}})`, "Those that answered the last look."),
      stat("Fenced", `max(holdfast_fenced_partitions{${IN}})`, "Partitions that sell nothing."),
      stat("Quarantine", `max(holdfast_quarantined_movements{${IN}})`, "Movements refused."),
      stat("Differences", `max(holdfast_open_differences{${IN}})`, "Products to be looked into."),
      stat("Losses", `max(holdfast_loss_reports{${IN}})`, "Reports of lost operations, ever."),
      stat("Drains stopped", `max(holdfast_drain_stopped{${IN}})`, "Before a gap."),
      stat("Durability", `min(holdfast_durability_level{${IN}})`, "0 memory, 1 disk."),
      stat("In the registry", `max(holdfast_registry_registered{${IN}})`, "0 where none is meant."),
    ],
  },
  {
    title: "Requests",
    panels: [
      graph("Requests", "reqps", "By contract and status.", [
        `sum by (contract, status) (${rate(REQUESTS_SERIES)})`,
        "{{contract}} {{status}}",
      ]),
      graph(
        "Share that fails",
        "percentunit",
        "Answers of 5xx. 504 is an outcome that nobody knows yet.",
        [
          `sum(${rate(REQUESTS_SERIES, `status=~"5..",${SERVED}`)}) / sum(${rate(REQUESTS_SERIES, SERVED)})`,
          "5xx",
        ],
      ),
      graph(
        "Duration",
        "s",
        "Of all but long polls and exports. The slowest hundredth near REQUEST_DEADLINE_MS: a dependency stands still.",
        [quantile(0.5), "half"],
        [quantile(0.99), "99 of 100"],
      ),
      graph("Slowest routes", "s", "The slowest hundredth of each, the five worst.", [
        `topk(5, histogram_quantile(0.99, sum by (le, route) (${rate("holdfast_http_request_duration_seconds_bucket", SERVED)})))`,
        "{{route}}",
      ]),
    ],
  },
  {
    title: "Stock",
    panels: [
      graph("Outcomes", "ops", "Every answer of every verb.", [
        `sum by (verb, word) (${rate("holdfast_outcomes_total")})`,
        "{{verb}} {{word}}",
      ]),
      graph("Refusals", "ops", "What reserve did not give, by the word of its answer.", [
        `sum by (word) (${rate("holdfast_outcomes_total", 'verb="reserve",word!~"(reserved|held)(_partly)?|confirmed|replayed|(campaign_)?due"')})`,
        "{{word}}",
      ]),
      graph(
        "Holds that end",
        "ops",
        "How holds come and go. Far more that expire than usual: payments fail.",
        [`sum(${rate("holdfast_outcomes_total", 'verb="reserve",word="reserved"')})`, "reserved"],
        [`sum(${rate("holdfast_outcomes_total", 'verb="confirm",word="done"')})`, "confirmed"],
        [`sum(${rate("holdfast_outcomes_total", 'verb="cancel",word="done"')})`, "cancelled"],
        [`sum(${rate("holdfast_outcomes_total", 'verb="expire",word="expired"')})`, "expired"],
      ),
      graph(
        "Commands in a batch",
        "short",
        "On average. Near 64: Redis or its disk is the limit.",
        [
          `sum by (verb) (${rate("holdfast_batch_items_sum")}) / sum by (verb) (${rate("holdfast_batch_items_count")})`,
          "{{verb}}",
        ],
      ),
    ],
  },
  {
    title: "Ledger and time",
    panels: [
      graph(
        "Movements not in the ledger",
        "short",
        "The journal. It must fall when the load does.",
        [byPartition("holdfast_journal_lag_movements"), "partition {{partition}}"],
      ),
      graph("Movements drained", "ops", "What PostgreSQL takes.", [
        `max by (partition) (deriv(holdfast_drained_seq{${IN}}[5m]))`,
        "partition {{partition}}",
      ]),
      graph(
        "Expiry behind the clock",
        "s",
        "What the last wake-up found. Above 10 wake-ups are lost.",
        [byPartition("holdfast_expiry_lag_seconds"), "partition {{partition}}"],
      ),
      graph(
        "Time ahead of Redis's clock",
        "s",
        "Above 5 the clock went back, and nothing expires.",
        [byPartition("holdfast_clock_lead_seconds"), "partition {{partition}}"],
      ),
    ],
  },
  {
    title: "Dependencies and followers",
    panels: [
      graph("Errors of dependencies", "ops", "Of Redis and PostgreSQL, by kind.", [
        `sum by (dependency, kind) (${rate("holdfast_dependency_errors_total")})`,
        "{{dependency}} {{kind}}",
      ]),
      graph(
        "Durability beyond the disk",
        "ops",
        "What was asked for, and what was reached by the deadline.",
        [
          `sum by (asked, reached) (${rate("holdfast_durability_waits_total")})`,
          "{{asked}}: {{reached}}",
        ],
      ),
      graph("Long polls that wait", "short", "128 places in each process.", [
        `sum(holdfast_event_waiters{${IN}})`,
        "waiting",
      ]),
      graph(
        "Streams of events",
        "short",
        "8 192 in each process; one that is not taken from is cut, and comes back.",
        [`sum(holdfast_event_streams{${IN}})`, "open"],
        [`sum(${rate("holdfast_slow_streams_total")})`, "cut, a second"],
      ),
    ],
  },
  {
    title: "Processes",
    panels: [
      graph("Processor", "percentunit", "One process uses one core at most.", [
        rate("process_cpu_seconds_total"),
        "{{pod}} {{instance}}",
      ]),
      graph("Memory", "bytes", "It levels off; it does not only rise.", [
        `process_resident_memory_bytes{${IN}}`,
        "{{pod}} {{instance}}",
      ]),
      graph("Running for", "s", "A line that falls to nothing is a start.", [
        `time() - process_start_time_seconds{${IN}}`,
        "{{pod}} {{instance}}",
      ]),
    ],
  },
];

const WIDTH = 24;
const HEIGHT = 8;
const STAT_HEIGHT = 4;
const DATASOURCE = { type: "prometheus", uid: "$datasource" };

/** As Grafana imports it, from a file or by provisioning. */
export function dashboard(): object {
  const panels: object[] = [];
  let y = 0;
  for (const { title, panels: inRow } of ROWS) {
    panels.push({
      type: "row",
      id: panels.length + 1,
      title,
      gridPos: { x: 0, y, w: WIDTH, h: 1 },
    });
    y += 1;
    const isStats = inRow.every(({ kind }) => kind === "stat");
    const inLine = isStats ? inRow.length : 2;
    const [w, h] = [WIDTH / inLine, isStats ? STAT_HEIGHT : HEIGHT];
    for (const [index, panel] of inRow.entries()) {
      const gridPos = { x: (index % inLine) * w, y: y + Math.floor(index / inLine) * h, w, h };
      panels.push({ ...shownAs(panel), id: panels.length + 1, gridPos });
    }
    y += Math.ceil(inRow.length / inLine) * h;
  }
  return {
    uid: "holdfast",
    title: "Holdfast",
    schemaVersion: 39,
    editable: true,
    refresh: "30s",
    time: { from: "now-1h", to: "now" },
    tags: ["holdfast"],
    templating: { list: VARIABLES },
    panels,
  };
}

function shownAs({ title, description, unit, kind, queries }: Panel): object {
  const targets = queries.map(({ expr, legend }, index) => ({
    refId: `Q${index + 1}`,
    datasource: DATASOURCE,
    expr,
    legendFormat: legend,
    instant: kind === "stat",
    range: kind !== "stat",
  }));
  const options =
    kind === "stat"
      ? { colorMode: "none", reduceOptions: { calcs: ["lastNotNull"] } }
      : { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi" } };
  const fieldConfig = { defaults: { unit, min: 0 }, overrides: [] };
  return { type: kind, title, description, datasource: DATASOURCE, fieldConfig, options, targets };
}

/** Outside a cluster no series has a namespace: "All" takes those, too. */
const VARIABLES = [
  { name: "datasource", label: "Prometheus", type: "datasource", query: "prometheus" },
  {
    name: "namespace",
    label: "Namespace",
    type: "query",
    datasource: DATASOURCE,
    query: "label_values(holdfast_processes, namespace)",
    refresh: 2,
    multi: true,
    includeAll: true,
    allValue: ".*",
    current: { text: "All", value: "$__all" },
  },
];
