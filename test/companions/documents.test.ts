/** The documents of a living shop, read through the gateway, and whether each answer is as they say. */
import { afterAll, expect, test } from "bun:test";
import { z } from "zod";
import { complaintsOf, startBrowser } from "#test/browser";
import { ApiDocument, documentedBy, operationFinder } from "#test/documented";
import { ADMIN, ask, JOHN, openShop } from "#test/shop";
import * as steps from "#test/shop-steps";
import { until } from "#test/until";

const TEST_MS_MAX = 60_000;
const SHOWN_MS_MAX = 20_000;
/** What every answer of a companion says of how it is shown; documents are silent of it. */
const CARRIED = new Set([
  "cross-origin-opener-policy",
  "cross-origin-resource-policy",
  "etag",
  "origin-agent-cluster",
  "strict-transport-security",
  "x-dns-prefetch-control",
  "x-download-options",
  "x-frame-options",
  "x-permitted-cross-domain-policies",
  "x-xss-protection",
]);

const shop = await openShop({ registry: true });
const products = await shop.start("products");
const orders = await shop.start("orders", { PRODUCTS_URL: products.url });
const payment = await shop.start("payment", { ORDERS_URL: orders.url });
const gateway = await shop.start("gateway");
const tokens = {
  admin: await shop.tokenOf(ADMIN),
  customer: await shop.tokenOf(JOHN),
  nobody: "x",
};
afterAll(() => shop[Symbol.asyncDispose]());

const { users, registry } = shop;
if (registry === null) throw new Error("the shop has no registry");
const services = { registry, users, products, orders, payment, gateway, inventory: gateway };
const Known = z.looseObject({ services: z.array(z.looseObject({ name: z.string() })) });
await until(
  async () => {
    const { body } = await ask(gateway, "GET", "/registry/instances");
    return Known.parse(body).services.length === 6;
  },
  { withinMs: 15_000, what: "the gateway knows all services" },
);
const documents = new Map(
  await Promise.all(
    steps.DOCUMENTED.map(async (name) => {
      const path = name === "gateway" ? "/openapi.json" : `/docs/${name}/openapi.json`;
      const { body } = await ask(gateway, "GET", path);
      return [name, ApiDocument.parse(body)] as const;
    }),
  ),
);

/** Makes the call, through the gateway where that is a way; answers what its document does not say. */
async function walked(step: steps.Step): Promise<string | null> {
  const { of, method, path, as, body, headers = {} } = step;
  const isBehind =
    ["users", "products", "orders", "payment"].includes(of) && path.startsWith("/api/");
  const { url } = isBehind ? gateway : services[of];
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...headers,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(as === undefined ? {} : { authorization: `Bearer ${tokens[as]}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (response.status !== step.status) return `was answered ${response.status}: ${text}`;
  const document = documents.get(of);
  if (document === undefined) return "has no document";
  if (operationFinder(document)(method, path) === null) return "is in no document";
  const { status, headers: told } = response;
  return documentedBy(document, CARRIED)({ status, headers: told, method, path, text });
}

test(
  "every call of each service is answered as its document says, and none is left out",
  async () => {
    const units = { price: 3, initialStock: 20 };
    for (const name of ["First", "Second"]) {
      expect((await ask(products, "POST", "/api/products", { name, ...units })).status).toBe(201);
    }
    await until(async () => (await ask(gateway, "GET", "/api/inventory/2")).status === 200, {
      withinMs: 10_000,
      what: "their items are there",
    });
    const cart = { customerId: "c1", items: [{ productId: 1, quantity: 1 }] };
    const idIn = z.looseObject({ id: z.int() });
    const order = async () => idIn.parse((await ask(gateway, "POST", "/api/orders", cart)).body).id;
    const [first, paid, payable] = [await order(), await order(), await order()];
    expect(first).toBe(1);
    const pay = { orderId: paid, method: "card_open" };
    const { id } = z
      .looseObject({ id: z.string() })
      .parse((await ask(gateway, "POST", "/api/payments", pay)).body);
    const walk = [
      ...steps.DOCUMENTED.filter((name) => name !== "inventory").flatMap(steps.ofShell),
      ...["/eureka/v2", "/eureka"].flatMap(steps.ofRegistry),
      ...steps.ofUsers(),
      ...steps.ofPayment(paid, payable, id),
      ...steps.ofOrders(),
      ...steps.ofProducts(),
      ...steps.ofInventory(),
      ...steps.OF_GATEWAY,
    ];
    const wrong: string[] = [];
    for (const step of walk) {
      const found = await walked(step);
      if (found !== null) wrong.push(`${step.of} ${step.method} ${step.path}: ${found}`);
    }
    expect(wrong).toEqual([]);
    const walkedTo = new Set(
      walk.map(({ of, method, path }) => {
        const document = documents.get(of);
        return document === undefined ? null : operationFinder(document)(method, path);
      }),
    );
    const left = steps.DOCUMENTED.flatMap((name) => {
      const { paths = {} } = documents.get(name) ?? {};
      return Object.entries(paths).flatMap(([path, byMethod]) =>
        Object.entries(byMethod)
          .filter(([, operation]) => !walkedTo.has(operation))
          .map(([method]) => `${name} ${method} ${path}`),
      );
    });
    // The inventory's own calls are walked where it is tested.
    expect(left.filter((call) => !call.startsWith("inventory"))).toEqual([]);
    expect(walk.length).toBeGreaterThan(130);
  },
  TEST_MS_MAX,
);

test(
  "the page of the gateway shows the document that is chosen, asks no other server, and no policy is broken",
  async () => {
    const browser = await startBrowser();
    try {
      const page = await browser.newPage();
      const complaints = complaintsOf(page);
      const asked = new Set<string>();
      page.on("request", (request) => {
        if (!request.url().startsWith("data:")) asked.add(new URL(request.url()).origin);
      });
      await page.goto(`${gateway.url}/docs`);
      for (const name of ["registry", "orders", "gateway"] as const) {
        await page.locator(`nav a:text-is("${name}")`).click();
        await page.locator(".opblock").first().waitFor({ timeout: SHOWN_MS_MAX });
        const calls = Object.values(documents.get(name)?.paths ?? {}).flatMap(Object.keys);
        expect([name, await page.locator(".opblock").count()]).toEqual([name, calls.length]);
      }
      expect([...asked]).toEqual([new URL(gateway.url).origin]);
      expect(complaints).toEqual([]);
    } finally {
      await browser.close();
    }
  },
  TEST_MS_MAX,
);

test("a service that is away has no document, and the gateway says so", async () => {
  await payment[Symbol.asyncDispose]();
  const path = "/docs/payment/openapi.json";
  expect((await ask(gateway, "GET", path)).status).toBe(503);
  expect((await ask(gateway, "GET", "/docs/nobody/openapi.json")).status).toBe(404);
});
