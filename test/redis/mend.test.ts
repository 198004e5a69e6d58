import { afterEach, describe, expect, test } from "bun:test";
import { encodeHold } from "#redis/hold-record";
import {
  expiringKey,
  journalKey,
  locationsKey,
  lowKey,
  metaKey,
  reservationKey,
  skuKey,
  stockKey,
} from "#redis/keys";
import { loadScript, runScript } from "#redis/script";
import type { RedisStockStore } from "#redis/stock-store";
import { splitReservationId } from "#inventory/reservation-id";
import { wordsOfHeader } from "#test/answers";
import { registerLocationCommand } from "#test/commands";
import { dump } from "#test/keyspace";
import { redisOfFile } from "#test/redis";
import { adjustCommand, initialize, productOf, reserve, soon, totals } from "#test/store";

const { redis, answers, open } = await redisOfFile();

const STORE = "store-of-this-test";
const CONTEXT = JSON.stringify({ actor: "admin:ada", reason: "a test" });

/** Runs one of the scripts that are no batch. */
const run = (path: string, ...args: string[]): Promise<unknown> =>
  runScript(redis, loadScript(`repair/${path}.lua`), metaKey(0), args);

const lineOf = (seq: number, onHand: number, reserved: number, id = "p1"): string =>
  [id, "Warehouse A", seq, onHand, reserved, CONTEXT].join("\t");

/** A product of 50 units, 5 of them held. */
async function prepare() {
  const { store } = await open();
  await initialize(store, "p1", 50);
  const hold = await reserve(store, "o1", { p1: 5 });
  const { owner } = splitReservationId(hold.reservationId);
  const { seq } = await productOf(store, "p1");
  return { store, hold, owner, seq, due: hold.expiresAt / 1_000 };
}

describe("a counter", () => {
  test("goes back to what the ledger says, in two movements, and its low set with it", async () => {
    const { store, seq } = await prepare();
    await redis.hset(stockKey(0, "p1"), "onHand:Warehouse A", "9");
    await redis.zadd(lowKey(0), 4, "p1");
    expect(await store.repair("repairCounter", "p1", lineOf(seq, 50, 5), soon())).toBe("repaired");
    expect(await totals(store, "p1")).toEqual({ onHand: 50, reserved: 5, available: 45 });
    expect(await redis.zscore(lowKey(0), "p1")).toBeNull();
    expect((await productOf(store, "p1")).seq).toBe(seq + 2);
    expect(await store.repair("repairCounter", "p1", lineOf(seq + 2, 50, 5), soon())).toBe(
      "current",
    );
  });

  test("that no movement could have had, or that is none, goes back as well", async () => {
    const { store, seq } = await prepare();
    for (const [i, text] of ["3", "many", "", "9999999999999"].entries()) {
      await redis.hset(stockKey(0, "p1"), "onHand:Warehouse A", text);
      const line = lineOf(seq + 2 * i, 50, 5);
      expect(await store.repair("repairCounter", "p1", line, soon())).toBe("repaired");
    }
    expect(await totals(store, "p1")).toEqual({ onHand: 50, reserved: 5, available: 45 });
  });

  test("of a product that changed since, or is not there, is left alone", async () => {
    const { store, seq } = await prepare();
    await store.adjust(adjustCommand("p1", 1));
    const before = await dump(redis);
    expect(await store.repair("repairCounter", "p1", lineOf(seq, 50, 5), soon())).toBe("moved");
    expect(await store.repair("repairCounter", "ghost", lineOf(seq, 50, 5, "ghost"), soon())).toBe(
      "unknown",
    );
    expect(await dump(redis)).toEqual(before);
    for (const bad of ["p1", lineOf(seq, 5, 50), lineOf(seq, -1, 0)]) {
      await expect(store.repair("repairCounter", "p1", bad, soon())).rejects.toThrow(
        "cannot be read",
      );
    }
    expect(answers.of("repair/counter.lua").items).toEqual(
      wordsOfHeader("repair/counter.lua").items,
    );
  });
});

describe("a break that traffic has passed", () => {
  // Here nothing had broken: what is left are movements that do not follow each other.
  afterEach(() => redis.flushall());
  const breakOf = (onHand: number, reserved: number, of = 1, id = "p1"): string =>
    [id, "Warehouse A", onHand, reserved, `${of}`.repeat(32), "ab".repeat(8), CONTEXT].join("\t");
  const repair = (store: RedisStockStore, line: string, id = "p1") =>
    store.repair("repairBreak", id, line, soon());
  /** What its last two movements say, each from and to. */
  async function written(): Promise<number[][]> {
    const [entry] = await redis.xrevrange(journalKey(0), "+", "-", "COUNT", 1);
    const lines = entry?.[1][3]?.split("\n") ?? [];
    expect(lines.map((line) => line.split("\t")[1])).toEqual(["DRIFT", "RECONCILE"]);
    return lines.map((line) => line.split("\t").slice(4, 8).map(Number));
  }

  test.each([
    [4, 0],
    [-60, 0],
    [0, 3],
    [0, -3],
    [0, 46],
    [-50, 46],
    [7, -46],
    [-70, -10],
  ])(
    "of %i on hand and %i reserved is written down, and the stock stays",
    async (onHand, reserved) => {
      const { store, seq } = await prepare();
      const before = await redis.hgetall(stockKey(0, "p1"));
      expect(await repair(store, breakOf(onHand, reserved))).toBe("repaired");
      const after = await redis.hgetall(stockKey(0, "p1"));
      const { updatedAt = "" } = after;
      expect(after).toEqual({ ...before, seq: `${seq + 2}`, updatedAt });
      const rows = await written();
      const [drift = [], back = []] = rows;
      expect([drift[0], drift[2], back[1], back[3]]).toEqual([50, 5, 50, 5]);
      expect([drift, back].map(([from = 0, to = 0]) => to - from).reduce((a, b) => a + b)).toBe(
        onHand,
      );
      const held = [drift, back].map(([, , from = 0, to = 0]) => to - from);
      expect(held.reduce((a, b) => a + b)).toBe(reserved);
      for (const [a = 0, b = 0, c = 0, d = 0] of rows) {
        expect(c <= a && d <= b && Math.min(a, b, c, d) >= 0).toBe(true);
      }
    },
  );

  test("is written down once, and never above the limit or for a level that is not there", async () => {
    const { store } = await prepare();
    expect(await repair(store, breakOf(4, 0))).toBe("repaired");
    const before = await dump(redis);
    expect(await repair(store, breakOf(4, 0))).toBe("replayed\trepaired");
    expect(await repair(store, breakOf(5, 0).replace("abab", "cdcd"))).toBe("key_reused");
    for (const most of [1e12, -1e12]) {
      expect(await repair(store, breakOf(most, 0, 2))).toBe("above_limit");
    }
    expect(await repair(store, breakOf(4, 0, 2, "ghost"), "ghost")).toBe("unknown");
    const elsewhere = breakOf(4, 0, 2).replace("Warehouse A", "Warehouse Z");
    expect(await repair(store, elsewhere)).toBe("unknown");
    expect(await dump(redis)).toEqual(before);
    for (const bad of ["p1", breakOf(1.5, 0), breakOf(1e12 + 1, 0), breakOf(0, -1e12 - 1)]) {
      await expect(repair(store, bad)).rejects.toThrow("cannot be read");
    }
    expect(answers.of("repair/break.lua").items).toEqual(wordsOfHeader("repair/break.lua").items);
  });

  test("leaves no crossing and the low set as it was, also at a location that is switched off", async () => {
    const { store } = await prepare();
    await redis.hset(metaKey(0), "locations", "\nWarehouse A=0=100");
    const before = await redis.zrange(lowKey(0), "0", "-1", "WITHSCORES");
    expect(await repair(store, breakOf(-60, 3))).toBe("repaired");
    const [entry] = await redis.xrevrange(journalKey(0), "+", "-", "COUNT", 1);
    expect(entry?.[1].filter((_, i) => i % 2 === 0)).toEqual(["at", "movements", "operations"]);
    expect(await redis.zrange(lowKey(0), "0", "-1", "WITHSCORES")).toEqual(before);
  });
});

describe("a hold", () => {
  test("is put where it is missing, due when it was, and the wheel turned back to it", async () => {
    const { store, hold, owner, due } = await prepare();
    expect(encodeHold(hold)).toBe(String(await redis.get(reservationKey(0, owner))));
    await redis.del(reservationKey(0, owner), expiringKey(0, due));
    await redis.hset(metaKey(0), "swept", `${due + 3}`);
    const put = () => run("hold", STORE, owner, "", encodeHold(hold), `${due}`);
    expect(await put()).toBe("repaired");
    expect(await put()).toBe("moved");
    expect(await store.reservation(hold.reservationId, soon())).toEqual(hold);
    expect(await redis.lrange(expiringKey(0, due), 0, -1)).toEqual([owner]);
    expect(await redis.hget(metaKey(0), "swept")).toBe(`${due - 1}`);
    expect([...wordsOfHeader("repair/hold.lua").items]).toEqual(["moved", "repaired", "stale"]);
  });

  test("is put over a key of another type", async () => {
    const { store, hold, owner, due } = await prepare();
    await redis.del(reservationKey(0, owner));
    await redis.rpush(reservationKey(0, owner), "of a wrong type");
    expect(await run("hold", STORE, owner, "", encodeHold(hold), `${due}`)).toBe("repaired");
    expect(await store.reservation(hold.reservationId, soon())).toEqual(hold);
  });

  test("that nobody made is removed, unless it changed", async () => {
    const { owner } = await prepare();
    const stranger = "f".repeat(32);
    const text = (await redis.get(reservationKey(0, owner))) ?? "";
    await redis.set(reservationKey(0, stranger), text);
    expect(await run("hold", STORE, stranger, `${text} `, "", "0")).toBe("moved");
    expect(await run("hold", STORE, stranger, text, "", "0")).toBe("repaired");
    expect(await redis.exists(reservationKey(0, stranger))).toBe(0);
  });
});

test("a due entry is made once, for a live hold of that second", async () => {
  const { owner, due } = await prepare();
  await redis.del(expiringKey(0, due));
  expect(await run("due", STORE, owner, `${due + 1}`)).toBe("moved");
  expect(await run("due", STORE, "f".repeat(32), `${due}`)).toBe("moved");
  expect(await run("due", STORE, owner, `${due}`)).toBe("repaired");
  expect(await run("due", STORE, owner, `${due}`)).toBe("repaired");
  expect(await redis.lrange(expiringKey(0, due), 0, -1)).toEqual([owner]);
  expect([...wordsOfHeader("repair/due.lua").items]).toEqual(["moved", "repaired", "stale"]);
});

test("attributes are set to what the ledger says, unless the product changed since", async () => {
  const { seq } = await prepare();
  const set = (at: number, ...more: string[]) => run("product", STORE, "p1", `${at}`, ...more);
  const before = await redis.hgetall(stockKey(0, "p1"));
  expect(await set(seq + 1, "name", "Mug")).toBe("moved");
  expect(await run("product", STORE, "ghost", `${seq}`, "name", "Mug")).toBe("moved");
  expect(await run("product", "another", "p1", `${seq}`, "name", "Mug")).toBe("stale");
  expect(await redis.hgetall(stockKey(0, "p1"))).toEqual(before);
  const wanted = { name: "Mug", price: "", maxPerCustomer: "", safetyStock: "3" };
  expect(await set(seq, ...Object.entries(wanted).flat())).toBe("repaired");
  expect(await redis.hgetall(stockKey(0, "p1"))).toEqual({ ...before, ...wanted });
  for (const bad of [
    [],
    ["seq", "9"],
    ["home"],
    ["safetyStock", "-1"],
    ["productId", ""],
    ["onHand:default", "1"],
  ]) {
    await expect(set(seq, ...bad)).rejects.toThrow("cannot be read");
  }
  expect([...wordsOfHeader("repair/product.lua").items]).toEqual(["moved", "repaired", "stale"]);
  await redis.hset(stockKey(0, "p1"), before);
});

test("the registry is set to what the ledger says, unless it changed since", async () => {
  const { store } = await prepare();
  await store.registerLocation(registerLocationCommand("Warehouse B", { active: false }));
  const text = (await redis.hget(locationsKey(0), "Warehouse B")) ?? "";
  const rules = (await redis.hget(metaKey(0), "locations")) ?? "";
  await redis.hset(locationsKey(0), "Warehouse B", "something else", "Nowhere", text);
  await redis.hdel(metaKey(0), "locations");
  const other = ["Warehouse B", "something else", text];
  const stranger = ["Nowhere", text, ""];
  const set = (...args: string[]) => run("registry", STORE, ...args);
  expect(await set(rules, rules, ...other)).toBe("moved");
  expect(await set("", rules, "Warehouse B", "", text)).toBe("moved");
  expect(await run("registry", "another", "", rules, ...other)).toBe("stale");
  expect(await set("", rules, ...other, ...stranger)).toBe("repaired");
  expect(await redis.hgetall(locationsKey(0))).toEqual({ "Warehouse B": text });
  expect(await redis.hget(metaKey(0), "locations")).toBe(rules);
  for (const bad of [[""], ["", rules, "x"], [rules, rules, "{x}", "", ""]]) {
    await expect(set(...bad)).rejects.toThrow("cannot be read");
  }
  expect([...wordsOfHeader("repair/registry.lua").items]).toEqual(["moved", "repaired", "stale"]);
});

test("the low set is set to what the levels say", async () => {
  const { store } = await prepare();
  await initialize(store, "p2", 3);
  await redis.zadd(lowKey(0), 1, "p1", 9, "p2", 2, "ghost");
  for (const id of ["p1", "p2", "ghost"]) expect(await run("low", STORE, id)).toBe("repaired");
  expect(await redis.zrange(lowKey(0), "0", "-1", "WITHSCORES")).toEqual(["p2", "3"]);
  expect([...wordsOfHeader("repair/low.lua").items]).toEqual(["repaired", "stale"]);
});

test("a fenced partition, or another store's, is not touched", async () => {
  const { owner, due } = await prepare();
  const all = (store: string) => [
    run("hold", store, owner, "", "x", "0"),
    run("due", store, owner, `${due}`),
    run("low", store, "p1"),
  ];
  const before = await dump(redis);
  expect(await Promise.all(all("another"))).toEqual(["stale", "stale", "stale"]);
  await redis.hset(metaKey(0), "fence", "a token");
  expect(await Promise.all(all(STORE))).toEqual(["stale", "stale", "stale"]);
  await redis.hdel(metaKey(0), "fence");
  expect(await dump(redis)).toEqual(before);
  await expect(run("hold", STORE, "{x}", "", "", "0")).rejects.toThrow("cannot be read");
  await expect(run("due", STORE, owner, "0")).rejects.toThrow("cannot be read");
  await expect(run("low", STORE, "{x}")).rejects.toThrow("takes a product");
});

test("a key of a wrong type makes a repair fail before it writes", async () => {
  const { hold, owner, due } = await prepare();
  await redis.del(expiringKey(0, due), lowKey(0));
  await redis.set(expiringKey(0, due), "of a wrong type");
  await redis.set(lowKey(0), "of a wrong type");
  const text = (await redis.get(reservationKey(0, owner))) ?? "";
  const before = await dump(redis);
  const put = run("hold", STORE, owner, text, encodeHold(hold), `${due}`);
  await expect(put).rejects.toThrow("WRONGTYPE");
  await expect(run("due", STORE, owner, `${due}`)).rejects.toThrow("WRONGTYPE");
  await expect(run("low", STORE, "p1")).rejects.toThrow("WRONGTYPE");
  expect(await dump(redis)).toEqual(before);
  await redis.del(expiringKey(0, due), lowKey(0));
  await redis.rpush(expiringKey(0, due), owner);
});

describe("what is reserved of a level", () => {
  afterEach(() => redis.flushall());
  const lineOfReserved = (units: number, of = 1, id = "p1", payload = "ab"): string =>
    [id, "Warehouse A", units, `${of}`.repeat(32), payload.repeat(8), CONTEXT].join("\t");

  test("is set to what its holds have, once, and never beyond what there is", async () => {
    const { store, seq } = await prepare();
    const repair = (line: string, id = "p1") => store.repair("repairReserved", id, line, soon());
    expect(await repair(lineOfReserved(-2))).toBe("repaired");
    expect(await totals(store, "p1")).toEqual({ onHand: 50, reserved: 3, available: 47 });
    expect((await productOf(store, "p1")).seq).toBe(seq + 1);
    const before = await dump(redis);
    expect(await repair(lineOfReserved(-2))).toBe("replayed\trepaired");
    expect(await repair(lineOfReserved(-2, 1, "p1", "cd"))).toBe("key_reused");
    for (const units of [-4, 48]) expect(await repair(lineOfReserved(units, 2))).toBe("unfit");
    expect(await repair(lineOfReserved(1, 2, "ghost"), "ghost")).toBe("unknown");
    const elsewhere = lineOfReserved(1, 2).replace("Warehouse A", "Warehouse Z");
    expect(await repair(elsewhere)).toBe("unknown");
    expect(await dump(redis)).toEqual(before);
    for (const bad of ["p1", lineOfReserved(1.5), lineOfReserved(1e12 + 1)]) {
      await expect(repair(bad)).rejects.toThrow("cannot be read");
    }
    const words = wordsOfHeader("repair/reserved.lua").items;
    expect(answers.of("repair/reserved.lua").items).toEqual(words);
  });
});

test("a claim that no product has is given free, and another one stays", async () => {
  await redis.set(skuKey("SKU-1"), "ghost\t1");
  const free = (text: string) =>
    runScript(redis, loadScript("repair/free-sku.lua"), skuKey("SKU-1"), [text]);
  expect(await free("ghost\t2")).toBe("moved");
  expect(await free("ghost\t1")).toBe("repaired");
  expect(await free("ghost\t1")).toBe("moved");
  expect(await redis.exists(skuKey("SKU-1"))).toBe(0);
});
