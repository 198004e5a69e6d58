/** What is planned of a campaign: made, changed and removed until it starts. */
import { describe, expect, test } from "bun:test";
import { metaKey } from "#redis/keys";
import { campaignCommand, scheduleCommand, scheduled } from "#test/campaigns";
import { invariants } from "#test/invariants";
import { clockAt, redisOfFile } from "#test/redis";
import { initialize, operation, reserveCommand, soon, type TestStore } from "#test/store";
import type { CampaignId } from "#inventory/campaigns";

const { redis, open } = await redisOfFile();

const take = (store: TestStore["store"], campaignId: CampaignId, order: string) =>
  store.reserve(reserveCommand(order, { p1: 1 }, { campaignId }));

const lastNow = async (): Promise<number> => Number(await redis.hget(metaKey(0), "lastNow"));

describe("a campaign that is planned", () => {
  test("can be planned anew and removed until it starts, and removed again when it is closed", async () => {
    const { store } = await open();
    await initialize(store, "p1", 10);
    const startsAt = Date.now() + 60_000;
    const plan = scheduleCommand({ p1: 4 }, { startsAt });
    await store.campaigns.schedule(plan);
    const { campaignId } = plan;
    const anew = scheduleCommand({ p1: 6 }, { campaignId, startsAt, isNew: false });
    expect(await store.campaigns.schedule(anew)).toMatchObject({
      kind: "scheduled",
      campaign: { products: [{ quantity: 6 }] },
    });
    await clockAt(redis, startsAt);
    expect((await store.campaigns.schedule(anew)).kind).toBe("begun");
    expect((await store.campaigns.remove(campaignCommand(plan.campaignId))).kind).toBe("begun");
    await take(store, plan.campaignId, "o1");
    expect((await store.campaigns.remove(campaignCommand(plan.campaignId))).kind).toBe("begun");
    const other = await scheduled(
      store,
      { p1: 1 },
      { startsAt: startsAt + 60_000, endsAt: startsAt + 70_000 },
    );
    expect((await store.campaigns.remove(campaignCommand(other.campaignId))).kind).toBe("removed");
    expect((await store.campaigns.remove(campaignCommand(other.campaignId))).kind).toBe(
      "unknown_campaign",
    );
    await invariants(redis);
  });

  test("is refused when it would be over, of a product that is not there, and beyond as many as there may be", async () => {
    const { store } = await open();
    await initialize(store, "p1", 10);
    const endsAt = (await lastNow()) - 1;
    const past = scheduleCommand({ p1: 4 }, { startsAt: endsAt - 1, endsAt });
    expect((await store.campaigns.schedule(past)).kind).toBe("past");
    const strange = scheduleCommand({ nothing: 4 });
    expect((await store.campaigns.schedule(strange)).kind).toBe("unknown_product");
    const startsAt = Date.now() + 600_000;
    const outcomes = await Promise.all(
      Array.from({ length: 101 }, () =>
        store.campaigns.schedule(scheduleCommand({ p1: 1 }, { startsAt })),
      ),
    );
    expect(outcomes.filter(({ kind }) => kind === "above_limit")).toHaveLength(1);
  });

  test("is made once under one key, and a repeat hears which one", async () => {
    const { store } = await open();
    await initialize(store, "p1", 10);
    const under = { operation: operation("k1") };
    const first = await store.campaigns.schedule(scheduleCommand({ p1: 4 }, under));
    const second = await store.campaigns.schedule(scheduleCommand({ p1: 4 }, under));
    expect<object>(second).toEqual({ ...first, replayed: true });
    expect(await store.campaigns.all(soon())).toHaveLength(1);
  });
});
