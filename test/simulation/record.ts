/** `bun test/simulation/record.ts SEED RUNS`: records runs in which Redis keeps its data, as JSON. */
import { makeBed } from "./bed.ts";
import { AN_ERROR, type Recording } from "./recording.ts";
import { Status, type Reply } from "./redis/commands.ts";
import { ErrorReply, type Value } from "./redis/keyspace.ts";
import type { SimulatedRedis } from "./redis/server.ts";

/** Of the simulation alone, or answered later. */
const UNRECORDED: ReadonlySet<string> = new Set(["JOB", "SCAN", "XREAD", "INFO"]);
/** Errors of the server's state: nothing ran. */
const NOT_RUN = /^(LOADING|NOSCRIPT|OOM)/;

const [first = 0, runs = 0] = process.argv.slice(2).map(Number);
const simulate = await makeBed();
const recorded: Recording[] = [];
for (let seed = first; recorded.length < runs; seed += 1) {
  const commands: Recording["commands"] = [];
  let server: SimulatedRedis | null = null;
  const { seen } = await simulate(seed, {
    onRedis(redis) {
      server = redis;
      redis.onRun = (words, reply) => {
        if (reply === undefined || UNRECORDED.has(words[0] ?? "")) return;
        if (reply instanceof ErrorReply && NOT_RUN.test(reply.message)) return;
        const { runId } = redis;
        const told = reply instanceof ErrorReply ? AN_ERROR : plain(reply);
        commands.push({ at: redis.now(), runId, words: [...words], reply: told });
      };
    },
  });
  const hasLost = seen.has("fault redis empty") || seen.has("fault redis older");
  if (!hasLost && server !== null) recorded.push({ commands, keys: keysOf(server) });
}
await Bun.write(Bun.stdout, JSON.stringify(recorded));
process.exit(0);

function plain(reply: Reply): unknown {
  if (reply instanceof Status) return reply.text;
  return Array.isArray(reply) ? reply.map(plain) : reply;
}

function keysOf({ keys }: SimulatedRedis): Record<string, unknown> {
  return Object.fromEntries(Array.from(keys.keys(), ([key, value]) => [key, held(value)]));
}

function held(value: Value): unknown {
  switch (value.type) {
    case "string":
      return value.text;
    case "hash":
      return Object.fromEntries(value.fields);
    case "list":
      return value.items;
    case "zset":
      return Object.fromEntries(value.scores);
    case "stream":
      return value.entries.map(({ epoch, seq, fields }) => [`${epoch}-${seq}`, fields]);
  }
}
