/**
 * A campaign over HTTP, raced for at its start and at its end, while workers are killed and a Redis loses all
 * it had: as many get a unit as stand aside, nobody else gets one of them, and what is left comes back.
 */
import { expect, test } from "bun:test";
import { z } from "zod";
import { randomId } from "#lib/ids";
import { metaKey } from "#redis/keys";
import { audit, type Acknowledged } from "#test/audit";
import { codeIn, inventoryOf, reservationIn, type Answer, type Request } from "#test/caller";
import { installationOfFile } from "#test/installation-of-file";
import { reported } from "#test/lost";
import { until } from "#test/until";

const UNITS = 500;
const FENCED = 20;
const CALLERS = 150;
const LEAD_MS = 1_500;
const SETTLED_MS_MAX = 30_000;
const TEST_MS_MAX = 120_000;

const { all, redis, sql } = await installationOfFile();

const Planned = z.object({ campaign: z.object({ campaignId: z.string() }) });
const Detail = z.object({
  status: z.string(),
  products: z.array(z.object({ ringFenced: z.int(), availableStock: z.int() })),
});

const Held = z.object({ reservation: z.object({ createdAt: z.iso.datetime() }) });
const Levels = z.object({ locations: z.array(z.object({ location: z.string() })) });

const ask = (request: Omit<Request, "token" | "key">): Promise<Answer> =>
  all.caller.call({ ...request, token: all.admin, key: randomId(12) });

async function product(): Promise<string> {
  const productId = `p-${randomId(8)}`;
  const body = { productId, sku: `SKU-${productId}`, initialStock: UNITS };
  expect((await ask({ method: "POST", path: "/initialize", body })).status).toBe(201);
  return productId;
}

async function plan(productId: string, startsAt: number, endsAt: number): Promise<string> {
  const answer = await ask({
    method: "POST",
    path: "/campaigns",
    body: {
      name: "raced for",
      location: "default",
      startsAt: new Date(startsAt).toISOString(),
      endsAt: new Date(endsAt).toISOString(),
      holdSeconds: 3_600,
      products: [{ productId, quantity: FENCED }],
    },
  });
  expect([answer.status, answer.body]).toEqual([201, answer.body]);
  return Planned.parse(answer.body).campaign.campaignId;
}

const reserve = (productId: string, campaign: string, orderId: string): Promise<Answer> =>
  ask({
    method: "POST",
    path: `/product/${productId}/reserve`,
    body: { quantity: 1, orderId, campaign },
  });

const stockOf = async (productId: string) =>
  inventoryOf(await ask({ method: "GET", path: `/product/${productId}` }));

const detailOf = async (campaignId: string) =>
  Detail.parse((await ask({ method: "GET", path: `/campaigns/${campaignId}` })).body);

const acknowledged: Acknowledged[] = [];
function noted(answer: Answer): string {
  const { reservationId } = reservationIn(answer);
  acknowledged.push({ requestId: answer.requestId, type: "RESERVE", units: 1, reservationId });
  return reservationId;
}

/** Everything that the ledger has; what it lacks would be lost, and told. */
async function lose(): Promise<void> {
  const isDrained = async () => {
    const [seq, drained] = await redis.hmget(metaKey(0), "seq", "drained");
    return seq === drained;
  };
  await until(isDrained, { withinMs: SETTLED_MS_MAX, what: "the ledger has all of it" });
  const { rebuilds } = await reported(sql);
  await redis.flushall();
  await until(async () => (await reported(sql)).rebuilds > rebuilds, {
    withinMs: SETTLED_MS_MAX,
    what: "the partition is rebuilt",
  });
}

/** Each asks until it hears something else than that it is too early. */
async function raceForStart(productId: string, campaign: string, name: string): Promise<Answer[]> {
  const one = async (i: number): Promise<Answer> => {
    for (;;) {
      const answer = await reserve(productId, campaign, `${name}-${i}`);
      if (answer.status !== 409 || codeIn(answer) !== "campaign_not_started") return answer;
    }
  };
  return await Promise.all(Array.from({ length: CALLERS }, (_, i) => one(i)));
}

test(
  "at its start as many get a unit as stand aside, whether or not a worker lives, and after a Redis lost all too",
  async () => {
    const productId = await product();
    const startsAt = Date.now() + LEAD_MS;
    const campaign = await plan(productId, startsAt, startsAt + 600_000);
    await all.worker.kill();
    const answers = await raceForStart(productId, campaign, "start");
    const held = answers.filter(({ status }) => status === 201).map(noted);
    const refused = answers.filter(({ status }) => status === 409).map(codeIn);
    expect(held).toHaveLength(FENCED);
    expect(refused).toEqual(Array.from({ length: CALLERS - FENCED }, () => "insufficient_stock"));
    await all.worker.restart();
    await until(async () => (await stockOf(productId)).availableStock === UNITS - FENCED, {
      withinMs: SETTLED_MS_MAX,
      what: "the product is as it was",
    });
    await lose();
    expect(await detailOf(campaign)).toMatchObject({
      status: "running",
      products: [{ ringFenced: FENCED, availableStock: 0 }],
    });
    for (const answer of await raceForStart(productId, campaign, "again")) {
      expect([answer.status, codeIn(answer)]).toEqual([409, "insufficient_stock"]);
    }
    const [first = "", second = ""] = held;
    for (const id of [first, second]) {
      const cancelled = await ask({ method: "POST", path: `/reservation/${id}/cancel`, body: {} });
      expect(cancelled.status).toBe(200);
    }
    const more = await raceForStart(productId, campaign, "more");
    expect(more.filter(({ status }) => status === 201).map(noted)).toHaveLength(2);
    expect(await stockOf(productId)).toMatchObject({
      availableStock: UNITS - FENCED,
      reservedStock: FENCED,
      totalStock: UNITS,
    });
  },
  TEST_MS_MAX,
);

test(
  "from its end on nobody gets a unit, and what is left comes back by itself, a killed worker and a lost Redis or not",
  async () => {
    const productId = await product();
    const startsAt = Date.now() + 10;
    const endsAt = startsAt + 2 * LEAD_MS;
    const campaign = await plan(productId, startsAt, endsAt);
    let kept = "";
    const late: string[] = [];
    const shopper = async (i: number): Promise<void> => {
      for (let round = 0; ; round += 1) {
        const askedAt = Date.now();
        const answer = await reserve(productId, campaign, `end-${i}-${round}`);
        if (answer.status === 409) {
          const code = codeIn(answer);
          if (code === "campaign_ended") return;
          if (code === "campaign_not_started" || code === "insufficient_stock") continue;
          throw new Error(`a shopper was refused with ${code}`);
        }
        const reservationId = noted(answer);
        const { createdAt } = Held.parse(answer.body).reservation;
        if (Date.parse(createdAt) >= endsAt) late.push(`${createdAt}, asked at ${askedAt}`);
        if (i === 0 && kept === "") kept = reservationId;
        if (reservationId === kept) continue;
        await ask({ method: "POST", path: `/reservation/${reservationId}/cancel`, body: {} });
      }
    };
    const shoppers = Promise.all(Array.from({ length: 24 }, (_, i) => shopper(i)));
    await until(() => Date.now() > endsAt - 200, {
      withinMs: TEST_MS_MAX,
      what: "it is about to end",
    });
    await all.worker.kill();
    await shoppers;
    expect(late).toEqual([]);
    await all.worker.restart();
    await until(async () => (await stockOf(productId)).availableStock === UNITS - 1, {
      withinMs: SETTLED_MS_MAX,
      what: "what nobody holds came back",
    });
    expect(await detailOf(campaign)).toMatchObject({ status: "ended" });
    await lose();
    const confirmed = await ask({ method: "POST", path: `/reservation/${kept}/confirm`, body: {} });
    expect(confirmed.status).toBe(200);
    await until(async () => (await detailOf(campaign)).status === "closed", {
      withinMs: SETTLED_MS_MAX,
      what: "the campaign is closed",
    });
    const read = await ask({ method: "GET", path: `/product/${productId}` });
    const { availableStock, totalStock } = inventoryOf(read);
    expect({ availableStock, totalStock }).toEqual({
      availableStock: UNITS - 1,
      totalStock: UNITS - 1,
    });
    expect(Levels.parse(read.body).locations).toEqual([{ location: "default" }]);
  },
  TEST_MS_MAX,
);

test(
  "and all of it is explained by the ledger",
  async () => {
    const { redis: found } = await audit({ ...all.servers, acknowledged });
    expect(found.holds).toBe(FENCED);
  },
  TEST_MS_MAX,
);
