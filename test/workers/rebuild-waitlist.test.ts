/** A rebuild writes who waits, and all that is derived from it, as it was. */
import { expect, test } from "bun:test";
import { partitionTag } from "#redis/keys";
import { rebuildPartition } from "#workers/rebuild";
import { invariants } from "#test/invariants";
import { dump } from "#test/keyspace";
import { openRebuildBed } from "#test/rebuilding";
import { startRedis } from "#test/servers";
import {
  adjustCommand,
  endCommand,
  initialize,
  joinCommand,
  leaveCommand,
  reserve,
  soon,
  waiting,
} from "#test/store";
import { until } from "#test/until";

test("lines, places and what is offered come back from the ledger, and offers go on in order", async () => {
  await using redis = await startRedis();
  await using bed = await openRebuildBed(redis.url);
  const { store, waitlist } = bed.stores;
  await initialize(store, "p1", 2);
  await initialize(store, "p2", 0);
  const hold = await reserve(store, "first", { p1: 2 });
  for (const order of ["a", "b", "c", "d"]) await waitlist.join(joinCommand("p1", order, 1));
  await waitlist.join(joinCommand("p2", "a", 3, { customer: "carol" }));
  await waitlist.leave(leaveCommand("p1", "b"));
  await store.cancel(endCommand(hold.reservationId, { lines: null }));
  await waitlist.offer(0, "freed", soon());
  await waitlist.join(joinCommand("p1", "e", 1));
  await bed.drained();
  const ofLines = (all: Record<string, unknown>) =>
    Object.entries(all).filter(([key]) =>
      /:(?:wait|records:)/.test(key.slice(partitionTag(0).length - 1)),
    );
  const before = await dump(bed.stores.redis);
  expect(ofLines(before).length).toBeGreaterThan(3);
  await bed.stores.redis.flushall();
  await rebuildPartition(0, bed.use, { which: "any", discards: false });
  const after = await dump(bed.stores.redis);
  const names = (all: Record<string, unknown>) =>
    ofLines(all)
      .map(([key]) => key)
      .toSorted();
  expect(names(after)).toEqual(names(before));
  expect(await bed.stores.redis.hget("{p0}:stock:p1", "waiting")).toBe("2");
  expect(await bed.stores.redis.hget("{p0}:stock:p2", "waiting")).toBe("1");
  // Nobody can say what was free: all of them are looked at.
  expect(await bed.stores.redis.zrange("{p0}:waited", "0", "-1", "WITHSCORES")).toEqual([
    "p1",
    "1",
    "p2",
    "1",
  ]);
  for (const name of names(before).filter((key) => !key.endsWith(":waited"))) {
    expect([name, after[name]]).toEqual([name, before[name]]);
  }
  expect((await invariants(bed.stores.redis)).products).toBe(2);
  await until(() => bed.stores.partitions.every(({ state }) => state === "open"), {
    withinMs: 5_000,
    what: "the partition is open",
  });
  await store.adjust(adjustCommand("p1", 1));
  expect(await waitlist.offer(0, "freed", soon())).toMatchObject({ offered: 1 });
  const kinds = await Promise.all(
    ["a", "c", "d", "e"].map((order) => waitlist.place(waiting("p1", order), soon())),
  );
  // What was offered before is neither lost nor offered again.
  expect(kinds.map(({ kind }) => kind)).toEqual(["offered", "offered", "offered", "waiting"]);
});
