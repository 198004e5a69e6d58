/**
 * Group commit: commands of one verb and partition that wait while earlier ones are under way go
 * to Redis together, as one script call. Idle, a batch is one command that did not wait; busy,
 * batches grow by themselves up to the bounds below.
 */
import type { Receipt } from "#inventory/durability";
import { Fault } from "#inventory/faults";
import type { CommandBase } from "#inventory/ports";
import type { Charge } from "#inventory/rates";
import type { Clock } from "#lib/clock";
import { unknownOutcome, type BatchSender, type Load, type Slot } from "#redis/batch-sender";
import { encodeCharges, NO_CHARGES, settlementOf } from "#redis/rates";

/** Items of one batch: a script call of that many takes about a millisecond, and two where all are charged. */
export const BATCH_ITEMS_MAX = 64;
/** Lines of one batch as its items name them, which is one cart; a whole hold that is ended counts once. */
export const BATCH_LINES_MAX = 100;
/** Bytes of one batch's items; Lua's `unpack` and the journal entry stay small. */
export const BATCH_BYTES_MAX = 64 * 1024;
/** Batches of one verb and partition under way at once: one runs while the next travels. */
const SLOTS = 2;
/** Commands waiting in one queue, beyond which callers hear 503 `overloaded`. */
export const QUEUE_ITEMS_MAX = 20_000;
/** How often waiting commands are held against their deadlines. */
const WATCH_MS = 50;

interface Item {
  readonly line: string;
  readonly lines: number;
  readonly deadline: number;
  readonly receipts: Receipt[] | undefined;
  readonly charge: Charge | undefined;
  readonly resolve: (reply: string) => void;
  readonly reject: (error: unknown) => void;
  /** Where it travels; null while it waits. */
  slot: Slot | null;
  isSettled: boolean;
}

/** What a queue needs to know of a command besides its text. */
export type Terms = Pick<CommandBase, "deadline" | "receipts" | "charge">;

/** What a queue counts: the items of each batch, and each item's line of the answer. */
export interface BatchCounters {
  readonly items: (count: number) => void;
  readonly reply: (line: string) => void;
}

export class BatchQueue {
  readonly #sender: BatchSender;
  readonly #clock: Clock;
  readonly #free: Slot[];
  readonly #count: BatchCounters;
  #waiting: Item[] = [];
  readonly #sent = new Set<Item>();
  #flushing = false;
  #watch: ReturnType<typeof setInterval> | null = null;

  constructor(sender: BatchSender, clock: Clock, count: BatchCounters) {
    this.#sender = sender;
    this.#clock = clock;
    this.#count = count;
    this.#free = Array.from({ length: SLOTS }, (_, i) => sender.slot(i));
  }

  /**
   * Puts a command into the next batch; resolves with its line of the answer. `lines` is how many
   * products it touches. Rejects with a Fault; `outcome_unknown` only after it was sent.
   */
  submit(line: string, lines: number, { deadline, receipts, charge }: Terms): Promise<string> {
    if (this.#waiting.length >= QUEUE_ITEMS_MAX) {
      return Promise.reject(new Fault("overloaded", "too many requests are waiting"));
    }
    return new Promise((resolve, reject) => {
      const state = { slot: null, isSettled: false };
      this.#waiting.push({ line, lines, deadline, receipts, charge, resolve, reject, ...state });
      this.#watch ??= setInterval(() => this.#settleLate(), WATCH_MS);
      this.#flushSoon();
    });
  }

  /** Commands that have no answer yet. */
  get pending(): number {
    return this.#waiting.length + this.#sent.size;
  }

  /** At the end of the turn, so that all requests of one turn share a batch. */
  #flushSoon(): void {
    if (this.#flushing || this.#free.length === 0) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#waiting.length > 0) {
      const slot = this.#free.pop();
      if (!slot) return;
      const batch = this.#take();
      if (batch.length === 0) {
        this.#free.push(slot);
        return;
      }
      for (const item of batch) {
        item.slot = slot;
        this.#sent.add(item);
      }
      void this.#run(slot, batch).finally(() => {
        this.#free.push(slot);
        this.#flushSoon();
        this.#rest();
      });
    }
  }

  /** The next batch within the bounds; who is past the deadline leaves unsent. */
  #take(): Item[] {
    const now = this.#clock.now();
    const batch: Item[] = [];
    let lines = 0;
    let bytes = 0;
    let taken = 0;
    for (const item of this.#waiting) {
      if (item.isSettled || item.deadline <= now) {
        taken += 1;
        this.#refuse(item);
        continue;
      }
      lines += item.lines;
      bytes += item.line.length * 4;
      const isFull =
        batch.length >= BATCH_ITEMS_MAX || lines > BATCH_LINES_MAX || bytes > BATCH_BYTES_MAX;
      if (isFull && batch.length > 0) break;
      batch.push(item);
      taken += 1;
    }
    this.#waiting.splice(0, taken);
    return batch;
  }

  async #run(slot: Slot, batch: readonly Item[]): Promise<void> {
    this.#count.items(batch.length);
    const deadline = Math.max(...batch.map((item) => item.deadline));
    let sent: readonly Item[] = batch;
    let charges = NO_CHARGES;
    // While the batch waited for its partition, callers may have been told that nothing was sent.
    const take = (): Load => {
      sent = batch.filter((item) => !item.isSettled);
      charges = encodeCharges(sent.map(({ charge }) => charge));
      return { lines: sent.map((item) => item.line), charges: charges.text };
    };
    const answer = await this.#sender.send(slot, take, deadline);
    if (answer.kind === "poisoned" && batch.length > 1) {
      for (const item of batch) await this.#run(slot, [item]);
      return;
    }
    if (answer.kind === "answered") {
      const settleCharge = settlementOf(charges, answer.left);
      sent.forEach((item, i) => {
        const reply = answer.replies[i] ?? "";
        this.#count.reply(reply);
        item.receipts?.push(answer.receipt);
        const refused = item.charge ? settleCharge(item.charge, reply) : null;
        settle(item, () => (refused ? item.reject(refused) : item.resolve(reply)));
      });
    } else {
      for (const item of batch) settle(item, () => item.reject(answer.error));
    }
    for (const item of batch) this.#sent.delete(item);
  }

  #settleLate(): void {
    const now = this.#clock.now();
    for (const item of this.#waiting) {
      if (item.deadline <= now) this.#refuse(item);
    }
    for (const item of this.#sent) {
      if (item.deadline > now) continue;
      if (item.slot?.wasSent) settle(item, () => item.reject(unknownOutcome()));
      else this.#refuse(item);
    }
    this.#rest();
  }

  #refuse(item: Item): void {
    settle(item, () => item.reject(new Fault("redis_unavailable", "Redis did not answer in time")));
  }

  /** The watch rests when nobody waits. */
  #rest(): void {
    if (this.pending > 0 || !this.#watch) return;
    clearInterval(this.#watch);
    this.#watch = null;
  }
}

function settle(item: Item, how: () => void): void {
  if (item.isSettled) return;
  item.isSettled = true;
  how();
}
