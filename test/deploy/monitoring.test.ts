/**
 * Alerts and dashboard ask for what processes export: each metric and label of theirs is in the metrics
 * of a service that sold something, and each alert is in the runbook.
 */
import { beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ALERTS, RULES } from "#deploy/alerts";
import { dashboard, ROWS } from "#deploy/dashboard";
import { SCRAPING } from "#deploy/monitoring";
import { DASHBOARD } from "#deploy/write";
import { createMetrics } from "#lib/metrics";
import { Caller, reservationIn } from "#test/caller";
import { textOf } from "#test/packaging";
import { checkRules, promtool } from "#test/promtool";
import { askedBy, exportedBy, groupedBy, shownBy } from "#test/promql";
import { startRedis, temporaryFolder, testDatabase } from "#test/servers";
import { startService, tokenOf } from "#test/service";
import { until } from "#test/until";

const TEST_MS_MAX = 60_000;
const alerts = ALERTS.flatMap((group) => group.alerts);
const queries = ROWS.flatMap(({ panels }) => panels.flatMap((panel) => panel.queries));
const expressions = [...alerts, ...queries].map(({ expr }) => expr);
const asked = expressions.flatMap(askedBy);

/** What Prometheus puts on each series that it reads, and the metric that it makes itself. */
const [{ relabel_configs }] = SCRAPING;
const added = relabel_configs.flatMap((rule) =>
  "target_label" in rule ? [rule.target_label] : [],
);
const SCRAPED = new Set(["job", "instance", ...added]);
const OF_PROMETHEUS = "up";

/** Counted by what does not happen within the seconds of a test. */
const SELDOM: ReadonlySet<string> = new Set([
  "holdfast_dependency_errors_total",
  "holdfast_expiry_lag_seconds",
]);

/** The metrics of a service that held, sold, refused and gave back; and of one where all happened. */
let real: string;
let seldom: string;

beforeAll(async () => {
  await using redis = await startRedis();
  await using database = await testDatabase();
  await using service = await startService({ redisUrl: redis.url, databaseUrl: database.url });
  const caller = new Caller(service.url);
  const token = await tokenOf("admin", "administrator");
  const post = (path: string, body: object) => caller.call({ method: "POST", path, token, body });
  await post("/initialize", { productId: "p1", sku: "SKU-1", initialStock: 10 });
  const hold = (orderId: string, quantity = 1) =>
    post("/product/p1/reserve", { orderId, customerId: orderId, quantity });
  const [sold, back] = [await hold("order-1"), await hold("order-2")];
  await post(`/reservation/${reservationIn(sold).reservationId}/confirm`, {});
  await post(`/reservation/${reservationIn(back).reservationId}/cancel`, {});
  expect((await hold("order-3", 100)).status).toBe(409);
  const headers = { authorization: `Bearer ${token}`, prefer: "durability=ledger" };
  const body = JSON.stringify({ orderId: "order-4", customerId: "order-4", quantity: 1 });
  const url = `${service.url}/api/inventory/product/p1/reserve`;
  await fetch(url, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body,
  });
  const read = async (): Promise<string> => await (await fetch(`${service.url}/metrics`)).text();
  const isWhole = async (): Promise<boolean> => {
    real = await read();
    const exported = exportedBy(real);
    // One that nobody exports never comes: the tests tell of it.
    return asked.every(
      ({ metric }) => SELDOM.has(metric) || !exported.has(metric) || hasSeries(metric),
    );
  };
  await until(isWhole, {
    withinMs: TEST_MS_MAX / 2,
    what: "every metric that is asked for has a series",
  });
  const metrics = createMetrics();
  metrics.redisError("lost");
  metrics.expiryLag("0", 1);
  seldom = (await metrics.render()).body;
}, TEST_MS_MAX);

const hasSeries = (metric: string): boolean => new RegExp(`^${metric}[{ ]`, "m").test(real);
const isOwn = ([label]: readonly [string, ...unknown[]]): boolean => !SCRAPED.has(label);

const labelsOf = (metric: string): ReadonlySet<string> | undefined => {
  if (metric === OF_PROMETHEUS) return SCRAPED;
  const own = exportedBy(SELDOM.has(metric) ? seldom : real).get(metric);
  return own === undefined ? undefined : new Set([...own, ...SCRAPED]);
};

describe("every expression of alerts and dashboard", () => {
  test("asks for metrics that a service exports", () => {
    expect(asked.length).toBeGreaterThan(60);
    const unknown = asked.filter(({ metric }) => labelsOf(metric) === undefined);
    expect(unknown.map(({ metric }) => metric)).toEqual([]);
    // And for something at all.
    expect(expressions.filter((expr) => askedBy(expr).length === 0)).toEqual([]);
  });

  test("looks at labels that these metrics have, in braces, groups and texts", () => {
    const wrong = [...alerts, ...queries].flatMap((one) => {
      const { expr } = one;
      const metrics = askedBy(expr);
      const matched = metrics.flatMap(({ metric, matchers }) =>
        matchers.filter(([label]) => labelsOf(metric)?.has(label) !== true).map(([label]) => label),
      );
      // A group is of what any of its metrics has.
      const all = new Set(metrics.flatMap(({ metric }) => [...(labelsOf(metric) ?? [])]));
      const texts = "legend" in one ? [one.legend] : [one.summary, one.description];
      const named = [...groupedBy(expr), ...texts.flatMap(shownBy)];
      return [...matched, ...named.filter((label) => !all.has(label))].map((label) => [
        label,
        expr,
      ]);
    });
    expect(wrong).toEqual([]);
  });

  test("shows labels in a text only where the expression leaves them", () => {
    const lost = [...alerts, ...queries].flatMap((one) => {
      const groups = groupedBy(one.expr);
      const texts = "legend" in one ? [one.legend] : [one.summary, one.description];
      const shown = texts.flatMap(shownBy);
      return groups.length === 0 ? [] : shown.filter((label) => !groups.includes(label));
    });
    expect(lost).toEqual([]);
  });

  test("names verbs and words that the service counts by", () => {
    const exact = asked.flatMap(({ metric, matchers }) => {
      const texts = matchers.filter(([label, operator]) => isOwn([label]) && operator === "=");
      return metric === "holdfast_outcomes_total" && texts.length > 0 ? [texts] : [];
    });
    expect(exact.length).toBeGreaterThan(4);
    const counted = real + textOf("src/workers/expire.ts").replace(EXPIRE, 'verb="$1",word="$2"');
    const missing = exact
      .map((texts) => texts.map(([label, , text]) => `${label}="${text}"`).join())
      .filter((labels) => !counted.includes(labels));
    expect(missing).toEqual([]);
  });

  test.skipIf(promtool === null)("of the dashboard is one that Prometheus takes", async () => {
    const rules = queries.map(({ expr }, index) => ({
      record: `panel_${index}`,
      expr: expr.replaceAll("$__rate_interval", "1m"),
    }));
    const path = join(temporaryFolder("panels"), "rules.yaml");
    writeFileSync(path, Bun.YAML.stringify({ groups: [{ name: "panels", rules }] }, null, 2));
    expect(await checkRules(path)).toContain(`SUCCESS: ${queries.length} rules found`);
  });
});

/** As the worker counts what expired. */
const EXPIRE = /metrics\.outcome\("(\w+)", "(\w+)"/;

describe("the dashboard", () => {
  test("is what it is made from: `bun deploy/write.ts`", () => {
    expect(JSON.parse(textOf(`deploy/${DASHBOARD}`))).toEqual(dashboard());
  });

  test("shows every metric of ours, but for those that say how they are read", () => {
    const ours = [...exportedBy(real).keys()].map((name) =>
      name.replace(/_(bucket|sum|count)$/, ""),
    );
    const shown = new Set(asked.map(({ metric }) => metric.replace(/_(bucket|sum|count)$/, "")));
    const inPanels = queries.flatMap(({ expr }) => askedBy(expr));
    expect(new Set(inPanels.map(({ metric }) => metric)).size).toBeGreaterThan(15);
    expect([...new Set(ours)].filter((name) => !shown.has(name))).toEqual([]);
  });

  test("puts no panel upon another, and says of each what to see in it", () => {
    for (const { panels } of ROWS) {
      expect(panels.length).toBeGreaterThan(0);
      for (const { description } of panels) expect(description).toMatch(/^[A-Z0-9].*\.$/);
    }
    const titles = ROWS.flatMap(({ panels }) => panels.map(({ title }) => title));
    expect(new Set(titles).size).toBe(titles.length);
  });
});

describe("the runbook in docs/operations.md", () => {
  const [, runbook = ""] = textOf("docs/operations.md").split(/^## Runbook$/m);
  const [own = ""] = runbook.split(/^## /m);

  test("has a part of each alert, and of no other", () => {
    const parts = Array.from(own.matchAll(/^### (\w+)$/gm), ([, name = ""]) => name);
    expect(parts).toEqual(alerts.map(({ name }) => name));
  });

  test("is where each alert leads to", () => {
    const places = RULES.groups.flatMap(({ rules }) =>
      rules.map(({ annotations }) => annotations.runbook_url),
    );
    expect(places).toEqual(alerts.map(({ name }) => `docs/operations.md#${name.toLowerCase()}`));
  });

  test("says of each who is woken, what it means, and what to look at and to do", () => {
    const parts = own.split(/^### /m).slice(1);
    expect(parts.length).toBe(alerts.length);
    const lacking = parts.flatMap((part) => {
      const [name = ""] = part.split("\n");
      const severity = alerts.find((alert) => alert.name === name)?.severity;
      const head = severity === "critical" ? "**Wake somebody.**" : "**In working hours.**";
      const needed = [head, "_Means_:", "_Look_:", "_Do_:"];
      return needed.filter((text) => !part.includes(text)).map((text) => `${name}: ${text}`);
    });
    expect(lacking).toEqual([]);
  });
});
