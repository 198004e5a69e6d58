/** `bun run platform`: the whole shop from nothing, and the nine checks of what runs. */
import { join } from "node:path";
import { expect, test } from "bun:test";
import { freePort } from "#embedded/free-port";
import { startChild } from "#embedded/child";
import { temporaryFolder } from "#test/servers";
import { runMain } from "#test/service";
import { TYPED, typist } from "#test/typed-commands";
import { until } from "#test/until";
import { walk, walkThrough } from "#test/walk-through";
import { ROOT } from "#test/packaging";

const TEST_MS_MAX = 120_000;
const PORTS = [
  "PORT",
  "REGISTRY_PORT",
  "USERS_PORT",
  "PRODUCTS_PORT",
  "ORDERS_PORT",
  "PAYMENT_PORT",
  "GATEWAY_PORT",
  "WORKER_PORT",
];

test(
  "a shop starts from nothing, passes its checks, starts what is killed again, and ends whole",
  async () => {
    const dataDir = temporaryFolder("platform");
    const env: Record<string, string> = {
      PATH: process.env["PATH"] ?? "",
      HOME: process.env["HOME"] ?? "",
      DATA_DIR: dataDir,
      ...Object.fromEntries(PORTS.map((name) => [name, String(freePort())])),
    };
    const shop = startChild({
      command: [process.execPath, join(ROOT, "src/main.ts"), "platform"],
      env,
      logFile: join(temporaryFolder("log"), "platform.log"),
      endSignal: "SIGTERM",
    });
    await until(() => shop.hasExited() || shop.log().includes("the shop is open"), {
      withinMs: 60_000,
      what: "the shop is open",
    });
    await typedCommandsWork(env);
    const tour = walkThrough("A shop in five minutes");
    expect(tour.filter(({ answer }) => answer !== undefined)).toHaveLength(5);
    expect(await walk(tour, { env, ports: { 3000: env["GATEWAY_PORT"] } })).toEqual([]);
    const checked = await runMain(["platform", "check"], env);
    expect(checked.output).toContain("9 of 9 checks passed");
    expect(checked.code).toBe(0);
    // What the service itself signs with is taken beside the tokens of users.
    const signed = await runMain(["token", "--role", "admin"], env);
    const low = await fetch(`http://localhost:${env["PORT"]}/api/inventory/low-stock`, {
      headers: { authorization: `Bearer ${signed.output.trim()}` },
    });
    expect(low.status).toBe(200);
    const products = `http://localhost:${env["PRODUCTS_PORT"]}`;
    const up = async () =>
      (await fetch(`${products}/health/ready`).catch(() => null))?.status === 200;
    const child = Bun.spawnSync(["pgrep", "-f", `${ROOT}/src/main.ts start products`]);
    const pids = child.stdout.toString().trim().split("\n").map(Number);
    const own = pids.filter((pid) => isOf(pid, dataDir));
    expect(own).toHaveLength(1);
    for (const pid of own) process.kill(pid, "SIGKILL");
    await until(() => shop.log().includes("products ended and is started again"), {
      withinMs: 10_000,
      what: "it is missed",
    });
    await until(up, { withinMs: 20_000, what: "it serves again" });
    await shop.end("SIGTERM", 40_000);
    expect(await shop.exited).toBe(0);
    const after = await runMain(["platform", "check"], env);
    expect(after.code).toBe(1);
    expect(after.output).toContain("✗ the registry is up");
  },
  TEST_MS_MAX,
);

/** What the documents of the shops before have, typed as it stands there, line breaks in bodies included. */
async function typedCommandsWork(env: Readonly<Record<string, string>>): Promise<void> {
  const { GATEWAY_PORT: gateway, REGISTRY_PORT: registry, USERS_PORT: users } = env;
  const type = typist({ 3000: gateway, 8761: registry, 3001: users });
  const mouse = { name: "Gaming Mouse", description: "RGB Gaming Mouse", price: 49.99 };
  expect(await type(TYPED.createProduct)).toMatchObject({
    status: 201,
    body: { id: expect.any(Number), ...mouse, category: "Electronics" },
  });
  const item = { productId: 1, quantity: 50, reserved: 0, location: "Warehouse A" };
  expect(await type(TYPED.checkInventory)).toEqual({ status: 200, body: item });
  const order = {
    id: 1,
    customerId: "CUST001",
    items: [{ productId: 1, quantity: 2, price: 999.99, subtotal: 1999.98 }],
    totalAmount: 1999.98,
    status: "PENDING",
    createdAt: expect.any(String),
    updatedAt: expect.any(String),
  };
  expect(await type(TYPED.createOrder)).toEqual({ status: 201, body: order });
  expect(await type(TYPED.checkInventory)).toMatchObject({ body: { quantity: 50, reserved: 2 } });
  expect(await type(TYPED.updateOrderStatus)).toEqual({
    status: 200,
    body: { ...order, status: "CONFIRMED" },
  });
  expect(await type(TYPED.checkInventory)).toMatchObject({ body: { quantity: 48, reserved: 0 } });
  expect(await type(TYPED.registryHealth)).toMatchObject({
    status: 200,
    body: { status: "UP", services: expect.arrayContaining(["INVENTORY-SERVICE"]) },
  });
  expect(await type(TYPED.registered)).toMatchObject({
    status: 200,
    body: { applications: { application: expect.any(Array) } },
  });
  expect(await type(TYPED.dashboard)).toMatchObject({
    status: 200,
    body: expect.stringMatching(/^<!doctype html>/),
  });
  for (const [command, user] of [
    [TYPED.adminLogin, { email: "admin@ecommerce.com", role: "admin" }],
    [TYPED.customerLogin, { email: "john.doe@example.com", role: "customer" }],
  ] as const) {
    expect(await type(command)).toMatchObject({
      status: 200,
      body: { message: expect.any(String), token: expect.any(String), user },
    });
  }
}

test("in production it is refused, and says what to do instead", async () => {
  const env = {
    NODE_ENV: "production",
    REDIS_URL: "redis://localhost:1",
    DATABASE_URL: "postgres://localhost:1/none",
    JWT_SECRET: "q8Zt4mVw1xRk7pLc3nHs9yBd5gJf2aUe",
    REGISTRY_PASSWORD: "a9Vx2Lq7Rm4Tz8Wd1Kp6",
    SERVICE_CLIENT_SECRET: "a9Vx2Lq7Rm4Tz8Wd1Kp6",
  };
  const { code, output } = await runMain(["platform"], env);
  expect([code, output]).toEqual([1, expect.stringContaining("start each service by itself")]);
});

/** Of all processes of that name those of this shop. */
function isOf(pid: number, dataDir: string): boolean {
  const { stdout } = Bun.spawnSync(["cat", `/proc/${pid}/environ`]);
  return stdout.toString().includes(`DATA_DIR=${dataDir}`);
}
