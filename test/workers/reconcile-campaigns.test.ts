/** Ring-fences against the ledger: levels as any other, also those that Redis has no more. */
import { expect, test } from "bun:test";
import { fenceOf, type Campaign } from "#inventory/campaigns";
import { recordKey, stockKey } from "#redis/keys";
import { campaignCommand, started } from "#test/campaigns";
import { namesOf, openReconcileBed, type ReconcileBed } from "#test/reconcile";
import { endCommand, initialize, reserve } from "#test/store";

/** Of `p1` a campaign that runs, one that is over with a unit held, and one that sold all it had. */
async function seed({ store, drained }: ReconcileBed): Promise<Campaign> {
  await initialize(store, "p1", 50);
  const running = await started(store, { p1: 9 });
  const over = await started(store, { p1: 5 });
  const empty = await started(store, { p1: 2 });
  await reserve(store, "o1", { p1: 4 }, { campaignId: running.campaignId });
  await reserve(store, "o2", { p1: 1 }, { campaignId: over.campaignId });
  const sold = await reserve(store, "o3", { p1: 2 }, { campaignId: empty.campaignId });
  await store.confirm(endCommand(sold.reservationId));
  await store.campaigns.stop(campaignCommand(over.campaignId));
  await store.campaigns.stop(campaignCommand(empty.campaignId));
  await drained();
  return running;
}

test("ring-fences are no difference, whether they stand, empty themselves or are gone", async () => {
  await using bed = await openReconcileBed();
  await seed(bed);
  expect((await bed.report()).differences).toEqual([]);
});

test("a count of one that changed without a record is found, and a repair puts it back", async () => {
  await using bed = await openReconcileBed();
  const fence = fenceOf(await seed(bed));
  await bed.redis.hincrby(stockKey(0, "p1"), `onHand:${fence}`, 3);
  expect((await bed.report()).differences).toMatchObject([{ kind: "counter", location: fence }]);
  const mended = await bed.repair();
  expect(mended.differences).toMatchObject([{ kind: "counter", repaired: true }]);
  expect(await bed.redis.hget(stockKey(0, "p1"), `onHand:${fence}`)).toBe("9");
  await bed.drained();
  expect((await bed.report()).differences).toEqual([]);
});

test("a campaign that somebody removed by hand is found, and is back after a repair", async () => {
  await using bed = await openReconcileBed();
  const { campaignId } = await seed(bed);
  await bed.redis.hdel(recordKey(0, "campaign"), campaignId);
  expect(namesOf(await bed.report())).toEqual(["record -"]);
  await bed.repair();
  expect(await bed.redis.hexists(recordKey(0, "campaign"), campaignId)).toBe(1);
  expect((await bed.report()).differences).toEqual([]);
});
