/**
 * Holds partitions to the server behind the connection. On every `ready`, before anything else is
 * sent, the server's run id is held against the one in `meta`: a server that started anew begins
 * an epoch, so that no two histories ever share one.
 */
import type { Redis } from "ioredis";
import { z } from "zod";
import type { EpochLedger } from "#inventory/ports";
import type { Log, LogFields } from "#lib/log";
import { metaKey } from "#redis/keys";
import type { Partition } from "#redis/partition";
import { recordedCount } from "#redis/recorded";
import { loadScript, runScript } from "#redis/script";

const beginScript = loadScript("partition/begin.lua");

/** Pause between attempts while PostgreSQL is away or a partition waits to be repaired. */
const RECHECK_PAUSE_MS = 250;

const BEHIND = "Redis lacks what was acknowledged";
const FOREIGN = "Redis holds the data of another store";

const MetaFields = z.tuple([
  z.string().nullable(),
  z.string().nullable(),
  z.string().nullable(),
  z.string().nullable(),
  z.string().nullable(),
  z.string().nullable(),
]);
const BeginReply = z.array(z.string()).min(1);

export interface ConnectionOptions {
  readonly redis: Redis;
  readonly partitions: readonly Partition[];
  readonly epochs: EpochLedger;
  readonly log: Log;
}

export class RedisConnection implements AsyncDisposable {
  readonly #options: ConnectionOptions;
  readonly #checking = new Set<Partition>();
  /** Partitions whose server came back while it was looked at: that look does not count. */
  readonly #again = new Set<Partition>();
  #isStopped = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
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

  async #admit(partition: Partition): Promise<boolean> {
    const runId = await this.#runId();
    const meta = await this.#options.redis.hmget(
      metaKey(partition.number),
      "storeId",
      "runId",
      "epoch",
      "seq",
      "fence",
      "beganAt",
    );
    const [storeId, metaRunId, epoch, seq, fence, beganAt] = MetaFields.parse(meta);
    if (storeId !== null && storeId !== this.#options.epochs.storeId) {
      return this.#fence(partition, FOREIGN, { storeId });
    }
    // A fence stands until a repair lifts it: nothing is begun meanwhile, and no epoch spent.
    if (fence !== null) return this.#fence(partition, BEHIND, { fence, mark: partition.mark });
    if (storeId === null || metaRunId !== runId || epoch === null) {
      return this.#begin(partition, runId);
    }
    const isLater = Number(epoch) > partition.epoch;
    const hasLost = isLater && Number(beganAt) < partition.mark;
    // Something that this process was told is not there: begin decides, and fences.
    if (Number(seq) < partition.mark || hasLost) {
      return this.#begin(partition, runId);
    }
    partition.open(recordedCount(epoch, "epoch"), recordedCount(seq ?? undefined, "seq"));
    return true;
  }

  async #begin(partition: Partition, runId: string): Promise<boolean> {
    const { redis, epochs, log } = this.#options;
    const reply = await epochs.begin(partition.number, runId, async (epoch, known) => {
      const answer: unknown = await runScript(redis, beginScript, metaKey(partition.number), [
        epochs.storeId,
        runId,
        String(epoch),
        String(known.seq),
        String(known.epoch),
        String(partition.epoch),
        String(partition.mark),
      ]);
      return beginAnswer(BeginReply.parse(answer));
    });
    if (reply.kind === "begun") {
      log.info("an epoch began", { partition: partition.number, ...reply });
      // What was waited for in PostgreSQL may have begun on a server that has ended since.
      if ((await this.#runId()) !== runId) return false;
      partition.open(reply.epoch, reply.seq);
      return true;
    }
    if (reply.kind === "used") return false;
    return this.#fence(partition, reply.kind === "foreign" ? FOREIGN : BEHIND, reply);
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

  async #runId(): Promise<string> {
    const info = await this.#options.redis.info("server");
    const runId = /^run_id:(\w+)/m.exec(info)?.[1];
    if (!runId) throw new Error("the server did not tell its run id");
    return runId;
  }
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
