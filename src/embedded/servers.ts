import { join, resolve } from "node:path";
import {
  keptPassword,
  lockFolder,
  makeFolder,
  readRecord,
  removeRecord,
  writeRecord,
  type EmbeddedRecord,
} from "#embedded/data-folder";
import { EmbeddedFailure } from "#embedded/failure";
import { pingPostgres, startPostgresServer, type PostgresServer } from "#embedded/postgres";
import { findPostgresProgram } from "#embedded/postgres-program";
import { postgresUser } from "#embedded/postgres-user";
import { endLeftovers, isAlive } from "#embedded/processes";
import { startRedisServer, type RedisServer } from "#embedded/redis";
import { pingRedis } from "#embedded/redis-ping";
import { findRedisProgram } from "#embedded/redis-program";

/** More than all bounds of a first start, with its download on a slow line. */
const JOIN_MS_MAX = 300_000;
const JOIN_POLL_MS = 50;
/** How soon a process that shares servers notices that their owner ends. */
const OWNER_POLL_MS = 250;

/** Takes a line for a person; `warn` where it is not about a step that takes time. */
export type Say = (line: string, level?: "info" | "warn") => void;

/** What to start, and where its data stays. */
export interface EmbeddedOptions {
  readonly dataDir: string;
  readonly redis: boolean;
  readonly postgres: boolean;
  /** Gets one short line for each step that takes time, and for what a person should know. */
  readonly say: Say;
}

/** Servers that run for this process, or that another process of ours runs on the same folder. */
export interface EmbeddedServers extends AsyncDisposable {
  /** Throws where no Redis was asked for. */
  readonly redisUrl: string;
  /** Throws where no PostgreSQL was asked for. */
  readonly databaseUrl: string;
  /** The process the servers belong to: ours, or the one they are shared with. */
  readonly ownerPid: number;
  readonly redisPid: number | undefined;
  readonly postgresPid: number | undefined;
  /** Settles with the reason when the servers are gone, or about to go, though nobody stopped us. */
  readonly lost: Promise<string>;
  /** Where the servers are ours: from here on nobody joins them, and who did learns that they go. */
  withdraw(): void;
  /** Ends the servers in good order where they are ours; they end anyway when this process does. */
  stop(): Promise<void>;
}

/**
 * Starts a real Redis and a real PostgreSQL on a data folder. Where another process runs them
 * already (`start` in one terminal, `migrate` or `token` in the other), its servers are used.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServers> {
  const dataDir = resolve(options.dataDir);
  makeFolder(dataDir);
  const end = performance.now() + JOIN_MS_MAX;
  for (let tries = 0; performance.now() < end; tries += 1) {
    const lock = lockFolder(dataDir);
    if (lock !== undefined) return await own(lock, { ...options, dataDir });
    const joined = await share(dataDir, options);
    if (joined !== undefined) return joined;
    if (tries === 0) options.say(`Waiting for the process that starts servers in ${dataDir} ...`);
    await Bun.sleep(JOIN_POLL_MS);
  }
  throw new EmbeddedFailure(
    `Another process holds ${dataDir}, and its servers did not answer within ${JOIN_MS_MAX} ms`,
  );
}

/** Uses the servers of the process that holds the lock; undefined while they are not up. */
async function share(
  dataDir: string,
  options: EmbeddedOptions,
): Promise<EmbeddedServers | undefined> {
  const record = readRecord(dataDir);
  // A dead owner's record is about to be replaced by who holds the lock.
  if (record === undefined || !isAlive(record.owner)) return undefined;
  if ((options.redis && !record.redis) || (options.postgres && !record.postgres)) {
    throw new EmbeddedFailure(
      `Process ${record.owner} uses ${dataDir} and started ` +
        `${record.redis ? "only Redis" : "only PostgreSQL"} there: give this one the same addresses`,
    );
  }
  const [redis, postgres] = await Promise.all([
    options.redis && record.redis ? pingRedis(record.redis.url) : "ready",
    options.postgres && record.postgres ? pingPostgres(record.postgres.url) : "ready",
  ]);
  if (redis !== "ready" || postgres !== "ready") return undefined;
  const isGone = (): boolean =>
    !isAlive(record.owner) || readRecord(dataDir)?.owner !== record.owner;
  // They answered, but their owner may have begun to stop meanwhile.
  return isGone() ? undefined : describe(record, options, shared(record.owner, isGone));
}

/** What becomes of servers that belong to another process. */
function shared(owner: number, isGone: () => boolean): Fate {
  const { promise: lost, resolve: lose } = Promise.withResolvers<string>();
  const poll = setInterval(() => {
    if (isGone()) lose(`process ${owner}, which ran Redis and PostgreSQL for us, has ended`);
  }, OWNER_POLL_MS);
  poll.unref();
  const stop = (): Promise<void> => {
    clearInterval(poll);
    return Promise.resolve();
  };
  return { lost, stop, withdraw: () => {} };
}

/** What becomes of servers, and what may be done about it. */
type Fate = Pick<EmbeddedServers, "lost" | "withdraw" | "stop">;

/** Starts the servers as children of this process, which holds the lock from here on. */
async function own(lock: Disposable, options: EmbeddedOptions): Promise<EmbeddedServers> {
  try {
    removeRecord(options.dataDir);
    const ended = await endLeftovers(options.dataDir);
    if (ended.length > 0) options.say(`Ended left-over servers (${ended.join(", ")})`);
    const { redis, postgres } = await startBoth(options);
    const record: EmbeddedRecord = {
      owner: process.pid,
      ...(redis && { redis: { url: redis.url, pid: redis.child.pid } }),
      ...(postgres && { postgres: { url: postgres.url, pid: postgres.child.pid } }),
    };
    writeRecord(options.dataDir, record);
    const withdraw = (): void => removeRecord(options.dataDir);
    const stop = async (): Promise<void> => {
      withdraw();
      await Promise.all([redis?.stop(), postgres?.stop()]);
      lock[Symbol.dispose]();
    };
    let stopped: Promise<void> | undefined;
    const stopOnce = (): Promise<void> => (stopped ??= stop());
    const { promise: lost, resolve: lose } = Promise.withResolvers<string>();
    for (const [name, server] of [["Redis", redis] as const, ["PostgreSQL", postgres] as const]) {
      void server?.child.exited.then(() => {
        if (stopped === undefined) lose(`${name} ended. Its log: ${server.child.logFile}`);
      });
    }
    return describe(record, options, { lost, withdraw, stop: stopOnce });
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

/** Both at once; where one fails, the other does not stay behind. */
async function startBoth(
  options: EmbeddedOptions,
): Promise<{ redis: RedisServer | undefined; postgres: PostgresServer | undefined }> {
  const starting = {
    redis: options.redis ? startRedis(options) : undefined,
    postgres: options.postgres ? startPostgres(options) : undefined,
  };
  try {
    const [redis, postgres] = await Promise.all([starting.redis, starting.postgres]);
    return { redis, postgres };
  } catch (error) {
    for (const outcome of await Promise.allSettled([starting.redis, starting.postgres])) {
      if (outcome.status === "fulfilled") await outcome.value?.stop();
    }
    throw error;
  }
}

async function startRedis({ dataDir, say }: EmbeddedOptions): Promise<RedisServer> {
  const program = await findRedisProgram({ dataDir, say });
  say(`Redis ${program.version}: starting ...`);
  const password = keptPassword(dataDir, "redis");
  const warn = (line: string): void => say(line, "warn");
  return await startRedisServer({ program, folder: join(dataDir, "redis"), password, warn });
}

async function startPostgres({ dataDir, say }: EmbeddedOptions): Promise<PostgresServer> {
  const [program, user] = await Promise.all([findPostgresProgram(), postgresUser()]);
  // Another major cannot read the files, and another way of giving up root does not own them.
  const folder = join(dataDir, `postgres-${program.major}-${user.way}`);
  const password = keptPassword(dataDir, "postgres");
  return await startPostgresServer({ program, user, folder, password, say });
}

function describe(record: EmbeddedRecord, options: EmbeddedOptions, fate: Fate): EmbeddedServers {
  return {
    get redisUrl() {
      return asked(options.redis ? record.redis?.url : undefined);
    },
    get databaseUrl() {
      return asked(options.postgres ? record.postgres?.url : undefined);
    },
    ownerPid: record.owner,
    redisPid: record.redis?.pid,
    postgresPid: record.postgres?.pid,
    ...fate,
    [Symbol.asyncDispose]: fate.stop,
  };
}

function asked(url: string | undefined): string {
  if (url === undefined) throw new Error("startEmbedded was not asked for this server");
  return url;
}
