import { expect, test } from "bun:test";
import { audit, type Acknowledged } from "#test/audit";
import { Caller, codeIn, inventoryOf, reservationIn } from "#test/caller";
import { startRedis, testDatabase } from "#test/servers";
import { startService, tokenOf } from "#test/service";

const CALLERS = 500;
const UNITS = 50;
const TEST_MS_MAX = 60_000;

test(
  "500 callers with 500 tokens race for 50 units over HTTP: exactly 50 hold, 450 get 409",
  async () => {
    await using redis = await startRedis();
    await using database = await testDatabase();
    const servers = { redisUrl: redis.url, databaseUrl: database.url };
    await using service = await startService(servers);
    const caller = new Caller(service.url);
    const admin = await tokenOf("admin", "administrator");
    const tokens = await Promise.all(
      Array.from({ length: CALLERS }, (_, i) => tokenOf("customer", `customer-${i}`)),
    );
    const product = { productId: "last-units", sku: "LAST-UNITS", initialStock: UNITS };
    const made = await caller.once({
      method: "POST",
      path: "/initialize",
      token: admin,
      body: product,
    });
    expect(made.status).toBe(201);

    const startedAt = performance.now();
    const answers = await Promise.all(
      tokens.map((token, i) => {
        const path = "/product/last-units/reserve";
        const body = { quantity: 1, orderId: `order-${i}` };
        return caller.once({ method: "POST", path, token, body });
      }),
    );
    const raceMs = Math.round(performance.now() - startedAt);

    const held = answers.filter(({ status }) => status === 201);
    const refused = answers.filter(({ status }) => status === 409);
    expect([held.length, refused.length]).toEqual([UNITS, CALLERS - UNITS]);
    expect(new Set(refused.map(codeIn))).toEqual(new Set(["insufficient_stock"]));
    const ids = new Set(held.map((answer) => reservationIn(answer).reservationId));
    expect(ids.size).toBe(UNITS);
    const read = { method: "GET", path: "/product/last-units", token: admin } as const;
    const after = inventoryOf(await caller.once(read));
    expect(after).toMatchObject({ availableStock: 0, reservedStock: UNITS, totalStock: UNITS });

    const acknowledged = held.map((answer): Acknowledged => {
      const { reservationId } = reservationIn(answer);
      return { requestId: answer.requestId, type: "RESERVE", units: 1, reservationId };
    });
    const audited = await audit({ ...servers, acknowledged });
    expect(audited.redis.holds).toBe(UNITS);
    const invented: Acknowledged = { requestId: "-", type: "SALE", units: 1, reservationId: null };
    const lost = audit({ ...servers, acknowledged: [...acknowledged, invented] });
    await expect(lost).rejects.toThrow("the ledger has 0");
    console.log(`${CALLERS} callers, ${UNITS} units: ${raceMs} ms`, audited);
  },
  TEST_MS_MAX,
);
