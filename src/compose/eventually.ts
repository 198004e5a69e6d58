/** Waiting for servers that start beside us, in words that a person can act on. */
import type { Redis } from "ioredis";
import { z } from "zod";
import { Refusal } from "#compose/refusal";
import { Fault } from "#inventory/faults";
import { processClock, type Clock } from "#lib/clock";
import type { Log } from "#lib/log";
import { describeFailure, isRefusedSignIn } from "#postgres/failure";
import { failureOf, isRefusedUser } from "#redis/client";

/** How long a start waits for servers that start beside it. */
const CONNECT_MS_MAX = 30_000;
const CONNECT_PAUSE_MS = 250;

const PORTS: Readonly<Record<string, string>> = { "redis:": "6379", "rediss:": "6379" };
const POSTGRES_PORT = "5432";

export interface Waiting {
  readonly log: Pick<Log, "warn">;
  /** Of the server; its host and port are named. */
  readonly url: string;
  readonly clock?: Clock;
}

/** Tries until the server serves or the time is up; what a person must change ends it at once. */
async function eventually<Value>(
  server: string,
  { log, url, clock = processClock }: Waiting,
  isAway: (error: unknown) => boolean,
  attempt: () => Promise<Value>,
): Promise<Value> {
  const deadline = clock.now() + CONNECT_MS_MAX;
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!isAway(error)) throw error;
      const reason = reasonOf(error);
      if (clock.now() >= deadline) {
        const message = `${server} at ${placeOf(url)} cannot be reached: ${reason}`;
        throw new Refusal(message, { cause: error });
      }
      if (tries === 0) log.warn(`waiting for ${server}`, { at: placeOf(url), reason });
      await Bun.sleep(CONNECT_PAUSE_MS);
    }
  }
}

/** Of PostgreSQL everything that will pass is a Fault; the rest is for a person to mend. */
export function eventuallyPostgres<Value>(
  waiting: Waiting,
  attempt: () => Promise<Value>,
): Promise<Value> {
  const isAway = (error: unknown): boolean => error instanceof Fault && error.retryable;
  return eventually("PostgreSQL", waiting, isAway, async () => {
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof Refusal) throw error;
      const cause = error instanceof Fault ? error.cause : undefined;
      if (isRefusedSignIn(cause)) throw refused("PostgreSQL", waiting, "DATABASE_URL", cause);
      if (error instanceof Fault) throw error;
      throw new Refusal(messageOf(error), { cause: error });
    }
  });
}

/** Connects, and asks. What ioredis was told while it connected stands in its events alone. */
export async function eventuallyRedis<Value>(
  waiting: Waiting,
  redis: Redis,
  attempt: () => Promise<Value>,
): Promise<Value> {
  let told: unknown;
  const note = (error: unknown): void => void (told = error);
  redis.on("error", note);
  try {
    return await eventually("Redis", waiting, isRedisAway, async () => {
      try {
        if (redis.status !== "ready") await redis.connect();
        const answer = await attempt();
        // ioredis goes on with database 0 where it is refused another one.
        if (isRefusedUser(told)) throw told;
        return answer;
      } catch (error) {
        const user = [error, told].find(isRefusedUser);
        if (user !== undefined) throw refused("Redis", waiting, "REDIS_URL", user);
        if (!isRedisAway(error)) throw error;
        throw told ?? error;
      }
    });
  } finally {
    redis.off("error", note);
  }
}

function isRedisAway(error: unknown): boolean {
  if (error instanceof Refusal || error instanceof z.ZodError) return false;
  return failureOf(error) !== "error";
}

/** Wrong words to a server that is there: waiting does not help. */
function refused(server: string, { url }: Waiting, variable: string, error: unknown): Refusal {
  const message = `${server} at ${placeOf(url)} does not take ${variable}: ${describeFailure(error)}`;
  return new Refusal(message, { cause: error });
}

/** Never the password. */
function placeOf(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  return `${hostname}:${port || (PORTS[protocol] ?? POSTGRES_PORT)}`;
}

/** A Fault is worded for callers; who starts the service has to know what the server said. */
const reasonOf = (error: unknown): string =>
  error instanceof Fault && error.cause instanceof Error
    ? `${error.message} (${describeFailure(error.cause)})`
    : messageOf(error);

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message || error.name : String(error);
