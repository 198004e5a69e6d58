/** A partition of Redis that is rebuilt: claimed under a token, emptied, written, opened again. */
import type { Redis } from "ioredis";
import { z } from "zod";
import type { Cursor } from "#inventory/drain-ports";
import {
  ClaimLost,
  type ClaimAnswer,
  type PartitionPart,
  type PartitionRebuild,
  type SkuCopy,
} from "#inventory/rebuild-ports";
import { randomId } from "#lib/ids";
import { writtenAnew } from "#redis/append-only-files";
import { asking } from "#redis/client";
import { decodeEntries } from "#redis/journal";
import { journalKey, metaKey, partitionTag, skuKey } from "#redis/keys";
import { recordedCount } from "#redis/recorded";
import { RestoredPartition, type Step } from "#redis/restored-partition";
import { readRunId } from "#redis/run-id";
import { loadScript, runScript, type Script } from "#redis/script";

const claimScript = loadScript("partition/claim.lua");
const emptyScript = loadScript("partition/empty.lua");
const rebuildScript = loadScript("partition/rebuild.lua");
const liftScript = loadScript("partition/lift.lua");
const reopenScript = loadScript("partition/reopen.lua");

/** How long a claim lasts from its last step: who has died holds it no longer. */
const CLAIM_MS = 30_000;
/** Values of one step's call, which bounds how long it takes. */
const VALUES_MAX = 4_000;
const KEYS_OF_SCAN = 1_000;

const Text = z.string().nullable();
const MetaFields = z.tuple([Text, Text, Text, Text]);
type CutStep = Omit<Step, "kind"> & { readonly kind: Step["kind"] | `${Step["kind"]}+` };

const Words = z.array(z.string()).min(1);

export interface PartitionRebuildOptions {
  readonly redis: Redis;
  readonly storeId: string;
}

/** One rebuilder: its claims bear one token, so that it may go on where it was interrupted. */
export function createPartitionRebuild({
  redis,
  storeId,
}: PartitionRebuildOptions): PartitionRebuild {
  const token = randomId(12);
  const restored = new Map<number, RestoredPartition>();

  const run = (script: Script, partition: number, args: readonly string[]): Promise<unknown> =>
    asking(() => runScript(redis, script, metaKey(partition), args));
  const call = async (partition: number, args: readonly string[]): Promise<void> => {
    const reply = await run(rebuildScript, partition, [token, String(CLAIM_MS), ...args]);
    if (reply !== "written") throw new ClaimLost(partition);
  };
  const send = async (partition: number, steps: readonly Step[]): Promise<void> => {
    for (const part of partsOf(steps)) {
      const args = part.flatMap(({ kind, key, values }) => [
        kind,
        key.slice(partitionTag(partition).length),
        String(values.length),
        ...values,
      ]);
      await call(partition, args);
    }
  };
  const restoredOf = (partition: number): RestoredPartition => {
    const found = restored.get(partition) ?? new RestoredPartition(partition);
    restored.set(partition, found);
    return found;
  };

  return {
    runId: () => asking(() => readRunId(redis)),
    async look(partition) {
      const fields = ["storeId", "epoch", "seq", "fence"] as const;
      const meta = await asking(() => redis.hmget(metaKey(partition), ...fields));
      const [found, epoch, seq, fence] = MetaFields.parse(meta);
      if (found === null) return null;
      const at = { epoch: Number(epoch ?? "0"), seq: Number(seq ?? "0") };
      return { ...at, isForeign: found !== storeId, fence, missing: missingOf(fence) };
    },
    async claim(partition, which) {
      const args = [storeId, token, String(CLAIM_MS), which];
      return claimAnswer(await run(claimScript, partition, args));
    },
    renew: (partition) => call(partition, []),
    async lift(partition) {
      await run(liftScript, partition, [token]);
    },
    async rest(partition, after: Cursor, entriesMax) {
      const from = `(${after.epoch}-${after.seq}`;
      const key = journalKey(partition);
      const reply = await asking(() => redis.xrange(key, from, "+", "COUNT", entriesMax));
      return decodeEntries(partition, reply);
    },
    async forget(partition) {
      restored.delete(partition);
      let at = "0";
      do {
        const args = [token, String(CLAIM_MS), at, String(KEYS_OF_SCAN)];
        const [word, next = "0"] = Words.parse(await run(emptyScript, partition, args));
        if (word !== "emptied") throw new ClaimLost(partition);
        at = next;
      } while (at !== "0");
      // The fence stands until they are: what an older file brings back is removed again.
      await writtenAnew(redis);
    },
    async write(partition: number, part: PartitionPart) {
      await send(partition, restoredOf(partition).take(part));
    },
    claimSkus: (claims) => asking(() => claimSkus(redis, claims)),
    async reopen(partition, runId, begin, lastAt) {
      const whole = restoredOf(partition);
      await send(partition, whole.rest());
      const args = [
        token,
        runId,
        String(begin.epoch),
        String(begin.seq),
        String(lastAt),
        String(whole.dueSeconds[0] ?? 0),
        whole.rules,
        whole.limitIds === null ? "" : `,${whole.limitIds}`,
      ];
      const reply = await run(reopenScript, partition, args);
      const [word] = Words.parse(reply);
      if (word === "used") throw new Error("Redis has seen a higher epoch than was taken for it");
      if (word !== "begun") throw new ClaimLost(partition);
      restored.delete(partition);
      return whole.dueSeconds;
    },
  };
}

/** What a fence says that is missing. Twin: lua/partition/claim.lua. */
function missingOf(fence: string | null): number {
  const [, missing] = /^(?:behind|rebuild:\w+:\d+):(\d*)$/.exec(fence ?? "") ?? [];
  return Number(missing || "0");
}

/** SKUs stand outside the partitions. The ledger knows whose each is: what Redis has gives way. */
async function claimSkus(redis: Redis, claims: readonly SkuCopy[]): Promise<void> {
  // Not one command: on a cluster each may live on another slot.
  const pipeline = redis.pipeline();
  for (const { sku, productId, createdAt } of claims) {
    pipeline.set(skuKey(sku), `${productId}\t${createdAt}`);
  }
  const replies = (await pipeline.exec()) ?? [];
  for (const [error] of replies) if (error) throw error;
}

/** A long step as several: the later ones add to what the first one wrote. */
function cut({ kind, key, values, adds = false }: Step): readonly CutStep[] {
  const more = `${kind}+` as const;
  if (values.length <= VALUES_MAX) return [{ kind: adds ? more : kind, key, values }];
  return Array.from({ length: Math.ceil(values.length / VALUES_MAX) }, (_, i) => ({
    kind: i === 0 && !adds ? kind : more,
    key,
    values: values.slice(i * VALUES_MAX, (i + 1) * VALUES_MAX),
  }));
}

/** Steps together as long as their values are few enough for one call. */
function partsOf(steps: readonly Step[]): CutStep[][] {
  const parts: CutStep[][] = [];
  let values = VALUES_MAX;
  for (const step of steps.flatMap(cut)) {
    values += step.values.length + 3;
    if (values > VALUES_MAX) {
      parts.push([]);
      values = step.values.length + 3;
    }
    parts.at(-1)?.push(step);
  }
  return parts;
}

function claimAnswer(reply: unknown): ClaimAnswer {
  const [word = "", epoch, seq, beganAt, missing] = Words.parse(reply);
  switch (word) {
    case "claimed":
      return {
        kind: "claimed",
        epoch: recordedCount(epoch, "epoch"),
        seq: recordedCount(seq, "seq"),
        beganAt: recordedCount(beganAt, "beganAt"),
        missing: missing === "" ? null : recordedCount(missing, "missing"),
      };
    case "open":
    case "taken":
    case "foreign":
      return { kind: word };
    default:
      throw new Error("claim answered an unknown word");
  }
}
