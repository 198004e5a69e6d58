/** The documents of the companions: each tells of every call that is served, and of no other. */
import { afterAll, describe, expect, test } from "bun:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import type { Hono } from "hono";
import { createGatewayApp } from "#companions/gateway/app";
import { followInstances } from "#companions/gateway/instances";
import { createOrdersApp } from "#companions/orders/app";
import { createHolds, createInventory } from "#companions/orders/holds";
import { createPaid } from "#companions/orders/paid";
import { createPayments } from "#companions/orders/payments";
import { createPrices } from "#companions/orders/prices";
import { createSteps } from "#companions/orders/steps";
import { createOrders } from "#companions/orders/store";
import { createPaymentApp } from "#companions/payment/app";
import { createOrdersOfPayment } from "#companions/payment/orders";
import { createPayments as createPaymentStore } from "#companions/payment/store";
import { createProductsApp } from "#companions/products/app";
import { createStockOfProducts } from "#companions/products/stock";
import { createProducts } from "#companions/products/store";
import { createRegistryApp } from "#companions/registry/app";
import { Leases } from "#companions/registry/leases";
import type { ShellEnv } from "#companions/shell/app";
import { createDemand } from "#companions/shell/caller";
import { createUsersApp } from "#companions/users/app";
import { createAccounts } from "#companions/users/accounts";
import { Attempts } from "#companions/users/attempts";
import { KeyRing } from "#companions/users/keys";
import { Passwords } from "#companions/users/passwords";
import { createLog } from "#lib/log";
import { createPostgres } from "#postgres/client";
import { connectRedis } from "#redis/client";
import { ApiDocument } from "#test/documented";

/** Nobody listens there, and nobody is asked: documents are of the code alone. */
const NOWHERE = "http://127.0.0.1:9";
const sql = createPostgres("postgres://127.0.0.1:9/none");
const redis = connectRedis("redis://127.0.0.1:9", "documents");
redis.on("error", () => undefined);
afterAll(() => redis.disconnect());
const log = createLog({ level: "error", format: "text" });

function appsOf(docsPublic: boolean): Readonly<Record<string, Hono<ShellEnv>>> {
  const demand = createDemand({ jwksUrl: `${NOWHERE}/jwks.json`, isOpen: false });
  const token = () => Promise.resolve("");
  const relay = { wake: () => Promise.resolve() };
  const shared = { version: "1.2.3", log, isAway: () => true, docsPublic, demand };
  const addressOf = () => "127.0.0.1";
  const stock = createStockOfProducts({ url: NOWHERE, token });
  const orders = createOrders(sql);
  const steps = createSteps(orders, createHolds(createInventory(NOWHERE, token)), log);
  const fixed = { users: null, products: null, orders: null, payment: null, inventory: null };
  return {
    registry: createRegistryApp({ ...shared, leases: new Leases(redis), password: "swordfish" }),
    users: createUsersApp({
      ...shared,
      accounts: createAccounts(sql, new Passwords()),
      attempts: new Attempts(redis),
      keys: new KeyRing({ sql, tokenSeconds: 60, now: Date.now }),
      tokenSeconds: 60,
      addressOf,
    }),
    products: createProductsApp({
      ...shared,
      products: createProducts(sql),
      stock,
      removing: { remove: () => Promise.resolve(null) },
      relay,
    }),
    orders: createOrdersApp({
      ...shared,
      orders,
      steps,
      prices: createPrices(NOWHERE),
      relay,
      payments: createPayments({ orders, steps, paid: createPaid(sql) }),
      paymentSecrets: ["a secret"],
    }),
    payment: createPaymentApp({
      ...shared,
      payments: createPaymentStore(sql),
      orders: createOrdersOfPayment({ url: NOWHERE, token, secrets: ["a secret"] }),
      relay,
    }),
    gateway: createGatewayApp({
      ...shared,
      instances: followInstances({ registries: [], fixed, log }),
      registries: [],
      addressOf,
    }),
  };
}

const read = await Promise.all(
  Object.entries(appsOf(true)).map(async ([name, app]) => {
    const text = await (await app.request("/openapi.json")).text();
    return [name, app, text] as const;
  }),
);

describe.each(read)("the document of %s", (_, app, text) => {
  const document = ApiDocument.parse(JSON.parse(text));
  const operations = Object.entries(document.paths).flatMap(([path, byMethod]) =>
    Object.entries(byMethod).map(([method, operation]) => ({ path, method, ...operation })),
  );

  test("is valid OpenAPI 3.1, by another's schema", async () => {
    expect(document.openapi).toStartWith("3.1.");
    expect(document["info"]).toMatchObject({ version: "1.2.3" });
    expect(await new Validator().validate(JSON.parse(text))).toEqual({ valid: true });
  });

  test("names the calls that are served, and no other", () => {
    // What stands before several calls, and what a gateway sends on, is for every method.
    const served = app.routes.filter(({ method }) => method !== "ALL");
    const calls = served.map(({ method, path }) =>
      `${method} ${path}`.replaceAll(/:(\w+)/g, "{$1}"),
    );
    const documented = operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
    expect(calls.length).toBeGreaterThan(10);
    expect(documented.toSorted()).toEqual(calls.toSorted());
  });

  test("gives every call an id of its own, and says what is answered", () => {
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { responses } of operations) {
      const good = Object.keys(responses).filter((status) => status.startsWith("2"));
      expect(good).toHaveLength(1);
    }
  });

  test("says that a token or a password is needed where it is, and only there", async () => {
    for (const { path, method, security } of operations) {
      const url = path.replaceAll(/\{\w+\}/g, "1");
      const { status, headers } = await app.request(url, { method: method.toUpperCase() });
      const isNeeded = security.length > 0;
      expect([method, path, status === 401]).toEqual([method, path, isNeeded]);
      expect([method, path, headers.has("www-authenticate")]).toEqual([method, path, isNeeded]);
    }
  });
});

test("each page runs no script but ours, and names files that are served, and none elsewhere", async () => {
  for (const [name, app] of read) {
    const page = await app.request("/docs");
    const policy = page.headers.get("content-security-policy") ?? "";
    expect([name, policy.split("; ").includes("script-src 'self'")]).toEqual([name, true]);
    expect([name, policy.startsWith("default-src 'none'")]).toEqual([name, true]);
    const named = (await page.text()).matchAll(/(?:src|href)="([^"]+\.(?:js|css))"/g);
    const files = Array.from(named, ([, file = ""]) => new URL(file, "http://shop.test/docs"));
    expect([name, files.length]).toEqual([name, 3]);
    for (const { host, pathname } of files) {
      const { status } = await app.request(pathname);
      expect([name, host, pathname, status]).toEqual([name, "shop.test", pathname, 200]);
    }
  }
});

test("where documents are not public, each asks who reads them", async () => {
  for (const [name, app] of Object.entries(appsOf(false))) {
    for (const path of ["/openapi.json", "/docs", "/docs/swagger-ui-bundle.js"]) {
      expect([name, path, (await app.request(path)).status]).toEqual([name, path, 401]);
    }
  }
});
