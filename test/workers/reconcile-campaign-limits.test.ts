/** Counts of campaigns' own limits against what the ledger says that they must be. */
import { expect, test } from "bun:test";
import type { CampaignId } from "#inventory/campaigns";
import { customerField } from "#inventory/limits";
import { campaignLimitKey } from "#redis/keys";
import { campaignCommand, started } from "#test/campaigns";
import { carol, dan, held, stocked } from "#test/limits";
import { namesOf, openReconcileBed, type ReconcileBed } from "#test/reconcile";
import { endCommand } from "#test/store";

/** carol has 4 units of p1, 1 of them bought, and dan 2 of p2; as many without it count nothing. */
async function seed({ store, drained }: ReconcileBed) {
  await stocked(store, "p1", "p2");
  const { campaignId, endsAt } = await started(store, { p1: 99, p2: 99 }, { maxPerCustomer: 9 });
  const stopped = await started(store, { p2: 99 }, { maxPerCustomer: 9 });
  await held(store, dan, "o0", { p2: 5 }, { campaignId: stopped.campaignId });
  await held(store, carol, "o1", { p1: 3 }, { campaignId });
  const sold = await held(store, carol, "o2", { p1: 1 }, { campaignId });
  await store.confirm(endCommand(sold.reservationId));
  await held(store, dan, "o3", { p2: 2 }, { campaignId });
  await held(store, dan, "o4", { p1: 7, p2: 7 });
  await store.campaigns.stop(campaignCommand(stopped.campaignId));
  await drained();
  return { campaignId, endsAt };
}
const keyOf = (campaignId: CampaignId, id = "p1"): string => campaignLimitKey(0, campaignId, id);

test("counts that are right are no difference", async () => {
  await using bed = await openReconcileBed();
  const { campaignId } = await seed(bed);
  expect(await bed.redis.hgetall(keyOf(campaignId))).toEqual({ [customerField(carol)]: "4" });
  expect((await bed.report()).differences).toEqual([]);
});

test.each<[what: string, harm: (bed: ReconcileBed, key: string) => Promise<unknown>]>([
  ["a count that changed", ({ redis }, key) => redis.hincrby(key, customerField(carol), -3)],
  ["a count of nobody", ({ redis }, key) => redis.hset(key, "ab".repeat(16), "7")],
  ["counts that are gone", ({ redis }, key) => redis.del(key)],
])("%s is found, and a repair sets it to what the ledger says", async (_what, harm) => {
  await using bed = await openReconcileBed();
  const { campaignId, endsAt } = await seed(bed);
  await harm(bed, keyOf(campaignId));
  const found = await bed.report();
  expect(namesOf(found)).toEqual(["limit -"]);
  expect(found.differences[0]?.cause).toContain(`campaign ${campaignId} for p1`);
  const mended = await bed.repair();
  expect(mended.differences).toMatchObject([{ kind: "limit", repaired: true }]);
  expect(await bed.redis.hgetall(keyOf(campaignId))).toEqual({ [customerField(carol)]: "4" });
  expect(await bed.redis.pexpiretime(keyOf(campaignId))).toBe(endsAt);
  expect((await bed.report()).differences).toEqual([]);
});

test("a key of another type is told by its name, and all else is compared", async () => {
  await using bed = await openReconcileBed();
  const { campaignId } = await seed(bed);
  await bed.redis.del(keyOf(campaignId));
  await bed.redis.set(keyOf(campaignId), "x");
  await bed.redis.hincrby(keyOf(campaignId, "p2"), customerField(dan), 1);
  const { differences } = await bed.repair();
  expect(namesOf({ differences })).toEqual(["limit -", "unreadable -"]);
  expect(await bed.redis.hgetall(keyOf(campaignId, "p2"))).toEqual({ [customerField(dan)]: "2" });
});
