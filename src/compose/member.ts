/** One of the processes that `start api --workers N` is made of: it serves as its foreman says. */
import { contractProblems } from "#compose/contracts";
import { createQuestions, Order, type Report } from "#compose/crew";
import { serveRole, StartUsageError } from "#compose/start";
import { readConfigFor } from "#config";
import { Fault } from "#inventory/faults";
import { createLog } from "#lib/log";
import { createMetrics, type MetricsText } from "#lib/metrics";
import { createShutdown, type Shutdown } from "#lib/shutdown";
import { openServers } from "#compose/servers";

/** Longer than the foreman waits for any of us. */
const TOTAL_MS_MAX = 1_500;

type Begin = Extract<Order, { kind: "begin" }>;

/** Serves until the foreman says stop, or is gone. */
export async function runMember(number: number): Promise<void> {
  const metrics = createMetrics();
  const foreman = openChannel(async () => await metrics.counts());
  const { settings, sharing, connectionsMax } = await foreman.begun;
  const config = readConfigFor({ also: contractProblems }, settings);
  const plain = createLog({ level: config.logLevel, format: config.production ? "json" : "text" });
  const log = plain.with({ process: number });
  const shutdown = createShutdown({ log, graceMs: config.shutdownGraceMs });
  shutdown.arm();
  foreman.obey(shutdown);
  const servers = await openServers(config, (line, level = "info") => log[level](line));
  const { port, url } = await serveRole({
    config,
    role: "api",
    servers,
    // Whoever is asked answers for all.
    metrics: { ...metrics, render: foreman.total },
    log,
    shutdown,
    share: { sharing, connectionsMax },
  });
  foreman.tell({ kind: "serving", port, url });
}

function openChannel(counts: () => Promise<unknown>) {
  if (process.send === undefined) {
    throw new StartUsageError("--process is for what --workers starts, and for nobody else");
  }
  const begun = Promise.withResolvers<Begin>();
  const totals = createQuestions<MetricsText>(TOTAL_MS_MAX);
  let shutdown: Shutdown | null = null;
  const stop = (reason: string, code?: number): void => {
    if (shutdown === null) process.exit(code);
    void shutdown.stop(reason, code);
  };
  const tell = (report: Report | { kind: "counted"; question: number; counts: unknown }): void => {
    if (process.connected) process.send?.(report);
  };
  const take = async (order: Order): Promise<void> => {
    switch (order.kind) {
      case "begin":
        return begun.resolve(order);
      case "stop":
        return stop(order.reason);
      case "call":
        return tell({ kind: "here" });
      case "count":
        return tell({ kind: "counted", question: order.question, counts: await counts() });
      case "total":
        return totals.answer(order.question, order);
    }
  };
  process.on("message", (message) => void take(Order.parse(message)));
  // Where the kernel does not end us with it.
  process.on("disconnect", () => stop("the foreman is gone", 1));
  return {
    begun: begun.promise,
    tell,
    /** From here on a stop is one in order. */
    obey: (ours: Shutdown) => void (shutdown = ours),
    total: async (): Promise<MetricsText> => {
      const total = await totals.ask((question) => tell({ kind: "total", question }));
      if (total === null) throw new Fault("overloaded", "the processes could not be counted");
      return total;
    },
  };
}
