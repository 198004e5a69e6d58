import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createClient, followEvents, movementsOf, type EventPage } from "#client/client";
import { serveContracts, type ContractService } from "#test/contract";
import { startFaultyProxy, type Fault } from "#test/faulty-proxy";
import { ROOT } from "#test/packaging";
import { tokenOf } from "#test/service";
import { until } from "#test/until";
import { requestsOf } from "#test/wire-units";

const START_MS_MAX = 60_000;
const TEST_MS_MAX = 30_000;
const RUN = { withinMs: 15_000, what: "the run has ended" };

type Client = ReturnType<typeof createClient>;

let service: ContractService;
let token: string;
let client: Client;
let made = 0;

beforeAll(async () => {
  service = await serveContracts("inventory", { SAMPLE_DATA: "0" });
  token = await tokenOf("admin", "ada");
  client = createClient({ url: service.url, token });
}, START_MS_MAX);
afterAll(() => service[Symbol.asyncDispose]());

async function newProduct(initialStock: number, more: { reorderPoint?: number } = {}) {
  made += 1;
  const productId = `feed-${made}`;
  await client.initialize.$post({ json: { productId, sku: productId, initialStock, ...more } });
  return productId;
}

const restock = async (productId: string, quantity: number, by: Client = client) =>
  await by.product[":productId"].stock.$patch({
    param: { productId },
    json: { quantity, type: "RESTOCK" },
  });

/** A client behind a line that does this to its first requests, and then nothing any more. */
async function behind(faults: Fault[], more: { attemptMs?: number; deadlineMs?: number } = {}) {
  const proxy = await startFaultyProxy({
    url: service.url,
    unitsOf: requestsOf,
    alone: (request) => request.toString().replace(/^connection: .*/im, "Connection: close"),
    delayMs: () => 1,
    choose: () => faults.shift() ?? "pass",
  });
  return {
    client: createClient({ url: proxy.url.replace(/\/$/, ""), token, ...more }),
    [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
  };
}

describe("followEvents", () => {
  /** Movements of that product, up to so many units. */
  async function unitsOf(
    pages: AsyncIterable<EventPage>,
    productId: string,
    upTo: number,
  ): Promise<{ units: number[]; cursor: string }> {
    const units: number[] = [];
    for await (const { events, cursor } of pages) {
      const own = events.filter((event) => event.productId === productId);
      units.push(...own.map(({ movement }) => movement?.after.totalStock ?? -1));
      if (units.includes(upTo)) return { units, cursor };
    }
    throw new Error("the feed has ended");
  }

  test("tells each event once, waits for the next, and goes on from a cursor", async () => {
    const productId = await newProduct(1);
    for (const _ of [2, 3]) await restock(productId, 1);
    const types = ["movement"] as const;
    const first = await unitsOf(followEvents(client, { limit: 2, types }), productId, 3);
    expect(first.units).toEqual([1, 2, 3]);
    const next = unitsOf(followEvents(client, { after: first.cursor, types }), productId, 5);
    for (const _ of [4, 5]) await restock(productId, 1);
    expect((await next).units).toEqual([4, 5]);
  });

  test(
    "goes on over a bad line, with none twice and none left out",
    async () => {
      const productId = await newProduct(1);
      const faults: Fault[] = ["drop", "half", "drop", "lose", "silence", "half", "drop", "copy"];
      await using line = await behind(faults, { attemptMs: 1_000, deadlineMs: 100 });
      const feed = followEvents(line.client, { limit: 1, types: ["movement"] });
      const heard = unitsOf(feed, productId, 12);
      for (let units = 2; units <= 12; units += 1) await restock(productId, 1);
      const all = Array.from({ length: 12 }, (_, index) => index + 1);
      expect((await heard).units).toEqual(all);
      expect(faults).toEqual([]);
    },
    TEST_MS_MAX,
  );

  test("ends with its signal, also while it waits, and tells what cannot be repeated", async () => {
    const abort = new AbortController();
    const pages: EventPage[] = [];
    const ended = (async () => {
      const feed = followEvents(client, { after: "latest", signal: abort.signal });
      for await (const page of feed) pages.push(page);
    })();
    // Whatever is written after the first call has its place is heard.
    const productId = await newProduct(1);
    await until(
      async () => {
        await restock(productId, 1);
        return pages.length > 0;
      },
      { withinMs: 10_000, what: "something is heard" },
    );
    const startedAt = performance.now();
    abort.abort();
    await ended;
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    const over = followEvents(client, { signal: abort.signal });
    expect(await Array.fromAsync(over)).toEqual([]);
    const wrong = followEvents(client, { after: "nonsense" });
    await expect(wrong.next()).rejects.toMatchObject({ code: "validation_failed" });
    const away = createClient({ url: "http://127.0.0.1:1", token, deadlineMs: 100 });
    const short = { signal: AbortSignal.timeout(300) };
    expect(await Array.fromAsync(followEvents(away, short))).toEqual([]);
  });
});

describe("movements", () => {
  test("are listed by page, and read one by one from an export that says that it is whole", async () => {
    const productId = await newProduct(1);
    for (const _ of [2, 3, 4]) await restock(productId, 1);
    const query = { productId, order: "oldest", limit: "3" } as const;
    const first = await (await client.movements.$get({ query })).json();
    const cursor = first.nextCursor ?? "";
    const second = await (await client.movements.$get({ query: { ...query, cursor } })).json();
    const listed = [...first.items, ...second.items];
    expect(listed.map(({ after }) => after.totalStock)).toEqual([1, 2, 3, 4]);

    const exported = () => client.movements.export.$get({ query: { productId } });
    expect(await Array.fromAsync(movementsOf(await exported()))).toEqual(listed);
    for await (const movement of movementsOf(await exported())) {
      expect(movement.movementId).toBe(listed[0]?.movementId ?? "");
      break;
    }
    const csv = await client.movements.export.$get({ query: { productId, format: "csv" } });
    expect((await csv.text()).trim().split("\r\n")).toHaveLength(6);
    // The refusal comes before the stream.
    const late = client.movements.export.$get({
      query: { from: "2026-01-02T00:00:00Z", to: "2026-01-01T00:00:00Z" },
    });
    await expect(late).rejects.toMatchObject({ code: "validation_failed" });
  });

  test("of an export that was cut, is silent, or lies are told, and then that it was", async () => {
    const line = (id: string) => `${JSON.stringify({ movementId: id })}\n`;
    const end = `${JSON.stringify({ complete: true, movements: 3, lag: 0 })}\n`;
    const open = new AbortController();
    await using elsewhere = Bun.serve({
      port: 0,
      fetch({ url }) {
        const text = line("a") + line("b");
        if (url.includes("lies")) return new Response(text + end);
        if (url.includes("garbage")) return new Response(`${text}\n<html>`);
        if (!url.includes("silent")) return new Response(text);
        const body = new ReadableStream({
          start(stream) {
            stream.enqueue(text);
            open.signal.addEventListener("abort", () => stream.close());
          },
        });
        return new Response(body);
      },
    });
    const own = createClient({ url: elsewhere.url.origin, attemptMs: 50 });
    for (const actor of ["cut", "lies", "garbage", "silent"]) {
      const seen: string[] = [];
      const read = async () => {
        const answer = await own.movements.export.$get({ query: { actor } });
        for await (const { movementId } of movementsOf(answer, { silenceMs: 200 })) {
          seen.push(movementId);
        }
      };
      await expect(read()).rejects.toMatchObject({ name: "HoldfastUnanswered" });
      expect(seen).toEqual(["a", "b"]);
    }
    open.abort();
  });
});

describe("a call", () => {
  test("asks for a product's stock at an instant, and for what is expected", async () => {
    const productId = await newProduct(5);
    const { movements } = await (
      await client.product[":productId"].movements.$get({ param: { productId }, query: {} })
    ).json();
    await restock(productId, 2);
    const asOf = movements[0]?.timestamp ?? "";
    const then = await (
      await client.stockAt.$get({ param: { productId }, query: { asOf } })
    ).json();
    expect(then).toMatchObject({ asOf, totalStock: 5 });
    const now = await (
      await client.product[":productId"].$get({
        param: { productId },
        query: { include: "incoming" },
      })
    ).json();
    expect(now).toMatchObject({ totalStock: 7, incoming: [] });
  });

  test("waits for the durability that the client, or the call, prefers", async () => {
    const productId = await newProduct(5);
    const strict = createClient({ url: service.url, token, durability: "ledger" });
    const kept = await restock(productId, 1, strict);
    expect(kept.headers.get("durability")).toBe("ledger");
    const call = await strict.product[":productId"].stock.$patch(
      { param: { productId }, json: { quantity: 1, type: "RESTOCK" } },
      { headers: { prefer: "durability=disk" } },
    );
    expect(call.headers.get("durability")).not.toBe("ledger");
  });

  test("expects stock, receives it, and reads what to reorder", async () => {
    const productId = await newProduct(1, { reorderPoint: 5 });
    const expectedAt = "2030-01-01T00:00:00Z";
    const noted = await client.incoming.$post({ json: { productId, quantity: 9, expectedAt } });
    const { incomingId } = (await noted.json()).incoming;
    const lot = client.incoming[":incomingId"];
    await lot.$patch({ param: { incomingId }, json: { quantity: 8 } });
    const got = await lot.receive.$post({ param: { incomingId }, json: { quantity: 3 } });
    expect(await got.json()).toMatchObject({ incoming: { received: 3, quantity: 8 } });
    const { items } = await (await client.reorder.$get({ query: { limit: "200" } })).json();
    expect(items.map((item) => item.productId)).toContain(productId);
    await lot.cancel.$post({ param: { incomingId } });
    const listed = await (await client.incoming.$get({ query: { productId } })).json();
    expect(listed.items).toMatchObject([{ incomingId, status: "CANCELLED" }]);
  });

  test("counts a shelf, takes many counts as a run, and compares Redis with the ledger", async () => {
    const productId = await newProduct(5);
    await until(
      async () => {
        const countedAt = new Date().toISOString();
        const json = { counts: [{ productId, quantity: 4, countedAt }], commit: true };
        const { succeeded } = await (await client.counts.$post({ json })).json();
        return succeeded === 1;
      },
      { withinMs: 5_000, what: "it was counted" },
    );
    const counts = [{ productId, quantity: 3, countedAt: new Date().toISOString() }];
    const asked = await client.counts.runs.$post({ query: { commit: "true" }, json: { counts } });
    const { id } = await asked.json();
    const one = client.counts.runs[":runId"];
    const run = await until(async () => {
      const now = await (await one.$get({ param: { runId: id }, query: {} })).json();
      return now.finishedAt !== null && now;
    }, RUN);
    expect(run).toMatchObject({ status: "completed", succeeded: 1, errors: [] });
    const { runs } = await (await client.counts.runs.$get({ query: { limit: "1" } })).json();
    expect(runs).toMatchObject([{ id, status: "completed" }]);

    const comparing = await client.reconcile.$post({ json: { productIds: [productId] } });
    const compared = await comparing.json();
    const found = await until(async () => {
      const param = { runId: compared.id };
      const now = await (await client.reconcile[":runId"].$get({ param })).json();
      return now.finishedAt !== null && now;
    }, RUN);
    expect(found).toMatchObject({ status: "completed", differences: [] });
    const all = await (await client.reconcile.$get({ query: {} })).json();
    expect(all.runs.map((it) => it.id)).toContain(compared.id);
  });

  test("reads alerts, and has a customer forgotten", async () => {
    const productId = await newProduct(20);
    await client.product[":productId"].sell.$post({
      param: { productId },
      json: { quantity: 20, orderId: "order-1", customerId: "dora" },
    });
    const alerts = await until(
      async () => {
        const query = { productId, open: "true" } as const;
        const list = await (await client.alerts.$get({ query })).json();
        return list.alerts.length > 0 && list.alerts;
      },
      { withinMs: 5_000, what: "an alert" },
    );
    expect(alerts).toMatchObject([{ kind: "out", productId, open: true }]);
    const asked = await client.customers[":customerId"].pseudonymize.$post({
      param: { customerId: "dora" },
    });
    const param = { pseudonymizationId: (await asked.json()).id };
    const work = await until(async () => {
      const now = await (
        await client.pseudonymizations[":pseudonymizationId"].$get({ param })
      ).json();
      return now.status === "completed" && now;
    }, RUN);
    expect(work.movements).toBe(1);
  });
});

test("the example of feeds in docs/client.md does what it says", async () => {
  const text = readFileSync(join(ROOT, "docs/client.md"), "utf8");
  const [, example] = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, block]) => block);
  // Within the package, which calls itself by its name.
  const file = join(ROOT, `.data/feeds-${process.pid}.ts`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, example ?? "");
  try {
    const env = { ...process.env, HOLDFAST_URL: service.url, HOLDFAST_TOKEN: token };
    const child = Bun.spawn([process.execPath, file], { env, stderr: "inherit" });
    const printed = await child.stdout.text();
    expect(await child.exited).toBe(0);
    expect(printed).toBe("RESTOCK 2\nINITIAL 3\nRESTOCK 5\n2\n");
  } finally {
    rmSync(file);
  }
});
