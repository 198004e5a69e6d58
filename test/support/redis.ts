/** One Redis for a test file: empty before each test, held to the invariants after it. */
import { afterAll, afterEach, beforeEach, expect } from "bun:test";
import { Redis } from "ioredis";
import { loadScript, runScript } from "#redis/script";
import { metaKey } from "#redis/keys";
import { Answers } from "#test/answers";
import { invariants } from "#test/invariants";
import { startRedis, type TestServer } from "#test/servers";
import { openStore, type StoreOptions, type TestStore } from "#test/store";

export interface RedisOfFile {
  readonly server: TestServer;
  /** For looking and for harm; it reconnects. */
  readonly redis: Redis;
  /** What the scripts answered to the stores. */
  readonly answers: Answers;
  /** A store that ends with the test. */
  readonly open: (options?: StoreOptions) => Promise<TestStore>;
}

/** Starts it; to be awaited at the top of a test file. */
export async function redisOfFile(
  options: Parameters<typeof startRedis>[0] = {},
): Promise<RedisOfFile> {
  const server = await startRedis(options);
  const redis = new Redis(server.url);
  redis.on("error", () => undefined);
  const answers = new Answers();
  const stores: TestStore[] = [];
  let movements = 0;

  beforeEach(async () => {
    await redis.flushall();
  });
  afterEach(async () => {
    for (const store of stores.splice(0)) await store[Symbol.asyncDispose]();
    movements += (await invariants(redis)).movements;
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
    // A file whose tests moved nothing has proved nothing.
    expect(movements).toBeGreaterThan(0);
  });
  return {
    server,
    redis,
    answers,
    async open(storeOptions) {
      const store = await openStore(server.url, storeOptions);
      answers.listenTo(store.redis);
      stores.push(store);
      return store;
    },
  };
}

/** The header of a batch; every field may be set. */
export interface BatchHeader {
  readonly epoch?: number;
  readonly mark?: number;
  readonly writer?: string;
  readonly slot?: string;
  readonly number?: number;
  readonly keep?: 0 | 1;
  readonly journalEntriesMax?: number;
}

/** Path under lua/ of the script of a batched verb. */
export function scriptOf(verb: string): string {
  const [, name = verb, folder = "stock"] = /^(.+)(Location|Limit|Campaign)$/.exec(verb) ?? [];
  return `${folder.toLowerCase()}/${name}.lua`;
}

/** Sends a batch as the store would, under any name. Answers what the script answered. */
export async function sendBatch(
  redis: Redis,
  verb: string,
  header: BatchHeader,
  lines: readonly string[] = [],
): Promise<string> {
  const { epoch = 1, mark = 0, writer = "w", slot = `${verb}-0`, number = 1, keep = 0 } = header;
  const { journalEntriesMax = 1_000_000 } = header;
  const text = [epoch, mark, writer, slot, number, keep, journalEntriesMax].join("\t");
  const script = loadScript(scriptOf(verb));
  return String(await runScript(redis, script, metaKey(0), [text, ...lines]));
}

/** The lines of an answer behind its status. */
export const repliesOf = (answer: string): string[] => answer.split("\n").slice(1);

/**
 * Moves the clock of the scripts to a moment ahead of the server's, where it stands still: time in
 * a partition never goes back.
 */
export async function clockAt(redis: Redis, epochMs: number): Promise<void> {
  await redis.hset(metaKey(0), "lastNow", String(epochMs));
}
