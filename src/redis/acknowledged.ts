/**
 * What this process has acknowledged and the ledger does not have yet: if Redis loses it, somebody
 * can still say what it was. Noted once a batch, by reference; taken apart only for a report.
 */
import type { LostOperation } from "#inventory/rebuild-ports";

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

/** First words of replies by which something was done. A test holds them against the scripts. */
export const DONE_WORDS: ReadonlySet<string> = new Set([
  "adjusted",
  "amended",
  "changed",
  "copied",
  "counted",
  "done",
  "initialized",
  "joined",
  "left",
  "made",
  "offered",
  "put",
  "reassigned",
  "registered",
  "removed",
  "reserved",
  "reserved_partly",
  "returned",
  "scheduled",
  "sold",
  "stopped",
  "transferred",
]);

/** First words by which a repeat was told what had been done before it. */
const REPEATED_WORDS: ReadonlySet<string> = new Set([
  "cancelled",
  "confirmed",
  "held",
  "held_partly",
  "replayed",
]);

/** Verbs whose lines begin with the product. */
const OF_PRODUCTS: ReadonlySet<string> = new Set([
  "adjust",
  "amend",
  "count",
  "initialize",
  "join",
  "leave",
  "return",
  "sell",
  "transfer",
]);
/** Verbs whose lines begin with owner and generation. */
const OF_HOLDS: ReadonlySet<string> = new Set([
  "reserve",
  "confirm",
  "cancel",
  "extend",
  "reassign",
]);

/** The seq of a product's last change, in what a script tells of it. */
const SEQ_OF_PRODUCT = /"seq":"(\d{1,16})"/;
/**
 * Owner, where it is told, generation and seq of a hold's record, of whatever stands before and behind it.
 */
const RECORD =
  /(?:^|\t)(?:([0-9a-f]{32})\t)?1\t([0-9a-z]{8})\t[A-Z]+\t[a-z_]*\t\d+\t\d+\t(\d{1,16})\t/;

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
      .flatMap((batch) => this.#operationsOf(batch).filter(({ seq }) => seq > endOf(batch.epoch)));
  }

  /** After a rebuild: what was lost is reported, and the rest is in the ledger. */
  clear(): void {
    this.#batches = [];
    this.#first = 0;
    this.#operations = 0;
  }

  #operationsOf({ verb, seq, lines, replies }: Batch): LostOperation[] {
    return replies.flatMap((reply, i) => {
      const [outcome = ""] = reply.split("\t", 1);
      const [, owner, generation, heldAt] = RECORD.exec(reply) ?? [];
      const changedAt = heldAt ?? SEQ_OF_PRODUCT.exec(reply)?.[1];
      // What a repeat hears was done before it: without its seq nobody knows whether that is lost.
      const isKnown = DONE_WORDS.has(outcome) || (REPEATED_WORDS.has(outcome) && changedAt);
      if (!isKnown) return [];
      const line = lines[i] ?? "";
      return {
        verb,
        outcome,
        seq: changedAt === undefined ? seq : Number(changedAt),
        requestId: REQUEST.exec(line)?.[1] ?? null,
        ...this.#subjectOf(verb, line, { owner, generation }),
      };
    });
  }

  /**
   * The first fields of a line say what it is about. Of a hold the answer says which one: a repeat names
   * one that it would have made, a standing hold's generation is Redis's to say, and one that was
   * reassigned is another owner's now.
   */
  #subjectOf(
    verb: string,
    line: string,
    told: { readonly owner: string | undefined; readonly generation: string | undefined },
  ): Pick<LostOperation, "reservationId" | "productId"> {
    const [first = "", second = ""] = line.split("\t", 2);
    if (OF_PRODUCTS.has(verb)) return { reservationId: null, productId: first };
    const { owner = first, generation = second } = told;
    const isHold = OF_HOLDS.has(verb) && generation !== "";
    const reservationId = isHold ? `p${this.#partition}-${owner}-${generation}` : null;
    return { reservationId, productId: null };
  }

  /** Moves the rest to the front once most of it is gone. */
  #compact(): void {
    if (this.#first < 64 || this.#first * 2 < this.#batches.length) return;
    this.#batches = this.#batches.slice(this.#first);
    this.#first = 0;
  }
}
