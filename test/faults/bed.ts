/**
 * An installation to break: Redis, PostgreSQL, two APIs and two workers, each a process of its own,
 * with proxies on every way between them and to the clients.
 */
import { join } from "node:path";
import {
  filesThatMayNotGrow,
  shrinkingFileSystem,
  type FullDisk,
  type ShrinkingFileSystem,
} from "#test/disks";
import { falseClock, type FalseClock } from "#test/false-clock";
import type { Servers } from "#test/installation";
import { createDatabase, startPostgres, startRedis, type TestServer } from "#test/servers";
import { startService, type Service } from "#test/service";
import { startLink, type Link } from "#faults/link";

const EACH = 2;
/** Short, so that an outage outlasts a request. */
const DEADLINE_MS = 2_000;

/** What a bed is started with because a fault asks for it: it costs time where it is not needed. */
export type Need = "clock" | "service clocks" | "ledger disk";
/** Room for the ledger of a bed, in memory. */
const LEDGER_DISK_MIB = 1_024;

export interface Member {
  /** `api-1`. */
  readonly name: string;
  readonly service: Service;
  readonly toRedis: Link;
  readonly toLedger: Link;
  /** Of the first of each role, where the bed has false clocks of services; else it has the true time. */
  readonly clock: FalseClock | null;
}

export interface ApiMember extends Member {
  readonly fromClients: Link;
}

export interface Bed extends AsyncDisposable {
  /** Past every proxy. */
  readonly servers: Servers;
  readonly redis: TestServer;
  readonly postgres: TestServer;
  readonly apis: readonly ApiMember[];
  readonly workers: readonly Member[];
  readonly links: readonly Link[];
  /** Of the APIs, as clients reach them. */
  readonly urls: readonly string[];
  readonly disk: FullDisk;
  /** Of PostgreSQL; a bed without one has it on the disk of all. */
  readonly ledgerDisk: ShrinkingFileSystem | null;
  /** Of Redis; a bed without one has the true time. */
  readonly clock: FalseClock | null;
}

export interface BedOptions {
  readonly needs: ReadonlySet<Need>;
  /** More settings of APIs and workers. */
  readonly env?: Readonly<Record<string, string>>;
}

export async function startBed({ needs, env = {} }: BedOptions): Promise<Bed> {
  await using stack = new AsyncDisposableStack();
  const clock = needs.has("clock") ? await falseClock() : null;
  const disk = filesThatMayNotGrow();
  stack.defer(() => disk.remove());
  const ledgerDisk = needs.has("ledger disk") ? shrinkingFileSystem(LEDGER_DISK_MIB) : null;
  stack.defer(() => ledgerDisk?.remove());
  const [redis, postgres] = await Promise.all([
    startRedis({
      through: (program) =>
        disk.redis.through?.(clock?.redis.through?.(program) ?? program) ?? program,
    }),
    startPostgres(ledgerDisk ? { parent: join(ledgerDisk.folder, "postgres") } : {}),
  ]);
  stack.use(redis);
  stack.use(postgres);
  const { url: databaseUrl } = await createDatabase(postgres);
  const servers = { redisUrl: redis.url, databaseUrl };
  const links: Link[] = [];
  const link = async (...args: Parameters<typeof startLink>): Promise<Link> => {
    const made = stack.use(await startLink(...args));
    links.push(made);
    return made;
  };
  const member = async (role: "api" | "worker", number: number): Promise<Member> => {
    const name = `${role}-${number}`;
    const toRedis = await link(`${name} to redis`, "redis", servers.redisUrl);
    const toLedger = await link(`${name} to postgres`, "postgres", servers.databaseUrl);
    const own = number === 1 && needs.has("service clocks") ? await falseClock() : null;
    const service = await startService({
      role,
      redisUrl: toRedis.url,
      databaseUrl: toLedger.url,
      env: { REQUEST_DEADLINE_MS: String(DEADLINE_MS), ...own?.env, ...env },
    });
    stack.defer(async () => {
      // What was left stopped would not hear that it shall end.
      if (!service.hasExited()) service.signal("SIGCONT");
      await service[Symbol.asyncDispose]();
    });
    return { name, service, toRedis, toLedger, clock: own };
  };
  const numbers = Array.from({ length: EACH }, (_, i) => i + 1);
  const apis = await Promise.all(
    numbers.map(async (number) => {
      const made = await member("api", number);
      const fromClients = await link(`clients to ${made.name}`, "http", made.service.url);
      return { ...made, fromClients };
    }),
  );
  const workers = await Promise.all(numbers.map((number) => member("worker", number)));
  const ended = stack.move();
  return {
    servers,
    redis,
    postgres,
    apis,
    workers,
    links,
    urls: apis.map(({ fromClients }) => fromClients.url),
    disk,
    ledgerDisk,
    clock,
    [Symbol.asyncDispose]: () => ended.disposeAsync(),
  };
}
