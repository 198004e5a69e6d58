/** Connections to PostgreSQL: bounded in number, in time, and in what a number may be. */
import net from "node:net";
import postgres from "postgres";
import { arrayTypes } from "#postgres/arrays";

/** The driver as everything here sees it: bigint columns are numbers. */
export type Sql = postgres.Sql<{ bigint: number }>;

export interface PostgresOptions {
  /** Most connections of this pool. */
  readonly connectionsMax?: number;
  /** The server ends a statement that runs longer. */
  readonly statementMsMax?: number;
  readonly connectMsMax?: number;
  /** What `pg_stat_activity` shows. */
  readonly applicationName?: string;
}

/** Reads are short and the drain has one statement in flight for each partition. */
export const CONNECTIONS_MAX = 8;
const STATEMENT_MS_MAX = 5_000;
const CONNECT_MS_MAX = 5_000;
/** The server answers by its statement timeout; a socket silent for this much longer is dead. */
const SILENCE_MARGIN_MS = 5_000;
/** A connection is replaced after about this time, so that a pool follows a moved server. */
const LIFETIME_SECONDS_MAX = 30 * 60;
/** Wait before the n-th attempt to connect; the driver's own reaches 20 s. */
const RECONNECT_SECONDS_MAX = 0.5;

type Factory = (onClose: () => void, overrides: PostgresOptions) => Sql;
const factories = new WeakMap<Sql, Factory>();

/** A pool. Nothing connects before the first statement; `end({ timeout })` closes it. */
export function createPostgres(url: string, options: PostgresOptions = {}): Sql {
  const sql = connect(url, options, { isKept: false });
  factories.set(sql, (onClose, overrides) =>
    connect(url, { ...options, ...overrides, connectionsMax: 1 }, { isKept: true, onClose }),
  );
  return sql;
}

/**
 * One connection of its own to the same database, for what must hold a lock or a transaction.
 * `onClose` tells that the connection ended: the driver would open another one without a word, and
 * the lock would be gone. `begin` of the driver throws outside any promise in that case.
 */
export function ownConnection(sql: Sql, onClose: () => void, overrides: PostgresOptions = {}): Sql {
  const factory = factories.get(sql);
  if (factory === undefined) throw new Error("this client was not made by createPostgres");
  return factory(onClose, overrides);
}

/** `isKept`: it is not ended for having nothing to do, since what it holds would be gone. */
interface Ends {
  readonly isKept: boolean;
  readonly onClose?: () => void;
}

function connect(url: string, options: PostgresOptions, { isKept, onClose }: Ends): Sql {
  const statementMsMax = options.statementMsMax ?? STATEMENT_MS_MAX;
  const silenceMsMax = statementMsMax + SILENCE_MARGIN_MS;
  const settings = {
    max: options.connectionsMax ?? CONNECTIONS_MAX,
    connect_timeout: (options.connectMsMax ?? CONNECT_MS_MAX) / 1_000,
    max_lifetime: LIFETIME_SECONDS_MAX,
    // Well before its silence ends it, perhaps in the moment in which a statement is written to it.
    ...(isKept ? {} : { idle_timeout: silenceMsMax / 2_000 }),
    keep_alive: 30,
    prepare: true,
    // The driver's own question for array types can end the process: see arrays.ts.
    fetch_types: false,
    backoff: (attempt: number) => Math.min(0.05 * 2 ** attempt, RECONNECT_SECONDS_MAX),
    types: {
      bigint: { to: 20, from: [20], parse: safeInteger, serialize: decimal },
      ...arrayTypes({ write: (value) => decimal(Number(value)), read: safeInteger }),
    },
    connection: {
      application_name: options.applicationName ?? "holdfast",
      statement_timeout: statementMsMax,
      idle_in_transaction_session_timeout: silenceMsMax,
      TimeZone: "UTC",
      // Whatever the server's or the role's default is: a commit that we hear of is on disk.
      synchronous_commit: "on",
    },
    onnotice: () => {},
    onclose: () => onClose?.(),
    socket: (target: SocketTarget) => openSocket(target, silenceMsMax),
  };
  return postgres(url, settings);
}

interface SocketTarget {
  readonly host: readonly string[];
  readonly port: readonly number[];
  readonly path: string | false;
}

/**
 * Ends a connection on which nothing came or went for `silenceMsMax`: a server that vanished
 * without a word would keep a place of the pool for as long as the kernel retries (about 15 min).
 */
function openSocket({ host, port, path }: SocketTarget, silenceMsMax: number): net.Socket {
  const target = { host: host[0] ?? "localhost", port: port[0] ?? 5432 };
  const socket = net.connect(path === false ? target : { path });
  socket.setTimeout(silenceMsMax, () => socket.destroy());
  // The driver reads the name to verify a certificate against from here.
  return Object.assign(socket, { host: target.host });
}

/** Numbers above 2^53 would come back wrong: nothing of ours is so large. */
function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} does not fit a number`);
  return value;
}

function decimal(value: number): string {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not a whole number`);
  return String(value);
}
