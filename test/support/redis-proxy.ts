/** Between a store and its Redis: loses an answer, or keeps a command back until it is released. */
import { startFaultyProxy, type Fault, type ProxyOptions } from "#test/faulty-proxy";
import { commandsOf } from "#test/wire-units";

export interface RedisProxy extends AsyncDisposable {
  readonly url: string;
  /** The next script call runs, but the connection ends before its answer is through. */
  loseNextAnswer(): void;
  /** The next script call stays here and its connection ends, as if it were slow on its way. */
  keepNextCommand(): void;
  /** The next script call runs, as one that its sender repeats, and once more when it is released. */
  copyNextCommand(): void;
  /** Lets the kept command through; settles when Redis has answered it. */
  release(): Promise<string>;
}

/** Whether it is one of our scripts that is called; BullMQ calls others. */
export const isStockCall = (command: Buffer): boolean =>
  command.includes("evalsha") && /\r\n(?:\{p\d+\}:|sku:)/.test(command.toString("latin1"));

/** Header of a batch (lua/lib/batch.lua) that need not keep an answer which changed nothing. */
const KEEPS_NOTHING = /(\r\n\d+\t\d+\t\w+\t[\w-]+\t\d+\t)0(\t\d+(?:\r\n|\n))/;

/**
 * How requests to Redis are cut, and sent alone: under the password of that address. Whoever sends a
 * batch again says that its answer is to be kept; without that a refusal is decided anew.
 */
export function redisWire(
  redisUrl: string,
): Pick<ProxyOptions, "url" | "unitsOf" | "alone" | "again"> {
  const { username, password } = new URL(redisUrl);
  const greeting = `AUTH ${username || "default"} ${decodeURIComponent(password)}\r\n`;
  const alone = (command: Buffer): string =>
    `${password === "" ? "" : greeting}${command.toString()}QUIT\r\n`;
  const again = (command: Buffer): Buffer =>
    Buffer.from(command.toString("latin1").replace(KEEPS_NOTHING, "$11$2"), "latin1");
  return { url: redisUrl, unitsOf: commandsOf, alone, again };
}

export async function startRedisProxy(redisUrl: string): Promise<RedisProxy> {
  let next: Fault | "pass" = "pass";
  const proxy = await startFaultyProxy({
    ...redisWire(redisUrl),
    choose(command) {
      if (!isStockCall(command)) return "pass";
      const chosen = next;
      next = "pass";
      return chosen;
    },
  });
  return {
    url: proxy.url,
    loseNextAnswer: () => void (next = "lose"),
    keepNextCommand: () => void (next = "hold"),
    copyNextCommand: () => void (next = "copy"),
    async release() {
      const before = proxy.late.length;
      await proxy.release();
      const answer = proxy.late[before];
      if (answer === undefined) throw new Error("no command was kept");
      return answer;
    },
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}
