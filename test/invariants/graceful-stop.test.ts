import { expect, test } from "bun:test";
import { randomId } from "#lib/ids";
import { audit, type Acknowledged } from "#test/audit";
import { Caller } from "#test/caller";
import { startRawClients, type RawRequest } from "#test/raw-client";
import { startRedis, testDatabase } from "#test/servers";
import { startService, tokenOf } from "#test/service";
import { until } from "#test/until";

const CLIENTS = 64;
const ANSWERS_MIN = 1_000;
const STOP_MS_MAX = 5_000;
const TEST_MS_MAX = 60_000;

function adjustment(host: string, token: string): RawRequest {
  const requestId = randomId(16);
  const body = JSON.stringify({ quantity: 1, type: "RESTOCK" });
  const lines = [
    "PATCH /api/inventory/product/kept/stock HTTP/1.1",
    `Host: ${host}`,
    `Authorization: Bearer ${token}`,
    `X-Request-Id: ${requestId}`,
    `Idempotency-Key: ${requestId}`,
    "Content-Type: application/json",
    `Content-Length: ${body.length}`,
  ];
  return { requestId, text: `${lines.join("\r\n")}\r\n\r\n${body}` };
}

test(
  "SIGTERM under load: every request that was sent is answered, exit 0, nothing is lost",
  async () => {
    await using redis = await startRedis();
    await using database = await testDatabase();
    const servers = { redisUrl: redis.url, databaseUrl: database.url };
    await using service = await startService(servers);
    const token = await tokenOf("admin", "administrator");
    const product = { productId: "kept", sku: "KEPT", initialStock: 0 };
    const path = "/initialize";
    await new Caller(service.url).once({ method: "POST", path, token, body: product });

    const { host } = new URL(service.url);
    const clients = startRawClients(service.url, CLIENTS, () => adjustment(host, token));
    await until(() => (clients.answers.get("200") ?? 0) > ANSWERS_MIN, {
      withinMs: 20_000,
      what: "the load runs",
    });
    // Readiness of a connection that was open before: a balancer keeps its own.
    const readiness: number[] = [];
    const stoppedAt = performance.now();
    service.signal("SIGTERM");
    const watch = until(
      async () => {
        const response = await fetch(`${service.url}/health/ready`);
        readiness.push(response.status);
        await response.body?.cancel();
        return response.status === 503;
      },
      { withinMs: STOP_MS_MAX, what: "readiness fails" },
    );
    await Promise.all([watch, clients.ended]);
    expect(await service.exitCode()).toBe(0);
    const stoppedInMs = Math.round(performance.now() - stoppedAt);
    expect(stoppedInMs).toBeLessThan(STOP_MS_MAX);

    const { answers, bodies } = clients;
    expect(answers.get("lost") ?? 0).toBe(0);
    expect([...answers.keys()].filter((name) => !/^(200|503|refused .*)$/.test(name))).toEqual([]);
    const stopping = bodies.filter(({ status }) => status === 503);
    expect(stopping.filter(({ text }) => !text.includes('"code":"stopping"'))).toEqual([]);
    expect(readiness.at(-1)).toBe(503);

    await service.restart();
    const acknowledged = bodies
      .filter(({ status }) => status === 200)
      .map(({ requestId }): Acknowledged => {
        return { requestId, type: "RESTOCK", units: 1, reservationId: null };
      });
    const read = await new Caller(service.url).once({
      method: "GET",
      path: "/product/kept",
      token,
    });
    expect(read.body).toMatchObject({ totalStock: acknowledged.length });
    await reserveOne(service.url, token);
    const audited = await audit({ ...servers, acknowledged });
    console.log(`stopped in ${stoppedInMs} ms:`, Object.fromEntries(answers), audited);
  },
  TEST_MS_MAX,
);

/** So that the audit finds a hold too. */
async function reserveOne(url: string, token: string): Promise<void> {
  const path = "/product/kept/reserve";
  const body = { quantity: 1, orderId: "order" };
  expect((await new Caller(url).once({ method: "POST", path, token, body })).status).toBe(201);
}
