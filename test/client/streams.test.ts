import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createClient, eventsOf, HoldfastUnanswered } from "#client/client";
import { serveContracts, type ContractService } from "#test/contract";
import { tokenOf } from "#test/service";

const START_MS_MAX = 60_000;
const productId = "streamed";

let service: ContractService;
let client: ReturnType<typeof createClient>;

beforeAll(async () => {
  service = await serveContracts("inventory", { SAMPLE_DATA: "0" });
  client = createClient({ url: service.url, token: await tokenOf("admin", "ada") });
}, START_MS_MAX);
afterAll(() => service[Symbol.asyncDispose]());

const restock = async () =>
  await client.product[":productId"].stock.$patch({
    param: { productId },
    json: { quantity: 1, type: "RESTOCK" },
  });

describe("eventsOf", () => {
  const accept = { headers: { accept: "text/event-stream" } };

  test("tells each event as it happens, goes on from a cursor, and throws when the stream ends", async () => {
    await client.initialize.$post({ json: { productId, sku: productId, initialStock: 1 } });
    const heard: number[] = [];
    let after = "";
    for (const upTo of [2, 4]) {
      for (let unit = upTo - 1; unit <= upTo; unit += 1) if (unit > 1) await restock();
      const query = { productId, types: "movement", ...(after === "" ? {} : { after }) };
      const answer = await client.events.$get({ query }, accept);
      for await (const { event, cursor } of eventsOf(answer)) {
        heard.push(event.movement?.after.totalStock ?? -1);
        after = cursor;
        if (heard.at(-1) === upTo) break;
      }
    }
    expect(heard).toEqual([1, 2, 3, 4]);
    const ended = await client.events.$get({ query: { after: "latest" } }, accept);
    const read = Array.fromAsync(eventsOf(ended, { silenceMs: 50 }));
    await expect(read).rejects.toBeInstanceOf(HoldfastUnanswered);
  });
});
