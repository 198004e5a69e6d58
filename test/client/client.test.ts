import { afterAll, beforeAll, describe, expect, spyOn, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createClient, HoldfastProblem, HoldfastUnanswered } from "#client/client";
import { serveContracts, type ContractService } from "#test/contract";
import { startFaultyProxy, type Fault } from "#test/faulty-proxy";
import { ROOT } from "#test/packaging";
import { tokenOf } from "#test/service";
import { requestsOf } from "#test/wire-units";

const START_MS_MAX = 60_000;

let service: ContractService;
let token: string;
let made = 0;

beforeAll(async () => {
  service = await serveContracts("inventory", { SAMPLE_DATA: "0" });
  token = await tokenOf("admin", "ada");
}, START_MS_MAX);
afterAll(() => service[Symbol.asyncDispose]());

type Client = ReturnType<typeof createClient>;

async function newProduct(client: Client, initialStock: number): Promise<string> {
  made += 1;
  const productId = `client-${made}`;
  await client.initialize.$post({ json: { productId, sku: productId, initialStock } });
  return productId;
}

const shown = async (client: Client, productId: string) =>
  (await client.product[":productId"].$get({ param: { productId } })).json();

describe("a call", () => {
  test("answers what the service answered", async () => {
    const client = createClient({ url: service.url, token });
    const productId = await newProduct(client, 5);
    const answer = await client.product[":productId"].reserve.$post({
      param: { productId },
      json: { quantity: 2, orderId: "order-1" },
    });
    expect(answer.status).toBe(201);
    expect(await answer.json()).toMatchObject({ reservation: { productId, quantity: 2 } });
    expect(await shown(client, productId)).toMatchObject({ availableStock: 3, reservedStock: 2 });
  });

  test("throws a refusal with its code and members", async () => {
    const client = createClient({ url: service.url, token });
    const productId = await newProduct(client, 1);
    const call = client.product[":productId"].reserve.$post({
      param: { productId },
      json: { quantity: 2, orderId: "order-1" },
    });
    const error: unknown = await call.then(undefined, (thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(HoldfastProblem);
    expect(error).toMatchObject({
      status: 409,
      code: "insufficient_stock",
      retryable: false,
      requestId: expect.any(String),
      problem: { lines: [{ productId, largestQuantity: 1 }] },
    });
  });

  test("asks for the token before each call, and says which one is refused", async () => {
    const tokens = ["garbage", token];
    const client = createClient({ url: service.url, token: () => tokens.shift() ?? "" });
    const page = () => client.products.$get({ query: {} });
    await expect(page()).rejects.toMatchObject({ status: 401, code: "token_invalid" });
    expect((await page()).status).toBe(200);
  });

  test("is the one that was meant, whatever its parameters are", async () => {
    const client = createClient({ url: service.url, token });
    const productId = await newProduct(client, 5);
    const json = { quantity: 2, orderId: "order-1" };
    const held = await client.product[":productId"].reserve.$post({ param: { productId }, json });
    const answer = await held.json();
    if (!("reservation" in answer)) throw new Error("nothing is held");
    const { reservationId } = answer.reservation;
    for (const evil of [`../reservation/${reservationId}/cancel?`, "a/../b", "%2e%2e", "a b"]) {
      const call = client.product[":productId"].reserve.$post({ param: { productId: evil }, json });
      await expect(call).rejects.toMatchObject({ status: 400, code: "validation_failed" });
    }
    for (const nothing of ["", ".", ".."]) {
      expect(() => client.product[":productId"].$get({ param: { productId: nothing } })).toThrow(
        "productId",
      );
    }
    expect(await shown(client, productId)).toMatchObject({ reservedStock: 2 });
  });

  test("follows nobody elsewhere, and reads no answer without an end", async () => {
    let asked = 0;
    await using elsewhere = Bun.serve({
      port: 0,
      fetch({ url }) {
        asked += 1;
        if (url.endsWith("/low-stock")) return new Response(endless(), { status: 503 });
        return Response.redirect("/login", 302);
      },
    });
    const client = createClient({ url: elsewhere.url.origin, deadlineMs: 500 });
    const call = client.initialize.$post({ json: { productId: "p", sku: "p", initialStock: 1 } });
    await expect(call).rejects.toMatchObject({ status: 302, code: "unknown", retryable: false });
    expect(asked).toBe(1);
    await expect(client["low-stock"].$get({ query: {} })).rejects.toBeInstanceOf(
      HoldfastUnanswered,
    );
  });

  test("ends with its signal", async () => {
    const client = createClient({ url: service.url, token });
    const init = { signal: AbortSignal.abort(new Error("enough")) };
    const call = client.products.$get({ query: {} }, { init });
    await expect(call).rejects.toThrow("enough");
  });
});

const MEBIBYTE = new Uint8Array(1024 * 1024);
const endless = () => new ReadableStream({ pull: (stream) => stream.enqueue(MEBIBYTE) });

/** A client behind a line that does this to its first requests, and then nothing any more. */
async function behind(faults: Fault[], more: { attemptMs?: number; deadlineMs?: number } = {}) {
  const proxy = await startFaultyProxy({
    url: service.url,
    unitsOf: requestsOf,
    alone: (request) => request.toString().replace(/^connection: .*/im, "Connection: close"),
    delayMs: () => 1,
    choose: () => faults.shift() ?? "pass",
  });
  const url = proxy.url.replace(/\/$/, "");
  return {
    client: createClient({ url, token, ...more }),
    release: () => proxy.release(),
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}

describe("a change over a bad line", () => {
  const calm = () => createClient({ url: service.url, token });
  const cases: Fault[] = ["drop", "lose", "half", "hold", "copy", "delay"];
  for (const fault of cases) {
    test(`has one effect when the line does "${fault}" twice`, async () => {
      const productId = await newProduct(calm(), 0);
      await using line = await behind([fault, fault]);
      const answer = await line.client.product[":productId"].stock.$patch({
        param: { productId },
        json: { quantity: 7, type: "RESTOCK" },
      });
      expect((await answer.json()).inventory.totalStock).toBe(7);
      await line.release();
      expect(await shown(calm(), productId)).toMatchObject({ totalStock: 7 });
    });
  }

  test("has one effect when an attempt is never answered", async () => {
    const productId = await newProduct(calm(), 0);
    await using line = await behind(["silence"], { attemptMs: 200 });
    await line.client.product[":productId"].stock.$patch({
      param: { productId },
      json: { quantity: 7, type: "RESTOCK" },
    });
    expect(await shown(calm(), productId)).toMatchObject({ totalStock: 7 });
  });

  test("says that it is not known, and what to repeat it under", async () => {
    const productId = await newProduct(calm(), 0);
    await using line = await behind(["lose", "lose", "lose", "lose"], { deadlineMs: 100 });
    const param = { productId };
    const json = { quantity: 7, type: "RESTOCK" } as const;
    const call = line.client.product[":productId"].stock.$patch({ param, json });
    const error: unknown = await call.then(undefined, (thrown: unknown) => thrown);
    if (!(error instanceof HoldfastUnanswered)) throw new Error("it was answered");
    const { idempotencyKey } = error;
    if (idempotencyKey === null) throw new Error("a change without a key");
    const again = await calm().product[":productId"].stock.$patch(
      { param, json },
      { headers: { "idempotency-key": idempotencyKey } },
    );
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(await shown(calm(), productId)).toMatchObject({ totalStock: 7 });
  });
});

test("a service that is away ends the call by its deadline", async () => {
  const client = createClient({ url: "http://127.0.0.1:1", token, deadlineMs: 300 });
  const startedAt = performance.now();
  await expect(client.products.$get({ query: {} })).rejects.toBeInstanceOf(HoldfastUnanswered);
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});

test("an attempt is given whole milliseconds: Node takes no others", async () => {
  const timeout = spyOn(AbortSignal, "timeout");
  try {
    const client = createClient({ url: "http://127.0.0.1:1", token, deadlineMs: 300 });
    await expect(client.products.$get({ query: {} })).rejects.toBeInstanceOf(HoldfastUnanswered);
    const given = timeout.mock.calls.map(([ms]) => ms);
    expect(given.length).toBeGreaterThan(1);
    expect(given.filter((ms) => !Number.isInteger(ms))).toEqual([]);
  } finally {
    timeout.mockRestore();
  }
});

test("the example of docs/client.md does what it says, as often as it is run", async () => {
  const text = readFileSync(join(ROOT, "docs/client.md"), "utf8");
  const [, example = ""] = /```ts\n([\s\S]*?)```/.exec(text) ?? [];
  // Within the package, which calls itself by its name.
  const file = join(ROOT, `.data/example-${process.pid}.ts`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, example);
  try {
    const env = { ...process.env, HOLDFAST_URL: service.url };
    for (const as of ["admin", "service"] as const) {
      const tokens = { HOLDFAST_TOKEN: await tokenOf(as, "somebody") };
      const child = Bun.spawn([process.execPath, file], {
        env: { ...env, ...tokens },
        stderr: "inherit",
      });
      const printed = await child.stdout.text();
      expect(await child.exited).toBe(0);
      const lines = printed.split("\n");
      expect(lines.slice(0, 2)).toEqual(["3", "CONFIRMED"]);
      expect(lines[2]).toStartWith("insufficient_stock");
      expect(printed).toContain("largestQuantity: 1");
    }
  } finally {
    rmSync(file);
  }
});
