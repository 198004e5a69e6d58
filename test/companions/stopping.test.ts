/** Services of the shop that are told to stop while the inventory takes calls and refuses or answers none. */
import { afterAll, expect, test } from "bun:test";
import { createPostgres } from "#postgres/client";
import { ADMIN, ask, openShop } from "#test/shop";
import { until } from "#test/until";

const TEST_MS_MAX = 60_000;
/** Of the ten seconds that a stop has by default. */
const STOP_MS_MAX = 5_000;

const shop = await openShop();
const sql = createPostgres(shop.databaseUrl);
afterAll(async () => {
  await sql.end();
  await shop[Symbol.asyncDispose]();
});

const never = Promise.withResolvers<Response>();
const STAND_INS: readonly (readonly [what: string, answer: () => Response | Promise<Response>])[] =
  [
    // As where its JWKS_URL is wrong.
    ["cannot verify tokens", () => Response.json({ code: "keys_unavailable" }, { status: 503 })],
    ["does not answer", () => never.promise],
  ];

test.each(STAND_INS)(
  "products and orders stop at once while the inventory %s, and nothing is lost",
  async (_what, answer) => {
    let asked = 0;
    await using inventory = Bun.serve({
      port: 0,
      fetch: () => {
        asked += 1;
        return answer();
      },
    });
    const env = { INVENTORY_URL: inventory.url.origin };
    const [products, orders] = await Promise.all([
      shop.start("products", env),
      shop.start("orders", env),
    ]);
    const admin = await shop.tokenOf(ADMIN);
    const before = asked;
    const body = { name: "a", price: 1 };
    const { status } = await ask(products, "POST", "/api/products", body, admin);
    expect(status).toBe(201);
    await until(() => asked > before, { withinMs: 10_000, what: "its item is asked for" });
    for (const service of [products, orders]) {
      const startedAt = performance.now();
      service.signal("SIGTERM");
      expect(await service.exitCode()).toBe(0);
      expect(performance.now() - startedAt).toBeLessThan(STOP_MS_MAX);
    }
    const left = await sql`SELECT 1 FROM products.outbox WHERE done_at IS NULL`;
    expect(left.length).toBeGreaterThan(0);
  },
  TEST_MS_MAX,
);
