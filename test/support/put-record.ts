/** Puts records into a partition of Redis as the verb of a kind does: by a script, with a movement. */
import type { Redis } from "ioredis";
import type { RecordKind } from "#inventory/drain-ports";
import { randomId } from "#lib/ids";
import { metaKey } from "#redis/keys";
import { loadScript, runScript } from "#redis/script";

const script = loadScript("../test/redis/put-record.lua");

/** Kind, id and text of each; the text "" removes it. Answers what the script did. */
export async function putRecords(
  redis: Redis,
  records: readonly (readonly [kind: RecordKind, id: string, text: string])[],
): Promise<string> {
  const epoch = (await redis.hget(metaKey(0), "epoch")) ?? "";
  const header = [epoch, "0", randomId(8), "0", "1", "0", "1000000"].join("\t");
  const items = records.map((record) => record.join("\t"));
  return String(await runScript(redis, script, metaKey(0), [header, ...items]));
}
