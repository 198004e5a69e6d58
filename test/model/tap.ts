/** What goes to Redis and comes back, call by call: the order in which commands were decided. */
import type { Redis } from "ioredis";
import { loadScript } from "#redis/script";
import { SCRIPT_PATHS } from "#test/answers";

/** One call of a script that was answered, though its caller may have given it up. */
export interface Heard {
  /** `stock/reserve.lua` and its like. */
  readonly path: string;
  readonly key: string;
  readonly args: readonly string[];
  readonly reply: unknown;
}

const pathBySha = new Map(SCRIPT_PATHS.map((path) => [loadScript(path).sha, path]));

/** No step needs so many: somebody asks again and again for what will never be. */
const CALLS_MAX = 3_000;

export class Tap {
  #giveUp: (error: Error) => void = () => undefined;
  #calls: { heard: Omit<Heard, "reply">; reply: unknown; isAnswered: boolean }[] = [];
  #redis: Redis | null = null;
  #onLost: () => void = () => undefined;

  /** What a step waits for; rejects once it has made more calls than any needs. */
  orEndless<T>(work: Promise<T>): Promise<T> {
    // A race against one promise for all steps would keep what each of them was answered.
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#giveUp = reject;
    work.then(resolve, reject);
    return promise;
  }

  listenTo(redis: Redis): void {
    const send = redis.sendCommand.bind(redis);
    redis.sendCommand = (command, stream) => {
      const [sha, , key, ...args] = command.args.map(String);
      const path = command.name === "evalsha" ? pathBySha.get(sha ?? "") : undefined;
      if (path !== undefined) {
        const call = { heard: { path, key: key ?? "", args }, reply: null, isAnswered: false };
        this.#calls.push(call);
        if (this.#calls.length > CALLS_MAX) this.#giveUp(new Error(`endless calls of ${path}`));
        // Also an answer that comes when nobody waits for it any more: Redis has run that copy.
        const { resolve } = command;
        command.resolve = (reply) => {
          Object.assign(call, { reply: command.transformReply(reply), isAnswered: true });
          return resolve(reply);
        };
        command.promise.catch(() => this.#onLost());
      }
      return send(command, stream);
    };
    this.#redis = redis;
  }

  /**
   * From now on calls are given up after so long. Answers what ends that, and a promise that
   * resolves with the first call that was given up.
   */
  hurry(ms: number): { readonly lost: Promise<void>; readonly calm: () => void } {
    const redis = this.#redis;
    if (!redis) throw new Error("nobody is listened to");
    const usual = redis.options.commandTimeout ?? 0;
    const lost = Promise.withResolvers<void>();
    this.#onLost = lost.resolve;
    redis.options.commandTimeout = ms;
    return { lost: lost.promise, calm: () => void (redis.options.commandTimeout = usual) };
  }

  /** The calls since the last time, in the order in which Redis ran them. */
  take(): Heard[] {
    const calls = this.#calls;
    this.#calls = [];
    return calls.flatMap(({ heard, reply, isAnswered }) =>
      isAnswered ? [{ ...heard, reply }] : [],
    );
  }
}

/** The first line of an answer. */
export interface Status {
  readonly seq: number;
  readonly now: number;
  readonly swept: number;
  readonly drained: number;
}

/** Status and lines of an answer; null for a word that stands for the whole of it. */
export function answerOf(reply: unknown): { status: Status; lines: readonly string[] } | null {
  const [first = "", ...lines] = String(reply).split("\n");
  const [word, seq, now, swept, drained] = first.split("\t");
  if (word !== "ok") return null;
  const numbers = { seq: Number(seq), now: Number(now), swept: Number(swept) };
  return { status: { ...numbers, drained: Number(drained) }, lines };
}

export const wordOf = (line: string): string => line.split("\t")[0] ?? "";

/** How often each script answered each word, and each grade was crossed to. */
export class WordCounts {
  readonly #counts = new Map<string, number>();

  note({ path, reply }: Pick<Heard, "path" | "reply">): void {
    const answer = answerOf(reply);
    const words = answer ? answer.lines.map(wordOf) : [String(reply)];
    const kind = answer ? "" : " (whole)";
    for (const word of words) this.count(`${path} ${word}${kind}`);
  }

  count(name: string): void {
    this.#counts.set(name, this.of(name) + 1);
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }
}
