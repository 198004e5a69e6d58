/** What a campaign leaves behind ends as anything else does: holds without their ring-fence, and records nobody can read. */
import { expect, test } from "bun:test";
import { recordKey } from "#redis/keys";
import { campaignCommand, scheduled, started } from "#test/campaigns";
import { clockAt, redisOfFile } from "#test/redis";
import {
  endCommand,
  initialize,
  product,
  productOf,
  reserve,
  soon,
  type TestStore,
} from "#test/store";

const { redis, open } = await redisOfFile();

const levelsOf = async (store: TestStore["store"], id: string): Promise<string[]> =>
  (await productOf(store, id)).levels.map(
    ({ location, onHand, reserved }) => `${location} ${onHand} ${reserved}`,
  );

test("a cart ends on time though the ring-fence of what it gave back is gone", async () => {
  const { store, damaged } = await open();
  await initialize(store, "p1", 10);
  await initialize(store, "p2", 10);
  const { campaignId } = await started(store, { p1: 4, p2: 4 });
  const hold = await reserve(store, "o1", { p1: 2, p2: 3 }, { campaignId });
  const lines = [{ productId: product("p1"), quantity: 2 }];
  await store.cancel(endCommand(hold.reservationId, { lines }));
  await store.campaigns.stop(campaignCommand(campaignId));
  expect(await levelsOf(store, "p1")).toEqual(["Warehouse A 10 0"]);
  await clockAt(redis, hold.expiresAt);
  expect(await store.expire(0)).toMatchObject({ expired: 1 });
  expect(damaged).toEqual([]);
  await store.campaigns.turnDue(0);
  expect(await levelsOf(store, "p2")).toEqual(["Warehouse A 10 0"]);
  expect((await store.campaigns.one(campaignId, soon()))?.state).toBe("closed");
});

test("a campaign whose record nobody can read keeps no other from its turn, nor from being listed", async () => {
  const { store } = await open();
  await initialize(store, "p1", 10);
  await redis.hset(recordKey(0, "campaign"), "p0-aaaaaaaa", "1\trunning");
  const { campaignId } = await scheduled(store, { p1: 4 });
  await store.campaigns.turnDue(0);
  expect(await store.campaigns.all(soon())).toMatchObject([{ campaignId, state: "running" }]);
  expect(await store.hasInactiveLocation(soon())).toBe(true);
});
