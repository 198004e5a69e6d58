/** Sends named batches, and repeats them under their name until one answer is certain. */
import type { Redis } from "ioredis";
import type { Receipt } from "#inventory/durability";
import { Fault } from "#inventory/faults";
import type { Clock } from "#lib/clock";
import { failureOf, type RedisFailure } from "#redis/client";
import { metaKey } from "#redis/keys";
import type { Partition } from "#redis/partition";
import { runScript, type Script } from "#redis/script";

/** Pause before a batch is repeated, so that a server that fails at once is not stormed. */
const RETRY_PAUSE_MS = 25;

/** First line of an answer: seq, now, swept, drained, and what charged identities have left. */
const STATUS = /^ok\t(\d{1,16})\t(\d{1,16})\t\d{1,16}\t(\d{1,16})(?:\t([\d:,]+))?$/;

/**
 * A place for one batch under way. Its number rises when its last batch was answered or given up:
 * a copy that arrives after its successor finds a higher number and changes nothing.
 */
export interface Slot {
  readonly name: string;
  number: number;
  /** Whether the batch under way may have run: its callers can no longer be told "nothing happened". */
  wasSent: boolean;
  /** A copy of an earlier batch may still be on its way: keep even an answer that changed nothing. */
  isHaunted: boolean;
}

export type BatchAnswer =
  | {
      readonly kind: "answered";
      readonly replies: readonly string[];
      readonly receipt: Receipt;
      /** What charged identities have left, as lib/rates.lua says it. */
      readonly left: string;
    }
  /** The script failed before it wrote: one of the items is to blame. */
  | { readonly kind: "poisoned"; readonly error: unknown }
  | { readonly kind: "failed"; readonly error: unknown };

/** What a batch carries. */
export interface Load {
  readonly lines: readonly string[];
  /** As src/redis/rates.ts encodes them; empty: nothing is charged. */
  readonly charges: string;
}

export interface BatchSenderOptions {
  readonly redis: Redis;
  readonly script: Script;
  readonly verb: string;
  readonly partition: Partition;
  /** Random name of this process, [a-z0-9]. */
  readonly writer: string;
  readonly journalEntriesMax: number;
  readonly clock: Clock;
  /** Asks for the partition's server to be looked at again, after it answered `stale`. */
  readonly recheck: (partition: Partition) => void;
  readonly onFailure: (kind: RedisFailure | "stale") => void;
}

export class BatchSender {
  readonly #options: BatchSenderOptions;

  constructor(options: BatchSenderOptions) {
    this.#options = options;
  }

  slot(index: number): Slot {
    return { name: `${this.#options.verb}-${index}`, number: 0, wasSent: false, isHaunted: false };
  }

  /**
   * Sends one batch; resolves when its answer is certain or the deadline has passed. `take` names
   * its load; it is asked at the last moment, and again as long as nothing can have run.
   */
  async send(slot: Slot, take: () => Load, deadline: number): Promise<BatchAnswer> {
    slot.number += 1;
    slot.wasSent = false;
    let load: Load = { lines: [], charges: "" };
    let sentUnder = 0;
    for (;;) {
      try {
        await this.#options.partition.opened(deadline);
      } catch (error) {
        return giveUp(slot, error);
      }
      // It may have run on what was rebuilt from the ledger since: sent again, it would run twice.
      if (slot.wasSent && this.#options.partition.rebuilt > sentUnder) {
        return giveUp(slot, unknownOutcome());
      }
      if (!slot.wasSent) load = take();
      sentUnder = this.#options.partition.epoch;
      const attempt = await this.#attempt(slot, load);
      if ("reply" in attempt) return this.#settled(slot, attempt.reply, load.lines);
      if (attempt.failure === "error") return poisoned(slot, attempt.error);
      if (attempt.failure === "refusing") return giveUp(slot, refused(attempt.error));
      if (this.#options.clock.now() >= deadline) return giveUp(slot, tooLate());
      await Bun.sleep(RETRY_PAUSE_MS);
    }
  }

  /** One script call. What is known to have done nothing leaves `wasSent` as it was. */
  async #attempt(slot: Slot, { lines, charges }: Load): Promise<Attempt> {
    const { partition, script, redis, writer, journalEntriesMax, recheck } = this.#options;
    const wasSentBefore = slot.wasSent;
    const keep = wasSentBefore || slot.isHaunted ? "1" : "0";
    const header = `${partition.epoch}\t${partition.mark}\t${writer}\t${slot.name}\t${slot.number}\t${keep}\t${journalEntriesMax}`;
    const first = charges === "" ? header : `${header}\n${charges}`;
    slot.wasSent = true;
    try {
      const reply = await runScript(redis, script, metaKey(partition.number), [first, ...lines]);
      if (reply === "full" || reply === "stale") slot.wasSent = wasSentBefore;
      if (reply !== "stale") return { reply };
      this.#options.onFailure("stale");
      recheck(partition);
      return { failure: "stale", error: null };
    } catch (error) {
      const failure = failureOf(error);
      if (failure !== "lost") slot.wasSent = wasSentBefore;
      this.#options.onFailure(failure);
      return { failure, error };
    }
  }

  #settled(slot: Slot, reply: unknown, lines: readonly string[]): BatchAnswer {
    if (reply === "full") {
      return giveUp(slot, journalFull());
    }
    if (reply === "superseded") return { kind: "failed", error: unknownOutcome() };
    const [status = "", ...replies] = typeof reply === "string" ? reply.split("\n") : [];
    const [, seq, now, drained, left = ""] = STATUS.exec(status) ?? [];
    if (drained === undefined || (lines.length > 0 && replies.length !== lines.length)) {
      return { kind: "failed", error: new Error("a script's answer cannot be read") };
    }
    slot.isHaunted = false;
    const { partition, verb } = this.#options;
    const heard = { seq: Number(seq), now: Number(now), drained: Number(drained) };
    const { number, epoch } = partition;
    partition.acknowledged.note({ epoch, seq: heard.seq, verb, lines, replies });
    partition.heard(heard);
    const receipt = { partition: number, epoch, seq: heard.seq };
    return { kind: "answered", replies, receipt, left };
  }
}

type Attempt =
  | { readonly reply: unknown }
  | { readonly failure: RedisFailure | "stale"; readonly error: unknown };

function poisoned(slot: Slot, error: unknown): BatchAnswer {
  slot.isHaunted ||= slot.wasSent;
  return { kind: "poisoned", error };
}

function giveUp(slot: Slot, error: unknown): BatchAnswer {
  slot.isHaunted ||= slot.wasSent;
  return { kind: "failed", error: slot.wasSent ? unknownOutcome() : error };
}

export const unknownOutcome = (): Fault =>
  new Fault("outcome_unknown", "no answer in time; repeat the request under the same identity");
export const journalFull = (): Fault =>
  new Fault(
    "journal_full",
    "the ledger is too far behind; changes are refused until it catches up",
  );
const tooLate = (): Fault => new Fault("redis_unavailable", "Redis did not answer in time");
const refused = (cause: unknown): Fault =>
  new Fault("redis_unavailable", "Redis takes no changes at the moment", { cause });
