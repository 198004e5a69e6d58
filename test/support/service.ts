/** Real processes of the service, started and hurt by tests; each ends with the test's process. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isCompanion, type CompanionName } from "#compose/companion-settings";
import { startChild, type Child } from "#embedded/child";
import { freePort } from "#embedded/free-port";
import { issueToken } from "#http/token";
import type { Role } from "#inventory/context";
import { freeClockNames, temporaryFolder } from "#test/servers";
import { until } from "#test/until";

const ROOT = fileURLToPath(import.meta.resolve("../.."));
/** A first start of embedded servers makes a PostgreSQL data folder; all else takes a second. */
const READY_MS_MAX = 40_000;
const EXIT_MS_MAX = 20_000;
const TOKEN_SECONDS = 3_600;

/** Known to the tests, and not a text that production refuses. */
export const JWT_SECRET = "q8Zt4mVw1xRk7pLc3nHs9yBd5gJf2aUe";

export interface ServiceOptions {
  readonly role?: "all" | "api" | "worker" | CompanionName;
  /** Of the role api: processes on one port. */
  readonly workers?: number;
  /** Given: servers to use. Not given: the process starts its own in DATA_DIR. */
  readonly redisUrl?: string;
  readonly databaseUrl?: string;
  /** More settings, or others. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where the code of another version is; default: the present one. */
  readonly root?: string;
}

export interface Service extends AsyncDisposable {
  /** Stays the same over a restart. */
  readonly url: string;
  readonly pid: number;
  /** All that the present process has printed. */
  output(): string;
  /** Waits until readiness answers 200. */
  ready(): Promise<void>;
  signal(name: NodeJS.Signals): void;
  hasExited(): boolean;
  /** Waits for its end; answers the exit code, of a signal 128 and its number. */
  exitCode(): Promise<number>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Starts again with the same settings and ports, and waits until it is ready. */
  restart(): Promise<void>;
}

/** Starts one process and waits until it is ready. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const service = launchService(options);
  await service.ready();
  return service;
}

/** Starts one process and waits for nothing. */
export function launchService(options: ServiceOptions): Service {
  const { role = "all", workers, redisUrl, databaseUrl, env = {}, root = ROOT } = options;
  const port = freePort();
  const settings = {
    PATH: process.env["PATH"] ?? "",
    HOME: process.env["HOME"] ?? "",
    DATA_DIR: temporaryFolder("service"),
    JWT_SECRET,
    SAMPLE_DATA: "0",
    PORT: role === "worker" ? "0" : `${port}`,
    WORKER_PORT: role === "worker" ? `${port}` : "0",
    ...(isCompanion(role) ? { [`${role.toUpperCase()}_PORT`]: `${port}` } : {}),
    ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    ...env,
  };
  const url = `http://127.0.0.1:${port}`;
  const many = workers === undefined ? [] : ["--workers", `${workers}`];
  const launch = spawnMain(["start", role, ...many], settings, root);
  let child = launch();
  const output = (): string => outputOf(child);
  const ready = async (): Promise<void> => {
    try {
      await until(() => child.hasExited() || isReady(url), {
        withinMs: READY_MS_MAX,
        what: `${role} is ready`,
      });
    } catch (error) {
      throw new Error(`${role} is not ready; it printed:\n${output()}`, { cause: error });
    }
    if (child.hasExited()) throw new Error(`${role} ended by itself:\n${output()}`);
    freeClockNames(child.pid);
  };
  const end = (): Promise<void> => child.end("SIGTERM", EXIT_MS_MAX);
  return {
    url,
    get pid() {
      return child.pid;
    },
    output,
    ready,
    signal: (name) => child.signal(name),
    hasExited: () => child.hasExited(),
    exitCode: () => exitCodeOf(child),
    kill: () => child.end("SIGKILL", EXIT_MS_MAX),
    async restart() {
      if (!child.hasExited()) await end();
      child = launch();
      await ready();
    },
    [Symbol.asyncDispose]: end,
  };
}

/** Runs one command of the service to its end. */
export async function runMain(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ readonly code: number; readonly output: string }> {
  const child = spawnMain(args, { PATH: process.env["PATH"] ?? "", ...env })();
  const code = await exitCodeOf(child);
  return { code, output: outputOf(child) };
}

function spawnMain(args: readonly string[], env: Record<string, string>, root = ROOT): () => Child {
  const logs = temporaryFolder("log");
  let starts = 0;
  return () => {
    starts += 1;
    return startChild({
      command: [process.execPath, join(root, "src/main.ts"), ...args],
      env,
      logFile: join(logs, `${starts}.log`),
      endSignal: "SIGTERM",
    });
  };
}

const outputOf = (child: Child): string =>
  existsSync(child.logFile) ? readFileSync(child.logFile, "utf8") : "";

async function exitCodeOf(child: Child): Promise<number> {
  await until(() => child.hasExited(), { withinMs: EXIT_MS_MAX, what: "the process has ended" });
  const code: unknown = await child.exited;
  return Number(code);
}

async function isReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(1_000) });
  await response.body?.cancel();
  return response.status === 200;
}

/** A token that every service of these tests takes. */
export function tokenOf(role: Role, subject: string): Promise<string> {
  return issueToken({ secret: JWT_SECRET, role, subject, ttlSeconds: TOKEN_SECONDS });
}

/** A dead process that nobody has reaped keeps its id but has no command line. */
export const isRunning = (pid: number): boolean => commandOf(pid) !== "";

/** Ids of the processes whose command line names the folder, such as the servers of a data folder. */
export function runningIn(folder: string): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid && commandOf(pid).includes(folder));
}

/** Its arguments, each with a NUL behind it. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
