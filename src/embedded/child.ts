import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { lastLines } from "#embedded/run";
import { settlesWithin } from "#embedded/wait";

/** After SIGKILL the kernel ends a process at once unless its disk hangs. */
const KILL_MS_MAX = 5_000;

/** How to start a server process. */
export interface ChildOptions {
  /** Absolute path of the program, then its arguments. */
  readonly command: readonly string[];
  /** Put before the command, such as what gives up root. */
  readonly prefix?: readonly string[];
  /**
   * The whole environment: a server must not pick up PGPORT and the like from ours. `inherited`: ours,
   * for a process of our own.
   */
  readonly env?: Record<string, string> | "inherited";
  /** Emptied at each start, so it never grows over many of them. */
  readonly logFile: string;
  /** Ends the server in good order; also sent to it when this process dies. */
  readonly endSignal: "SIGINT" | "SIGTERM";
}

/** A server process that ends when we do, however we end. */
export interface Child {
  readonly pid: number;
  /** Settles when the process has ended and was reaped, so that its data folder is free again. */
  readonly exited: Promise<unknown>;
  hasExited(): boolean;
  signal(signal: NodeJS.Signals): void;
  /** Asks it to end, and kills it where it has not within `msMax`. */
  end(signal: NodeJS.Signals, msMax: number): Promise<void>;
  readonly logFile: string;
  /** All that it logged since this start. */
  log(): string;
  /** The last lines of that, for the message of a failure. */
  logTail(): string;
}

/**
 * Starts a server in a session of its own: Ctrl-C in the terminal reaches us alone, so we can
 * drain before the servers go. That it dies with us is the kernel's work where `setpriv` can ask
 * for it, else that of a watchdog.
 */
export function startChild(options: ChildOptions): Child {
  const deathSignal = deathSignalPrefix(options.endSignal);
  const log = openSync(options.logFile, "w", 0o600);
  const child = Bun.spawn([...(options.prefix ?? []), ...(deathSignal ?? []), ...options.command], {
    ...(options.env === "inherited" ? {} : { env: { LC_ALL: "C", TZ: "UTC", ...options.env } }),
    stdio: ["ignore", log, log],
    detached: true,
  });
  closeSync(log);
  if (deathSignal === undefined) watch(child, options.endSignal);
  const readLog = (): string =>
    existsSync(options.logFile) ? readFileSync(options.logFile, "utf8") : "";
  return {
    pid: child.pid,
    exited: child.exited,
    hasExited: () => child.exitCode !== null || child.signalCode !== null,
    signal: (signal) => child.kill(signal),
    async end(signal, msMax) {
      child.kill(signal);
      if (await settlesWithin(child.exited, msMax)) return;
      child.kill("SIGKILL");
      await settlesWithin(child.exited, KILL_MS_MAX);
    },
    logFile: options.logFile,
    log: readLog,
    logTail: () => lastLines(readLog()),
  };
}

/** `prctl(PR_SET_PDEATHSIG)` by way of util-linux; undefined where this machine's setpriv lacks it. */
export function deathSignalPrefix(signal: string): readonly string[] | undefined {
  const setpriv = Bun.which("setpriv");
  if (setpriv === null) return undefined;
  const prefix = [setpriv, "--pdeathsig", signal, "--"];
  const probe = Bun.spawnSync([...prefix, setpriv, "--version"], {
    stdio: ["ignore", "ignore", "ignore"],
  });
  return probe.exitCode === 0 ? prefix : undefined;
}

/**
 * A shell that waits for the end of a pipe only we hold: the kernel closes it whenever we die,
 * and the shell then ends the server. It goes when the server goes.
 */
function watch(server: Bun.Subprocess, signal: string): void {
  const shell = Bun.which("sh");
  if (shell === null) return;
  const script = 'read -r line; kill -s "$1" "$2"';
  const watchdog = Bun.spawn([shell, "-c", script, "watchdog", signal.slice(3), `${server.pid}`], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  watchdog.unref();
  void server.exited.finally(() => watchdog.kill("SIGKILL"));
}
