import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { startChild, type Child } from "#embedded/child";
import { EmbeddedFailure } from "#embedded/failure";
import { freePort } from "#embedded/free-port";
import { isAlive } from "#embedded/processes";
import type { PostgresProgram } from "#embedded/postgres-program";
import type { PostgresUser } from "#embedded/postgres-user";
import { lastLines, run } from "#embedded/run";
import { settlesWithin, until } from "#embedded/wait";

/** Recovery after a crash replays at most `max_wal_size` (4 GB): 15 s were seen. */
const READY_MS_MAX = 180_000;
const INITDB_MS_MAX = 60_000;
const STOP_MS_MAX = 10_000;
const CONNECT_SECONDS_MAX = 5;
/** Another may take our port, and backends of a killed server take a moment to notice: 3 s in all. */
const TRIES_MAX = 15;
const RETRY_MS = 200;
const STATEMENT_MS_MAX = 30_000;
const NAME = "holdfast";
/** Pages of indexes that are written again and again; beyond a gigabyte the system's own cache does it. */
const SHARED_BUFFERS_MIB = { most: 1_024, least: 128, ofMemory: 1 / 4 };
/**
 * Holds and orders have random ids, so that each of their index entries lies on another page, and a
 * page is written to the log whole when it changes first after a checkpoint. As PostgreSQL comes, a
 * checkpoint follows each GB of the log: with 2 500 000 holds a movement wrote seven times the log,
 * and cost twice the processor time (docs/operations.md, Sizing).
 */
const CHECKPOINTS = { max_wal_size: "4GB", checkpoint_timeout: "15min" };
const LOCK_FILE = "postmaster.pid";

/** A running PostgreSQL server. */
export interface PostgresServer {
  readonly url: string;
  readonly port: number;
  readonly child: Child;
  /** Ends it in good order: open transactions are rolled back, nothing is left to recover. */
  stop(): Promise<void>;
}

/** What to start and where. */
export interface PostgresOptions {
  readonly program: PostgresProgram;
  readonly user: PostgresUser;
  /** The data folder; made by initdb when missing. Its log and the like stand beside it. */
  readonly folder: string;
  readonly password: string;
  /** A free one when not given. */
  readonly port?: number;
  /** Settings that replace or extend ours. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly say: (line: string) => void;
}

/** Starts PostgreSQL, makes its data folder and the database `holdfast` where they are missing. */
export async function startPostgresServer(options: PostgresOptions): Promise<PostgresServer> {
  if (!existsSync(options.folder)) await createFolder(options);
  removeForeignLock(options.folder);
  for (let tries = 1; ; tries += 1) {
    const port = options.port ?? freePort();
    const url = `postgres://${NAME}:${options.password}@127.0.0.1:${port}/${NAME}`;
    const child = launch(options, port);
    const outcome = await ready(child, options.folder);
    if (outcome === "ready") {
      return await withDatabase({ url, port, child, stop: () => child.end("SIGINT", STOP_MS_MAX) });
    }
    await child.end("SIGQUIT", STOP_MS_MAX);
    // What is left of a server that was killed writes into it too: the reason may not be its end.
    if (passes(child.log()) && tries < TRIES_MAX) {
      await Bun.sleep(RETRY_MS);
      continue;
    }
    const end = child.logTail();
    throw new EmbeddedFailure(`PostgreSQL did not start (${outcome}). Its log ends with:\n${end}`);
  }
}

/** Reasons that go away by themselves. */
function passes(log: string): boolean {
  return /could not bind|pre-existing shared memory block|lock file ".*" already exists/.test(log);
}

/** Made under another name first: a folder half made by a killed initdb is never taken for whole. */
async function createFolder(options: PostgresOptions): Promise<void> {
  const { program, user, folder, password, say } = options;
  say(`PostgreSQL ${program.version}: creating the data folder ...`);
  const draft = `${folder}.new`;
  const passwordFile = `${folder}.password`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true, mode: 0o700 });
  if (user.owner !== undefined) chownSync(draft, user.owner, user.owner);
  writeFileSync(passwordFile, password, { mode: 0o600 });
  const initdb = [join(program.bin, "initdb"), "--pgdata", draft, "--username", NAME];
  const how = ["--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", "--no-instructions"];
  if (options.settings?.["fsync"] === "off") how.push("--no-sync");
  const result = await run([...user.prefix, ...initdb, ...how, "--pwfile", passwordFile], {
    msMax: INITDB_MS_MAX,
    env: { LC_ALL: "C", TZ: "UTC" },
    cwd: "/",
  });
  rmSync(passwordFile);
  if (result.code !== 0) {
    throw new EmbeddedFailure(`initdb failed:\n${lastLines(`${result.out}\n${result.err}`)}`);
  }
  renameSync(draft, folder);
}

/**
 * The server refuses to start while the process named in its lock file lives. After a restart of
 * a machine or container that id may belong to anything, or to a dead child nobody has reaped.
 * Servers of ours on this folder are gone when we get here, so a living id is a foreign one.
 */
function removeForeignLock(folder: string): void {
  const pid = Number(lockLines(folder)[0]);
  if (pid > 0 && isAlive(pid)) rmSync(join(folder, LOCK_FILE));
}

/** Empty where no server runs; the server may remove it at any moment. */
function lockLines(folder: string): string[] {
  try {
    return readFileSync(join(folder, LOCK_FILE), "utf8").split("\n");
  } catch {
    return [];
  }
}

/** Taken as it is used; what the machine or its container has decides. */
function sharedBuffersMib(): number {
  const { most, least, ofMemory } = SHARED_BUFFERS_MIB;
  const memory = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  return Math.floor(Math.max(least, Math.min(most, (memory * ofMemory) / 1024 ** 2)));
}

function launch(options: PostgresOptions, port: number): Child {
  const settings = {
    listen_addresses: "127.0.0.1",
    port: `${port}`,
    unix_socket_directories: "",
    shared_buffers: `${sharedBuffersMib()}MB`,
    ...CHECKPOINTS,
    ...options.settings,
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  return startChild({
    command: [join(options.program.bin, "postgres"), "-D", options.folder, ...flags],
    prefix: options.user.prefix,
    logFile: `${options.folder}.log`,
    endSignal: "SIGINT",
  });
}

/** As pg_ctl does: the server writes its state into the last line of its lock file. */
async function ready(child: Child, folder: string): Promise<"ready" | string> {
  try {
    return await until("PostgreSQL is ready", READY_MS_MAX, () => {
      if (child.hasExited()) return "it ended";
      const lines = lockLines(folder);
      return Number(lines[0]) === child.pid && lines[7]?.trim() === "ready" && "ready";
    });
  } catch (error) {
    if (error instanceof EmbeddedFailure) return error.message;
    throw error;
  }
}

/** initdb makes the database `postgres` only. */
async function withDatabase(server: PostgresServer): Promise<PostgresServer> {
  const sql = connection(new URL("/postgres", server.url).href);
  try {
    const found = await sql`SELECT 1 FROM pg_database WHERE datname = ${NAME}`;
    if (found.length === 0) await sql.unsafe(`CREATE DATABASE ${NAME}`);
    return server;
  } catch (error) {
    await server.stop();
    throw new EmbeddedFailure(`PostgreSQL started, but refused: ${String(error)}`);
  } finally {
    await sql.end({ timeout: CONNECT_SECONDS_MAX });
  }
}

/** Whether a PostgreSQL server answers a query there. */
export async function pingPostgres(url: string): Promise<"ready" | "away"> {
  const sql = connection(url);
  let answered = false;
  const answer = sql`SELECT 1`.then(() => {
    answered = true;
  });
  await settlesWithin(answer, CONNECT_SECONDS_MAX * 1_000);
  await sql.end({ timeout: 0 });
  return answered ? "ready" : "away";
}

function connection(url: string): postgres.Sql {
  return postgres(url, {
    max: 1,
    connect_timeout: CONNECT_SECONDS_MAX,
    connection: { statement_timeout: STATEMENT_MS_MAX },
    onnotice: () => {},
  });
}
