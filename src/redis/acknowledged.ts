/**
 * What this process has acknowledged and the ledger does not have yet: if Redis loses it, somebody
 * can still say what it was. Noted once a batch, by reference; taken apart only for a report.
 */
import type { LostOperation } from "#inventory/repair-ports";

/**
 * Operations that are remembered for a partition, about 40 MB; of older ones only the range of seq
 * is known. They are many only while PostgreSQL is away.
 */
const OPERATIONS_MAX = 50_000;

/** One batch that was answered. */
interface Batch {
  readonly epoch: number;
  /** Where the partition stood after it. */
  readonly seq: number;
  readonly verb: string;
  readonly lines: readonly string[];
  readonly replies: readonly string[];
}

/** First words of replies by which something was done. A test holds them against lua/stock. */
export const DONE_WORDS: ReadonlySet<string> = new Set([
  "adjusted",
  "amended",
  "copied",
  "counted",
  "done",
  "initialized",
  "registered",
  "reserved",
  "reserved_partly",
  "returned",
  "sold",
  "transferred",
]);

const REQUEST = /"requestId":"([^"]*)"/;

export class Acknowledged {
  readonly #partition: number;
  #batches: Batch[] = [];
  #first = 0;
  #operations = 0;

  constructor(partition: number) {
    this.#partition = partition;
  }

  note(batch: Batch): void {
    this.#batches.push(batch);
    this.#operations += batch.replies.length;
    while (this.#operations > OPERATIONS_MAX && this.#batches.length - this.#first > 1) {
      this.#forgetFirst();
    }
    this.#compact();
  }

  /** The ledger has everything up to there. */
  drained(seq: number): void {
    while ((this.#batches[this.#first]?.seq ?? Number.POSITIVE_INFINITY) <= seq) {
      this.#forgetFirst();
    }
    this.#compact();
  }

  #forgetFirst(): void {
    this.#operations -= this.#batches[this.#first]?.replies.length ?? 0;
    this.#first += 1;
  }

  /** What lies behind the end of its epoch, which is where the next one began. */
  lostBeyond(endOf: (epoch: number) => number): LostOperation[] {
    return this.#batches
      .slice(this.#first)
      .filter(({ epoch, seq }) => seq > endOf(epoch))
      .flatMap((batch) => this.#operationsOf(batch));
  }

  #operationsOf({ verb, seq, lines, replies }: Batch): LostOperation[] {
    return replies.flatMap((reply, i) => {
      const fields = reply.split("\t");
      const line = lines[i] ?? "";
      const [outcome = ""] = fields;
      if (!DONE_WORDS.has(outcome)) return [];
      return {
        verb,
        outcome,
        seq,
        requestId: REQUEST.exec(line)?.[1] ?? null,
        ...this.#subjectOf(verb, line),
      };
    });
  }

  /** The first fields of a line say what it is about. */
  #subjectOf(verb: string, line: string): Pick<LostOperation, "reservationId" | "productId"> {
    const [first = "", second = ""] = line.split("\t");
    if (!HOLD_VERBS.has(verb)) return { reservationId: null, productId: first };
    const reservationId = second === "" ? null : `p${this.#partition}-${first}-${second}`;
    return { reservationId, productId: null };
  }

  /** Moves the rest to the front once most of it is gone. */
  #compact(): void {
    if (this.#first < 64 || this.#first * 2 < this.#batches.length) return;
    this.#batches = this.#batches.slice(this.#first);
    this.#first = 0;
  }
}

const HOLD_VERBS: ReadonlySet<string> = new Set(["reserve", "confirm", "cancel", "extend"]);
