import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { Charge, type Quota } from "#inventory/rates";
import { started } from "#test/campaigns";
import { keysLike, valueOf } from "#test/keyspace";
import { clockAt, redisOfFile } from "#test/redis";
import {
  adjustCommand,
  amendCommand,
  amendLocationCommand,
  countCommand,
  endCommand,
  extendCommand,
  initialize,
  joinCommand,
  product,
  putLimitCommand,
  operation,
  registerLocationCommand,
  reserve,
  reserveCommand,
  transferCommand,
  productOf,
  reassignCommand,
  returnCommand,
  sellCommand,
} from "#test/store";

const { redis, open } = await redisOfFile();

/** docs/keyspace.md is the contract: what Redis holds is held against its table. */
interface Pattern {
  readonly name: string;
  readonly key: RegExp;
  readonly type: string;
  readonly fields: ReadonlyMap<string, RegExp>;
  readonly lives: string;
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, min: 60_000, h: 3_600_000 };

function documented(): Pattern[] {
  const text = readFileSync(join(import.meta.dir, "../../docs/keyspace.md"), "utf8");
  const rows = text.split("\n").filter((line) => line.startsWith("| `"));
  return rows.map((row) => {
    const [name = "", type = "", holds = "", , lives = ""] = row
      .split("|")
      .slice(1)
      .map((cell) => cell.trim());
    const hasFields = type === "hash" || type === "stream";
    const fields = hasFields
      ? [...holds.matchAll(/`([^`]+)`/g)].map(([, field = ""]) => field)
      : [];
    return {
      name: name.replaceAll("`", ""),
      key: patternOf(name.replaceAll("`", "")),
      type,
      fields: new Map(fields.map((field) => [field, patternOf(field)])),
      lives,
    };
  });
}

/** `{pN}:stock:<product>` → what such a key looks like. */
function patternOf(name: string): RegExp {
  const escaped = RegExp.escape(name.replaceAll(/<[^>]+>/g, "<>").replace("{pN}", "{}"));
  const parts = escaped.replaceAll(RegExp.escape("<>"), "[^:{}]+");
  return new RegExp(`^${parts.replace(RegExp.escape("{}"), String.raw`\{p\d+\}`)}$`);
}

/** Leaves at least one key of every pattern, with every field. */
async function runEveryVerb(): Promise<void> {
  const { store, waitlist } = await open();
  const keyed = { operation: operation("k1") };
  await initialize(store, "p1", 50, { name: "a name", price: 1.5, maxPerCustomer: 30, ...keyed });
  await initialize(store, "p2", 0);
  await store.adjust(adjustCommand("p1", 5, { type: "RESTOCK", operation: operation("k2") }));
  await store.amend(amendCommand("p1", { safetyStock: 1 }, { operation: operation("k3") }));
  await store.amend(amendCommand("p2", { maxPerCustomer: 30 }));
  await store.transfer(transferCommand("p1", 5));
  await store.count(countCommand("p1", 49));
  await store.registerLocation(registerLocationCommand("Warehouse B", { priority: 1 }));
  await store.amendLocation(amendLocationCommand("Warehouse B", { name: "a name" }));
  const over = { products: [product("p1")], counts: "held", maxUnits: 90, maxHolds: 9 } as const;
  await store.putLimit(putLimitCommand("hoard", over));
  await clockAt(redis, (await productOf(store, "p1")).createdAt + 60_000);
  const sold = await reserve(store, "o1", { p1: 1 }, { operation: operation("k4") });
  const dropped = await reserve(store, "o2", { p1: 2 });
  const live = await reserve(store, "o3", { p1: 3 });
  const due = await reserve(store, "o4", { p1: 4 }, { holdSeconds: 60 });
  await store.sell(sellCommand("p1", 1));
  const { seq } = await productOf(store, "p1");
  await store.return(returnCommand("p1", 1, { seq, sold: 1, returned: 0 }));
  await store.confirm(endCommand(sold.reservationId));
  await store.cancel(endCommand(dropped.reservationId));
  const guest = await reserve(store, "guest", { p1: 1 });
  await store.reassign(reassignCommand(guest.reservationId, "account"));
  await started(store, { p1: 1 });
  await store.extend(extendCommand(live.reservationId, 3_600));
  await clockAt(redis, due.expiresAt);
  expect(await store.expire(0)).toMatchObject({ expired: 1 });
  const hourly: Quota = { name: "customer", requests: 1, seconds: 3_600 };
  const charge = new Charge([{ quota: hourly, identity: "c1" }]);
  await store.reserve(reserveCommand("o3", { p1: 4 }, { charge }));
  await waitlist.join(joinCommand("p2", "waits", 1));
  await waitlist.join(joinCommand("p2", "waits too", 9));
  await store.adjust(adjustCommand("p2", 5));
  await redis.hset("{p0}:meta", { fence: "behind:99", rebuilt: "1" });
}

function fieldsOf(value: unknown, type: string): string[] {
  if (type === "hash") return Object.keys(Object(value));
  if (type !== "stream" || !Array.isArray(value)) return [];
  return value.flatMap(([, flat]: [string, string[]]) => flat.filter((_, i) => i % 2 === 0));
}

test("Redis holds what docs/keyspace.md says, all of it and nothing else", async () => {
  const patterns = documented();
  expect(patterns.length).toBeGreaterThan(5);
  await runEveryVerb();
  const seen = new Set<string>();
  const keys = await keysLike(redis);
  for (const key of keys) {
    const matching = patterns.filter((pattern) => pattern.key.test(key));
    expect(
      matching.map(({ name }) => name),
      `${key} is documented once`,
    ).toHaveLength(1);
    const [pattern] = matching;
    if (!pattern) continue;
    seen.add(pattern.name);
    expect(await redis.type(key), key).toBe(pattern.type);
    const value = await valueOf(redis, key, pattern.type);
    for (const field of fieldsOf(value, pattern.type)) {
      const [known] = [...pattern.fields].find(([, expression]) => expression.test(field)) ?? [];
      expect(known, `${key} has the field ${field}`).toBeDefined();
      seen.add(`${pattern.name} ${known}`);
    }
    await expectLife(key, pattern.lives);
  }
  const promised = patterns.flatMap(({ name, fields }) => [
    name,
    ...[...fields.keys()].map((field) => `${name} ${field}`),
  ]);
  expect(promised.filter((name) => !seen.has(name))).toEqual([]);
  expect(keys.length).toBeGreaterThan(15);
});

/** A key that goes by itself does so within the time its row names; others say what ends them. */
async function expectLife(key: string, lives: string): Promise<void> {
  const leftMs = await redis.pttl(key);
  const times = [...lives.matchAll(/(\d+) (s|min|h)\b/g)].map(
    ([, amount, unit = ""]) => Number(amount) * (UNIT_MS[unit] ?? Number.NaN),
  );
  if (leftMs < 0) {
    expect(lives, key).toMatch(/for ever|until/);
    return;
  }
  const fitting = times.filter((ms) => leftMs <= ms && leftMs > ms - 60_000);
  expect(fitting, `${key} lives for ${leftMs} ms`).toHaveLength(1);
}
