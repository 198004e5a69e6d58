/** A companion's connection to Redis: it fails fast, and repeats nothing by itself. */
import { Redis } from "ioredis";

const COMMAND_TIMEOUT_MS = 1_500;
/** A connection that swallows bytes is given up a little after its commands were. */
const SOCKET_TIMEOUT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 2_000;
const RECONNECT_MS_MAX = 500;

/** Connects by itself, and again when it was lost. */
export function connectCompanionRedis(url: string, name: string): Redis {
  return new Redis(url, {
    connectionName: `holdfast-${name}`,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 1,
    commandTimeout: COMMAND_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: (attempt) => Math.min(50 * attempt, RECONNECT_MS_MAX),
  });
}
