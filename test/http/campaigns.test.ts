/** Campaigns: each status that their routes may answer, and what a reserve that names one is told. */
import { describe, expect, test } from "bun:test";
import type { CampaignRefused, CampaignStore, ScheduleCommand } from "#inventory/campaigns";
import { Location, Place, ProductId } from "#inventory/model";
import type { AboveQuota } from "#inventory/hold-ports";
import type { ReserveCommand } from "#inventory/ports";
import { CAMPAIGN_ID, CAMPAIGNS, campaignOf } from "#test/campaigns-double";
import { openApp } from "#test/http-app";
import { AT, answering, productOf } from "#test/ports-double";

const URL = "/api/inventory/campaigns";
const ONE = `${URL}/${CAMPAIGN_ID}`;
const PLAN = {
  name: "Friday",
  location: "Warehouse A",
  startsAt: "2025-01-01T00:00:00Z",
  endsAt: "2025-01-01T00:01:00Z",
  products: [{ productId: "p1", quantity: 5 }],
};
const RECORD = {
  campaignId: CAMPAIGN_ID,
  name: "Friday",
  location: "Warehouse A",
  state: "scheduled",
  startsAt: "2025-01-01T00:00:00.000Z",
  endsAt: "2025-01-01T00:01:00.000Z",
  stoppedAt: null,
  holdSeconds: null,
  maxPerCustomer: null,
  createdAt: "2025-01-01T00:00:00.000Z",
  updatedAt: "2025-01-01T00:00:00.000Z",
  products: [{ productId: "p1", quantity: 5, ringFenced: 0 }],
};

/** With these answers, at that moment of Redis's clock. */
const openWith = (campaigns: Partial<CampaignStore>, now = AT) =>
  openApp({
    store: { campaigns: { ...CAMPAIGNS, ...campaigns }, msUntil: (_, at) => at * 1_000 - now },
  });

describe("GET /campaigns", () => {
  test("200 has all of them for everybody, the soonest first, with the time until they start and end", async () => {
    const all = async () => [
      campaignOf({ startsAt: AT + 9_000 }),
      campaignOf({ state: "running", startsAt: AT - 1 }),
    ];
    const { status, body } = await openWith({ all }).send(URL);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      campaigns: [
        { status: "running", startsInMs: 0, endsInMs: 60_000 },
        { status: "scheduled", startsInMs: 9_000, endsInMs: 60_000 },
      ],
    });
  });

  test.each([
    [campaignOf(), AT - 1, "scheduled"],
    [campaignOf(), AT, "running"],
    [campaignOf({ state: "running" }), AT + 60_000, "ended"],
    [campaignOf({ state: "running", stoppedAt: AT }), AT, "stopped"],
    [campaignOf({ state: "closed", stoppedAt: AT }), AT, "closed"],
  ])("says by the clock of the stock how it stands: %#", async (campaign, now, status) => {
    const { body } = await openWith({ all: async () => [campaign] }, now).send(URL);
    expect(body).toMatchObject({ campaigns: [{ status }] });
  });
});

describe("GET /campaigns/:campaignId", () => {
  test("200 says of each product what is left of it", async () => {
    const location = Location.parse("Warehouse A");
    const fence = Place.parse(`Warehouse A~${CAMPAIGN_ID}`);
    const level = { priority: 100, active: false } as const;
    const product = productOf({
      levels: [
        { location, onHand: 9, reserved: 0, ...level },
        { location: fence, onHand: 5, reserved: 2, ...level },
      ],
    });
    const app = openApp({ store: { campaigns: CAMPAIGNS, products: async () => [product] } });
    const { status, body } = await app.send(ONE);
    expect(status).toBe(200);
    expect(body["products"]).toEqual([
      { productId: "p1", quantity: 5, ringFenced: 0, availableStock: 3 },
    ]);
  });

  test("404 where there is none", async () => {
    for (const id of ["p0-12345678", "x", "p9999-12345678"]) {
      const answer = await openApp().send(`${URL}/${id}`);
      expect(answer.status).toBe(404);
      expect(answer.body).toMatchObject({ code: "campaign_not_found" });
    }
  });
});

describe("POST /campaigns", () => {
  test("201 answers what is planned, under an id that names the partition of its products", async () => {
    const schedule = answering<ScheduleCommand, Awaited<ReturnType<CampaignStore["schedule"]>>>({
      kind: "scheduled",
      campaign: campaignOf(),
      replayed: false,
    });
    const { send } = openWith({ schedule });
    const { status, body } = await send(URL, { as: "admin", body: { ...PLAN, holdSeconds: 90 } });
    expect(status).toBe(201);
    expect(body).toEqual({ message: "Campaign planned", campaign: RECORD });
    expect(schedule.commands).toMatchObject([
      { isNew: true, holdSeconds: 90, startsAt: AT, context: { actor: "admin:ada" } },
    ]);
    await send(URL, { as: "admin", body: { ...PLAN, maxPerCustomer: 2 } });
    await send(URL, { as: "admin", body: { ...PLAN, maxPerCustomer: null } });
    const limits = schedule.commands.map(({ maxPerCustomer }) => maxPerCustomer);
    expect(limits).toEqual([null, 2, null]);
    const [command] = schedule.commands;
    expect(command?.campaignId).toMatch(/^p0-[a-z0-9]{8}$/);
    expect(command?.context.reference).toBe(`campaign:${command?.campaignId}`);
  });

  test.each([
    [{ ...PLAN, endsAt: PLAN.startsAt }, "endsAt", "must be after startsAt"],
    [{ ...PLAN, products: [] }, "products", "must have at least 1"],
    [
      { ...PLAN, products: [...PLAN.products, ...PLAN.products] },
      "products",
      "must name each product once",
    ],
    [{ ...PLAN, location: `Warehouse A~${CAMPAIGN_ID}` }, "location", "must be 1-64 letters"],
    [{ ...PLAN, maxPerCustomer: 0 }, "maxPerCustomer", "must be at least 1"],
    [{ ...PLAN, holdSeconds: 0 }, "holdSeconds", "must be at least 1"],
    [{ ...PLAN, startsAt: "tomorrow" }, "startsAt", "must be a time with its zone"],
  ])("400 for what is no plan: %#", async (body, path, message) => {
    const answer = await openApp().send(URL, { as: "admin", body });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      errors: [{ path, message: expect.stringContaining(message) }],
    });
  });

  test("413 for more products than a campaign has", async () => {
    const products = Array.from({ length: 101 }, (_, i) => ({ productId: `p${i}`, quantity: 1 }));
    const answer = await openApp().send(URL, { as: "admin", body: { ...PLAN, products } });
    expect([answer.status, answer.body["code"]]).toEqual([413, "too_many_items"]);
  });

  test.each([
    [{ kind: "past" }, 400, "validation_failed"],
    [{ kind: "above_limit" }, 409, "limit_exceeded"],
    [{ kind: "unknown_product", productId: ProductId.parse("p1") }, 404, "product_not_found"],
    [{ kind: "key_reused" }, 422, "idempotency_key_reused"],
  ] as const)("%j is told", async (outcome, status, code) => {
    const answer = await openWith({ schedule: async () => outcome }).send(URL, {
      as: "admin",
      body: PLAN,
    });
    expect([answer.status, answer.body["code"]]).toEqual([status, code]);
  });

  test("422 where its products live apart", async () => {
    const products = [...PLAN.products, { productId: "p2", quantity: 1 }];
    const app = openApp({ store: { partitionOf: (id) => (id === "p1" ? 0 : 1) } });
    const answer = await app.send(URL, { as: "admin", body: { ...PLAN, products } });
    expect([answer.status, answer.body["code"]]).toEqual([422, "cart_spans_partitions"]);
  });
});

const begun = { kind: "begun", campaign: campaignOf({ state: "running" }) } as const;
const unknown = { kind: "unknown_campaign" } as const;

describe("PUT /campaigns/:campaignId", () => {
  const put = (app: ReturnType<typeof openApp>) =>
    app.send(ONE, { method: "PUT", as: "admin", body: PLAN });

  test("200 answers what is planned now", async () => {
    const { status, body } = await put(openApp());
    expect([status, body]).toEqual([200, { message: "Campaign planned", campaign: RECORD }]);
  });

  test("409 once it has started, with how it stands; 404 where there is none", async () => {
    const late = await put(openWith({ schedule: async () => begun }));
    expect(late.status).toBe(409);
    expect(late.body).toMatchObject({ code: "campaign_begun", campaign: { state: "running" } });
    const none = await put(openWith({ schedule: async () => unknown }));
    expect([none.status, none.body["code"]]).toEqual([404, "campaign_not_found"]);
  });
});

describe("POST /campaigns/:campaignId/stop and DELETE /campaigns/:campaignId", () => {
  const stop = (app: ReturnType<typeof openApp>) =>
    app.send(`${ONE}/stop`, { method: "POST", as: "admin" });
  const remove = (app: ReturnType<typeof openApp>) =>
    app.send(ONE, { method: "DELETE", as: "admin" });

  test("200 say what was done", async () => {
    expect((await stop(openApp())).body).toMatchObject({ message: "Campaign stopped" });
    expect((await remove(openApp())).body).toMatchObject({ message: "Campaign removed" });
    const over = { kind: "over", campaign: campaignOf(), replayed: false } as const;
    const again = await stop(openWith({ stop: async () => over }));
    expect([again.status, again.body["message"]]).toEqual([200, "Campaign was over"]);
  });

  test("404 where there is none, 409 for the removal of one whose units are not all back", async () => {
    for (const answer of [
      await stop(openWith({ stop: async () => unknown })),
      await remove(openWith({ remove: async () => unknown })),
    ]) {
      expect([answer.status, answer.body["code"]]).toEqual([404, "campaign_not_found"]);
    }
    const early = await remove(openWith({ remove: async () => begun }));
    expect([early.status, early.body["code"]]).toEqual([409, "campaign_begun"]);
  });
});

describe("a reserve that names a campaign", () => {
  const RESERVE = "/api/inventory/product/p1/reserve";
  const body = { quantity: 1, orderId: "o1", campaign: CAMPAIGN_ID };
  const kind = "campaign_refused";
  const refused = async (answer: CampaignRefused | AboveQuota) => {
    return openApp({ store: { reserve: async () => answer } }).send(RESERVE, {
      as: "customer",
      body,
    });
  };

  test("is passed on with it, alone and as a cart", async () => {
    const commands: ReserveCommand[] = [];
    const app = openApp({
      store: {
        reserve: async (command) => {
          commands.push(command);
          return { kind: "campaign_refused", why: "unknown" };
        },
      },
    });
    const items = [{ productId: "p1", quantity: 1 }];
    await app.send(RESERVE, { as: "customer", body });
    await app.send("/api/inventory/reservations", {
      as: "customer",
      body: { orderId: "o1", campaign: CAMPAIGN_ID, items },
    });
    expect(commands.map(({ campaignId }) => campaignId)).toEqual([CAMPAIGN_ID, CAMPAIGN_ID]);
  });

  test("409 before it starts says when it does, and after its end when that was", async () => {
    const early = await refused({ kind, why: "not_started", startsAt: AT });
    expect(early.status).toBe(409);
    const startsAt = RECORD.startsAt;
    expect(early.body).toMatchObject({ code: "campaign_not_started", startsAt });
    for (const why of ["ended", "stopped"] as const) {
      const late = await refused({ kind, why, endsAt: AT });
      expect(late.status).toBe(409);
      expect(late.body).toMatchObject({
        code: "campaign_ended",
        endsAt: startsAt,
        stopped: why === "stopped",
      });
    }
  });

  test("409 above its limit for each customer names the campaign, and what may still be had", async () => {
    const quota = { maxPerCustomer: 3, left: 1, windowEndsAt: AT, campaignId: CAMPAIGN_ID };
    const productId = ProductId.parse("p1");
    const units = { requested: 2, largest: 1, available: 5, locations: [], nextHoldEndsAt: null };
    const lines = [{ productId, ...units, quota }];
    const above = await refused({ kind: "above_quota", lines });
    expect([above.status, above.body["code"]]).toEqual([409, "limit_exceeded"]);
    expect(above.body["detail"]).toContain(`in the campaign ${CAMPAIGN_ID}, who may take 1 more`);
    expect(above.body["lines"]).toMatchObject([
      { limit: { ...quota, windowEndsAt: RECORD.startsAt } },
    ]);
  });

  test("404 where there is none, 409 for a product that it has not", async () => {
    const none = await refused({ kind, why: "unknown" });
    expect([none.status, none.body["code"]]).toEqual([404, "campaign_not_found"]);
    const lacks = await refused({ kind, why: "lacks", productId: ProductId.parse("p1") });
    expect([lacks.status, lacks.body["code"]]).toEqual([409, "product_not_in_campaign"]);
  });

  test("400 with a location or as a standing hold: the campaign says where, and its holds end", async () => {
    for (const [more, path] of [
      [{ location: "Warehouse A" }, "location"],
      [{ standing: true }, "standing"],
    ] as const) {
      const answer = await openApp().send(RESERVE, { as: "service", body: { ...body, ...more } });
      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({ errors: [{ path, message: "goes without campaign" }] });
    }
  });

  test("and of a cart the item is named that says where", async () => {
    const items = [
      { productId: "p1", quantity: 1 },
      { productId: "p2", quantity: 1, location: "Warehouse A" },
    ];
    const { orderId, campaign } = body;
    const answer = await openApp().send("/api/inventory/reservations", {
      as: "service",
      method: "POST",
      body: { orderId, campaign, items },
    });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ errors: [{ path: "items[1].location" }] });
  });
});

test("a product's ring-fence names its campaign, and is inactive", async () => {
  const level = { onHand: 5, reserved: 2, priority: 100, active: false } as const;
  const location = Place.parse(`Warehouse A~${CAMPAIGN_ID}`);
  const product = productOf({ levels: [{ location, ...level }] });
  const app = openApp({ store: { product: async () => product } });
  const { body } = await app.send("/api/inventory/product/p1");
  expect(body["locations"]).toEqual([{ location, campaign: CAMPAIGN_ID, ...level }]);
});
