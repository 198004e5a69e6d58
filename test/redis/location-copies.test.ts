/** The registry over several partitions: decided in the first, copied to the others. */
import { expect, test } from "bun:test";
import { locationsKey, metaKey } from "#redis/keys";
import { copyLocationLine } from "#redis/lines";
import { wordsOfHeader } from "#test/answers";
import { dump } from "#test/keyspace";
import { registeredOf } from "#test/ports-double";
import { redisOfFile, repliesOf, sendBatch } from "#test/redis";
import {
  amendLocationCommand,
  initialize,
  register,
  registerLocationCommand,
  reserveCommand,
  totals,
} from "#test/store";

const { redis, answers, open } = await redisOfFile();

const registries = async () =>
  await Promise.all([0, 1, 2].map((partition) => redis.hgetall(locationsKey(partition))));

test("a change is the same in each, and obeyed in each", async () => {
  const { store } = await open({ partitions: 3 });
  const ids = ["p1", "p2", "p3", "p4", "p5", "p6"];
  for (const id of ids) await initialize(store, id, 5);
  await register(store, "Warehouse A", { active: false, name: "closed" });
  await store.amendLocation(amendLocationCommand("Warehouse A", { priority: 3 }));
  const [first, ...others] = await registries();
  expect(others).toEqual([{ ...first }, { ...first }]);
  for (const id of ids) {
    expect((await store.reserve(reserveCommand(`o-${id}`, { [id]: 1 }))).kind).toBe("insufficient");
    expect(await totals(store, id)).toMatchObject({ available: 0 });
  }
});

test("a repeat brings the record where it is missing, refused or not", async () => {
  const { store } = await open({ partitions: 3 });
  await register(store, "Warehouse A", { active: false });
  const [first] = await registries();
  for (const repeat of ["exists", "expected_mismatch"]) {
    await redis.del(locationsKey(2));
    await redis.hdel(metaKey(2), "locations");
    const outcome =
      repeat === "exists"
        ? await store.registerLocation(registerLocationCommand("Warehouse A"))
        : await store.amendLocation(
            amendLocationCommand("Warehouse A", { priority: 1 }, { expectedVersion: 99 }),
          );
    expect([repeat]).toEqual([outcome.kind]);
    expect((await registries())[2]).toEqual(first ?? {});
  }
});

test("a change that not every partition took is called unknown, not undone", async () => {
  const { store, partitions } = await open({ partitions: 3 });
  partitions[2]?.fence();
  await expect(store.registerLocation(registerLocationCommand("Dock"))).rejects.toMatchObject({
    code: "outcome_unknown",
  });
  expect(await redis.hexists(locationsKey(0), "Dock")).toBe(1);
});

test("a copy that is not newer changes nothing", async () => {
  await open();
  const copy = (version: number) => [
    copyLocationLine(registeredOf({ version, priority: version }), { actor: "test:test" }),
  ];
  expect(repliesOf(await sendBatch(redis, "copyLocation", {}, copy(5)))).toEqual(["copied"]);
  const before = await dump(redis);
  for (const version of [5, 4]) {
    const answer = await sendBatch(redis, "copyLocation", { number: 2 }, copy(version));
    expect(repliesOf(answer)).toEqual(["current"]);
  }
  expect(await dump(redis)).toEqual(before);
  const newer = await sendBatch(redis, "copyLocation", { number: 3 }, copy(6));
  expect(repliesOf(newer)).toEqual(["copied"]);
});

test("copy produced each word that its header promises", () => {
  const { items } = wordsOfHeader("location/copy.lua");
  expect(answers.of("location/copy.lua").items).toEqual([...items]);
});
