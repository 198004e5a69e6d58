/** One simulated system: its servers, its processes, and what goes wrong with them. */
import { metaKey } from "#redis/keys";
import type { Random } from "#test/random";
import { LedgerServer } from "./ledger.ts";
import { LedgerState } from "./ledger-state.ts";
import { BEGINS_AT } from "./globals.ts";
import { startNode, type Node } from "./nodes.ts";
import { CHAOS_FROM_MS, type FaultKind, type Plan } from "./plan.ts";
import type { SimulatedClient } from "./redis/client.ts";
import { LATE_MS_MAX } from "./redis/connection.ts";
import { SimulatedRedis, type Found } from "./redis/server.ts";
import type { Process, Scheduler } from "./scheduler.ts";
import { Versions } from "./versions.ts";

/** Lines of the log that say what a Redis lost; no other error is one of a run in order. */
const LOSSES =
  /^(acknowledged operations are lost|Redis lacks what was acknowledged; the partition is fenced|a partition was rebuilt from the ledger|the journal does not continue where the ledger stands|the drain stopped)/;

const DOWN_MS_MAX = 2_500;
const RESTART_MS_MAX = 2_500;
/** A connection ends that long after something was sent on it: before it arrives, or its answer. */
const CUT_MS_MAX = 3;
const SILENT_MS_MAX = 4_000;
/** After it: what a dead connection had under way is late, and who used it connects again. */
const RECOVERED_MS_MAX = LATE_MS_MAX + 1_000;
/** How far Redis's clock jumps, ahead or back. */
export const CLOCK_MS_MAX = 2_000;

export class World {
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly plan: Plan;
  readonly redis: SimulatedRedis;
  readonly ledger: LedgerServer;
  readonly nodes: Node[] = [];
  readonly failures: string[] = [];
  /** What happened, by name. */
  readonly seen = new Map<string, number>();
  /** From when to when something was wrong. */
  readonly troubles: { readonly from: number; readonly to: number }[] = [];
  /** Whether Redis came back without what it had. */
  hasLost = false;
  /** What callers were told of, and is not lost. */
  readonly versions = new Versions();
  /** How often a command is the last one that its connection takes, or is followed by silence. */
  cutting = 0;
  silencing = 0;
  /** How often an answer of the service does not reach its caller. */
  losingAnswers: number;
  readonly #trace: ((line: string) => void) | null;
  #started = 0;
  /** Since when Redis lacks something. */
  #lostAt: number | null = null;
  /** How often Redis was ended, to be started again. */
  #restarts = 0;

  constructor(
    scheduler: Scheduler,
    random: Random,
    plan: Plan,
    trace: ((line: string) => void) | null,
  ) {
    this.scheduler = scheduler;
    this.random = random;
    this.plan = plan;
    this.#trace = trace;
    this.losingAnswers = plan.lostAnswers;
    this.redis = new SimulatedRedis(scheduler);
    this.redis.onFull = () => this.#did("redis full");
    const state = new LedgerState(() => BEGINS_AT + scheduler.now);
    this.ledger = new LedgerServer(state, scheduler, this.onSend);
    this.ledger.onFailed = (isAway) => this.#did(isAway ? "ledger away" : "ledger fails");
    for (let i = 0; i < plan.apis; i += 1) this.#start("api");
    for (let i = 0; i < plan.workers; i += 1) this.#start("worker");
    for (const { at, kind } of plan.faults) {
      scheduler.after(at, "fault", () => this.#break(kind), null);
    }
  }

  tell(line: () => string): void {
    this.#trace?.(`${this.scheduler.now.toFixed(3).padStart(10)}  ${line()}`);
  }

  readonly saw = (what: string, times = 1): void => {
    this.seen.set(what, (this.seen.get(what) ?? 0) + times);
  };

  /** A fault counts where it met something. */
  #did(kind: FaultKind): void {
    this.saw(`fault ${kind}`);
  }

  fail(what: string): void {
    this.tell(() => `FAILED: ${what}`);
    this.failures.push(what);
  }

  onError(message: string, fields: Readonly<Record<string, unknown>>): void {
    if (this.hasLost && LOSSES.test(message)) return;
    const { error } = fields;
    const detail = error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(fields);
    this.fail(`an error in the log: ${message} ${detail}`);
  }

  /** False: the process died instead of sending. */
  readonly onSend = (owner: Process): boolean => {
    if (!owner.isAlive) return false;
    const { fate } = owner;
    if (fate === null) return true;
    fate.sendsLeft -= 1;
    if (fate.sendsLeft >= 0) return true;
    owner.fate = null;
    fate.strike();
    return owner.isAlive;
  };

  /** While the network is bad, connections end and fall silent with something under way. */
  readonly onSent = (client: SimulatedClient): void => {
    const { cutting, silencing } = this;
    if (cutting === 0 && silencing === 0) return;
    const luck = this.random.next();
    if (luck < cutting) {
      this.#did("cut");
      const cut = (): void => client.connection?.cut();
      this.scheduler.after(this.random.next() * CUT_MS_MAX, "cut", cut, null);
    } else if (luck < cutting + silencing) {
      this.#did("silence");
      const ms = this.random.next() * SILENT_MS_MAX;
      this.#trouble(ms);
      client.connection?.silence(ms);
      client.suspect();
    }
  };

  /** Those that serve. */
  living(role: Node["role"]): readonly Node[] {
    return this.nodes.filter((node) => {
      const isReady = node.clients.every(({ hasConnected }) => hasConnected);
      return node.role === role && node.process.isAlive && isReady;
    });
  }

  /** Ends everything that is wrong. */
  heal(): void {
    this.tell(() => "nothing goes wrong from here on");
    this.ledger.isAway = false;
    this.ledger.failing = 0;
    this.redis.isFull = false;
    this.redis.isLoading = false;
    this.cutting = 0;
    this.silencing = 0;
    this.losingAnswers = 0;
    if (!this.redis.isUp) this.#startRedis("kept");
    for (const { process } of this.nodes) process.fate = null;
  }

  #start(role: Node["role"]): void {
    this.#started += 1;
    const name = `${role}-${this.#started}`;
    this.tell(() => `${name} starts`);
    this.nodes.push(startNode(this, role, name));
  }

  #kill(node: Node, kind: FaultKind, how: string): void {
    if (!node.process.isAlive) return;
    this.#did(kind);
    this.tell(() => `${node.process.name} dies ${how}`);
    this.saw("death");
    node.process.isAlive = false;
    for (const client of node.clients) client.connection?.cut();
    const ms = this.random.next() * RESTART_MS_MAX;
    this.#trouble(ms);
    this.scheduler.after(ms, "start", () => this.#start(node.role), null);
  }

  /** That is wrong for as long, and until the last of what it held up has arrived. */
  #trouble(ms: number): void {
    const { now } = this.scheduler;
    this.troubles.push({ from: now, to: now + ms + RECOVERED_MS_MAX });
  }

  /** What Redis lost is there again: until now nothing could end. */
  rebuilt(): void {
    this.saw("rebuilt");
    const { now } = this.scheduler;
    this.troubles.push({ from: this.#lostAt ?? now, to: now });
    this.#lostAt = null;
  }

  /** For a while, then it is over. */
  #for(ms: number, begin: () => void, end: () => void): void {
    this.#trouble(ms);
    begin();
    this.scheduler.after(ms, "trouble ends", end, null);
  }

  #startRedis(found: Found): void {
    if (this.redis.isUp) return;
    this.tell(() => `Redis starts, its data ${found}`);
    this.redis.begin(found);
  }

  /** False: it is down already, or has no copy. */
  #restartRedis(found: Found): boolean {
    const { redis, random, scheduler } = this;
    if (!redis.isUp || (found === "older" && redis.copies === 0)) return false;
    this.#did(found === "kept" ? "redis restarts" : `redis ${found}`);
    this.tell(() => "Redis ends");
    redis.end();
    if (found !== "kept") {
      this.hasLost = true;
      this.versions.lose(Number(redis.keys.read(metaKey(0), "hash")?.fields.get("epoch") ?? 0));
      this.#lostAt ??= scheduler.now;
    }
    const downMs = random.next() * DOWN_MS_MAX;
    this.#trouble(downMs);
    // One that was meant for an earlier end finds other data than are lost now.
    const restart = (this.#restarts += 1);
    const start = (): void => void (restart === this.#restarts && this.#startRedis(found));
    scheduler.after(downMs, "redis starts", start, null);
    if (random.next() < 0.3) {
      redis.isLoading = true;
      scheduler.after(
        downMs + random.next() * 500,
        "loaded",
        () => (redis.isLoading = false),
        null,
      );
    }
    return true;
  }

  #break(kind: FaultKind): void {
    const { random, redis, ledger, scheduler } = this;
    this.tell(() => `fault: ${kind}`);
    const ms = random.next() * 3_000;
    switch (kind) {
      case "cut":
        return this.#for(
          ms,
          () => (this.cutting = 0.15),
          () => (this.cutting = 0),
        );
      case "silence":
        return this.#for(
          ms,
          () => (this.silencing = 0.08),
          () => (this.silencing = 0),
        );
      case "redis restarts":
        return void this.#restartRedis("kept");
      case "redis older":
        return void this.#restartRedis("older");
      case "redis empty":
        return void this.#restartRedis("empty");
      case "redis full":
        return this.#for(
          ms,
          () => (redis.isFull = true),
          () => (redis.isFull = false),
        );
      case "redis clock": {
        this.#trouble(ms);
        const before = redis.clockAheadMs;
        redis.clockAheadMs = random.whole(-CLOCK_MS_MAX, CLOCK_MS_MAX);
        if (redis.clockAheadMs !== before) this.#did(kind);
        return;
      }
      case "ledger away":
        return this.#for(
          ms,
          () => (ledger.isAway = true),
          () => (ledger.isAway = false),
        );
      case "ledger fails":
        return this.#for(
          ms,
          () => (ledger.failing = 0.3),
          () => (ledger.failing = 0),
        );
      case "api dies":
      case "worker dies": {
        const living = this.living(kind === "api dies" ? "api" : "worker");
        if (living.length > 0) this.#kill(random.pick(living), kind, "at once");
        return;
      }
      case "dies in a turn": {
        const living = this.nodes.filter(({ process }) => process.isAlive);
        if (living.length === 0) return;
        const node = random.pick(living);
        const strike = (): void => this.#kill(node, kind, "in the middle of a turn");
        node.process.fate = { sendsLeft: random.whole(0, 12), strike };
        return;
      }
      case "pause":
        return this.#pauseLater(random.pick(this.nodes), random.next() < 0.3 ? 5 * ms : ms, () =>
          this.#did(kind),
        );
      case "sleeps through a loss": {
        const living = this.living("api");
        if (living.length === 0) return;
        const lose = (): void => {
          const loseIt = (): void => {
            if (this.#restartRedis(random.pick(["older", "empty"] as const))) this.#did(kind);
          };
          scheduler.after(random.next() * 1_500, "loss", loseIt, null);
        };
        return this.#pauseLater(random.pick(living), 11_000 + 2 * ms, lose);
      }
      case "jobs lost": {
        this.#trouble(0);
        if (redis.loseJobs() > 0) this.#did(kind);
        return;
      }
      // callers.ts loses them, from the beginning.
      case "answers lost":
        return;
    }
  }

  /** It stands still with something under way. */
  #pauseLater({ process }: Node, ms: number, then: () => void): void {
    const strike = (): void => {
      this.tell(() => `${process.name} stands still for ${Math.round(ms)} ms`);
      process.pausedUntil = this.scheduler.now + ms;
      this.#trouble(ms);
      then();
    };
    process.fate = { sendsLeft: this.random.whole(0, 12), strike };
  }

  /** Copies of Redis's disk for a later start that finds an older one. */
  keepCopies(): void {
    const { plan, random, scheduler, redis } = this;
    if (!plan.faults.some(({ kind }) => kind === "redis older")) return;
    for (let i = 0; i < 4; i += 1) {
      const at = CHAOS_FROM_MS + random.next() * plan.chaosMs;
      scheduler.after(at, "copy", () => redis.isUp && redis.keepCopy(), null);
    }
  }
}
