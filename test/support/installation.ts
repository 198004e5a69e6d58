/** A whole installation, each part a process of its own that a test may hurt. */
import { Caller } from "#test/caller";
import {
  createDatabase,
  startPostgres,
  startRedis,
  type TestRedisOptions,
  type TestServer,
} from "#test/servers";
import { startService, tokenOf, type Service, type ServiceOptions } from "#test/service";

/** Where the servers are. */
export interface Servers {
  readonly redisUrl: string;
  readonly databaseUrl: string;
}

/** What one process is given beside them, such as the way to a server that leads over a proxy. */
type More = (
  servers: Servers,
) => Promise<Omit<ServiceOptions, "role">> | Omit<ServiceOptions, "role">;

export interface InstallationOptions {
  readonly redis?: TestRedisOptions;
  readonly api?: More;
  readonly worker?: More;
}

export interface Installation extends AsyncDisposable {
  /** As an audit reaches them: past every proxy. */
  readonly servers: Servers;
  readonly redis: TestServer;
  readonly postgres: TestServer;
  readonly api: Service;
  readonly worker: Service;
  readonly caller: Caller;
  /** A token. */
  readonly admin: string;
}

/** Starts all of it; PostgreSQL with fsync on, as it is where it may crash. */
export async function startInstallation(options: InstallationOptions = {}): Promise<Installation> {
  const [redis, postgres] = await Promise.all([startRedis(options.redis), startPostgres()]);
  const database = await createDatabase(postgres);
  const servers = { redisUrl: redis.url, databaseUrl: database.url };
  const start = async (role: "api" | "worker"): Promise<Service> =>
    startService({ ...servers, ...(await options[role]?.(servers)), role });
  const [api, worker] = await Promise.all([start("api"), start("worker")]);
  return {
    servers,
    redis,
    postgres,
    api,
    worker,
    caller: new Caller(api.url),
    admin: await tokenOf("admin", "administrator"),
    async [Symbol.asyncDispose]() {
      // What a failed test left stopped would not hear that it shall end.
      for (const service of [api, worker]) if (!service.hasExited()) service.signal("SIGCONT");
      await Promise.all([api, worker].map((service) => service[Symbol.asyncDispose]()));
      await Promise.all([redis, postgres].map((server) => server.stop()));
    },
  };
}
