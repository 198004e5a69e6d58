/** This version and the one before it, on one store: none loses or doubles what the other did. */
import { describe, expect, test } from "bun:test";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { z } from "zod";
import { randomId } from "#lib/ids";
import { JOBS, isJobName, QUEUE_NAME, QUEUE_PREFIX } from "#workers/catalog";
import { audit } from "#test/audit";
import { Caller, codeIn, reservationIn, type Answer, type Request } from "#test/caller";
import { moreEffects } from "#test/effects";
import { evidence } from "#test/evidence";
import { startLoad, type Load } from "#test/load";
import { counted } from "#test/scale";
import { startRedis, temporaryFolder, testDatabase } from "#test/servers";
import { runMain, startService, tokenOf } from "#test/service";
import { until } from "#test/until";
import { baseline } from "./baseline.ts";
import { brokenLine, openSale, PlaceOf, Planned, Shoppers } from "./sale.ts";

/** Of each load, in each phase; a long run goes on with more until its time is over. */
const EFFECTS_MIN = 150;
/** How often shoppers of each side meet the limit, the campaign and an offer, in each phase. */
const MET_MIN = 5;
const MET_MS_MAX = 30_000;
const OFFERED_MS_MAX = 30_000;
const PHASE_MS = counted(0, 60_000);
const TEST_MS_MAX = counted(90_000, 15 * 60_000);

const before = await baseline();

/** Requests that the version before made, each with the answer that it had. */
async function made(caller: Caller, admin: string, productId: string) {
  const post = (path: string, body: object): Request => ({
    method: "POST",
    path,
    token: admin,
    body,
    key: randomId(12),
  });
  const body = { productId, sku: `SKU-${productId}`, initialStock: 100 };
  await answered(caller, post("/initialize", body));
  const hold = (orderId: string) => post(`/product/${productId}/reserve`, { quantity: 2, orderId });
  const lineId = `${productId}-line`;
  const none = { productId: lineId, sku: `SKU-${lineId}`, initialStock: 0 };
  await answered(caller, post("/initialize", none));
  const terms = { products: [productId], maxUnits: 1_000 };
  const [startsAt, endsAt] = [1, 2].map((hours) => inHours(hours));
  const products = [{ productId, quantity: 5 }];
  const plan = { name: "planned", location: "default", startsAt, endsAt, products };
  const lot = { productId, quantity: 10, expectedAt: new Date(Date.now() + 60_000).toISOString() };
  const requests = [
    hold("to confirm"),
    hold("to cancel"),
    post(`/product/${productId}/sell`, { quantity: 3, orderId: "sold" }),
    post(`/product/${productId}/transfer`, { from: "default", to: "annex", quantity: 5 }),
    post("/incoming", lot),
    { ...post(`/product/${productId}/stock`, { quantity: -1 }), method: "PATCH" as const },
    { ...post(`/limits/${productId}`, terms), method: "PUT" as const },
    post("/campaigns", plan),
    post(`/product/${lineId}/waitlist`, { orderId: "waits", quantity: 1 }),
  ];
  const answers = [];
  for (const request of requests) answers.push(await answered(caller, request));
  return { productId, lineId, requests, answers };
}

const inHours = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString();

const asking = (path: string, token: string, body: object = {}): Request => {
  return { method: "POST", path, token, body, key: randomId(12) };
};
const Asked = z.object({ id: z.string() });
const Run = z.object({ status: z.string() });

async function answered(caller: Caller, request: Request) {
  const answer = await caller.call(request);
  if (answer.status >= 300) {
    throw new Error(`${request.path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }
  return answer;
}

/** What the version before began is gone on with by this one: repeated, confirmed, cancelled, returned. */
async function goneOnWith(caller: Caller, admin: string, done: Awaited<ReturnType<typeof made>>) {
  for (const [i, request] of done.requests.entries()) {
    const again = await answered(caller, request);
    const told = [request.path, done.answers[i]?.body];
    // A campaign is worded from its record, of which this version may say more.
    if (request.path === "/campaigns") expect([request.path, again.body]).toMatchObject(told);
    else expect([request.path, again.body]).toEqual(told);
  }
  const [confirmed, cancelled] = done.answers.slice(0, 2).map(reservationIn);
  const post = (path: string, body: object = {}): Request => ({
    method: "POST",
    path,
    token: admin,
    body,
    key: randomId(12),
  });
  await answered(caller, post(`/reservation/${confirmed?.reservationId}/confirm`));
  await answered(caller, post(`/reservation/${cancelled?.reservationId}/cancel`));
  const back = { quantity: 3, orderId: "sold", disposition: "restock" };
  await answered(caller, post(`/product/${done.productId}/return`, back));
  await goneOnWithSale(caller, admin, done);
  const read = { method: "GET", path: `/product/${done.productId}`, token: admin } as const;
  // 100, less 2 confirmed and 1 taken; what was sold is back.
  expect((await answered(caller, read)).body).toMatchObject({ totalStock: 97, reservedStock: 0 });
}

/** Who waits is offered what comes in, and what was planned and limited is taken back. */
async function goneOnWithSale(
  caller: Caller,
  admin: string,
  { productId, lineId, answers }: Awaited<ReturnType<typeof made>>,
): Promise<void> {
  const ask = (method: Request["method"], path: string, body?: object): Promise<Answer> => {
    const asked = { method, path, token: admin, ...(body === undefined ? {} : { body }) };
    return answered(caller, method === "GET" ? asked : { ...asked, key: randomId(12) });
  };
  await ask("PATCH", `/product/${lineId}/stock`, { quantity: 1, type: "RESTOCK" });
  const place = async () =>
    PlaceOf.parse((await ask("GET", `/product/${lineId}/waitlist?orderId=waits`)).body);
  await until(async () => (await place()).status === "offered", {
    withinMs: OFFERED_MS_MAX,
    what: "who waited is offered what came in",
  });
  await ask("POST", `/reservation/${(await place()).reservationId}/confirm`, {});
  const planned = answers.find(({ body }) => Planned.safeParse(body).success);
  const { campaignId } = Planned.parse(planned?.body).campaign;
  await ask("DELETE", `/campaigns/${campaignId}`);
  await ask("DELETE", `/limits/${productId}`);
}

/** Lets each of these loads do something. */
async function phase(...loads: readonly Load[]): Promise<void> {
  const startedAt = performance.now();
  do await Promise.all(loads.map((load) => moreEffects(load, EFFECTS_MIN)));
  while (performance.now() - startedAt < PHASE_MS);
}

describe("the version before and this one", () => {
  test(
    "serve one store side by side, drain each other's journal, and all of it is equal at the end",
    async () => {
      await using redis = await startRedis();
      await using database = await testDatabase();
      const servers = { redisUrl: redis.url, databaseUrl: database.url };
      const { root } = before;
      await using oldApi = await startService({ ...servers, root, role: "api" });
      await using oldWorker = await startService({ ...servers, root, role: "worker" });
      const admin = await tokenOf("admin", "administrator");
      const done = await made(new Caller(oldApi.url), admin, randomId(8));
      const startedAt = performance.now();
      const load = { users: 6, products: 4, units: 400 };
      await using oldLoad = await startLoad({ url: oldApi.url, ...load });
      const sale = await openSale(oldApi.url, admin);
      await using oldShoppers = new Shoppers(oldApi.url, admin, sale);
      await phase(oldLoad);
      await oldShoppers.more(MET_MIN, MET_MS_MAX);
      // Its schema comes under the processes that run; the worker before drains what it journals.
      await using api = await startService({ ...servers, role: "api" });
      await using newLoad = await startLoad({ url: api.url, ...load });
      await using shoppers = new Shoppers(api.url, admin, sale);
      await phase(oldLoad, newLoad);
      await Promise.all([oldShoppers, shoppers].map((one) => one.more(MET_MIN, MET_MS_MAX)));
      const second = await made(new Caller(oldApi.url), admin, randomId(8));
      await goneOnWith(new Caller(api.url), admin, done);
      // The wake-ups that wait are those of both: each is what a worker of this version takes.
      const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
      const queue = new Queue(QUEUE_NAME, { connection, prefix: QUEUE_PREFIX });
      const jobs = await queue.getDelayed();
      expect(jobs.length).toBeGreaterThan(0);
      for (const { name, data } of jobs) {
        expect(isJobName(name) && JOBS[name].payload.safeParse(data).success).toBe(true);
      }
      await queue.close();
      connection.disconnect();
      // Now this version's worker drains what the API before still writes.
      await using worker = await startService({ ...servers, role: "worker" });
      await oldWorker.kill();
      await phase(oldLoad, newLoad);
      await Promise.all([oldShoppers, shoppers].map((one) => one.more(MET_MIN, MET_MS_MAX)));
      await oldLoad.stop();
      await oldShoppers.stop();
      await oldApi.kill();
      await goneOnWith(new Caller(api.url), admin, second);
      await phase(newLoad);
      await newLoad.stop();
      await shoppers.stop();
      const loads = [oldLoad, newLoad, oldShoppers, shoppers];
      expect(loads.flatMap(({ strange }) => strange)).toEqual([]);
      expect([api.hasExited(), worker.hasExited()]).toEqual([false, false]);
      const acknowledged = loads.flatMap((one) => one.acknowledged);
      const { movements } = await audit({ ...servers, acknowledged });
      const line = await brokenLine(database.url, sale);
      expect(line).toMatchObject({ broken: [], waiting: 0 });
      const env = { REDIS_URL: redis.url, DATABASE_URL: database.url };
      const verified = await runMain(["verify"], env);
      expect([verified.code, verified.output]).toEqual([0, expect.any(String)]);
      evidence("this version takes over from the one before it, side by side on one store", {
        before: before.name,
        packages: before.packages,
        "for (s)": Math.round((performance.now() - startedAt) / 1_000),
        acknowledged: acknowledged.length,
        movements,
        "refused by limits": oldShoppers.told.limited + shoppers.told.limited,
        "reserved of campaigns": oldShoppers.told.ofCampaign + shoppers.told.ofCampaign,
        "places that ended with an offer": line.offers,
      });
    },
    TEST_MS_MAX,
  );

  test(
    "count a customer's units alike, once a comparison has counted what the one before held and sold",
    async () => {
      await using redis = await startRedis();
      await using database = await testDatabase();
      const servers = { redisUrl: redis.url, databaseUrl: database.url };
      const admin = await tokenOf("admin", "administrator");
      const carol = await tokenOf("customer", "carol");
      const reserve = (orderId: string, quantity: number): Request => {
        return asking("/product/rare/reserve", carol, { orderId, quantity });
      };
      {
        await using old = await startService({ ...servers, root: before.root, role: "all" });
        const caller = new Caller(old.url);
        const body = { productId: "rare", sku: "RARE", initialStock: 50, maxPerCustomer: 4 };
        await answered(caller, asking("/initialize", admin, body));
        const held = reservationIn(await answered(caller, reserve("held", 2)));
        const sold = reservationIn(await answered(caller, reserve("sold", 1)));
        expect(held.quantity).toBe(2);
        await answered(caller, asking(`/reservation/${sold.reservationId}/confirm`, carol));
      }
      await using service = await startService({ ...servers, role: "all" });
      const caller = new Caller(service.url);
      const asked = await answered(caller, asking("/reconcile", admin, { mode: "repair" }));
      const { id } = Asked.parse(asked.body);
      const read = { method: "GET", path: `/reconcile/${id}`, token: admin } as const;
      const isOver = async () => {
        return Run.parse((await answered(caller, read)).body).status === "completed";
      };
      await until(isOver, { withinMs: 30_000, what: "the comparison is over" });
      const refused = await caller.call(reserve("more", 2));
      expect([refused.status, codeIn(refused)]).toEqual([409, "limit_exceeded"]);
      await answered(caller, reserve("more", 1));
      const env = { REDIS_URL: redis.url, DATABASE_URL: database.url };
      expect((await runMain(["verify"], env)).code).toBe(0);
    },
    TEST_MS_MAX,
  );

  test(
    "have one data folder: what the killed one left is there, and what it began is gone on with",
    async () => {
      const env = { DATA_DIR: temporaryFolder("upgrade") };
      const admin = await tokenOf("admin", "administrator");
      let done;
      {
        await using old = await startService({ root: before.root, env });
        done = await made(new Caller(old.url), admin, randomId(8));
        await old.kill();
      }
      await using service = await startService({ env });
      await goneOnWith(new Caller(service.url), admin, done);
      expect((await runMain(["verify"], env)).code).toBe(0);
    },
    TEST_MS_MAX,
  );
});
