import { describe, expect, test } from "bun:test";
import { createMetrics, type Metrics } from "#lib/metrics";
import { Counts, createMetricsTogether } from "#lib/metrics-together";

const countsOf = async (metrics: Metrics): Promise<Counts> => Counts.parse(await metrics.counts());

/** Of one line, by its name and labels. */
function valueOf(body: string, line: string): number | undefined {
  const found = body.split("\n").find((it) => it.startsWith(`${line} `));
  return found === undefined ? undefined : Number(found.slice(line.length));
}

describe("metrics of several processes together", () => {
  test("are what all counted, and of what all look at the most pressing", async () => {
    const [one, two] = [createMetrics(), createMetrics()];
    for (const [metrics, n] of [[one, 1] as const, [two, 2] as const]) {
      const answered = metrics.httpRequest("inventory", "/health");
      for (let i = 0; i < n; i += 1) answered(200, 0.002);
      metrics.outcome("reserve", "reserved", n);
      metrics.batchItems("reserve")(n);
      metrics.durabilityLevel(n - 1);
      metrics.fencedPartitions(n);
      metrics.journalLag("p0", 10 * n);
      metrics.clockLead("p0", n);
      metrics.registryRegistered(n === 1);
      metrics.eventWaiters(n);
    }
    const together = createMetricsTogether();
    together.told(1, await countsOf(one));
    together.told(2, await countsOf(two));
    const { body, contentType } = await together.render(new Set([1, 2]));
    expect(contentType).toBe((await one.render()).contentType);
    const labels = 'contract="inventory",route="/health"';
    const expected = {
      [`holdfast_http_requests_total{${labels},status="200"}`]: 3,
      [`holdfast_http_request_duration_seconds_bucket{le="0.0025",${labels}}`]: 3,
      [`holdfast_http_request_duration_seconds_count{${labels}}`]: 3,
      'holdfast_outcomes_total{verb="reserve",word="reserved"}': 3,
      'holdfast_batch_items_sum{verb="reserve"}': 3,
      holdfast_durability_level: 0,
      holdfast_fenced_partitions: 2,
      'holdfast_journal_lag_movements{partition="p0"}': 20,
      'holdfast_clock_lead_seconds{partition="p0"}': 2,
      holdfast_registry_registered: 1,
      holdfast_event_waiters: 3,
      holdfast_processes: 2,
    };
    const found = Object.keys(expected).map((line) => [line, valueOf(body, line)]);
    expect(Object.fromEntries(found)).toEqual(expected);
    const [memory = 0, both = 0] = [(await one.render()).body, body].map((text) =>
      valueOf(text, "process_resident_memory_bytes"),
    );
    expect(both).toBeGreaterThan(1.5 * memory);
  });

  test("have every metric of one process, each once, whatever it is", async () => {
    const own = createMetrics();
    const together = createMetricsTogether();
    together.told(1, await countsOf(own));
    const typesOf = (body: string): string[] => [...body.matchAll(/^# TYPE .*$/gm)].map(String);
    const { body } = await together.render(new Set([1]));
    expect(typesOf(body).toSorted()).toEqual(typesOf((await own.render()).body).toSorted());
  });

  test("never fall: who is silent or has ended goes on counting, but is no process", async () => {
    const together = createMetricsTogether();
    const line = 'holdfast_outcomes_total{verb="reserve",word="reserved"}';
    const tell = async (process: number, count: number): Promise<void> => {
      const metrics = createMetrics();
      metrics.outcome("reserve", "reserved", count);
      metrics.eventWaiters(1);
      together.told(process, await countsOf(metrics));
    };
    const read = async (...answered: number[]): Promise<(number | undefined)[]> => {
      const { body } = await together.render(new Set(answered));
      const gauges = ["holdfast_processes", "holdfast_event_waiters"];
      return [line, ...gauges].map((name) => valueOf(body, name));
    };
    await tell(1, 5);
    await tell(2, 7);
    expect(await read(1, 2)).toEqual([12, 2, 2]);
    expect(await read(1)).toEqual([12, 1, 1]);
    together.ended(2);
    expect(await read(1)).toEqual([12, 1, 1]);
    // Its successor begins at nothing, and ends as well.
    await tell(2, 3);
    expect(await read(1, 2)).toEqual([15, 2, 2]);
    together.ended(2);
    together.ended(2);
    expect(await read(1)).toEqual([15, 1, 1]);
    expect(await read()).toEqual([15, undefined, undefined]);
  });
});
