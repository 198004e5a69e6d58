/** Asks whether a replica of Redis has everything that was written until now. */
import type { Redis } from "ioredis";
import { z } from "zod";

/**
 * A replica is asked how far it is when a wait begins, and tells by itself only once a second: short
 * waits one after another hear of it sooner than one long wait.
 */
const WAIT_MS_MAX = 50;
/** Waits of one look: a replica that syncs once a second is through by then. */
const WAITS_MAX = 24;
/** Replicas that must have it. */
const REPLICAS_MIN = 1;
/**
 * From 7.2 on a connection waits for what it propagated itself and for nothing else, so a PING
 * would wait for nothing. A message to nobody is propagated, and costs neither a key nor a sync.
 */
export const CHANNEL = "holdfast:durability";

/** The first that says whether replicas have it on their disks. */
const WAITAOF_SINCE = [7, 2] as const;

const InMemory = z.number();
const OnDisk = z.tuple([z.number(), z.number()]);

/** WAIT holds up whatever comes behind it: the connection is for nothing else. */
export class ReplicaLook implements AsyncDisposable {
  readonly #connect: () => Redis;
  #redis: Redis | null = null;
  /** Null until this connection's server was asked. */
  #knowsDisks: boolean | null = null;

  /** `connect` makes a connection that connects when it is told to; it is made when first used. */
  constructor(connect: () => Redis) {
    this.#connect = connect;
  }

  /** Whether a replica has, within a moment, all that Redis had answered before this call. */
  async isThere(): Promise<boolean> {
    const redis = await this.#ready();
    this.#knowsDisks ??= knowsDisks(await redis.info("server"));
    const first = await redis.pipeline([["publish", CHANNEL, ""], this.#wait()]).exec();
    const [published, waited] = first ?? [];
    const error = published?.[0] ?? waited?.[0];
    if (error) throw error;
    let replicas = this.#replicasIn(waited?.[1]);
    for (let waits = 1; replicas < REPLICAS_MIN && waits < WAITS_MAX; waits += 1) {
      const [command, ...args] = this.#wait();
      replicas = this.#replicasIn(await redis.call(command, ...args));
    }
    return replicas >= REPLICAS_MIN;
  }

  #wait(): [command: string, ...args: string[]] {
    const [replicas, ms] = [`${REPLICAS_MIN}`, `${WAIT_MS_MAX}`];
    return this.#knowsDisks === true ? ["waitaof", "0", replicas, ms] : ["wait", replicas, ms];
  }

  #replicasIn(reply: unknown): number {
    return this.#knowsDisks === true ? OnDisk.parse(reply)[1] : InMemory.parse(reply);
  }

  async #ready(): Promise<Redis> {
    if (this.#redis !== null) return this.#redis;
    const redis = this.#connect();
    this.#redis = redis;
    redis.on("ready", () => {
      this.#knowsDisks = null;
    });
    await redis.connect();
    return redis;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#redis?.disconnect();
  }
}

/** Whether a server that says this of itself tells what replicas have on their disks. */
export function knowsDisks(info: string): boolean {
  // Valkey calls itself 7.2.4 for who asks for Redis's version, which is what its commands are.
  const [, major = "0", minor = "0"] = /^redis_version:(\d+)\.(\d+)/m.exec(info) ?? [];
  const [sinceMajor, sinceMinor] = WAITAOF_SINCE;
  return (
    Number(major) > sinceMajor || (Number(major) === sinceMajor && Number(minor) >= sinceMinor)
  );
}
