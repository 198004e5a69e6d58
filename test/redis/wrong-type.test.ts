import { describe, expect, test } from "bun:test";
import { splitReservationId } from "#inventory/reservation-id";
import {
  batchKey,
  expiringKey,
  journalKey,
  limitedKey,
  limitKey,
  locationsKey,
  lowKey,
  metaKey,
  operationKey,
  recordKey,
  reservationKey,
  returnKey,
  ruleKey,
  stockKey,
  waitedKey,
  waitingKey,
  waitsKey,
} from "#redis/keys";
import { changeLine } from "#redis/lines";
import { KEY, prepare, RETURN_OWNER, VERBS, type Verb } from "#test/batches";
import { tableRows } from "#test/documents";
import { dump } from "#test/keyspace";
import { textOf } from "#test/packaging";
import { clockAt, redisOfFile, repliesOf, sendBatch } from "#test/redis";
import { endCommand } from "#test/store";

const { redis, open } = await redisOfFile();

/** Lists are the one type that no key has beside `expiring`, which gets a string. */
async function spoil(key: string): Promise<void> {
  await redis.del(key);
  if (key.includes(":expiring:")) await redis.set(key, "of a wrong type");
  else await redis.rpush(key, "of a wrong type");
}

/** Names of the keys that a verb writes on the prepared state, beside those that every batch does. */
const WRITTEN: Readonly<Record<Verb, readonly string[]>> = {
  initialize: ["stock", "low", "operation"],
  adjust: ["stock", "low", "operation"],
  amend: ["stock", "low", "operation"],
  reserve: ["stock", "low", "limit", "rule", "expiring", "operation"],
  sell: ["stock", "low", "limit", "rule", "operation"],
  return: ["stock", "low", "limit", "operation", "return"],
  extend: ["stock", "expiring", "operation"],
  // What is available stays as it is.
  reassign: ["stock", "expiring", "operation"],
  // A sale leaves what is available as it is, and with it the low set.
  confirm: ["stock", "operation"],
  cancel: ["stock", "low", "limit", "operation"],
  expire: ["stock", "low", "limit", "expiring"],
  // Nor does a transfer.
  transfer: ["stock", "operation"],
  count: ["stock", "low", "operation"],
  registerLocation: ["locations", "operation"],
  amendLocation: ["locations", "operation"],
  copyLocation: ["locations"],
  putLimit: ["records", "limited", "operation"],
  removeLimit: ["records", "limited", "operation"],
  scheduleCampaign: ["records", "operation"],
  stopCampaign: ["records", "operation"],
  removeCampaign: ["records", "operation"],
  turnCampaign: ["stock", "records"],
  join: ["stock", "records", "waiting", "waited", "waits", "operation"],
  leave: ["stock", "records", "waiting", "waited", "waits", "operation"],
  offer: ["stock", "records", "waiting", "waited", "waits", "low", "limit", "expiring"],
};

/** Which product of the prepared state a verb is about. */
const productOf = (verb: Verb): string => {
  if (verb === "initialize") return "p2";
  return verb === "join" || verb === "leave" || verb === "offer" ? "p3" : "p1";
};

/** Kind of the records that a verb puts or reads. */
function kindOf(verb: Verb): "waiting" | "campaign" | "limit" {
  if (productOf(verb) === "p3") return "waiting";
  return verb.endsWith("Campaign") ? "campaign" : "limit";
}

/** Keys without which a product cannot be offered to anybody. */
const OF_THE_LINE = new Set(["stock", "records", "waiting", "waits", "limit"]);

/** Name → key. */
function keysOf(verb: Verb, dueSecond: number): [name: string, key: string][] {
  const all: Readonly<Record<string, string>> = {
    meta: metaKey(0),
    batch: batchKey(0, "w", `${verb}-0`),
    journal: journalKey(0),
    stock: stockKey(0, productOf(verb)),
    low: lowKey(0),
    limit: limitKey(0, productOf(verb)),
    rule: ruleKey(0, "drop", "always"),
    limited: limitedKey(0),
    records: recordKey(0, kindOf(verb)),
    waiting: waitingKey(0, productOf(verb)),
    waited: waitedKey(0),
    waits: waitsKey(0),
    locations: locationsKey(0),
    operation: operationKey(0, KEY.key),
    expiring: expiringKey(0, dueSecond),
    return: returnKey(0, RETURN_OWNER),
  };
  const names = ["meta", "batch", "journal", ...WRITTEN[verb]];
  return names.map((name) => [name, all[name] ?? ""]);
}

describe.each(VERBS)("%s", (verb) => {
  test("fails on a wrong type under any key it would write, and writes nothing", async () => {
    const { store } = await open();
    const { hold, lines, owner } = await prepare(store);
    const keptDue = expiringKey(0, hold.expiresAt / 1_000);
    // The clock stands still, so that the second of a new due list is known.
    const now = verb === "expire" ? hold.expiresAt : hold.createdAt + 10_000;
    await clockAt(redis, now);
    // Nothing is due that nobody released: a line is joined at once.
    if (verb === "join") await redis.hset(metaKey(0), "swept", String(Math.floor(now / 1_000)));
    const seconds: Partial<Record<Verb, number>> = {
      reserve: 900,
      extend: 3_600,
      reassign: 50,
      offer: 70,
    };
    const inSeconds = seconds[verb] ?? 0;
    for (const [name, key] of keysOf(verb, Math.ceil(now / 1_000 + inSeconds))) {
      const isThere = (await redis.exists(key)) === 1;
      if (isThere) await redis.copy(key, "kept");
      await spoil(key);
      const before = await dump(redis);
      const sent = sendBatch(redis, verb, {}, lines[verb]);
      if (verb === "expire" && (name === "stock" || name === "limit")) {
        // A hold that cannot be released is told of, and keeps nobody else from expiring.
        expect(repliesOf(await sent)).toEqual([`expired\t0\t0\t${owner}`]);
        await redis.rpush(keptDue, owner);
        await redis.hset(metaKey(0), "swept", String(hold.expiresAt / 1_000 - 1));
      } else if (verb === "offer" && OF_THE_LINE.has(name)) {
        // Nor does a line that cannot be read keep others from being offered anything.
        expect(repliesOf(await sent), name).toEqual(["idle\t0\t0\t0\t\tp3\t1"]);
        await redis.zadd(waitedKey(0), 1, "p3");
        expect(await dump(redis), name).toEqual(before);
      } else {
        await expect(sent, name).rejects.toThrow("WRONGTYPE");
        expect(await dump(redis), name).toEqual(before);
      }
      await redis.del(key);
      if (isThere) await redis.rename("kept", key);
    }
    // With all of them as they were it goes through: they were what it failed on.
    const answer = await sendBatch(redis, verb, {}, lines[verb]);
    expect(answer).toStartWith("ok\t");
    const [reply = ""] = repliesOf(answer);
    expect(reply).toMatch(
      /^(?:initialized|adjusted|amended|reserved|reassigned|sold|returned|done|transferred|counted|registered|copied|made|scheduled|stopped|removed|turned|expired\t1|joined|left|offered)/,
    );
  });
});

test("a late sale fails on a wrong type under the key that its repeats find it by", async () => {
  const { store } = await open();
  const { hold, owner } = await prepare(store);
  await clockAt(redis, hold.expiresAt);
  const line = changeLine(endCommand(hold.reservationId), "saleaaaa;");
  const { generation } = splitReservationId(hold.reservationId);
  const key = operationKey(0, `${owner}-${generation}`);
  await spoil(key);
  const before = await dump(redis);
  await expect(sendBatch(redis, "confirm", {}, [line])).rejects.toThrow("WRONGTYPE");
  expect(await dump(redis)).toEqual(before);
  await redis.del(key);
  expect(repliesOf(await sendBatch(redis, "confirm", {}, [line]))[0]).toStartWith("done\t");
  expect(await redis.type(key)).toBe("string");
});

test("a hold that is given away fails on a wrong type under the key that its repeats find it by", async () => {
  const { store } = await open();
  const { hold, owner, lines } = await prepare(store);
  const { generation } = splitReservationId(hold.reservationId);
  const key = operationKey(0, `${owner}-${generation}`);
  await spoil(key);
  const before = await dump(redis);
  const sent = sendBatch(redis, "reassign", {}, lines.reassign);
  await expect(sent).rejects.toThrow("WRONGTYPE");
  expect(await dump(redis)).toEqual(before);
  await redis.del(key);
  const [reply] = repliesOf(await sendBatch(redis, "reassign", {}, lines.reassign));
  expect(reply).toStartWith("reassigned\t");
  expect(await redis.type(key)).toBe("string");
});

describe("a wrong type under a reservation counts as no record:", () => {
  test.each(["confirm", "cancel", "extend", "reassign"] as const)(
    "%s knows no such hold, and changes nothing",
    async (verb) => {
      const { store } = await open();
      const { owner, lines } = await prepare(store);
      await redis.copy(reservationKey(0, owner), "kept");
      await spoil(reservationKey(0, owner));
      const before = await dump(redis);
      expect(repliesOf(await sendBatch(redis, verb, {}, lines[verb]))).toEqual(["unknown"]);
      expect(await dump(redis)).toEqual(before);
      await redis.rename("kept", reservationKey(0, owner));
    },
  );

  test("expire passes over it", async () => {
    const { store } = await open();
    const { owner, hold } = await prepare(store);
    await redis.copy(reservationKey(0, owner), "kept");
    await spoil(reservationKey(0, owner));
    await clockAt(redis, hold.expiresAt);
    expect(await store.expire(0)).toEqual({ expired: 0, more: false });
    expect(await redis.hget(stockKey(0, "p1"), "reserved:Warehouse A")).toBe("40");
    await redis.rename("kept", reservationKey(0, owner));
    expect((await store.cancel(endCommand(hold.reservationId))).kind).toBe("expired");
  });
});

test("docs/keyspace.md names who writes each of these keys", () => {
  const rows = tableRows(textOf("docs/keyspace.md"), "Keys in Redis").map(
    ([key = "", , , writers = ""]) => [/^`\{pN\}:(\w+)/.exec(key)?.[1], writers] as const,
  );
  const written = VERBS.flatMap((verb) => WRITTEN[verb].map((name) => [verb, name] as const));
  expect(written.length).toBeGreaterThan(30);
  const lacking = written.filter(([verb, name]) => {
    const known = name === "rule" ? "limit" : name;
    const [, writers = ""] = rows.find(([key]) => key === known) ?? [];
    const word = verb.replace(/Location|Limit|Campaign/, "");
    return !new RegExp(`\\b(?:${word}|every verb)\\b`).test(writers);
  });
  expect(lacking.map(([verb, name]) => `${verb} writes ${name}`)).toEqual([]);
});
