/**
 * `bun test/simulation/record.ts SEED RUNS`: records runs as JSON. In half of them Redis keeps its
 * data, in the other half it lost them and was rebuilt; one after the other has a limit with a name, a
 * campaign, and an offer to who waits.
 */
import { makeBed } from "./bed.ts";
import { AN_ERROR, type Held, type Recording } from "./recording.ts";
import { Status, type Reply } from "./redis/commands.ts";
import { ErrorReply, FOR_EVER, type Value } from "./redis/keyspace.ts";
import type { SimulatedRedis } from "./redis/server.ts";

/** Of the simulation alone, or answered later. */
const UNRECORDED: ReadonlySet<string> = new Set(["JOB", "SCAN", "XREAD", "INFO"]);
/** Errors of the server's state: nothing ran. */
const NOT_RUN = /^(LOADING|NOSCRIPT|OOM)/;

/** What one run after the other must have in it. */
const OF_A_SALE = ["putLimit put", "turnCampaign turned", "offer offered"] as const;

const [first = 0, runs = 0] = process.argv.slice(2).map(Number);
const simulate = await makeBed();
const kept: Recording[] = [];
const lost: Recording[] = [];
for (let seed = first; kept.length + lost.length < runs; seed += 1) {
  const steps: Recording["steps"] = [];
  let server: SimulatedRedis | null = null;
  const { seen } = await simulate(seed, {
    onRedis(redis) {
      server = redis;
      redis.onLoss = () => void steps.push({ kind: "loss", found: keysOf(redis) });
      redis.onRun = (words, reply) => {
        if (reply === undefined || UNRECORDED.has(words[0] ?? "")) return;
        if (reply instanceof ErrorReply && NOT_RUN.test(reply.message)) return;
        const { runId } = redis;
        const told = reply instanceof ErrorReply ? AN_ERROR : plain(reply);
        steps.push({ kind: "command", at: redis.now(), runId, words: [...words], reply: told });
      };
    },
  });
  const hasLost = steps.some(({ kind }) => kind === "loss");
  if (server === null || hasLost !== seen.has("rebuilt")) continue;
  if (!seen.has(OF_A_SALE[(kept.length + lost.length) % OF_A_SALE.length] ?? "")) continue;
  const alike = hasLost ? lost : kept;
  if (alike.length < runs / 2) alike.push({ steps, keys: keysOf(server) });
}
await Bun.write(Bun.stdout, JSON.stringify([...kept, ...lost]));
process.exit(0);

function plain(reply: Reply): unknown {
  if (reply instanceof Status) return reply.text;
  return Array.isArray(reply) ? reply.map(plain) : reply;
}

function keysOf({ keys, now }: SimulatedRedis): Held[] {
  return Array.from(keys.keys(), ([key, value, expiresAt]) => {
    return { key, livesMs: expiresAt === FOR_EVER ? null : expiresAt - now(), ...held(value) };
  });
}

function held(value: Value) {
  const { type } = value;
  switch (type) {
    case "string":
      return { type, value: value.text };
    case "hash":
      return { type, value: Object.fromEntries(value.fields) };
    case "list":
      return { type, value: value.items };
    case "zset":
      return { type, value: Object.fromEntries(value.scores) };
    case "stream": {
      const entries = value.entries.map(({ epoch, seq, fields }): [string, string[]] => {
        return [`${epoch}-${seq}`, [...fields]];
      });
      return { type, value: entries, last: value.last.join("-") };
    }
  }
}
