/** Connections to Redis, with every setting that matters for "one effect" written out. */
import { Redis } from "ioredis";

/** A command that has no answer by then is sent again under its batch name. */
export const COMMAND_TIMEOUT_MS = 1_500;
/** A connection that swallows bytes is given up a little after its commands were. */
const SOCKET_TIMEOUT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 2_000;
const RECONNECT_MS_MAX = 500;

/** Longest blocking read; on a connection of its own, since nothing else gets through meanwhile. */
export const BLOCK_MS_MAX = 2_000;

const reconnectDelay = (attempt: number): number =>
  Math.min(50 * attempt, RECONNECT_MS_MAX) + Math.floor(Math.random() * 50);

/**
 * A connection for commands. It fails fast and never re-sends by itself: a copy of a batch that
 * ioredis re-sends could run after its successor, so repeats are ours, under the batch's name.
 */
export function connectRedis(url: string, name: string): Redis {
  return new Redis(url, {
    connectionName: name,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: reconnectDelay,
    lazyConnect: true,
  });
}

/** A connection for blocking reads of at most BLOCK_MS_MAX. */
export function connectBlocking(url: string, name: string): Redis {
  return new Redis(url, {
    connectionName: name,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    blockingTimeout: BLOCK_MS_MAX + CONNECT_TIMEOUT_MS,
    socketTimeout: BLOCK_MS_MAX + SOCKET_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: reconnectDelay,
    lazyConnect: true,
  });
}

/**
 * BullMQ blocks for up to 10 s on a copy of this connection. Without a limit a connection that
 * swallows bytes is waited on for ever, and nobody is woken for what is due.
 */
const WORKER_SOCKET_TIMEOUT_MS = 12_000;

/** A connection for BullMQ's worker, which waits for as long as Redis is away. */
export function connectWorker(url: string, name: string): Redis {
  return new Redis(url, {
    connectionName: name,
    maxRetriesPerRequest: null,
    socketTimeout: WORKER_SOCKET_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: reconnectDelay,
  });
}

/** Replies that say "not now" and promise that nothing was done: the same batch is sent again. */
const TRANSIENT =
  /^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|READONLY|BUSY|NOREPLICAS|UNBLOCKED)\b/;
/** Replies that refuse a write before it began: out of memory, a full disk, no right to write. */
const REFUSING = /^(-?OOM|MISCONF|NOAUTH|NOPERM|WRONGPASS)\b|\bOOM command not allowed/;

export type RedisFailure =
  /** No answer, or the connection ended: what was sent may or may not have run. */
  | "lost"
  /** Redis said "not now"; nothing was done. */
  | "transient"
  /** Redis takes no writes; nothing was done. */
  | "refusing"
  /** The script is not loaded; nothing was done. */
  | "unloaded"
  /** An error of the command itself; nothing was written. */
  | "error";

/** Replies to a user, a password or a database that is not one. */
const REFUSED_USER = /^(NOAUTH|WRONGPASS|NOPERM)\b|^ERR (invalid password|DB index)/;

export const isRefusedUser = (error: unknown): boolean =>
  error instanceof Error && REFUSED_USER.test(error.message);

/** What an error of ioredis means for a batch. */
export function failureOf(error: unknown): RedisFailure {
  if (!(error instanceof Error)) return "lost";
  if (error.name !== "ReplyError") return "lost";
  if (error.message.startsWith("NOSCRIPT")) return "unloaded";
  if (TRANSIENT.test(error.message)) return "transient";
  if (REFUSING.test(error.message)) return "refusing";
  return "error";
}
