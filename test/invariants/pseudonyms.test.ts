/** A customer that wants to be forgotten, over HTTP of real processes. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { z } from "zod";
import { ProductId } from "#inventory/model";
import { randomId } from "#lib/ids";
import { verifyChain } from "#postgres/verify-chain";
import { startAsking } from "#test/asking";
import { Caller, codeIn, reservationIn } from "#test/caller";
import { tokenOf } from "#test/service";
import { until } from "#test/until";

const TEST_MS_MAX = 60_000;
const Asked = z.object({ id: z.string() });
const State = z.object({ status: z.string(), movements: z.int(), reservations: z.int() });

let all: Awaited<ReturnType<typeof startAsking>>;
beforeAll(async () => {
  all = await startAsking({ LEDGER_CHAIN: "1" });
}, TEST_MS_MAX);
afterAll(() => all[Symbol.asyncDispose]());

test(
  "is in no movement and no hold any more, and what it buys later has its id; a worker that is killed meanwhile is made good",
  async () => {
    const customer = `carol-${randomId(8)}`;
    const caller = new Caller(all.url);
    const [token, admin] = [await tokenOf("customer", customer), await tokenOf("admin", "ada")];
    const productId = await all.initialize(50);
    const post = (path: string, body: object, as = token) =>
      caller.call({ method: "POST", path, token: as, body });
    const reserve = async (): Promise<string> => {
      const body = { quantity: 2, orderId: randomId(10) };
      return reservationIn(await post(`/product/${productId}/reserve`, body)).reservationId;
    };
    const [sold, live] = [await reserve(), await reserve()];
    await post(`/reservation/${sold}/confirm`, {});

    const path = `/customers/${customer}/pseudonymize`;
    const key = randomId(8);
    const ask = () => caller.call({ method: "POST", path, token: admin, key });
    const refused = await ask();
    expect([refused.status, codeIn(refused)]).toEqual([409, "live_holds"]);
    // The hold works on, and so does the customer.
    expect((await post(`/reservation/${live}/cancel`, {})).status).toBe(200);

    await all.list({ productId });
    await all.worker.kill();
    const asked = await ask();
    expect(asked.status).toBe(202);
    const { id } = Asked.parse(asked.body);
    expect(Asked.parse((await ask()).body).id).toBe(id);
    const state = async () => State.parse((await all.get(`/pseudonymizations/${id}`)).body);
    expect(await state()).toMatchObject({ status: "running", movements: 0 });
    const later = await reserve();
    await all.worker.restart();
    await until(async () => (await state()).status === "completed", {
      withinMs: 20_000,
      what: "the customer's id is replaced",
    });
    expect(await state()).toMatchObject({ movements: 4, reservations: 2 });
    // Its drain may begin after its jobs do.
    const isWhole = async (): Promise<boolean> => {
      const { status, headers } = await all.get(`/movements?customerId=${customer}`);
      return status === 200 && headers.get("ledger-lag") === null;
    };
    await until(isWhole, {
      withinMs: 10_000,
      what: "the ledger has what was reserved meanwhile",
    });

    const rows = await all.list({ productId, order: "oldest" });
    const mine = rows.filter(({ customerId, actor }) =>
      `${customerId} ${actor}`.includes(customer),
    );
    expect(mine.map(({ type, reservationId }) => [type, reservationId])).toEqual([
      ["RESERVE", later],
    ]);
    const pseudonyms = new Set(
      rows.flatMap(({ customerId }) => (customerId === customer ? [] : (customerId ?? []))),
    );
    expect(pseudonyms.size).toBe(1);
    const [pseudonym = ""] = pseudonyms;
    const of = await all.list({ customerId: pseudonym });
    expect(of.map(({ type }) => type)).toEqual(["RELEASE", "SALE", "RESERVE", "RESERVE"]);
    expect(new Set(of.map(({ actor }) => actor))).toEqual(new Set([`customer:${pseudonym}`]));
    const holds = await all.get(`/reservations?customerId=${customer}`);
    expect(holds.body).toMatchObject({ items: [{ reservationId: later }] });
    // What it holds now is untouched.
    expect((await post(`/reservation/${later}/confirm`, {})).status).toBe(200);

    // Two workers wrote the chain, one of which was killed, and no link lost its hold.
    await until(isWhole, { withinMs: 10_000, what: "the ledger has the sale" });
    const { sql, partitions, store } = all.stores;
    for (const { number } of partitions) {
      expect(await verifyChain(sql, number)).toMatchObject({ kind: "intact" });
    }
    const partition = store.partitionOf(ProductId.parse(productId));
    expect(await verifyChain(sql, partition)).toMatchObject({ segments: [{ from: 1 }] });
  },
  TEST_MS_MAX,
);
