/** What the services around the inventory are put together of. */
import type { Hono } from "hono";
import type { Redis } from "ioredis";
import type { CompanionName } from "#compose/companion-settings";
import { Refusal } from "#compose/refusal";
import type { Urls } from "#compose/stores";
import type { ShellEnv } from "#companions/shell/app";
import { createDemand } from "#companions/shell/caller";
import { createServiceToken } from "#companions/shell/service-token";
import { developmentSecret, type Config } from "#config";
import type { Log } from "#lib/log";
import { createPostgres, type Sql } from "#postgres/client";
import { kindOfFailure } from "#postgres/failure";
import { migrate } from "#postgres/migrate";
import type { Migration } from "#postgres/migrations";
import { connectRedis, connectWorker, failureOf } from "#redis/client";

export interface Parts {
  readonly config: Config;
  readonly log: Log;
  readonly urls: Urls;
}

/** What a companion serves, and how what it does besides is ended. */
export interface Companion {
  readonly app: Hono<ShellEnv>;
  readonly close: () => Promise<void>;
}

/** The client that the companions sign in as, each with SERVICE_CLIENT_SECRET. */
export const SERVICE_CLIENT = "companions";
export const CLOSE_SECONDS_MAX = 5;
const UNIQUE_VIOLATION = "23505";

/** The secret that the companions share: the configured one, or outside production one of the folder. */
export function serviceSecretOf({ serviceClientSecret, dataDir, production }: Config): string {
  if (serviceClientSecret !== undefined) return serviceClientSecret;
  if (production) throw new Refusal("SERVICE_CLIENT_SECRET is required in production");
  return developmentSecret(dataDir, "service-secret");
}

/** What payment signs with, and orders look for: the present one first. */
export function paymentSecretsOf(config: Config): readonly string[] {
  const { paymentSecret, paymentSecretPrevious, dataDir, production } = config;
  if (paymentSecret === undefined) {
    if (production) throw new Refusal("PAYMENT_SECRET is required in production");
    return [developmentSecret(dataDir, "payment-secret")];
  }
  return paymentSecretPrevious === undefined
    ? [paymentSecret]
    : [paymentSecret, paymentSecretPrevious];
}

export const baseOf = (url: string): string => url.replace(/\/+$/, "");

/** Who calls is told by tokens of the users service; outside production nobody needs one. */
export function demandOf({ usersUrl, jwtIssuer, jwtAudience, production }: Config) {
  const jwksUrl = `${baseOf(usersUrl)}/.well-known/jwks.json`;
  return createDemand({ jwksUrl, issuer: jwtIssuer, audience: jwtAudience, isOpen: !production });
}

/** What who calls other services, and is called by people, is made of. */
export function callingOf(config: Config) {
  const usersUrl = baseOf(config.usersUrl);
  const clientSecret = serviceSecretOf(config);
  const token = createServiceToken({ usersUrl, clientId: SERVICE_CLIENT, clientSecret });
  return { url: config.inventoryUrl, token, demand: demandOf(config) };
}

/** Connects by itself, and again when it was lost; meanwhile what needs it is 503. */
export function redisOf(name: CompanionName, { redisUrl }: Urls, log: Log): Redis {
  const redis = connectRedis(redisUrl, `holdfast-${name}`);
  redis.on("error", (error: Error) => log.debug("connection to Redis", { error: error.message }));
  redis.connect().catch(() => undefined);
  return redis;
}

/** What a relay needs: a connection for its queue, which fails fast, and one for its worker, which waits. */
export function queuesOf(name: CompanionName, urls: Urls, log: Log) {
  const queueRedis = redisOf(name, urls, log);
  const workerRedis = connectWorker(urls.redisUrl, `holdfast-${name}-worker`);
  workerRedis.on("error", () => undefined);
  const disconnect = (): void => {
    queueRedis.disconnect();
    workerRedis.disconnect();
  };
  return { queueRedis, workerRedis, disconnect };
}

/** The schema of that name, made and brought to its present shape; all that is asked is asked there. */
export async function schemaOf(
  schema: string,
  { databaseUrl }: Urls,
  migrations: readonly Migration[],
): Promise<Sql> {
  const first = createPostgres(databaseUrl, { connectionsMax: 1 });
  try {
    await first.unsafe(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
  } catch (error) {
    // Somebody made it at the same time, and was first: it is there.
    const isThere = error instanceof Error && "code" in error && error.code === UNIQUE_VIOLATION;
    if (!isThere) throw error;
  } finally {
    await first.end({ timeout: CLOSE_SECONDS_MAX });
  }
  const url = new URL(databaseUrl);
  url.searchParams.set("search_path", schema);
  const sql = createPostgres(url.href, { applicationName: `holdfast-${schema}` });
  await migrate(sql, { migrations });
  return sql;
}

export const isAway = (error: unknown): boolean =>
  kindOfFailure(error) === "unavailable" ||
  (isOfRedis(error) && ["lost", "transient", "refusing"].includes(failureOf(error)));

/** Errors of the driver and of its replies; any other error is a mistake of ours. */
const isOfRedis = (error: unknown): boolean =>
  error instanceof Error &&
  (error.name === "ReplyError" ||
    error.name === "MaxRetriesPerRequestError" ||
    /^(Command timed out|Connection is closed|Stream isn't writeable)/.test(error.message));
