/** How Prometheus reads what the inventory counts, and how the autoscaler is told of it. */
import { NAMESPACE } from "./pods.ts";

/** What the inventory exports, and the rate of it by which it is scaled. */
export const REQUESTS_SERIES = "holdfast_http_requests_total";
export const REQUESTS_METRIC = "holdfast_http_requests_per_second";

/** The job by which Prometheus knows it. */
export const JOB = "holdfast";

/** Of `scrape_configs` in Prometheus' configuration. The token is METRICS_TOKEN of the secret, as a file. */
export const SCRAPING = [
  {
    job_name: JOB,
    scrape_interval: "15s",
    authorization: { credentials_file: "/etc/prometheus/holdfast-metrics-token" },
    kubernetes_sd_configs: [{ role: "pod", namespaces: { names: [NAMESPACE] } }],
    relabel_configs: [
      {
        source_labels: ["__meta_kubernetes_pod_label_app_kubernetes_io_name"],
        regex: "api|worker",
        action: "keep",
      },
      { source_labels: ["__meta_kubernetes_namespace"], target_label: "namespace" },
      { source_labels: ["__meta_kubernetes_pod_name"], target_label: "pod" },
    ],
  },
] as const;

/** Of `rules` in prometheus-adapter's values: what answers `custom.metrics.k8s.io`. */
export const ADAPTER = {
  custom: [
    {
      seriesQuery: `${REQUESTS_SERIES}{namespace!="",pod!=""}`,
      resources: {
        overrides: { namespace: { resource: "namespace" }, pod: { resource: "pod" } },
      },
      name: { as: REQUESTS_METRIC },
      metricsQuery: "sum(rate(<<.Series>>{<<.LabelMatchers>>}[1m])) by (<<.GroupBy>>)",
    },
  ],
} as const;
