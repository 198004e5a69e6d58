import { afterAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { offer, type Offered, type Order } from "#bench/offered";
import { removeFolder, temporaryFolder } from "#test/servers";

const folder = temporaryFolder("generator");
afterAll(() => removeFolder(folder));
const tokens = join(folder, "tokens.txt");
writeFileSync(tokens, "one\ntwo\n");

const LOAD = {
  path: "/asked",
  tokens,
  connections: 2,
  seconds: 1,
  perSecond: 200,
  step: null,
  patienceMs: 10_000,
  warmUpSeconds: 0,
};

/** A server that answers as it is told, under a load. */
async function offeredTo(
  answer: (request: Request) => Response | Promise<Response>,
  load: Partial<Order> = {},
): Promise<Offered> {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer });
  try {
    return await offer({ ...LOAD, ...load, port: server.port ?? 0 });
  } finally {
    await server.stop(true);
  }
}

/** Keeps this whole process from doing anything, the server in it included. */
const stall = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

const made = (): Response => new Response("{}", { status: 201 });

describe("the generator", () => {
  test("sends as many as it was told in an open loop, each for a new order, tokens in turn", async () => {
    const orders = new Set<string>();
    const callers = new Map<string, number>();
    const offered = await offeredTo(async (request) => {
      const { quantity, orderId }: { quantity: number; orderId: string } = JSON.parse(
        await request.text(),
      );
      expect(`${request.method} ${new URL(request.url).pathname} ${quantity}`).toBe(
        "POST /asked 1",
      );
      orders.add(orderId);
      const caller = request.headers.get("authorization") ?? "";
      callers.set(caller, (callers.get(caller) ?? 0) + 1);
      return made();
    });
    expect(offered).toMatchObject({ sent: 200, givenUp: 0, broken: 0, unanswered: 0 });
    expect(offered.answers).toEqual({ "201": 200 });
    expect(orders.size).toBe(200);
    expect([...callers]).toEqual([
      ["Bearer one", 100],
      ["Bearer two", 100],
    ]);
    expect(offered.bytesHeard).toBeGreaterThan(200 * 19);
  });

  test("asks again as soon as it was answered in a closed loop", async () => {
    const offered = await offeredTo(made, { perSecond: null });
    expect(offered.sent).toBeGreaterThan(LOAD.connections);
    expect(offered.answers).toEqual({ "201": offered.sent });
    expect(offered.goodBySecond).toHaveLength(1);
    expect(offered.goodPerSecond).toBe(offered.goodBySecond[0] ?? 0);
  });

  test("charges a server that stalls with all that was due meanwhile", async () => {
    let isFirst = true;
    const offered = await offeredTo(() => {
      if (isFirst) stall(600);
      isFirst = false;
      return made();
    });
    expect(offered.answers).toEqual({ "201": 200 });
    // 2 connections: whoever counts from when a request was sent sees 2 of 200 that were late.
    expect(offered.goodMs.p50).toBeGreaterThan(50);
    expect(offered.goodMs.p99).toBeGreaterThan(400);
    expect(offered.lateMs.p50).toBeGreaterThan(50);
  });

  test("changes its rate at the second that it was told, and tells what was due from there apart", async () => {
    let asked = 0;
    const offered = await offeredTo(
      () => {
        asked += 1;
        if (asked === 801) stall(600);
        return made();
      },
      { seconds: 3, perSecond: 400, step: { atSeconds: 2, perSecond: 50 }, connections: 200 },
    );
    expect(offered).toMatchObject({ sent: 850, givenUp: 0, answers: { "201": 850 } });
    const [first = 0, second = 0, third = 0] = offered.sentBySecond;
    expect(offered.sentBySecond).toHaveLength(3);
    expect(third).toBeLessThan(100);
    expect(first + second + third).toBeGreaterThan(840);
    const [, , lastGood = 0] = offered.goodBySecond;
    expect(offered.goodPerSecond).toBeGreaterThan(lastGood * 2);
    expect(offered.goodMs.p50).toBeLessThan(50);
    expect(offered.steppedMs.p50).toBeGreaterThanOrEqual(100);
  });

  test("gives up what found no connection free for as long as it was told", async () => {
    let isFirst = true;
    const offered = await offeredTo(
      () => {
        if (isFirst) stall(600);
        isFirst = false;
        return made();
      },
      { patienceMs: 100 },
    );
    expect(offered.givenUp).toBeGreaterThan(20);
    expect(offered.sent + offered.givenUp).toBe(200);
  });

  test("counts refusals by when they say to come again, and apart from what was done", async () => {
    let asked = 0;
    const offered = await offeredTo(() => {
      asked += 1;
      if (asked % 4 === 0) return made();
      const headers = asked % 4 === 1 ? {} : { "retry-after": `${asked % 4}` };
      return new Response("no", { status: 503, headers });
    });
    expect(offered.answers).toEqual({ "201": 50, "503": 150 });
    expect(offered.retryAfter).toEqual({ none: 50, "2": 50, "3": 50 });
    expect(offered.goodPerSecond).toBeLessThanOrEqual(50);
  });

  test("tells a connection that was closed instead of answered", async () => {
    let asked = 0;
    using server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data(socket) {
          asked += 1;
          if (asked === 1) socket.end();
          else socket.write("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}");
        },
      },
    });
    const offered = await offer({ ...LOAD, port: server.port });
    expect(offered).toMatchObject({ sent: 200, broken: 1, answers: { "201": 199 } });
  });
});
