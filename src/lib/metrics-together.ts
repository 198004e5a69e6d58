/** The metrics of several processes that serve as one. */
import { AggregatorRegistry } from "prom-client";
import { z } from "zod";
import { rendered, type MetricsText } from "#lib/metrics";

/** What a process counted, as it tells another one. */
export const Counts = z.array(
  z.object({
    name: z.string(),
    help: z.string(),
    type: z.string(),
    aggregator: z.string(),
    values: z.array(
      z.object({
        // NaN and infinities are values of metrics, too.
        value: z.custom<number>((value) => typeof value === "number"),
        labels: z.record(z.string(), z.union([z.string(), z.number()])),
        metricName: z.string().optional(),
      }),
    ),
  }),
);
export type Counts = z.output<typeof Counts>;

export interface MetricsTogether {
  /** What a process says of itself now. */
  told(process: number, counts: Counts): void;
  /** It will say nothing more; what it has counted stays counted. */
  ended(process: number): void;
  /** The whole, with the gauges of those alone that have just answered. */
  render(answered: ReadonlySet<number>): Promise<MetricsText>;
}

/**
 * Counters never fall: of a process that is silent or has ended, the last that it told goes on
 * counting. Without that a sum would sink with it, which whoever scrapes takes for a restart, and
 * counts everything that is left a second time.
 */
export function createMetricsTogether(): MetricsTogether {
  const last = new Map<number, Counts>();
  /** What those counted that have ended. */
  let past: readonly Counts[] = [];
  return {
    told: (process, counts) => void last.set(process, counts),
    ended: (process) => {
      const counts = last.get(process);
      if (counts !== undefined) past = [...past, countersOf(counts)];
      last.delete(process);
    },
    render: async (answered) => {
      const present = Array.from(last, ([process, counts]) =>
        answered.has(process) ? counts : countersOf(counts),
      );
      const text = rendered(AggregatorRegistry.aggregate([...present, ...past]));
      // They become one, so that there are never many of them.
      const summed = past;
      const sum = Counts.parse(await AggregatorRegistry.aggregate([...past]).getMetricsAsJSON());
      if (past === summed) past = [sum];
      return await text;
    },
  };
}

const countersOf = (counts: Counts): Counts => counts.filter(({ type }) => type !== "gauge");
