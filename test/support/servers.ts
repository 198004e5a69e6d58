/** Real servers for tests: each of its own, in a temporary folder, gone when the run is gone. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { Redis } from "ioredis";
import { freePort } from "#embedded/free-port";
import { startPostgresServer } from "#embedded/postgres";
import { findPostgresProgram } from "#embedded/postgres-program";
import { postgresUser } from "#embedded/postgres-user";
import { startRedisServer } from "#embedded/redis";
import { findRedisProgram, type RedisProgram } from "#embedded/redis-program";
import { until } from "#embedded/wait";

const PASSWORD = "holdfast-test";
const CLOSE_SECONDS_MAX = 5;
const REMOVE_TRIES_MAX = 20;
const END_MS_MAX = 5_000;
const CLUSTER_MS_MAX = 10_000;

/** A server a test may hurt. `restart`, `kill` and `stop` settle when the process did. */
export interface TestServer extends AsyncDisposable {
  /** Stays the same over a restart. */
  readonly url: string;
  readonly port: number;
  /** Of the present process: another one after a restart. */
  readonly pid: number;
  /** Folder with its data and log. */
  readonly folder: string;
  /** SIGKILL: what a crash leaves on disk is what a restart finds. */
  kill(): Promise<void>;
  /** Starts again with the same folder and port, after a stop in good order where it still runs. */
  restart(): Promise<void>;
  /** SIGSTOP: connections stay open and nobody answers. */
  pause(): void;
  resume(): void;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

/** A private database. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  readonly name: string;
  /** Cuts its connections and removes it. */
  drop(): Promise<void>;
}

export interface TestRedisOptions {
  /** More directives. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Whether it is a cluster of one node that owns every slot. */
  readonly cluster?: boolean;
  /** Starts it in another way, such as with a false clock. */
  readonly through?: (program: RedisProgram) => RedisProgram;
  /** Another folder than a temporary one. */
  readonly folder?: string;
}

/** Starts a Redis with the settings of the product (fsync always). */
export async function startRedis(options: TestRedisOptions = {}): Promise<TestServer> {
  const { folder = temporaryFolder("redis"), through = (program) => program } = options;
  const dataDir = join(tmpdir(), "holdfast-redis");
  const program = through(await findRedisProgram({ dataDir, say }));
  const settings = {
    ...(options.cluster === true
      ? { "cluster-enabled": "yes", "cluster-port": `${freePort()}` }
      : {}),
    ...options.settings,
  };
  const launch = (port: Port) =>
    startRedisServer({ program, folder, password: PASSWORD, settings, warn: say, ...port });
  const server = await testServer(folder, launch, "SIGKILL");
  if (options.cluster === true) await ownEverySlot(server.url);
  return server;
}

/**
 * Starts a PostgreSQL of its own. `fsync: false` is faster and right for every test that does not
 * crash it. Prefer `testDatabase`, which shares one server. `parent`: another folder than a temporary
 * one, for its data and log.
 */
export async function startPostgres(
  options: { fsync?: boolean; settings?: Readonly<Record<string, string>>; parent?: string } = {},
): Promise<TestServer> {
  const { parent = temporaryFolder("postgres") } = options;
  const folder = join(parent, "data");
  const [program, user] = await Promise.all([findPostgresProgram(), postgresUser()]);
  const quick = { fsync: "off", synchronous_commit: "off", full_page_writes: "off" };
  const settings = {
    max_connections: "200",
    ...(options.fsync === false ? quick : {}),
    ...options.settings,
  };
  const launch = (port: Port) =>
    startPostgresServer({ program, user, folder, password: PASSWORD, settings, say, ...port });
  // At once, but its shared memory goes with it: that of a killed one stays until the machine stops.
  return await testServer(parent, launch, "SIGQUIT");
}

/** Creates a private database on a server: an empty one, or a copy of `template`. */
export async function createDatabase(
  server: { readonly url: string },
  template = "template1",
): Promise<TestDatabase> {
  const name = `holdfast_test_${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
  await administer(server.url, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  const drop = async (): Promise<void> => {
    await administer(server.url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  };
  return { url: new URL(`/${name}`, server.url).href, name, drop, [Symbol.asyncDispose]: drop };
}

let shared: Promise<TestServer> | undefined;

/**
 * A private, empty database on the PostgreSQL of the run (HOLDFAST_TEST_POSTGRES_URL), else on one that
 * this process starts at the first call and that ends with the process. It has fsync off: a test
 * that crashes PostgreSQL starts its own.
 */
export const testDatabase = async (): Promise<TestDatabase> =>
  await createDatabase(await sharedPostgres());

export async function sharedPostgres(): Promise<{ readonly url: string }> {
  const url = process.env["HOLDFAST_TEST_POSTGRES_URL"];
  if (url !== undefined && url !== "") return { url };
  shared ??= startPostgres({ fsync: false });
  return await shared;
}

/**
 * A folder (in that of the run, HOLDFAST_TEST_FOLDER, if it has one) that goes when this process does,
 * at the latest. `bun test` runs no exit handlers, so a shell waits for the end of a pipe that only we hold.
 * Servers in the folder end at that moment too, and may write while it is removed: hence several
 * tries. `bun test --parallel` kills all that descends from its workers: the shell that waits is an
 * orphan, behind one that keeps the pipe open.
 */
export function temporaryFolder(
  name: string,
  parent = process.env["HOLDFAST_TEST_FOLDER"] ?? tmpdir(),
): string {
  const folder = mkdtempSync(join(parent, `holdfast-test-${name}-`));
  // A test may have mounted a file system there.
  const script = `exec 3<&0
    ( { read -r line; umount -l "$1" 2>/dev/null; for try in ${"1 ".repeat(REMOVE_TRIES_MAX)}; do
      rm -rf "$1" && exit; sleep 0.2; done; } <&3 & )
    read -r line`;
  const cleaner = Bun.spawn(["sh", "-c", script, "cleaner", folder], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  cleaner.unref();
  return folder;
}

/** Removes a temporary folder now. */
export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: REMOVE_TRIES_MAX, retryDelay: 100 });
}

type Port = { port?: number };

/** `lastSignal` ends it where nobody wants its data any more. */
async function testServer(
  folder: string,
  launch: (port: Port) => ReturnType<typeof startRedisServer>,
  lastSignal: NodeJS.Signals,
): Promise<TestServer> {
  let server = await launch({});
  freeClockNames(server.child.pid);
  const { url, port } = server;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    // Children that are paused would never notice that their parent is gone.
    if (!server.child.hasExited()) signalTree(server.child.pid, "SIGCONT");
    await server.child.end(signal, END_MS_MAX);
  };
  const kill = (): Promise<void> => end("SIGKILL");
  const stop = async (): Promise<void> => {
    await end(lastSignal);
    removeFolder(folder);
  };
  return {
    url,
    port,
    folder,
    get pid() {
      return server.child.pid;
    },
    kill,
    async restart() {
      if (!server.child.hasExited()) {
        signalTree(server.child.pid, "SIGCONT");
        await server.stop();
      }
      server = await launch({ port });
      freeClockNames(server.child.pid);
    },
    pause: () => signalTree(server.child.pid, "SIGSTOP"),
    resume: () => signalTree(server.child.pid, "SIGCONT"),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/**
 * Where libfaketime keeps what a process with a false clock shares, by the process's id. One that is
 * killed would leave them; once it is up it needs their names no more, and what it has open stays.
 */
export function freeClockNames(pid: number): void {
  for (const name of [`faketime_shm_${pid}`, `sem.faketime_sem_${pid}`]) {
    rmSync(join("/dev/shm", name), { force: true });
  }
}

/** PostgreSQL answers by a child for each connection: the parent first, so that no child is new. */
function signalTree(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    for (const child of children.split(" ").filter(Boolean)) signalTree(Number(child), name);
  } catch (error) {
    // A backend may end by itself between the look and the signal.
    if (!isGone(error)) throw error;
  }
}

function isGone(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return code === "ESRCH" || code === "ENOENT";
}

async function administer(url: string, statement: string): Promise<void> {
  const maintenance = new URL("/postgres", url).href;
  const sql = postgres(maintenance, { max: 1, connect_timeout: 5, onnotice: () => {} });
  try {
    await sql.unsafe(statement);
  } finally {
    await sql.end({ timeout: CLOSE_SECONDS_MAX });
  }
}

async function ownEverySlot(url: string): Promise<void> {
  const redis = new Redis(url);
  try {
    await redis.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    await until("the cluster is whole", CLUSTER_MS_MAX, async () =>
      String(await redis.call("CLUSTER", "INFO")).includes("cluster_state:ok"),
    );
  } finally {
    redis.disconnect();
  }
}

function say(): void {}
