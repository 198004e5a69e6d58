/** The write path of one partition: a queue for each verb, and expire, of which one runs at a time. */
import type { Redis } from "ioredis";
import type { Receipt } from "#inventory/durability";
import { Fault } from "#inventory/faults";
import type { ExpireResult } from "#inventory/ports";
import type { Clock } from "#lib/clock";
import { withDeadline } from "#lib/deadline";
import { randomId } from "#lib/ids";
import { BatchQueue, type Terms } from "#redis/batch";
import { BatchSender, type Slot } from "#redis/batch-sender";
import { COMMAND_TIMEOUT_MS, type RedisFailure } from "#redis/client";
import { expireResult } from "#redis/hold-outcomes";
import type { Partition } from "#redis/partition";
import { loadScript } from "#redis/script";

const SCRIPTS = {
  initialize: loadScript("stock/initialize.lua"),
  adjust: loadScript("stock/adjust.lua"),
  transfer: loadScript("stock/transfer.lua"),
  count: loadScript("stock/count.lua"),
  amend: loadScript("stock/amend.lua"),
  reserve: loadScript("stock/reserve.lua"),
  sell: loadScript("stock/sell.lua"),
  return: loadScript("stock/return.lua"),
  confirm: loadScript("stock/confirm.lua"),
  cancel: loadScript("stock/cancel.lua"),
  extend: loadScript("stock/extend.lua"),
  reassign: loadScript("stock/reassign.lua"),
  join: loadScript("stock/join.lua"),
  leave: loadScript("stock/leave.lua"),
  place: loadScript("stock/place.lua"),
  line: loadScript("stock/line.lua"),
  offer: loadScript("stock/offer.lua"),
  registerLocation: loadScript("location/register.lua"),
  amendLocation: loadScript("location/amend.lua"),
  copyLocation: loadScript("location/copy.lua"),
  putLimit: loadScript("limit/put.lua"),
  removeLimit: loadScript("limit/remove.lua"),
  scheduleCampaign: loadScript("campaign/schedule.lua"),
  stopCampaign: loadScript("campaign/stop.lua"),
  removeCampaign: loadScript("campaign/remove.lua"),
  turnCampaign: loadScript("campaign/turn.lua"),
  repairCounter: loadScript("repair/counter.lua"),
  repairBreak: loadScript("repair/break.lua"),
  repairReserved: loadScript("repair/reserved.lua"),
};
const EXPIRE = loadScript("stock/expire.lua");

/** The verbs that go to Redis in batches, each a script of its name. */
export type BatchedVerb = keyof typeof SCRIPTS;
/** Those that mend what a comparison found. */
export type RepairVerb = "repairCounter" | "repairBreak" | "repairReserved";

/** What a batch of expire carries. */
const NOTHING = { lines: [], charges: "" };

/** Bounded steps that one caller waits for when its units may be due. */
const EXPIRE_STEPS_MAX = 200;
/** One step has its answer by then, or is asked for anew by whoever needs it. */
const STEP_MS_MAX = 2 * COMMAND_TIMEOUT_MS;
/** Before units that may be due are asked for again, after a step that failed. */
const EXPIRE_PAUSE_MS = 25;

export interface WritePathOptions {
  readonly redis: Redis;
  readonly clock: Clock;
  readonly journalEntriesMax: number;
  readonly recheck: (partition: Partition) => void;
  readonly batchSizes: (verb: string) => (items: number) => void;
  /** Holds of these owners are due and cannot be released: their units stay held. */
  readonly onDamaged: (partition: number, owners: readonly string[]) => void;
  /** A verb answered that word to one command. */
  readonly onOutcome: (verb: string, word: string) => void;
  readonly onFailure: (kind: RedisFailure | "stale") => void;
}

export class PartitionQueues {
  readonly #clock: Clock;
  readonly #queues: Readonly<Record<BatchedVerb, BatchQueue>>;
  readonly #expireSender: BatchSender;
  readonly #expireSlot: Slot;
  #lastStep: Promise<unknown> = Promise.resolve();
  readonly #onDamaged: (owners: readonly string[]) => void;
  #expiring: Promise<void> | null = null;

  constructor(options: WritePathOptions, partition: Partition) {
    this.#clock = options.clock;
    this.#onDamaged = (owners) => options.onDamaged(partition.number, owners);
    const common = { ...options, partition, writer: randomId(16) };
    const queue = (verb: BatchedVerb): BatchQueue =>
      new BatchQueue(new BatchSender({ ...common, verb, script: SCRIPTS[verb] }), options.clock, {
        items: options.batchSizes(verb),
        reply: (line) => options.onOutcome(verb, firstWord(line)),
      });
    this.#queues = {
      initialize: queue("initialize"),
      adjust: queue("adjust"),
      transfer: queue("transfer"),
      count: queue("count"),
      amend: queue("amend"),
      reserve: queue("reserve"),
      sell: queue("sell"),
      return: queue("return"),
      confirm: queue("confirm"),
      cancel: queue("cancel"),
      extend: queue("extend"),
      reassign: queue("reassign"),
      join: queue("join"),
      leave: queue("leave"),
      place: queue("place"),
      line: queue("line"),
      offer: queue("offer"),
      registerLocation: queue("registerLocation"),
      amendLocation: queue("amendLocation"),
      copyLocation: queue("copyLocation"),
      putLimit: queue("putLimit"),
      removeLimit: queue("removeLimit"),
      scheduleCampaign: queue("scheduleCampaign"),
      stopCampaign: queue("stopCampaign"),
      removeCampaign: queue("removeCampaign"),
      turnCampaign: queue("turnCampaign"),
      repairCounter: queue("repairCounter"),
      repairBreak: queue("repairBreak"),
      repairReserved: queue("repairReserved"),
    };
    this.#expireSender = new BatchSender({ ...common, verb: "expire", script: EXPIRE });
    this.#expireSlot = this.#expireSender.slot(0);
  }

  submit(verb: BatchedVerb, line: string, lines: number, terms: Terms): Promise<string> {
    return this.#queues[verb].submit(line, lines, terms);
  }

  /** Commands that were taken and have no answer yet. */
  get pending(): number {
    return Object.values(this.#queues).reduce((sum, queue) => sum + queue.pending, 0);
  }

  /** One bounded step over what is due; steps of this process follow one another. */
  expire(
    deadline = this.#clock.now() + STEP_MS_MAX,
    receipts: Receipt[] = [],
  ): Promise<ExpireResult> {
    const run = (): Promise<ExpireResult> => this.#expireStep(deadline, receipts);
    const step = this.#lastStep.then(run, run);
    this.#lastStep = step.catch(() => null);
    // It may wait for the steps of others: its caller waits for no longer than it said.
    return withDeadline(step, { at: deadline, clock: this.#clock }, () => {
      throw new Fault("redis_unavailable", "Redis did not answer in time");
    });
  }

  /**
   * Steps until nothing is due, or until the deadline; all who wait for it share one run. What
   * keeps it from its work is no failure of theirs: they ask the stock again.
   */
  async expireAll(deadline: number): Promise<void> {
    this.#expiring ??= this.#runExpire().finally(() => {
      this.#expiring = null;
    });
    await withDeadline(this.#expiring, { at: deadline, clock: this.#clock }, () => {});
  }

  async #runExpire(): Promise<void> {
    try {
      for (let step = 0; step < EXPIRE_STEPS_MAX; step += 1) {
        const { more } = await this.expire();
        if (!more) return;
      }
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      await Bun.sleep(EXPIRE_PAUSE_MS);
    }
  }

  async #expireStep(deadline: number, receipts: Receipt[]): Promise<ExpireResult> {
    const answer = await this.#expireSender.send(this.#expireSlot, () => NOTHING, deadline);
    if (answer.kind !== "answered") throw answer.error;
    receipts.push(answer.receipt);
    const { damaged, ...result } = expireResult(answer.replies[0] ?? "");
    if (damaged.length > 0) this.#onDamaged(damaged);
    return result;
  }
}

function firstWord(line: string): string {
  const tab = line.indexOf("\t");
  return tab < 0 ? line : line.slice(0, tab);
}
