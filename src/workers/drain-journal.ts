/** Write-behind: moves every partition's journal into the ledger, in a loop of its own each. */
import {
  PartitionDrain,
  type DrainDependencies,
  type DrainLimits,
  type DrainStatus,
} from "#workers/drain-partition";

const DEFAULT_LIMITS: DrainLimits = {
  entriesMax: 200,
  movementsMax: 2_000,
  idleMsMax: 1_000,
  paceMs: 20,
  retryMsMin: 100,
  retryMsMax: 5_000,
  asideMs: 10_000,
};

export interface DrainOptions extends DrainDependencies {
  /**
   * The journal of a partition does not continue where the ledger stands: its drain has ended and
   * nothing of it reaches the ledger until somebody puts it right and calls `resume`.
   */
  readonly onFenced: (partition: number, reason: string) => void;
  readonly limits?: Partial<DrainLimits>;
}

export interface Drain extends AsyncDisposable {
  /** Ends every loop: at once, or after the statement under way. */
  stop(): Promise<void>;
  status(): readonly DrainStatus[];
  /**
   * What a drain could not follow, or waits for, was rebuilt: it begins again from the cursor that
   * PostgreSQL holds, at once.
   */
  resume(partition: number): void;
}

/**
 * Starts draining. Any number of processes may do so at once: for each batch one of them wins, the
 * others find the cursor moved. PostgreSQL or Redis away is waited for.
 */
export function startDrain(options: DrainOptions): Drain {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const drains = Array.from({ length: options.journal.partitions }, (_, partition) =>
    start(partition, options, limits),
  );
  const stop = async (): Promise<void> => {
    for (const { drain } of drains) drain.stop();
    await Promise.all(drains.map(({ ended }) => ended));
  };
  return {
    stop,
    status: () => drains.map(({ drain }) => drain.status()),
    resume(partition) {
      const running = drains[partition]?.drain;
      if (running?.status().state === "fenced") {
        drains[partition] = start(partition, options, limits);
      } else running?.hurry();
    },
    [Symbol.asyncDispose]: stop,
  };
}

function start(partition: number, options: DrainOptions, limits: DrainLimits) {
  const drain = new PartitionDrain(partition, options, limits);
  const ended = drain.run().then((gap) => {
    if (gap !== null) options.onFenced(partition, gap);
  });
  return { drain, ended };
}
