import { deadlineAfter, withDeadline } from "#lib/deadline";
import type { Log } from "#lib/log";

/** Ends the process in order. One per process; `compose/start.ts` makes, arms and fills it. */
export type Shutdown = Readonly<{
  /**
   * Adds a step. Steps run one after the other in the order they were added, so add what takes in
   * work before what does the work: first the listener, last the connections.
   */
  add(name: string, step: () => Promise<void> | void): void;
  /** True from the first reason to stop: readiness fails, new work is refused. */
  stopping(): boolean;
  /** Runs every step once and exits. A second call changes nothing. */
  stop(reason: string, exitCode?: number): Promise<void>;
  /** Stops on SIGINT, SIGTERM and on errors that nothing caught. */
  arm(): void;
}>;

export type ShutdownOptions = Readonly<{
  log: Log;
  /** All steps together; what still runs then is named in the log and cut off. */
  graceMs: number;
  /** Default: ends the process. */
  exit?: (code: number) => void;
}>;

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;
/** A signal to the whole group comes twice: from its sender, and passed on by whoever started us. */
const ECHO_MS_MAX = 1_000;

export function createShutdown(options: ShutdownOptions): Shutdown {
  const { log, graceMs, exit = (code: number) => process.exit(code) } = options;
  const steps: { name: string; run: () => Promise<void> | void }[] = [];
  let running: Promise<void> | undefined;
  let startedAt = 0;
  let current = "none";
  let exitCode = 0;

  const runSteps = async () => {
    for (const { name, run } of steps) {
      current = name;
      try {
        await run();
      } catch (error) {
        log.error("a step of the shutdown failed", { step: name, error });
        exitCode ||= 1;
      }
    }
    log.info("stopped", { exitCode });
  };

  const stopOnce = async (reason: string) => {
    log.info("stopping", { reason, graceMs });
    await withDeadline(runSteps(), deadlineAfter(graceMs), () => {
      log.error("stopped before it was done", { step: current, graceMs });
      exitCode ||= 1;
    });
    exit(exitCode);
  };

  const stop = (reason: string, code = 0) => {
    exitCode ||= code;
    if (running === undefined) startedAt = performance.now();
    running ??= stopOnce(reason);
    return running;
  };

  // The state of the process is unknown from here on: answer what is in flight, then end.
  const unhandled = (error: unknown) => {
    log.error("an error that nothing caught", { error });
    void stop("unhandled error", 1);
  };

  return {
    add: (name, run) => void steps.push({ name, run }),
    stopping: () => running !== undefined,
    stop,
    arm: () => {
      for (const [signal, code] of Object.entries(SIGNALS)) {
        process.on(signal, () => {
          if (running === undefined) void stop(signal);
          else if (performance.now() > startedAt + ECHO_MS_MAX) exit(code);
        });
      }
      process.on("uncaughtException", unhandled);
      process.on("unhandledRejection", unhandled);
    },
  };
}
