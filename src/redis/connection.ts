/**
 * Holds partitions to the server behind the connection. On every `ready`, before anything else is
 * sent, the server's run id is held against the one in `meta`: a server that started anew begins
 * an epoch, so that no two histories ever share one.
 */
import type { Redis } from "ioredis";
import { z } from "zod";
import type { EpochLedger } from "#inventory/ports";
import { randomId } from "#lib/ids";
import type { Log, LogFields } from "#lib/log";
import { metaKey } from "#redis/keys";
import type { Partition } from "#redis/partition";
import { recordedCount } from "#redis/recorded";
import { readRunId } from "#redis/run-id";
import { loadScript, runScript } from "#redis/script";

const beginScript = loadScript("partition/begin.lua");

/** Pause between attempts while PostgreSQL is away or a partition waits to be rebuilt. */
const RECHECK_PAUSE_MS = 250;

/** How often the ledger is told which server is in use; far below IN_USE_MS of its side. */
const ATTEND_EVERY_MS = 1_000;

const BEHIND = "Redis lacks what was acknowledged";
/** Twin: lua/lib/rebuild-claim.lua. */
const CLAIM = /^rebuild:/;
/** Twin: lua/lib/meta.lua. */
const NUMBER = /^\d+$/;
const FOREIGN = "Redis holds the data of another store";

const Text = z.string().nullable();
const MetaFields = z.tuple([Text, Text, Text, Text, Text, Text, Text]).rest(Text);
const LookedFields = z.tuple([Text, Text, Text, Text]);
const BeginReply = z.array(z.string()).min(1);

export interface ConnectionOptions {
  readonly redis: Redis;
  readonly partitions: readonly Partition[];
  readonly epochs: EpochLedger;
  readonly log: Log;
  /** Default: ATTEND_EVERY_MS. */
  readonly attendEveryMs?: number;
}

export class RedisConnection implements AsyncDisposable {
  readonly #options: ConnectionOptions;
  readonly #checking = new Set<Partition>();
  /** Partitions whose server came back while it was looked at: that look does not count. */
  readonly #again = new Set<Partition>();
  readonly #attending: NodeJS.Timeout;
  /** Of the server that was last looked at. */
  #runId = "";
  /** Partitions whose server the ledger does not follow any more. */
  readonly #superseded = new Set<Partition>();
  /** Under which this process reports. */
  readonly #name = randomId(12);
  #isStopped = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const everyMs = options.attendEveryMs ?? ATTEND_EVERY_MS;
    this.#attending = setInterval(() => void this.#attend(), everyMs);
    options.redis.on("ready", () => {
      for (const partition of options.partitions) this.recheck(partition);
    });
    options.redis.on("close", () => {
      for (const partition of options.partitions) partition.close();
    });
    options.redis.on("error", (error: Error) => {
      options.log.debug("redis connection failed", { error: error.message });
    });
  }

  /** Looks at the partition's server again; callers wait meanwhile. One look runs at a time. */
  recheck(partition: Partition): void {
    partition.close();
    if (this.#isStopped) return;
    if (this.#checking.has(partition)) {
      this.#again.add(partition);
      return;
    }
    this.#checking.add(partition);
    void this.#check(partition).finally(() => this.#checking.delete(partition));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#attending);
    this.#options.redis.disconnect();
  }

  async #check(partition: Partition): Promise<void> {
    let said = "";
    while (!this.#isStopped && this.#options.redis.status === "ready") {
      try {
        this.#again.delete(partition);
        if ((await this.#admit(partition)) && !this.#again.has(partition)) return;
        if (this.#again.has(partition)) partition.close();
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        const facts = { partition: partition.number, reason };
        if (reason !== said) this.#options.log.warn("a partition cannot be opened yet", facts);
        said = reason;
      }
      await Bun.sleep(RECHECK_PAUSE_MS);
    }
  }

  /**
   * Other servers are not rebuilt while this one is in use. A process that has nothing to do looks
   * too: what it remembers may have to be reported, and what others did may be missed later.
   */
  async #attend(): Promise<void> {
    const { redis, partitions, epochs, log } = this.#options;
    if (redis.status !== "ready") return;
    try {
      for (const partition of partitions) await this.#lookAt(partition);
      const open = partitions.filter(({ state }) => state === "open");
      if (open.length === 0) return;
      const numbers = open.map(({ number }) => number);
      const cursors = await epochs.use(numbers, this.#runId);
      for (const partition of open) {
        const cursor = cursors.find((one) => one.partition === partition.number);
        if (cursor === undefined || cursor.epoch <= partition.epoch) continue;
        // The ledger goes on with another history than this server's.
        this.#superseded.add(partition);
        this.recheck(partition);
      }
    } catch (error) {
      log.debug("the use of Redis was not told", { error });
    }
  }

  async #lookAt(partition: Partition): Promise<void> {
    if (partition.state !== "open") return;
    const fields = ["epoch", "seq", "fence", "rebuilt"] as const;
    const meta = await this.#options.redis.hmget(metaKey(partition.number), ...fields);
    const [epoch, seq, fence, rebuilt] = LookedFields.parse(meta);
    if (epoch === null || fence !== null || Number(rebuilt) > partition.epoch) {
      this.recheck(partition);
    } else if (Number(epoch) === partition.epoch) {
      partition.seen(recordedCount(seq ?? undefined, "seq"));
    }
  }

  async #admit(partition: Partition): Promise<boolean> {
    const runId = await readRunId(this.#options.redis);
    this.#runId = runId;
    const meta = await this.#options.redis.hmget(
      metaKey(partition.number),
      "storeId",
      "runId",
      "epoch",
      "seq",
      "fence",
      "beganAt",
      "rebuilt",
      "lastNow",
      "swept",
      "drained",
    );
    const [storeId, metaRunId, epoch, seq, fence, beganAt, rebuiltText, ...others] =
      MetaFields.parse(meta);
    const rebuilt = Number(rebuiltText ?? "0");
    if (storeId !== null && storeId !== this.#options.epochs.storeId) {
      return this.#fence(partition, FOREIGN, { storeId });
    }
    // A fence stands until a rebuild lifts it: nothing is begun meanwhile, and no epoch spent.
    if (fence !== null) return this.#waitFor(partition, fence);
    const isSuperseded = this.#superseded.delete(partition);
    // A bit was turned: begin fences it.
    const isDamaged = [epoch, seq, beganAt, ...others].some((text) => !NUMBER.test(text ?? ""));
    if (storeId === null || metaRunId !== runId || epoch === null || isDamaged || isSuperseded) {
      return this.#begin(partition, runId);
    }
    // After a rebuild what this process was told is in the ledger, or is reported now.
    const isRebuilt = rebuilt > partition.epoch;
    const isLater = Number(epoch) > partition.epoch;
    const kept = isLater
      ? Math.min(Number(seq), Number(beganAt), await this.#endOf(partition))
      : Number(seq);
    // Something that this process was told is not there: begin decides, and fences.
    if (!isRebuilt && kept < partition.mark) return this.#begin(partition, runId);
    if (isRebuilt) await this.#reportLost(partition);
    const now = { epoch: recordedCount(epoch, "epoch"), seq: recordedCount(seq ?? "", "seq") };
    // Whoever began it may have died before it was noted: then nobody would know where one ended.
    if (isLater)
      await this.#options.epochs.note(partition.number, now.epoch, Number(beganAt), runId);
    partition.open(now.epoch, now.seq, rebuilt);
    return true;
  }

  /** Up to which seq there is still what was done in the epoch that this process knows. */
  async #endOf({ number, epoch }: Partition): Promise<number> {
    if (epoch === 0) return Number.POSITIVE_INFINITY;
    return endOf(epoch, await this.#options.epochs.beganAfter(number, epoch));
  }

  async #begin(partition: Partition, runId: string): Promise<boolean> {
    const { redis, epochs, log } = this.#options;
    const ended = await this.#endOf(partition);
    const reply = await epochs.begin(partition.number, runId, async (epoch, known) => {
      const answer: unknown = await runScript(redis, beginScript, metaKey(partition.number), [
        epochs.storeId,
        runId,
        String(epoch),
        String(known.seq),
        String(known.epoch),
        String(partition.epoch),
        String(partition.mark),
        Number.isFinite(ended) ? String(ended) : "",
      ]);
      return beginAnswer(BeginReply.parse(answer));
    });
    if (reply.kind === "begun") {
      log.info("an epoch began", { partition: partition.number, ...reply });
      // What was waited for in PostgreSQL may have begun on a server that has ended since.
      if ((await readRunId(this.#options.redis)) !== runId) return false;
      return await this.#admit(partition);
    }
    if (reply.kind === "used") return false;
    return this.#fence(partition, reply.kind === "foreign" ? FOREIGN : BEHIND, reply);
  }

  /** What this process acknowledged and the ledger does not have: by id, to whoever runs this. */
  async #reportLost(partition: Partition): Promise<void> {
    const { epochs, log } = this.#options;
    const began = await epochs.beganAfter(partition.number, partition.epoch);
    const end = endOf(partition.epoch, began);
    if (partition.mark <= end) return;
    const operations = partition.acknowledged.lostBeyond((epoch) => endOf(epoch, began));
    const missing = { from: end + 1, to: partition.mark };
    const { number, epoch } = partition;
    const facts = { partition: number, epoch, ...missing, operations: operations.length };
    log.error("acknowledged operations are lost: see recovery_reports", facts);
    const report = { partition: number, kind: "lost" as const, epoch, missing, operations };
    await epochs.report({ ...report, facts: {}, reportedBy: this.#name });
  }

  /** A fence that somebody has claimed is one that is being lifted, planned or not. */
  #waitFor(partition: Partition, fence: string): false {
    const facts = { fence, mark: partition.mark };
    if (partition.state === "fenced" || !CLAIM.test(fence)) {
      return this.#fence(partition, BEHIND, facts);
    }
    partition.fence();
    const message = "a partition is being rebuilt from the ledger";
    this.#options.log.warn(message, { partition: partition.number, ...facts });
    return false;
  }

  /** Said once, however often it is found again. Answers that the partition is not open. */
  #fence(partition: Partition, reason: string, facts: LogFields): false {
    if (partition.state !== "fenced") {
      partition.fence();
      const message = `${reason}; the partition is fenced`;
      this.#options.log.error(message, { partition: partition.number, ...facts });
    }
    return false;
  }
}

/**
 * The seq at which the epoch ended, by those that began since. The lowest counts: the next one may have
 * gone on with all of it, and been lost itself before the ledger had it.
 */
function endOf(ended: number, began: readonly { epoch: number; beganAt: number }[]): number {
  const later = began.filter(({ epoch }) => epoch > ended);
  return Math.min(...later.map(({ beganAt }) => beganAt));
}

function beginAnswer(reply: readonly string[]) {
  const [word = "", epoch, seq] = reply;
  switch (word) {
    case "begun":
    case "current":
      return {
        kind: "begun" as const,
        epoch: recordedCount(epoch, "epoch"),
        seq: recordedCount(seq, "seq"),
      };
    case "used":
      return { kind: "used" as const, epoch: recordedCount(epoch, "epoch") };
    case "behind":
      return { kind: "behind" as const, seq: recordedCount(epoch, "seq") };
    case "foreign":
      return { kind: "foreign" as const };
    default:
      throw new Error("begin answered an unknown word");
  }
}
