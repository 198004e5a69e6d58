import { describe, expect, test } from "bun:test";
import { createLog } from "#lib/log";
import { createProductService } from "#products/product-service";
import { startSilentServer } from "#test/eureka-registry";

/** What the contract allows, and what a busy machine adds. */
const IN_TIME_MS = 400;
const KEPT_MS = 1_000;
const PAUSE_MS = 5_000;

const laptop = {
  id: 1,
  name: "Laptop",
  description: "Fast",
  price: 999.99,
  category: "Electronics",
  createdAt: "2026-01-01T00:00:00.000Z",
  updatedAt: "2026-01-01T00:00:00.000Z",
};
const mouse = { ...laptop, id: 2, name: "Mouse", price: 29.99 };

/** A product service that answers as it is told, and the client that asks it. */
function asked(answer: (request: Request) => Response | Promise<Response>) {
  let requests = 0;
  let now = 0;
  const lines: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      requests += 1;
      return answer(request);
    },
  });
  const log = createLog({ level: "debug", format: "text", write: (line) => void lines.push(line) });
  const url = `http://127.0.0.1:${server.port}/`;
  return {
    client: createProductService({ url, log, clock: { now: () => now } }),
    lines,
    requests: () => requests,
    pass: (ms: number) => void (now += ms),
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

async function timed<Value>(work: Promise<Value>): Promise<{ value: Value; ms: number }> {
  const startedAt = performance.now();
  const value = await work;
  return { value, ms: performance.now() - startedAt };
}

describe("the products of a product service", () => {
  test("are found by id, whether it is a number or a text, and others are left out", async () => {
    const paths: string[] = [];
    await using service = asked((request) => {
      paths.push(`${request.method} ${new URL(request.url).pathname}`);
      return Response.json([laptop, { ...mouse, id: "2", stock: 7 }]);
    });
    const products = await service.client.productsOf(["1", "2", "3"]);
    expect([...products]).toEqual([
      ["1", laptop],
      ["2", { ...mouse, id: "2" }],
    ]);
    expect(paths).toEqual(["GET /api/products"]);
  });

  test("are asked for once by all who ask at once, and kept for a second", async () => {
    await using service = asked(() => Response.json([laptop]));
    const ask = () => service.client.productsOf(["1"]);
    const answers = await Promise.all(Array.from({ length: 50 }, ask));
    expect(answers.every((products) => products.has("1"))).toBe(true);
    service.pass(KEPT_MS - 1);
    await ask();
    expect(service.requests()).toBe(1);
    service.pass(1);
    await ask();
    expect(service.requests()).toBe(2);
  });

  test("may lack a description or a category; one that cannot be read is left out", async () => {
    const { id, name, price } = mouse;
    await using service = asked(() =>
      Response.json([{ id, name, price, category: null }, { ...laptop, price: "dear" }, 7]),
    );
    const products = await service.client.productsOf(["1", "2"]);
    expect([...products]).toEqual([["2", { id, name, price, category: null }]]);
  });

  test("are unknown without PRODUCT_SERVICE_URL", async () => {
    const log = createLog({ level: "error", format: "text" });
    const products = await createProductService({ url: undefined, log }).productsOf(["1"]);
    expect(products.size).toBe(0);
  });
});

describe("nobody waits for, or fails by, a product service that", () => {
  const huge = () => `[${`${JSON.stringify(laptop)},`.repeat(8_000)}${JSON.stringify(laptop)}]`;
  const answers: [what: string, answer: () => Response | Promise<Response>][] = [
    ["fails", () => Response.json([laptop], { status: 500 })],
    ["answers no JSON", () => new Response("<html>")],
    ["answers no list", () => Response.json({ products: [laptop] })],
    ["answers more than can be read", () => new Response(huge())],
    ["sends elsewhere", () => Response.redirect("/elsewhere", 302)],
    ["never ends its answer", () => new Response(endless())],
    ["does not answer", () => new Promise<Response>(() => {})],
  ];

  test.each(answers)("%s", async (_what, answer) => {
    await using service = asked(answer);
    const { value, ms } = await timed(service.client.productsOf(["1"]));
    expect(value.size).toBe(0);
    expect(ms).toBeLessThan(IN_TIME_MS);
    // It is not asked again for a while, however many want to know.
    await Promise.all(Array.from({ length: 20 }, () => service.client.productsOf(["1"])));
    service.pass(PAUSE_MS - 1);
    await service.client.productsOf(["1"]);
    expect(service.requests()).toBe(1);
    service.pass(1);
    await service.client.productsOf(["1"]);
    expect(service.requests()).toBe(2);
    expect(service.lines).toEqual([expect.stringContaining("the product service does not answer")]);
  });

  test("is silent, or away", async () => {
    using silent = startSilentServer();
    const log = createLog({ level: "error", format: "text" });
    for (const url of [silent.url, "http://127.0.0.1:1"]) {
      const client = createProductService({ url, log });
      const { value, ms } = await timed(client.productsOf(["1"]));
      expect(value.size).toBe(0);
      expect(ms).toBeLessThan(IN_TIME_MS);
      const again = await timed(client.productsOf(["1"]));
      expect(again.ms).toBeLessThan(50);
    }
    expect(silent.connections()).toBe(1);
  });

  test("went away: what it said before is forgotten", async () => {
    let isWell = true;
    await using service = asked(() => Response.json([laptop], { status: isWell ? 200 : 503 }));
    expect((await service.client.productsOf(["1"])).size).toBe(1);
    isWell = false;
    service.pass(KEPT_MS);
    expect((await service.client.productsOf(["1"])).size).toBe(0);
  });

  test("comes back: it is asked again after the pause, and that is said once", async () => {
    let isWell = false;
    await using service = asked(() =>
      isWell ? Response.json([laptop]) : new Response("", { status: 503 }),
    );
    expect((await service.client.productsOf(["1"])).size).toBe(0);
    isWell = true;
    service.pass(PAUSE_MS);
    expect((await service.client.productsOf(["1"])).size).toBe(1);
    expect(service.lines.map((line) => line.slice(13).split(" reason")[0]?.trim())).toEqual([
      "warn  the product service does not answer",
      "info  the product service answers again",
    ]);
  });
});

/** One byte, and nothing more for ever. */
function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (sink) => sink.enqueue(new TextEncoder().encode("[")) });
}
