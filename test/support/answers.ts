/** Which words the scripts of lua/ answered, held against those that their headers promise. */
import type { Redis } from "ioredis";
import { Glob } from "bun";
import { join } from "node:path";
import { loadScript } from "#redis/script";

const FOLDER = join(import.meta.dir, "../../lua");

/** Paths under lua/ of all scripts, without the fragments. */
export const SCRIPT_PATHS: readonly string[] = [...new Glob("**/*.lua").scanSync(FOLDER)]
  .filter((path) => !path.startsWith("lib/"))
  .toSorted();

const pathBySha = new Map(SCRIPT_PATHS.map((path) => [loadScript(path).sha, path]));

/** Words that a script's header names under Returns. */
export interface Words {
  /** Of one item. */
  readonly items: readonly string[];
  /** In place of the whole answer. */
  readonly whole: readonly string[];
}

export function wordsOfHeader(path: string): Words {
  const header = /^(?:#!.*\n)?((?:--.*\n)+)/.exec(loadScript(path).text)?.[1] ?? "";
  const returns = /^-- Returns {2}((?:.*\n)+?)-- Cost/m.exec(header)?.[1] ?? "";
  const text = returns.replaceAll(/^-- +/gm, "").replaceAll(/<[^>]*>|\([^)]*\)|`|\bor\b/g, " ");
  const [items = "", whole = ""] = text.replaceAll(/\s+/g, " ").split(/\bOr /);
  const start = /: |\bthen /.exec(items);
  return {
    items: words(start ? items.slice(start.index + start[0].length) : items),
    whole: words(whole),
  };
}

const words = (text: string): string[] =>
  text
    .split(/[,|.]/)
    .flatMap((part) => /^ *([a-z_]+)/.exec(part)?.[1] ?? [])
    .toSorted();

/** Path of a script → the words it answered on the connections that are listened to. */
export class Answers {
  readonly #items = new Map<string, Set<string>>();
  readonly #whole = new Map<string, Set<string>>();

  listenTo(redis: Redis): void {
    const send = redis.sendCommand.bind(redis);
    redis.sendCommand = (command, stream) => {
      const path = command.name === "evalsha" ? pathBySha.get(String(command.args[0])) : undefined;
      if (path !== undefined) {
        void command.promise.then(
          (reply) => this.#note(path, reply),
          () => undefined,
        );
      }
      return send(command, stream);
    };
  }

  of(path: string): Words {
    return {
      items: [...(this.#items.get(path) ?? [])].toSorted(),
      whole: [...(this.#whole.get(path) ?? [])].toSorted(),
    };
  }

  #note(path: string, reply: unknown): void {
    const [first = "", ...lines] = String(reply).split("\n");
    const isWhole = !first.startsWith("ok\t");
    const noted = isWhole ? this.#whole : this.#items;
    const set = noted.get(path) ?? new Set();
    noted.set(path, set);
    for (const line of isWhole ? [first] : lines) set.add(line.split("\t")[0] ?? "");
  }
}
