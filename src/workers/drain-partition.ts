import { factsOf, Fault } from "#inventory/faults";
import type { Cursor, Journal, JournalEntry, LedgerBatch, LedgerWriter } from "#inventory/ports";
import type { Clock } from "#lib/clock";
import type { Log } from "#lib/log";
import type { Metrics } from "#lib/metrics";
import { appendOrSetAside, type Written } from "#workers/append";
import { cutJournal } from "#workers/journal-batches";

export interface DrainLimits {
  /** Journal entries of one read; bounds what waits in memory. */
  readonly entriesMax: number;
  /** Movements of one statement: about 50 ms of PostgreSQL. */
  readonly movementsMax: number;
  /** How long one read waits for something new. */
  readonly idleMsMax: number;
  /** Least time between two reads of a journal that is written all the time. */
  readonly paceMs: number;
  /** Wait after the first failure; it doubles up to the maximum. */
  readonly retryMsMin: number;
  readonly retryMsMax: number;
  /** How often what is in quarantine is counted while anything is: somebody may have settled it. */
  readonly asideMs: number;
}

export interface DrainDependencies {
  readonly journal: Journal;
  readonly ledgerWriter: LedgerWriter;
  /** Entries were read, which the ledger does not have yet: it must not wait, nor throw. */
  readonly onRead?: (partition: number, entries: readonly JournalEntry[]) => void;
  /** Epoch milliseconds; only for how old what waits is. */
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<Metrics, "drainedSeq" | "quarantined" | "redisError" | "postgresError">;
}

/** `fenced` and `stopped` are ends; the others follow each other as the doc of PartitionDrain says. */
export type DrainState = "locating" | "reading" | "appending" | "waiting" | "fenced" | "stopped";

export interface DrainStatus {
  readonly partition: number;
  readonly state: DrainState;
  /** Where the ledger stands, as far as this drain knows; null before it could ask. */
  readonly cursor: Cursor | null;
  /** Movements that were read and are not in the ledger yet. */
  readonly pending: number;
  /** Age of the oldest of them; null when there is none. */
  readonly behindMs: number | null;
}

/** Failures in a row, none of them a server that is away, after which it is no use to go on. */
const BUGS_MAX = 5;

const describe = (error: unknown): string => (error instanceof Error ? error.message : "unknown");

/** The label under which the count of all partitions goes. */
const ALL = "all";

/**
 * Moves one partition's journal into the ledger until it is stopped or fenced.
 *
 * It begins *locating*: asks PostgreSQL for the cursor, and tells Redis, for a drain that died
 * between the two may have told nobody. Then it alternates between *reading* the entries after
 * the cursor and *appending* them in batches, the next read under way while a batch is appended.
 * Each appended batch is settled: Redis hears how far the ledger is, and hears it again while idle. A batch that finds the cursor
 * elsewhere (another drain won, an epoch began, or our own earlier try did arrive) leads back to
 * locating. A batch that PostgreSQL refuses is halved until the one movement that it refuses is
 * alone; that one is set aside, and the rest goes on. A failure of any other kind leads to
 * *waiting*, a little longer each time, and then to locating. A journal that does not continue
 * exactly where the ledger stands (which is asked once more) ends it *fenced*: it never skips a
 * movement. A stop ends it at once, or after the statement under way.
 */
export class PartitionDrain {
  readonly #partition: number;
  readonly #use: DrainDependencies;
  readonly #limits: DrainLimits;
  readonly #log: Log;
  readonly #stopping = new AbortController();
  #state: DrainState = "locating";
  #cursor: Cursor | null = null;
  #isSettled = false;
  #pending = 0;
  #oldestAt: number | null = null;
  /** On the clock of `performance`; null: nothing is in quarantine. */
  #countAsideAt: number | null = null;
  #failures = 0;
  /** Failures since the last batch or Fault that no waiting will mend, such as an unreadable entry. */
  #bugs = 0;
  /** The Fault that was told last and still stands. */
  #told: string | null = null;
  /** On the clock of `performance`. */
  #readAgainAt = 0;
  #hurry: () => void = () => undefined;

  constructor(partition: number, use: DrainDependencies, limits: DrainLimits) {
    this.#partition = partition;
    this.#use = use;
    this.#limits = limits;
    this.#log = use.log.with({ partition });
  }

  /** Settles when the drain has ended; answers why it was fenced, or null when it was stopped. */
  async run(): Promise<string | null> {
    while (!this.#isStopping()) {
      try {
        const gap = await this.#follow(await this.#locate());
        if (gap !== null) return this.#fence(gap);
      } catch (error) {
        this.#bugs = error instanceof Fault ? 0 : this.#bugs + 1;
        if (this.#bugs >= BUGS_MAX) return this.#fence(describe(error));
        await this.#wait(error);
      }
    }
    this.#state = "stopped";
    return null;
  }

  stop(): void {
    this.#stopping.abort();
  }

  /** Ends a wait: what it waits for may be over. */
  hurry(): void {
    this.#hurry();
  }

  status(): DrainStatus {
    const oldestAt = this.#oldestAt;
    return {
      partition: this.#partition,
      state: this.#state,
      cursor: this.#cursor,
      pending: this.#pending,
      behindMs: oldestAt === null ? null : Math.max(0, this.#use.clock.now() - oldestAt),
    };
  }

  async #locate(): Promise<Cursor> {
    this.#state = "locating";
    const cursor = await this.#use.ledgerWriter.cursor(this.#partition);
    await this.#countQuarantine();
    this.#isSettled = false;
    this.#cursor = cursor;
    // Asked of Redis before anything is read there: it may not be the one whose ledger this is.
    await this.#use.journal.settle(this.#partition, cursor, "located");
    this.#isSettled = true;
    this.#use.metrics.drainedSeq(String(this.#partition), cursor.seq);
    return cursor;
  }

  /** Reads and appends until the cursor is found elsewhere or the drain stops: null; or the gap. */
  async #follow(start: Cursor): Promise<string | null> {
    let at = start;
    let reading = this.#read(at);
    for (;;) {
      this.#state = "reading";
      const entries = await this.#unlessStopped(reading);
      if (entries === null) return null;
      this.#told = null;
      if (entries.length > 0) this.#use.onRead?.(this.#partition, entries);
      const { batches, gap } = cutJournal(this.#partition, at, entries, this.#limits.movementsMax);
      at = batches.at(-1)?.to ?? at;
      this.#expect(batches);
      if (gap === null) reading = this.#read(at);
      this.#state = "appending";
      for (const [index, batch] of batches.entries()) {
        if ((await this.#write(batch, batches[index + 1])) !== "appended") return null;
        this.#passed(batch);
        await this.#moveTo(batch.to);
      }
      if (gap !== null) return (await this.#isStill(at)) ? gap : null;
      // While nothing comes, too: what a drain told that has ended may have arrived late.
      if (!this.#isSettled || entries.length === 0) await this.#moveTo(at);
      if (this.#countAsideAt !== null && performance.now() >= this.#countAsideAt) {
        await this.#countQuarantine();
      }
    }
  }

  /** Else another drain is ahead, and the journal was trimmed behind it: that is no gap. */
  async #isStill(at: Cursor): Promise<boolean> {
    const { epoch, seq } = await this.#use.ledgerWriter.cursor(this.#partition);
    return epoch === at.epoch && seq === at.seq;
  }

  #read(after: Cursor) {
    const reading = this.#readPaced(after);
    // It is awaited later, or never: an append that failed meanwhile, or a stop, comes first.
    reading.catch(() => {});
    return reading;
  }

  /**
   * After a quiet time a read answers at once. Under load it is held back a little: it finds more
   * then, and what a statement, its fsync and its settling cost is shared by more movements.
   */
  async #readPaced(after: Cursor): Promise<readonly JournalEntry[]> {
    const { entriesMax, idleMsMax, paceMs } = this.#limits;
    const waitMs = this.#readAgainAt - performance.now();
    if (waitMs > 0) await Bun.sleep(waitMs);
    const entries = await this.#use.journal.read(this.#partition, after, entriesMax, idleMsMax);
    this.#readAgainAt = entries.length < entriesMax ? performance.now() + paceMs : 0;
    return entries;
  }

  #write(batch: LedgerBatch, next: LedgerBatch | undefined): Promise<Written> {
    return appendOrSetAside(this.#use.ledgerWriter, batch, {
      next,
      isStopping: () => this.#isStopping(),
      onSetAside: async ({ to: { epoch, seq } }, error) => {
        this.#log.error("PostgreSQL refused a movement: it is in quarantine", {
          epoch,
          seq,
          error,
        });
        await this.#countQuarantine();
      },
    });
  }

  /** The ledger stands there. Redis not hearing of it is made good by the next time it does. */
  async #moveTo(cursor: Cursor): Promise<void> {
    this.#cursor = cursor;
    this.#use.metrics.drainedSeq(String(this.#partition), cursor.seq);
    try {
      await this.#use.journal.settle(this.#partition, cursor, "appended");
      this.#isSettled = true;
    } catch (error) {
      this.#isSettled = false;
      this.#count(error);
      const facts = { seq: cursor.seq, ...factsOf(error) };
      this.#log.warn("Redis was not told how far the ledger is", facts);
    }
  }

  async #wait(error: unknown): Promise<void> {
    this.#state = "waiting";
    this.#failures += 1;
    this.#count(error);
    const { retryMsMin, retryMsMax } = this.#limits;
    const most = Math.min(retryMsMax, retryMsMin * 2 ** (this.#failures - 1));
    // Jitter, so that the drains of all partitions do not return together.
    const waitMs = Math.round(most * (0.5 + Math.random() / 2));
    const facts = { waitMs, tries: this.#failures, ...factsOf(error) };
    this.#log[this.#levelOf(error)]("the journal cannot be drained now", facts);
    await this.#unlessStopped(
      new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMs);
        this.#hurry = () => {
          clearTimeout(timer);
          resolve();
        };
      }),
    );
  }

  /** What stands for hours is told once, until something else happens. */
  #levelOf(error: unknown): "debug" | "warn" | "error" {
    if (!(error instanceof Fault)) return "error";
    const isTold = this.#told === error.message;
    this.#told = error.message;
    return isTold ? "debug" : "warn";
  }

  #fence(gap: string): string {
    this.#state = "fenced";
    this.#log.error("the journal does not continue where the ledger stands", {
      gap,
      cursor: this.#cursor,
    });
    return gap;
  }

  #expect(batches: readonly LedgerBatch[]): void {
    this.#oldestAt = batches[0]?.movements[0]?.at ?? null;
    this.#setPending(batches.reduce((sum, { movements }) => sum + movements.length, 0));
  }

  #passed(batch: LedgerBatch): void {
    if (this.#failures > 0) this.#log.info("the journal is drained again");
    this.#failures = 0;
    this.#bugs = 0;
    this.#setPending(this.#pending - batch.movements.length);
    this.#oldestAt = this.#pending === 0 ? null : (batch.movements.at(-1)?.at ?? null);
  }

  #setPending(count: number): void {
    this.#pending = count;
  }

  async #countQuarantine(): Promise<void> {
    const count = await this.#use.ledgerWriter.quarantined();
    this.#use.metrics.quarantined(ALL, count);
    this.#countAsideAt = count === 0 ? null : performance.now() + this.#limits.asideMs;
  }

  #count(error: unknown): void {
    const kind = error instanceof Fault ? error.code : "unexpected";
    if (kind === "redis_unavailable" || kind === "partition_fenced")
      this.#use.metrics.redisError(kind);
    else this.#use.metrics.postgresError(kind);
  }

  #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** What `work` answers, or null as soon as the drain is stopped. */
  #unlessStopped<Value>(work: Promise<Value>): Promise<Value | null> {
    const { signal } = this.#stopping;
    if (signal.aborted) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      const leave = () => resolve(null);
      signal.addEventListener("abort", leave, { once: true });
      work.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
    });
  }
}
