/** What a change's receipt is, and how many share one look. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { Redis } from "ioredis";
import type { Receipt } from "#inventory/durability";
import { steadyClock } from "#lib/clock";
import { connectRedis } from "#redis/client";
import { RedisDurability } from "#redis/durability";
import { journalKey, metaKey } from "#redis/keys";
import { knowsDisks } from "#redis/replica-look";
import { SharedWait, WAITERS_MAX, type IsThere } from "#redis/shared-wait";
import { startRedis, type TestServer } from "#test/servers";
import { adjustCommand, initialize, openStore, soon, type TestStore } from "#test/store";
import { until } from "#test/until";

let server: TestServer;
let opened: TestStore;
let admin: Redis;

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
});
beforeEach(async () => {
  await admin.flushall();
  opened = await openStore(server.url, { partitions: 2 });
});
afterEach(() => opened[Symbol.asyncDispose]());
afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

/** As the composed process has it; `positions` counts the looks at the ledger. */
function durabilityOf({ store, partitions }: TestStore, floor: "disk" | "replica" = "disk") {
  let looks = 0;
  const reached: string[] = [];
  const aside = new Map<number, number>();
  const durability = new RedisDurability({
    floor,
    partitions,
    clock: steadyClock,
    store: {
      positions: (deadline, only) => {
        looks += 1;
        return store.positions(deadline, only);
      },
    },
    setAside: () => Promise.resolve(aside),
    connect: () => connectRedis(server.url, "test-durability"),
    onReached: (wanted, level) => void reached.push(`${wanted} ${level}`),
    onFailure: () => undefined,
  });
  durability.settingsHold(true);
  return { durability, reached, aside, looks: () => looks };
}

const drain = (partition: number, seq: number) =>
  admin.hset(metaKey(partition), "drained", `${seq}`);

test("a receipt names the journal entry that has the change, in a batch of many too", async () => {
  const { store } = opened;
  await initialize(store, "p1", 100);
  const all = Array.from({ length: 150 }, async (_, i) => {
    const receipts: Receipt[] = [];
    const outcome = await store.adjust({ ...adjustCommand("p1", 1 + i), receipts });
    if (outcome.kind !== "adjusted") throw new Error(outcome.kind);
    return { receipts, seq: outcome.product.seq };
  });
  const [first] = await Promise.all(all);
  const partition = first?.receipts[0]?.partition ?? 0;
  const entries = await admin.xrange(journalKey(partition), "-", "+");
  const lasts = entries.map(([id]) => id);
  let sharing = 0;
  for (const { receipts, seq } of await Promise.all(all)) {
    expect(receipts).toHaveLength(1);
    const [receipt] = receipts;
    // Of all entries the first that does not end before the change.
    const own = lasts.find((id) => Number(id.split("-")[1]) >= seq);
    expect(`${receipt?.epoch}-${receipt?.seq}`).toBe(own ?? "");
    if (receipt?.seq !== seq) sharing += 1;
  }
  expect(sharing).toBeGreaterThan(0);
});

test("a replay's receipt stands for the change that was made before", async () => {
  const { store } = opened;
  await initialize(store, "p1", 100);
  const operation = { key: "ab".repeat(16), payload: "cd".repeat(8) };
  const first: Receipt[] = [];
  const again: Receipt[] = [];
  await store.adjust({ ...adjustCommand("p1", 1), operation, receipts: first });
  await store.adjust({ ...adjustCommand("p1", 5), receipts: [] });
  const replay = await store.adjust({ ...adjustCommand("p1", 1), operation, receipts: again });
  expect(replay).toMatchObject({ kind: "adjusted", replayed: true });
  expect(again[0]?.seq).toBeGreaterThan(first[0]?.seq ?? Infinity);
});

describe("the ledger's level", () => {
  test("is reached when `drained` has passed the seq, and not one earlier", async () => {
    const { durability } = durabilityOf(opened);
    const epoch = opened.partitions[0]?.epoch ?? 0;
    await admin.hset(metaKey(0), "seq", "9");
    await drain(0, 8);
    const receipt = { partition: 0, epoch, seq: 9 };
    const inTime = steadyClock.now() + 200;
    expect(await durability.reach("ledger", [receipt], inTime)).toBe("disk");
    const waiting = durability.reach("ledger", [receipt], soon());
    await drain(0, 9);
    expect(await waiting).toBe("ledger");
  });

  test("is reached by all receipts or not at all", async () => {
    const { durability } = durabilityOf(opened);
    const [one, two] = opened.partitions.map(({ number, epoch }) => {
      return { partition: number, epoch, seq: 0 };
    });
    if (!one || !two) throw new Error("there are two partitions");
    const later = { ...two, seq: 5 };
    const inTime = steadyClock.now() + 200;
    expect(await durability.reach("ledger", [one, later], inTime)).toBe("disk");
    await admin.hset(metaKey(1), "seq", "5", "drained", "5");
    expect(await durability.reach("ledger", [one, later, two], soon())).toBe("ledger");
  });

  test("is asked for once for all who wait, however many", async () => {
    const { durability, looks, reached } = durabilityOf(opened);
    const epoch = opened.partitions[0]?.epoch ?? 0;
    await admin.hset(metaKey(0), "seq", "9");
    const waiting = Array.from({ length: 500 }, () =>
      durability.reach("ledger", [{ partition: 0, epoch, seq: 9 }], soon()),
    );
    await until(() => looks() >= 3, { withinMs: 5_000, what: "the ledger was looked at" });
    await drain(0, 9);
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(["ledger"]));
    expect(looks()).toBeLessThan(50);
    expect(reached).toHaveLength(500);
  });

  test("is not claimed by the numbers of a partition that was rebuilt since", async () => {
    const { durability } = durabilityOf(opened);
    const [partition] = opened.partitions;
    if (!partition) throw new Error("there is a partition");
    await admin.hset(metaKey(0), "seq", "9", "drained", "9");
    const receipt = { partition: 0, epoch: partition.epoch, seq: 3 };
    await admin.hset(metaKey(0), "epoch", `${partition.epoch + 1}`);
    partition.open(partition.epoch + 1, 9, 0);
    expect(await durability.reach("ledger", [receipt], soon())).toBe("ledger");
    partition.open(partition.epoch, 9, partition.epoch);
    expect(await durability.reach("ledger", [receipt], soon())).toBe("disk");
  });

  test("is not claimed of what came before a rebuild, though a later change stands beside it", async () => {
    const { durability } = durabilityOf(opened);
    const [partition] = opened.partitions;
    if (!partition) throw new Error("there is a partition");
    const epoch = partition.epoch + 1;
    await admin.hset(metaKey(0), "seq", "9", "drained", "9", "epoch", `${epoch}`);
    const before = { partition: 0, epoch: partition.epoch, seq: 3 };
    const after = { partition: 0, epoch, seq: 9 };
    partition.open(epoch, 9, epoch);
    expect(await durability.reach("ledger", [after], soon())).toBe("ledger");
    expect(await durability.reach("ledger", [before, after], soon())).toBe("disk");
    expect(await durability.reach("ledger", [after, before], soon())).toBe("disk");
  });

  test("is not claimed from the first movement on that the ledger has set aside", async () => {
    const { durability, aside } = durabilityOf(opened);
    const epoch = opened.partitions[0]?.epoch ?? 0;
    await admin.hset(metaKey(0), "seq", "9", "drained", "9");
    aside.set(0, 7);
    const level = (seq: number) =>
      durability.reach("ledger", [{ partition: 0, epoch, seq }], steadyClock.now() + 200);
    expect([await level(6), await level(7), await level(9)]).toEqual(["ledger", "disk", "disk"]);
    aside.clear();
    expect(await level(9)).toBe("ledger");
  });

  test("is not claimed where nothing was answered", async () => {
    const { durability } = durabilityOf(opened);
    expect(await durability.reach("ledger", [], soon())).toBe("disk");
  });
});

describe("the replica's level", () => {
  test("is not reached without one, and does not outlive the deadline", async () => {
    const { durability } = durabilityOf(opened);
    const epoch = opened.partitions[0]?.epoch ?? 0;
    const startedAt = performance.now();
    const inTime = steadyClock.now() + 300;
    const receipts = [{ partition: 0, epoch, seq: 0 }];
    expect(await durability.reach("replica", receipts, inTime)).toBe("disk");
    expect(performance.now() - startedAt).toBeLessThan(1_500);
    await durability[Symbol.asyncDispose]();
  });

  test.each([
    ["7.0.15", false],
    ["7.2.0", true],
    ["7.10.1", true],
    ["8.0.3", true],
    ["6.2.14", false],
  ])("of Redis %s means its disk: %p", (version, isOnDisk) => {
    expect(knowsDisks(`redis_mode:standalone\nredis_version:${version}\r\n`)).toBe(isOnDisk);
  });
});

describe("a shared wait", () => {
  const receipt = { partition: 0, epoch: 1, seq: 1 };
  const partitions = () => [{ rebuilt: 0 }];

  test("counts a look only for who came before it", async () => {
    const looks: ((isThere: IsThere) => void)[] = [];
    const wait = new SharedWait({
      partitions: partitions(),
      clock: steadyClock,
      look: () => new Promise((resolve) => looks.push(resolve)),
      onFailure: () => undefined,
    });
    let isSecondDone = false;
    const first = wait.reached([receipt], soon());
    const second = wait.reached([receipt], soon()).then((isReached) => {
      isSecondDone = true;
      return isReached;
    });
    expect(looks).toHaveLength(1);
    looks[0]?.(() => true);
    expect(await first).toBe(true);
    await until(() => looks.length === 2, { withinMs: 1_000, what: "the second look" });
    expect(isSecondDone).toBe(false);
    looks[1]?.(() => true);
    expect(await second).toBe(true);
  });

  test("goes on after a look that failed, and is bounded", async () => {
    const failures: unknown[] = [];
    const wait = new SharedWait({
      partitions: partitions(),
      clock: steadyClock,
      look: () => {
        if (failures.length > 2) return Promise.resolve(() => true);
        return Promise.reject(new Error("away"));
      },
      onFailure: (error) => void failures.push(error),
    });
    const all = Array.from({ length: WAITERS_MAX + 5 }, () => wait.reached([receipt], soon()));
    const reached = await Promise.all(all);
    expect(reached.filter(Boolean)).toHaveLength(WAITERS_MAX);
    expect(failures).toHaveLength(3);
  });
});
