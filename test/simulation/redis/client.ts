/**
 * What src/redis has of ioredis, over a simulated connection, with the settings of src/redis/client.ts:
 * nothing waits while it is not ready, a command is given up after a while, what is unanswered when
 * the connection ends is lost, and it connects again by itself.
 */
import type { Redis } from "ioredis";
import { BLOCK_MS_MAX, COMMAND_TIMEOUT_MS } from "#redis/client";
import type { Event, Process, Scheduler } from "#simulation/scheduler";
import { Status, type Reply } from "./commands.ts";
import { Connection, latency, type Answered } from "./connection.ts";
import { ErrorReply } from "./keyspace.ts";
import type { SimulatedRedis } from "./server.ts";

const SOCKET_TIMEOUT_MS = 2_000;
const RECONNECT_MS_MAX = 500;
/** Below it no silence is seen. */
const SOON_MS = 600;

interface Waiting {
  /** It is given up then; who stood still does so before it reads what has come meanwhile. */
  timer: Event | null;
  readonly settle: Answered;
  readonly fail: (error: Error) => void;
}

type Listener = (...args: unknown[]) => void;
type Outcome = [error: Error | null, value: unknown];

export interface Links {
  readonly scheduler: Scheduler;
  readonly server: SimulatedRedis;
  readonly owner: Process;
  /** A process that is to die in the middle of a turn dies here. */
  readonly onSend: (owner: Process) => boolean;
  /** Something is under way: what may happen to a connection happens now. */
  readonly onSent: (client: SimulatedClient) => void;
}

export class SimulatedClient {
  readonly links: Links;
  readonly #blocks: boolean;
  status = "wait";
  /** A process serves once it has been connected. */
  hasConnected = false;
  #connection: Connection | null = null;
  #waiting = new Set<Waiting>();
  #attempts = 0;
  readonly #listeners = new Map<string, Listener[]>();

  constructor(links: Links, { blocks = false } = {}) {
    this.links = links;
    this.#blocks = blocks;
  }

  on(name: string, listener: Listener): this {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
    return this;
  }
  off(name: string, listener: Listener): this {
    const left = (this.#listeners.get(name) ?? []).filter((one) => one !== listener);
    this.#listeners.set(name, left);
    return this;
  }

  connect(): Promise<void> {
    this.#dial();
    return Promise.resolve();
  }

  disconnect(): void {
    this.status = "end";
    this.#connection?.cut();
  }

  // The commands.
  evalsha = (sha: string, keys: number, ...words: string[]) =>
    this.call("EVALSHA", sha, String(keys), ...words);
  script = (_load: string, text: string) => this.call("SCRIPT", "LOAD", text);
  hmget = (key: string, ...fields: string[]) => this.call("HMGET", key, ...fields);
  info = (section: string) => this.call("INFO", section);
  xrange = (...words: unknown[]) => this.call("XRANGE", ...words.map(String));
  xread = (...words: unknown[]) => this.call("XREAD", ...words.map(String));

  /** All of them at once: a cursor of its own would show nothing more. */
  pipeline(): Pipeline {
    return new Pipeline(this);
  }

  call(...words: string[]): Promise<unknown> {
    const { scheduler, owner, onSend } = this.links;
    const connection = this.#connection;
    if (this.status !== "ready" || !connection) {
      return Promise.reject(new Error("Stream isn't writeable and enableOfflineQueue is false"));
    }
    if (!onSend(owner)) return new Promise(() => undefined);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        timer: null,
        settle(reply) {
          if (reply instanceof ErrorReply) reject(reply);
          else resolve(plain(reply));
        },
        fail: reject,
      };
      this.#waiting.add(waiting);
      connection.send(words, (reply) => {
        if (!this.#waiting.delete(waiting)) return;
        if (waiting.timer) waiting.timer.work = null;
        waiting.settle(reply);
      });
      waiting.timer = this.#limit(connection, waiting);
      if (connection.silentUntil - scheduler.now > SOON_MS) this.#mayBeSilent(connection);
      this.links.onSent(this);
    });
  }

  /** Its connection says nothing any more: whoever waits finds out by the time. */
  suspect(): void {
    if (this.#connection && this.#waiting.size > 0) this.#mayBeSilent(this.#connection);
  }

  /** The connection that it uses; null: it has none. */
  get connection(): Connection | null {
    return this.#connection;
  }

  get #socketMs(): number {
    return SOCKET_TIMEOUT_MS + (this.#blocks ? BLOCK_MS_MAX : 0);
  }

  #limit(connection: Connection, waiting: Waiting): Event {
    const { scheduler, owner } = this.links;
    const sentAt = scheduler.now;
    const giveUp = (): void => {
      if (!this.#waiting.has(waiting)) return;
      if (!this.#blocks) {
        this.#waiting.delete(waiting);
        waiting.fail(new Error("Command timed out"));
      }
      // Of who stood still the socket's timer has run out too.
      if (connection.isOpen && scheduler.now - sentAt >= this.#socketMs) connection.cut();
    };
    const ms = this.#blocks ? this.#socketMs : COMMAND_TIMEOUT_MS;
    return scheduler.after(ms, "command timed out", giveUp, owner);
  }

  #mayBeSilent(connection: Connection): void {
    const { scheduler, owner } = this.links;
    const silent = connection.silentUntil;
    const close = (): void => {
      // Something arrived meanwhile, unless it is as silent as before.
      if (connection.isOpen && silent > scheduler.now) connection.cut();
    };
    scheduler.after(this.#socketMs, "socket timed out", close, owner);
  }

  #dial(): void {
    const { scheduler, server, owner } = this.links;
    this.status = "connecting";
    const reach = (): void => {
      if (this.status === "end") return;
      if (!server.isUp) return this.#redial();
      const onClose = (): void => this.#closed();
      const connection = new Connection({ scheduler, server, owner, onClose });
      this.#connection = connection;
      this.status = "connect";
      // As ioredis: it is ready once the server has told of itself.
      connection.send(["INFO", "server"], (reply) => {
        if (reply instanceof ErrorReply) return connection.cut();
        this.#attempts = 0;
        this.status = "ready";
        this.hasConnected = true;
        this.#emit("ready");
      });
    };
    scheduler.after(latency(scheduler) * 2, "connect", reach, owner);
  }

  #redial(): void {
    const { scheduler, owner } = this.links;
    this.#emit("close");
    if (this.status === "end") return;
    this.status = "reconnecting";
    this.#attempts += 1;
    const delay = Math.min(50 * this.#attempts, RECONNECT_MS_MAX) + scheduler.random.whole(0, 50);
    scheduler.after(delay, "reconnect", () => this.#dial(), owner);
  }

  #closed(): void {
    const lost = [...this.#waiting];
    this.#waiting = new Set();
    this.#connection = null;
    if (this.status !== "end") this.status = "close";
    for (const waiting of lost) {
      if (waiting.timer) waiting.timer.work = null;
      waiting.fail(new Error("Connection is closed."));
    }
    this.#redial();
  }

  #emit(name: string): void {
    for (const listener of this.#listeners.get(name) ?? []) listener();
  }
}

class Pipeline {
  readonly #client: SimulatedClient;
  readonly #commands: string[][] = [];

  constructor(client: SimulatedClient) {
    this.#client = client;
  }
  #add(...words: string[]): this {
    this.#commands.push(words);
    return this;
  }
  hmget = (key: string, ...fields: string[]): this => this.#add("HMGET", key, ...fields);
  hgetall = (key: string): this => this.#add("HGETALL", key);
  get = (key: string): this => this.#add("GET", key);
  set = (key: string, text: string): this => this.#add("SET", key, text);
  zrange = (key: string, from: string, to: string): this => this.#add("ZRANGE", key, from, to);

  async exec(): Promise<Outcome[]> {
    const answers = this.#commands.map(async ([name = "", ...words]): Promise<Outcome> => {
      try {
        const value = await this.#client.call(name, ...words);
        return [null, name === "HGETALL" ? fieldsOf(value) : value];
      } catch (error) {
        return [error instanceof Error ? error : new Error(String(error)), null];
      }
    });
    return await Promise.all(answers);
  }
}

function fieldsOf(flat: unknown): Readonly<Record<string, unknown>> {
  if (!Array.isArray(flat)) throw new Error("HGETALL answered no list");
  const pairs = Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);
  return Object.fromEntries(pairs);
}

function plain(reply: Reply): unknown {
  if (reply instanceof Status) return reply.text;
  return Array.isArray(reply) ? reply.map(plain) : reply;
}

/** Calls a method that it lacks, and that run fails: it has all that src/redis uses. */
export function asRedis(client: SimulatedClient): Redis {
  if (!isRedis(client)) throw new Error("no client");
  return client;
}
/** For what stands in the place of BullMQ. */
export function asClient(connection: object): SimulatedClient {
  if (connection instanceof SimulatedClient) return connection;
  throw new Error("no simulated client");
}
const isRedis = (client: object): client is Redis => client instanceof SimulatedClient;
