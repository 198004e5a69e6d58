import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startChild, type Child } from "#embedded/child";
import { EmbeddedFailure } from "#embedded/failure";
import { freePort } from "#embedded/free-port";
import { mendTornEnd } from "#embedded/mend";
import type { RedisProgram } from "#embedded/redis-program";
import { pingRedis } from "#embedded/redis-ping";
import { until } from "#embedded/wait";

/** Loading a large append-only file takes its time: about 1 s for each million keys. */
const READY_MS_MAX = 60_000;
const STOP_MS_MAX = 5_000;
/** A free port may be taken between finding and binding it; three times in a row it is not. */
const PORT_TRIES_MAX = 3;

/** How a start may go on that failed: its process is gone, and not merely slow. */
const ENDED = "it ended";

/** A running Redis server. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  readonly child: Child;
  /** Ends it in good order. */
  stop(): Promise<void>;
}

/** What to start and where. */
export interface RedisOptions {
  readonly program: RedisProgram;
  /** Holds its data, its configuration and its log; made when missing. */
  readonly folder: string;
  readonly password: string;
  /** A free one when not given. */
  readonly port?: number;
  /** Directives that replace or extend ours. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Told what was cut off where the append-only file had a torn end. */
  readonly warn: (line: string) => void;
}

/** Starts a Redis server and waits until it answers and has read its data. */
export async function startRedisServer(options: RedisOptions): Promise<RedisServer> {
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  let isMended = false;
  for (let tries = 1; ; tries += 1) {
    const port = options.port ?? freePort();
    const url = `redis://default:${options.password}@127.0.0.1:${port}`;
    const child = launch(options, port);
    const outcome = await ready(child, url);
    if (outcome === "ready") {
      return { url, port, child, stop: () => child.end("SIGTERM", STOP_MS_MAX) };
    }
    await child.end("SIGKILL", 0);
    const log = child.logTail();
    if (/address already in use/i.test(log) && tries < PORT_TRIES_MAX) continue;
    const why: string[] = [outcome];
    if (outcome === ENDED && !isMended) {
      const mending = await mendTornEnd(options.program, options.folder);
      if (mending.kind === "mended") {
        isMended = true;
        options.warn(mending.what);
        continue;
      }
      if (mending.kind === "unread") why.push(mending.why);
    }
    const reason = why.join("; ");
    throw new EmbeddedFailure(`Redis did not start (${reason}). Its log ends with:\n${log}`);
  }
}

/** The settings stand in a file, not in the arguments: everyone may read those, with the password. */
function launch(options: RedisOptions, port: number): Child {
  const settings = {
    ...durableSettings,
    ...options.settings,
    port: `${port}`,
    dir: options.folder,
    requirepass: options.password,
    masterauth: options.password,
  };
  const file = join(options.folder, "redis.conf");
  // Redis reads escapes within double quotes as JSON has them.
  const lines = Object.entries(settings).map(([name, text]) => `${name} ${JSON.stringify(text)}\n`);
  writeFileSync(file, lines.join(""), { mode: 0o600 });
  return startChild({
    command: [options.program.path, file],
    env: options.program.env,
    logFile: join(options.folder, "redis.log"),
    endSignal: "SIGTERM",
  });
}

/** What promise P3 (an answer means durable) asks of Redis, and loopback only. */
const durableSettings: Readonly<Record<string, string>> = {
  bind: "127.0.0.1",
  "protected-mode": "yes",
  daemonize: "no",
  appendonly: "yes",
  appendfsync: "always",
  // With `yes` Redis 7.0 keeps the beginning of a torn transaction, and runs it at its next start.
  "aof-load-truncated": "no",
  "no-appendfsync-on-rewrite": "no",
  save: "",
  "maxmemory-policy": "noeviction",
  "hash-max-listpack-value": "256",
  // A rewrite takes a processor for a second, and answers wait up to ten times as long meanwhile; with
  // the default of 64mb a sale of 10 000 a second has one each 15 s. So much more is read at a start.
  "auto-aof-rewrite-min-size": "268435456",
  // Keeps the folder readable in the process list: that is how a left-over server is recognised.
  "set-proc-title": "no",
};

async function ready(child: Child, url: string): Promise<"ready" | string> {
  try {
    return await until("Redis answers", READY_MS_MAX, async () => {
      if (child.hasExited()) return ENDED;
      return (await pingRedis(url)) === "ready" && "ready";
    });
  } catch (error) {
    if (error instanceof EmbeddedFailure) return error.message;
    throw error;
  }
}
