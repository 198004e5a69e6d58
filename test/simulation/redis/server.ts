/** A Redis server of the simulation: commands run one after another, the scripts are ours. */
import { BEGINS_AT } from "#simulation/globals";
import type { Scheduler } from "#simulation/scheduler";
import type { Connection } from "./connection.ts";
import { entriesAfter, entryReply, runCommand, type Reply } from "./commands.ts";
import { ErrorReply, Keyspace } from "./keyspace.ts";
import { learnScript, OUT_OF_MEMORY, runScriptOf } from "./scripts.ts";

/** What a start finds: all of it, an earlier copy, or nothing. */
export type Found = "kept" | "older" | "empty";

interface Blocked {
  readonly connection: Connection;
  readonly key: string;
  readonly after: string;
  readonly count: number;
  readonly answer: (reply: Reply) => void;
}

/** A job that BullMQ was asked to run later. */
export interface Job {
  readonly id: string;
  readonly name: string;
  readonly data: unknown;
  /** Times that it failed. */
  readonly failed?: number;
}
export interface JobWorker {
  readonly isAlive: () => boolean;
  /** Takes the job over: it is done when it says so, or added again. */
  readonly take: (job: Job) => void;
}

/** Of a job: its worker renews it as long as it lives. */
const LOCK_MS = 30_000;
/** Commands besides our scripts that take memory: those of a rebuild, and BullMQ's own script. */
const TAKING: ReadonlySet<string> = new Set(["SET", "JOB"]);

export class SimulatedRedis {
  readonly #scheduler: Scheduler;
  /** Of the start that is running; a connection belongs to one. */
  incarnation = 1;
  isUp = true;
  /** It reads its disk and answers LOADING. */
  isLoading = false;
  /** Out of memory: what takes some is refused. */
  isFull = false;
  /** Its clock, less that of a machine that is right. */
  clockAheadMs = 0;
  runId = "";
  keys: Keyspace;
  /** Commands and scripts that ran. */
  ran = 0;
  /** Told of each script that it has no memory for. */
  onFull: () => void = () => undefined;
  /** Told when it has begun with other keys than it had. */
  onLoss: (() => void) | null = null;
  /** Told of each, with its answer. */
  onRun: ((words: readonly string[], reply: Reply | ErrorReply | undefined) => void) | null = null;
  readonly #copies: Keyspace[] = [];
  #learned = new Set<string>();
  readonly connections = new Set<Connection>();
  #blocked: Blocked[] = [];
  readonly #jobs = new Map<string, Job>();
  /** At hand somewhere, and those that nobody tries any more. */
  readonly #active = new Map<string, Job>();
  readonly #failed = new Map<string, Job>();
  #workers: JobWorker[] = [];

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
    this.keys = new Keyspace(() => this.now());
    this.#name();
  }

  readonly now = (): number => Math.floor(BEGINS_AT + this.#scheduler.now + this.clockAheadMs);

  /** Keeps a copy of the disk, for a later start that finds an older one. */
  keepCopy(): void {
    this.#copies.push(this.keys.copy());
  }

  get copies(): number {
    return this.#copies.length;
  }

  end(): void {
    this.isUp = false;
    this.incarnation += 1;
    this.#blocked = [];
    for (const connection of this.connections) connection.end();
    this.connections.clear();
  }

  begin(found: Found): void {
    if (found === "older") this.keys = this.#copies.at(-1)?.copy() ?? this.keys;
    if (found === "empty") this.keys = new Keyspace(() => this.now());
    if (found !== "kept") {
      this.loseJobs();
      this.onLoss?.();
    }
    this.#learned = new Set();
    this.isUp = true;
    this.#name();
    for (const job of this.#jobs.values()) this.#schedule(job, 0);
  }

  /** What Redis answers; undefined: the answer comes later. */
  run(
    connection: Connection,
    words: readonly string[],
    later: Blocked["answer"],
  ): Reply | ErrorReply | undefined {
    const reply = this.#answer(connection, words, later);
    this.onRun?.(words, reply);
    return reply;
  }

  #answer(
    connection: Connection,
    words: readonly string[],
    later: Blocked["answer"],
  ): Reply | ErrorReply | undefined {
    try {
      return this.#run(connection, words, later);
    } catch (error) {
      if (!(error instanceof ErrorReply)) throw error;
      if (error.message.startsWith("OOM")) this.onFull();
      return error;
    }
  }

  #run(
    connection: Connection,
    words: readonly string[],
    later: Blocked["answer"],
  ): Reply | undefined {
    if (this.isLoading) throw new ErrorReply("LOADING Redis is loading the dataset in memory");
    this.ran += 1;
    const [name = "", first = "", second = "", third = ""] = words;
    this.#scheduler.note(this.ran ^ (name.length << 16) ^ words.length);
    if (this.isFull && TAKING.has(name)) throw new ErrorReply(OUT_OF_MEMORY);
    switch (name) {
      case "SCRIPT": {
        this.#learned.add(learnScript(second));
        return "OK";
      }
      case "EVALSHA": {
        if (!this.#learned.has(first)) throw new ErrorReply("NOSCRIPT No matching script");
        const reply = runScriptOf(this, first, third, words.slice(4));
        this.#scheduler.note(Bun.hash.crc32(`${words[4]}${JSON.stringify(reply)}`));
        this.#wake();
        return reply;
      }
      case "XREAD":
        return this.#read(connection, words, later);
      case "JOB": {
        const job = { id: first, name: second, data: JSON.parse(words[4] ?? "{}") };
        const all = [this.#jobs, this.#active, this.#failed];
        if (!all.some((jobs) => jobs.has(job.id))) this.addJob(job, Number(third));
        return "OK";
      }
      default:
        return runCommand(this, words);
    }
  }

  /** A job that is due in that many milliseconds, in the place of another of its name. */
  addJob(job: Job, inMs: number): void {
    this.#active.delete(job.id);
    this.#jobs.set(job.id, job);
    this.#schedule(job, inMs);
  }

  /** Jobs are forgotten, as BullMQ may; answers how many. */
  loseJobs(): number {
    const lost = this.#jobs.size;
    for (const all of [this.#jobs, this.#active, this.#failed]) all.clear();
    return lost;
  }

  /** What the worker has done is no job any more; one that failed for good keeps its name taken. */
  endJob(job: Job, isFailed: boolean): void {
    if (this.#active.get(job.id) !== job) return;
    this.#active.delete(job.id);
    if (isFailed) this.#failed.set(job.id, job);
  }

  work(worker: JobWorker): void {
    this.#workers.push(worker);
    for (const job of this.#jobs.values()) {
      if (this.#due.has(job)) this.#schedule(job, 0);
    }
  }

  readonly #due = new WeakSet<Job>();

  #schedule(job: Job, inMs: number): void {
    const run = (): void => {
      if (this.#jobs.get(job.id) !== job) return;
      this.#due.add(job);
      this.#workers = this.#workers.filter((worker) => worker.isAlive());
      if (!this.isUp || this.#workers.length === 0) return;
      this.#jobs.delete(job.id);
      this.#active.set(job.id, job);
      this.#scheduler.random.pick(this.#workers).take(job);
      // The lock of one that died runs out, and another look finds it: after 30 s and within a minute.
      const stalledMs = LOCK_MS * (1 + this.#scheduler.random.next());
      const stalled = (): void => {
        if (this.#active.get(job.id) === job) this.addJob({ ...job }, 0);
      };
      this.#scheduler.after(stalledMs, "job stalled", stalled, null);
    };
    this.#scheduler.after(inMs, "job is due", run, null);
  }

  #read(connection: Connection, words: readonly string[], later: Blocked["answer"]) {
    const [, , count = "1", , blockMs = "0", , key = "", after = ""] = words;
    const found = entriesAfter(this.keys, key, after, Number(count));
    if (found.length > 0) return [[key, found.map(entryReply)]];
    const blocked = { connection, key, after, count: Number(count), answer: later };
    this.#blocked.push(blocked);
    const over = (): void => {
      if (!this.#blocked.includes(blocked)) return;
      this.#blocked = this.#blocked.filter((one) => one !== blocked);
      later(null);
    };
    this.#scheduler.after(Number(blockMs), "block is over", over, null);
    return undefined;
  }

  #wake(): void {
    if (this.#blocked.length === 0) return;
    this.#blocked = this.#blocked.filter(({ key, after, count, answer }) => {
      const found = entriesAfter(this.keys, key, after, count);
      if (found.length > 0) answer([[key, found.map(entryReply)]]);
      return found.length === 0;
    });
  }

  #name(): void {
    const { random } = this.#scheduler;
    this.runId = Array.from({ length: 10 }, () => random.whole(0, 16).toString(16)).join("");
  }
}
