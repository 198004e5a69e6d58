/**
 * What faults bring to a script: a batch that comes again or too late, one of another history, one
 * against a full journal. Each is a copy of a batch that the store sent; none may change anything.
 */
import { loadScript, runScript, type Script } from "#redis/script";
import { metaKey } from "#redis/keys";
import { compare, isBounded, type Run } from "#model/run";
import { same } from "#model/same";
import { look } from "#model/seen";
import type { KeptBatch } from "#model/slots";
import { seqOf } from "#model/world";
import { SCRIPT_PATHS } from "#test/answers";

export const COPIES = [
  "repeat",
  "late",
  "next epoch",
  "last epoch",
  "mark",
  "fence",
  "full",
] as const;
export type Copy = (typeof COPIES)[number];

const scripts = new Map<string, Script>(SCRIPT_PATHS.map((path) => [path, loadScript(path)]));

function scriptAt(path: string): Script {
  const script = scripts.get(path);
  if (!script) throw new Error(`there is no script ${path}`);
  return script;
}

/** Sends one such copy of the last batch of each verb that changed something, and compares. */
export async function sendCopies(run: Run, copy: Copy): Promise<void> {
  run.told.push(`copies: ${copy}`);
  const byPath = new Map([...run.batches.values()].map((kept) => [kept.call.path, kept]));
  const worlds = copy === "fence" ? run.worlds : [];
  const keys = worlds.map(({ partition }) => metaKey(partition));
  for (const key of keys) await run.redis.hset(key, "fence", "token");
  await Promise.all(Array.from(byPath.values(), (kept) => send(run, copy, kept)));
  for (const key of keys) await run.redis.hdel(key, "fence");
  compare(run, await look(run.redis, run.journals), new Map());
}

async function send(run: Run, copy: Copy, { call, world, text }: KeptBatch): Promise<void> {
  const undrained = seqOf(world) - world.drained;
  // A journal without limit does not exist; and what ends holds is never refused by it.
  if (copy === "full" && (!isBounded(call.path) || undrained === 0)) return;
  const [header = "", ...lines] = call.args;
  const [epoch = "", mark = "", writer = "", slot = "", number = ""] = header.split("\t");
  const answer = text.slice(text.indexOf("\n") + 1);
  const expected = { repeat: answer, late: "superseded", full: "full" };
  const sent = {
    epoch: Number(epoch) + (copy === "next epoch" ? 1 : copy === "last epoch" ? -1 : 0),
    mark: copy === "mark" ? seqOf(world) + 1 : mark,
    // A batch that nobody sent before, for the one copy that is not one.
    writer: copy === "full" ? "another" : writer,
    slot,
    number: Number(number) - (copy === "late" ? 1 : 0),
    keep: 1,
    journalEntriesMax: copy === "full" ? undrained : 1_000_000,
  };
  const key = metaKey(world.partition);
  const args = [Object.values(sent).join("\t"), ...lines];
  const reply = await runScript(run.redis, scriptAt(call.path), key, args);
  run.words.note({ path: call.path, reply });
  const word = copy === "repeat" || copy === "late" || copy === "full" ? expected[copy] : "stale";
  same(`${call.path} to a copy (${copy})`, reply, word);
}
