/**
 * Reserve in Redis as most would write it: one script call a request. With a delayed job of BullMQ for
 * each hold, and without anything that would end it.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Queue } from "bullmq";
import type { Redis } from "ioredis";
import { z } from "zod";
import { ReserveOnly, type Taken, type Wanted } from "./reserve-only.ts";

const SCRIPT = readFileSync(join(import.meta.dir, "reserve.lua"), "utf8");
const Reply = z.tuple([z.int(), z.int()]).nullable();
/** Longer than the hold: who asks again hears what it was. */
const KEPT_SECONDS = 900;

export const rivalStockKey = (productId: string): string => `rival:stock:${productId}`;

declare module "ioredis" {
  interface RedisCommander {
    rivalReserve(stock: string, hold: string, journal: string, ...args: string[]): Promise<unknown>;
  }
}

export class RedisScript extends ReserveOnly {
  readonly #redis: Redis;

  constructor(redis: Redis) {
    super();
    this.#redis = redis;
    redis.defineCommand("rivalReserve", { numberOfKeys: 3, lua: SCRIPT });
  }

  async take(wanted: Wanted): Promise<Taken> {
    const { productId, quantity, owner, holdSeconds, customerId, orderId, generation } = wanted;
    const record = JSON.stringify({ generation, productId, quantity, orderId, customerId });
    const reply = await this.#redis.rivalReserve(
      rivalStockKey(productId),
      `rival:hold:${owner}`,
      "rival:journal",
      String(quantity),
      String(holdSeconds),
      String(holdSeconds + KEPT_SECONDS),
      record,
      JSON.stringify(wanted.context),
    );
    const times = Reply.parse(reply);
    return times && { createdAt: times[0], expiresAt: times[1] };
  }
}

export class RedisScriptAndJob extends RedisScript {
  readonly #queue: Queue;

  constructor(redis: Redis, jobs: Redis) {
    super(redis);
    this.#queue = new Queue("rival-expiry", { connection: jobs, prefix: "rival" });
  }

  override async take(wanted: Wanted): Promise<Taken> {
    const taken = await super.take(wanted);
    if (taken === null) return null;
    const { owner, holdSeconds } = wanted;
    await this.#queue.add("expire", { owner }, { jobId: owner, delay: holdSeconds * 1_000 });
    return taken;
  }
}
