import { describe, expect, test } from "bun:test";
import { createMetrics } from "#lib/metrics";

describe("metrics", () => {
  test("count requests by contract, route and status, with their durations", async () => {
    const metrics = createMetrics();
    const answered = metrics.httpRequest("inventory", "/health");
    answered(200, 0.002);
    answered(200, 0.002);
    answered(503, 0.2);
    const { body, contentType } = await metrics.render();
    expect(contentType).toStartWith("text/plain");
    const labels = 'contract="inventory",route="/health"';
    expect(body).toContain(`holdfast_http_requests_total{${labels},status="200"} 2`);
    expect(body).toContain(`holdfast_http_requests_total{${labels},status="503"} 1`);
    expect(body).toContain(`holdfast_http_request_duration_seconds_count{${labels}} 3`);
  });

  test("count what happened between two readings exactly once", async () => {
    const metrics = createMetrics();
    metrics.outcome("reserve", "reserved");
    metrics.outcome("reserve", "reserved", 4);
    metrics.outcome("reserve", "insufficient");
    await metrics.render();
    metrics.outcome("reserve", "reserved");
    const { body } = await metrics.render();
    expect(body).toContain('holdfast_outcomes_total{verb="reserve",word="reserved"} 6');
    expect(body).toContain('holdfast_outcomes_total{verb="reserve",word="insufficient"} 1');
  });

  test("show batches, lags, fences, quarantine, registration and errors of what we depend on", async () => {
    const metrics = createMetrics();
    metrics.batchItems("reserve")(32);
    metrics.journalLag("p0", 7);
    metrics.drainedSeq("p0", 93);
    metrics.expiryLag("p0", 0.5);
    metrics.quarantined("p0", 2);
    metrics.fencedPartitions(1);
    metrics.registryRegistered(true);
    metrics.redisError("timeout");
    metrics.postgresError("57P01");
    const { body } = await metrics.render();
    for (const line of [
      'holdfast_batch_items_bucket{le="32",verb="reserve"} 1',
      'holdfast_batch_items_bucket{le="16",verb="reserve"} 0',
      'holdfast_journal_lag_movements{partition="p0"} 7',
      'holdfast_drained_seq{partition="p0"} 93',
      'holdfast_expiry_lag_seconds{partition="p0"} 0.5',
      'holdfast_quarantined_movements{partition="p0"} 2',
      "holdfast_fenced_partitions 1",
      "holdfast_registry_registered 1",
      'holdfast_dependency_errors_total{dependency="redis",kind="timeout"} 1',
      'holdfast_dependency_errors_total{dependency="postgres",kind="57P01"} 1',
    ]) {
      expect(body).toContain(`${line}\n`);
    }
    expect(body).toMatch(/^process_resident_memory_bytes \d{6,}$/m);
  });

  test("count processor time as a counter that never falls, however often it is read", async () => {
    const metrics = createMetrics();
    const read = async (): Promise<number> => {
      const { body } = await metrics.render();
      expect(body).toContain("# TYPE process_cpu_seconds_total counter\n");
      return Number(/^process_cpu_seconds_total (\S+)$/m.exec(body)?.[1]);
    };
    const before = process.cpuUsage();
    const [first, second] = [await read(), await read()];
    const after = process.cpuUsage();
    expect(first).toBeGreaterThanOrEqual((before.user + before.system) / 1e6);
    expect(second).toBeGreaterThanOrEqual(first);
    expect(second).toBeLessThanOrEqual((after.user + after.system) / 1e6);
  });

  test("of two services in one process stay apart", async () => {
    const one = createMetrics();
    const two = createMetrics();
    one.outcome("reserve", "reserved");
    expect((await two.render()).body).not.toContain('word="reserved"');
  });
});
