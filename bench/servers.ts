/** Everything the bench measures, started for it and ended with it, on a folder of its own. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import postgres, { type Sql } from "postgres";
import { startChild, type Child } from "#embedded/child";
import { freePort } from "#embedded/free-port";
import { startEmbedded, type EmbeddedServers } from "#embedded/servers";
import { until } from "#embedded/wait";
import { PATHS } from "#http/paths";
import { issueToken } from "#http/token";
import type { Role } from "#inventory/context";
import { randomId } from "#lib/ids";
import { createDatabase, removeFolder, temporaryFolder } from "#test/servers";
import { rivalStockKey } from "./rivals/redis.ts";
import { fill, HOT, PRODUCTS, UNITS } from "./stock.ts";
import plainSchema from "./rivals/statements/plain-schema.sql" with { type: "text" };

const ROOT = join(import.meta.dir, "..");
const READY_MS_MAX = 30_000;
const STOP_MS_MAX = 5_000;
const SECRET = randomId(48);
/** Tokens last longer than any run. */
const TOKEN_SECONDS = 86_400;
/** Customers whose tokens take turns. */
const CUSTOMERS = 200;
/** As much as a quota can be: 10 000 a second. */
const NOBODY_REFUSED = "1000000/100s";
/** Processes on one port. */
const WORKERS = 2;
/** Connections of the pools that the sweep tries for plain PostgreSQL. */
export const POOLS = [2, 4, 8, 16] as const;

/** One Holdfast with the stores behind it. */
export interface Installation {
  readonly url: string;
  readonly apiPid: number;
  /** Null where the API's process works, too. */
  readonly workerPid: number | null;
  readonly redisPid: number;
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly redis: Redis;
  readonly sql: Sql;
}

/** The same server over stores that others would write. */
export interface Rivals {
  /** By the name of a rival: `postgres-4` has a pool of 4 connections. */
  readonly urls: ReadonlyMap<string, string>;
  readonly pid: number;
  readonly sql: Sql;
  readonly redis: Redis;
  readonly redisPid: number;
}

export interface Bench extends AsyncDisposable {
  readonly folder: string;
  /** API and worker as processes of their own. */
  readonly split: Installation;
  /** The stock of `split`, served by several processes on one port; `pid` is that of their parent. */
  readonly workers: { readonly url: string; readonly pid: number };
  /** The same stock behind an API that counts requests, and refuses nobody. */
  readonly limited: { readonly url: string; readonly pid: number };
  /** Both in one process. */
  readonly single: Installation;
  readonly echo: { readonly url: string; readonly bareUrl: string; readonly pid: number };
  readonly rivals: Rivals;
  readonly postgresPid: number;
  /** Files for wrk. */
  readonly tokens: { readonly customers: string; readonly service: string };
}

/** `products`: how many there are besides the hot one and the one that has nothing left. */
export async function startBench(
  say: (line: string) => void,
  { products = PRODUCTS }: { readonly products?: number } = {},
): Promise<Bench> {
  const folder = temporaryFolder("bench");
  const stack = new AsyncDisposableStack();
  stack.defer(() => removeFolder(folder));
  try {
    say("starting Redis, PostgreSQL and the services ...");
    const servers = stack.use(await startRedis(folder, "split", { postgres: true }));
    const others = stack.use(await startRedis(folder, "single", { postgres: false }));
    const parts: Parts = { folder, stack, databaseUrl: servers.databaseUrl };
    const split = await install(parts, servers, "split");
    const single = await install(parts, others, "single");
    const workers = await startWorkers(parts, split);
    const limited = await startLimited(parts, split);
    const echo = await startEcho(parts);
    const rivals = await startRivals(parts, single);
    say("filling the stock ...");
    await fill(split, await token("admin", "bench"), products);
    await fill(single, await token("admin", "bench"), 0);
    const tokens = await writeTokens(folder);
    const postgresPid = mustHave(servers.postgresPid);
    const stop = () => stack.disposeAsync();
    return {
      folder,
      split,
      workers,
      limited,
      single,
      echo,
      rivals,
      postgresPid,
      tokens,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** A Redis in a folder of its own, and a PostgreSQL where one is wanted. */
export const startRedis = (
  folder: string,
  name: string,
  { postgres: hasPostgres }: { readonly postgres: boolean },
): Promise<EmbeddedServers> =>
  startEmbedded({
    dataDir: join(folder, name),
    redis: true,
    postgres: hasPostgres,
    say: () => {},
  });

/** What all that is started for one bench has together. */
export interface Parts {
  readonly folder: string;
  readonly stack: AsyncDisposableStack;
  readonly databaseUrl: string;
}

async function install(
  parts: Parts,
  servers: EmbeddedServers,
  way: "split" | "single",
): Promise<Installation> {
  const { redisUrl } = servers;
  const { url: databaseUrl } = await createDatabase({ url: parts.databaseUrl });
  const port = freePort();
  const launch = async (role: string, own: Record<string, string>, readyPort: number) => {
    const env = { REDIS_URL: redisUrl, DATABASE_URL: databaseUrl, ...own };
    const script = ["src/main.ts", "start", role];
    return await launchBun(parts, { name: `${way}-${role}`, script, env, port: readyPort });
  };
  const isSplit = way === "split";
  const api = await launch(isSplit ? "api" : "all", { PORT: `${port}` }, port);
  const workerPort = freePort();
  const worker = isSplit
    ? await launch("worker", { WORKER_PORT: `${workerPort}` }, workerPort)
    : null;
  const redis = parts.stack.adopt(new Redis(redisUrl), (client) => client.disconnect());
  const sql = parts.stack.adopt(postgres(databaseUrl, { max: 1 }), (pool) => pool.end());
  return {
    url: `http://127.0.0.1:${port}`,
    apiPid: api.pid,
    workerPid: worker?.pid ?? null,
    redisPid: mustHave(servers.redisPid),
    redisUrl,
    databaseUrl,
    redis,
    sql,
  };
}

async function startWorkers(
  parts: Parts,
  { redisUrl, databaseUrl }: Installation,
): Promise<Bench["workers"]> {
  const port = freePort();
  const script = ["src/main.ts", "start", "api", "--workers", `${WORKERS}`];
  const env = { REDIS_URL: redisUrl, DATABASE_URL: databaseUrl, PORT: `${port}` };
  const { pid } = await launchBun(parts, { name: "workers", script, env, port });
  return { url: `http://127.0.0.1:${port}`, pid };
}

/** To it the generator is a balancer, which names an address for each customer. */
async function startLimited(
  parts: Parts,
  { redisUrl, databaseUrl }: Installation,
): Promise<Bench["limited"]> {
  const port = freePort();
  const script = ["src/main.ts", "start", "api"];
  const env = {
    REDIS_URL: redisUrl,
    DATABASE_URL: databaseUrl,
    PORT: `${port}`,
    RATE_PER_CUSTOMER: NOBODY_REFUSED,
    RATE_PER_ADDRESS: NOBODY_REFUSED,
    TRUSTED_PROXIES: "127.0.0.1",
  };
  const { pid } = await launchBun(parts, { name: "limited", script, env, port });
  return { url: `http://127.0.0.1:${port}`, pid };
}

async function startEcho(parts: Parts): Promise<Bench["echo"]> {
  const [port, barePort] = [freePort(), freePort()];
  const script = ["bench/echo.ts", `${port}`, `${barePort}`];
  const child = await launchBun(parts, { name: "echo", script, env: {}, port });
  const urlOf = (at: number) => `http://127.0.0.1:${at}`;
  return { url: urlOf(port), bareUrl: urlOf(barePort), pid: child.pid };
}

/** Their Redis is that of the installation which is one process. */
async function startRivals(parts: Parts, { redis, redisUrl, redisPid }: Installation) {
  const { url: databaseUrl } = await createDatabase({ url: parts.databaseUrl });
  const sql = parts.stack.adopt(postgres(databaseUrl, { max: 1 }), (pool) => pool.end());
  await sql.unsafe(plainSchema);
  await sql`
    INSERT INTO stock (product, on_hand)
    SELECT 'bench-' || number, 1000000000 FROM generate_series(0, ${PRODUCTS}::integer) AS number
  `;
  await sql`INSERT INTO stock (product, on_hand) VALUES ('bench-hot', 1000000000)`;
  await redis.hset(rivalStockKey(HOT), "onHand", UNITS, "reserved", 0);
  const pooled = POOLS.flatMap((size) => [`postgres-${size}`, `transaction-${size}`]);
  const servers = [...pooled, "script", "job"].map((name) => ({ name, port: freePort() }));
  const script = ["bench/rivals.ts", ...servers.map(({ name, port }) => `${name}:${port}`)];
  const env = { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl };
  const last = mustHave(servers.at(-1));
  const { pid } = await launchBun(parts, { name: "rivals", script, env, port: last.port });
  const urls = new Map(servers.map(({ name, port }) => [name, `http://127.0.0.1:${port}`]));
  return { urls, pid, sql, redis, redisPid };
}

interface Launch {
  readonly name: string;
  /** File and arguments. */
  readonly script: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly port: number;
  /** Waits until it can serve; else until it answers at all. */
  readonly isReady?: boolean;
}

/** Starts a script of ours as a production would, and waits until it answers. */
export async function launchBun(
  parts: Pick<Parts, "folder" | "stack">,
  { name, script, env, port, isReady = false }: Launch,
): Promise<Child> {
  const [file = "", ...rest] = script;
  const child = startChild({
    command: [process.execPath, join(ROOT, file), ...rest],
    env: {
      NODE_ENV: "production",
      HOST: "127.0.0.1",
      JWT_SECRET: SECRET,
      LOG_LEVEL: "warn",
      REDIS_URL: "redis://127.0.0.1:1",
      DATABASE_URL: "postgres://127.0.0.1:1",
      ...env,
    },
    logFile: join(parts.folder, `${name}.log`),
    endSignal: "SIGTERM",
  });
  parts.stack.defer(() => child.end("SIGTERM", STOP_MS_MAX));
  await until(`${name} answers`, READY_MS_MAX, async () => {
    if (child.hasExited()) throw new Error(`${name} ended:\n${child.logTail()}`);
    return await fetch(`http://127.0.0.1:${port}${isReady ? PATHS.ready : PATHS.health}`).then(
      (answer) => answer.ok || !isReady,
      () => false,
    );
  });
  return child;
}

function token(role: Role, subject: string): Promise<string> {
  return issueToken({ secret: SECRET, role, subject, ttlSeconds: TOKEN_SECONDS });
}

async function writeTokens(folder: string): Promise<Bench["tokens"]> {
  const names = Array.from({ length: CUSTOMERS }, (_, number) => `customer-${number}`);
  const customers = await Promise.all(names.map((name) => token("customer", name)));
  const write = (name: string, lines: readonly string[]) => {
    const file = join(folder, name);
    writeFileSync(file, `${lines.join("\n")}\n`, { mode: 0o600 });
    return file;
  };
  return {
    customers: write("customers.txt", customers),
    service: write("service.txt", [await token("service", "bench")]),
  };
}

export function mustHave<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error("the bench lacks one of its servers");
  return value;
}
