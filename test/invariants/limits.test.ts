/** A limit for each customer over HTTP: raced for, while a process is killed, and after a Redis lost all. */
import { expect, test } from "bun:test";
import { Redis } from "ioredis";
import { z } from "zod";
import { audit, type Acknowledged } from "#test/audit";
import { Caller, codeIn, inventoryOf, reservationIn, type Answer } from "#test/caller";
import { startRedis, testDatabase } from "#test/servers";
import { startService, tokenOf } from "#test/service";
import { until } from "#test/until";

const ORDERS = 200;
const LIMIT = 5;
const UNITS = 1_000;
const TEST_MS_MAX = 90_000;
const REBUILT_MS_MAX = 30_000;

const Refusal = z.object({
  lines: z.array(z.object({ limit: z.looseObject({ maxPerCustomer: z.int(), left: z.int() }) })),
});
const Planned = z.object({ campaign: z.object({ campaignId: z.string() }) });
const Movements = z.object({ movements: z.array(z.unknown()) });

const KINDS = ["the product's own limit", "a limit over a group", "a campaign's limit"];

test.each(KINDS)(
  `${ORDERS} orders of one customer never have more than ${LIMIT} units by %s, a killed process and a lost Redis or not`,
  async (which) => {
    const isOwn = which === "the product's own limit";
    const isNamed = which === "a limit over a group";
    await using redis = await startRedis();
    await using database = await testDatabase();
    const servers = { redisUrl: redis.url, databaseUrl: database.url };
    await using all = await startService({ ...servers, role: "all" });
    await using api = await startService({ ...servers, role: "api" });
    const both = new Caller(all.url, api.url);
    const one = new Caller(all.url);
    const staff = await tokenOf("admin", "administrator");
    const carol = await tokenOf("customer", "carol");
    for (const productId of ["rare", "other"]) {
      const own = isOwn ? { maxPerCustomer: LIMIT } : {};
      const body = { productId, sku: productId, initialStock: UNITS, ...own };
      const made = { method: "POST", path: "/initialize", token: staff, body } as const;
      expect((await one.call(made)).status).toBe(201);
    }
    const limit = { products: ["rare", "other"], maxUnits: LIMIT };
    const put = { method: "PUT", path: "/limits/drop", token: staff, body: limit } as const;
    if (isNamed) expect((await one.call(put)).status).toBe(201);
    const [startsAt, endsAt] = [Date.now(), Date.now() + 3_600_000];
    const plan = {
      name: "drop",
      location: "default",
      startsAt: new Date(startsAt).toISOString(),
      endsAt: new Date(endsAt).toISOString(),
      products: [{ productId: "rare", quantity: UNITS }],
      maxPerCustomer: LIMIT,
    };
    const planned = { method: "POST", path: "/campaigns", token: staff, body: plan } as const;
    const { campaignId = null } =
      isOwn || isNamed ? {} : Planned.parse((await one.call(planned)).body).campaign;
    const through = campaignId === null ? {} : { campaign: campaignId };

    const named = {
      ...(isNamed ? { limitId: "drop", maxUnits: LIMIT } : {}),
      ...(campaignId === null ? {} : { campaignId, windowEndsAt: plan.endsAt }),
    };
    const order = (caller: Caller, orderId: string) =>
      caller.call({
        method: "POST",
        path: "/product/rare/reserve",
        token: carol,
        body: { quantity: 1, orderId, ...through },
      });
    const race = async (name: string, caller: Caller, strike?: () => Promise<void>) => {
      const asked = Array.from({ length: ORDERS }, (_, i) => order(caller, `${name}-${i}`));
      const [answers] = await Promise.all([Promise.all(asked), strike?.()]);
      const held = answers.filter(({ status }) => status === 201);
      const refused = answers.filter(({ status }) => status === 409);
      expect(held.length + refused.length).toBe(ORDERS);
      expect(new Set(refused.map(codeIn))).toEqual(new Set(["limit_exceeded"]));
      for (const answer of refused) {
        const [line] = Refusal.parse(answer.body).lines;
        expect(line?.limit).toEqual({ maxPerCustomer: LIMIT, left: 0, ...named });
      }
      return held;
    };
    const first = await race("first", both, () => api.kill());
    expect(first).toHaveLength(LIMIT);

    // The ledger has all of it; then Redis has nothing.
    const history = {
      method: "GET",
      path: "/product/rare/movements?limit=50",
      token: staff,
    } as const;
    const movements = async () => Movements.parse((await one.call(history)).body).movements.length;
    // Two more brought the units of a campaign aside.
    const known = LIMIT + 1 + (campaignId === null ? 0 : 2);
    await until(async () => (await movements()) === known, {
      withinMs: REBUILT_MS_MAX,
      what: "the ledger has every hold",
    });
    const client = new Redis(redis.url);
    await client.flushall();
    client.disconnect();
    expect(await race("second", one)).toHaveLength(0);

    // What is given back may be taken again, once.
    const [given, bought] = first.map((answer) => reservationIn(answer).reservationId);
    const end = (id: string | undefined, verb: "confirm" | "cancel"): Promise<Answer> =>
      one.call({ method: "POST", path: `/reservation/${id}/${verb}`, token: carol });
    expect((await end(given, "cancel")).status).toBe(200);
    expect((await end(bought, "confirm")).status).toBe(200);
    const third = await race("third", one);
    expect(third).toHaveLength(1);

    const read = { method: "GET", path: "/product/rare", token: staff } as const;
    expect(inventoryOf(await one.call(read))).toMatchObject({
      reservedStock: LIMIT - 1,
      totalStock: UNITS - 1,
    });
    const acknowledged = [...first, ...third].map((answer): Acknowledged => {
      const { reservationId } = reservationIn(answer);
      return { requestId: answer.requestId, type: "RESERVE", units: 1, reservationId };
    });
    const audited = await audit({ ...servers, acknowledged });
    expect(audited.redis.holds).toBe(LIMIT - 1);
  },
  TEST_MS_MAX,
);
