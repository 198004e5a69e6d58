import type { Cursor, Journal, JournalEntry } from "#inventory/ports";

/** A journal in memory, with the order and the ids of a Redis stream. */
export interface MemoryJournal extends Journal {
  /** Wakes the reads that wait. */
  push(...entries: readonly JournalEntry[]): void;
  /** Takes everything back, as a Redis that lost its data. */
  clear(): void;
  /** What `settle` was told, in order. */
  readonly settled: readonly Cursor[];
  /** Rejects the next calls of that method with this error; null: no more. */
  fail(method: "read" | "settle", error: Error | null): void;
}

export function createMemoryJournal(): MemoryJournal {
  let kept: JournalEntry[] = [];
  const settled: Cursor[] = [];
  const failures = new Map<string, Error>();
  let changed = Promise.withResolvers<null>();
  const newer = (after: Cursor, entriesMax: number) =>
    kept
      .filter(({ epoch, seq }) => epoch > after.epoch || (epoch === after.epoch && seq > after.seq))
      .slice(0, entriesMax);
  const failing = (method: string) => {
    const error = failures.get(method);
    if (error !== undefined) throw error;
  };
  return {
    partitions: 1,
    settled,
    async read(_partition, after, entriesMax, waitMsMax) {
      failing("read");
      if (newer(after, entriesMax).length === 0) {
        const timeout = Promise.withResolvers<null>();
        const timer = setTimeout(timeout.resolve, waitMsMax, null);
        await Promise.race([changed.promise, timeout.promise]);
        clearTimeout(timer);
      }
      return newer(after, entriesMax);
    },
    async settle(_partition, drained) {
      failing("settle");
      settled.push(drained);
    },
    push(...entries) {
      kept.push(...entries);
      changed.resolve(null);
      changed = Promise.withResolvers();
    },
    clear() {
      kept = [];
    },
    fail(method, error) {
      if (error === null) failures.delete(method);
      else failures.set(method, error);
    },
  };
}
