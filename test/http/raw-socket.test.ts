/** What no client library sends: requests byte by byte, of which each has one effect or none. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { z } from "zod";
import { serveContracts, type ContractService } from "#test/contract";
import { tokenOf } from "#test/service";
import { until } from "#test/until";

const START_MS_MAX = 60_000;
const QUIET_MS_MAX = 10_000;
const DRIP_MS = 500;
/** The listener's idle timeout of 10 s, at Bun's next look. */
const SLOW_HEAD_MS_MAX = 30_000;

let served: ContractService;
beforeAll(async () => {
  served = await serveContracts("inventory");
}, START_MS_MAX);
afterAll(() => served[Symbol.asyncDispose]());

const HOST = "Host: localhost\r\n";
const HEALTH = `GET /health HTTP/1.1\r\n${HOST}\r\n`;
const BODY = '{"quantity":1}';
const LENGTH = `Content-Length: ${BODY.length}\r\n`;
const CHUNKED = "Transfer-Encoding: chunked\r\n";
const CHUNKS = `e\r\n${BODY}\r\n0\r\n\r\n`;
const token = await tokenOf("admin", "ada");
const AUTHORIZED = `Content-Type: application/json\r\nAuthorization: Bearer ${token}\r\n`;
const SELL = `POST /api/inventory/product/1/sell HTTP/1.1\r\n${HOST}${AUTHORIZED}`;
/** Hidden behind another request: it would take ten. */
const HIDDEN = `${SELL}Content-Length: 15\r\n\r\n{"quantity":10}`;

const Stock = z.object({ totalStock: z.number() });
const stock = async (): Promise<number> =>
  Stock.parse((await served.call("GET", "/api/inventory/product/1")).body).totalStock;

/** Statuses of what came back until the connection ended, or as many answers were there. */
async function statusesOf(bytes: string | Uint8Array, answers = 1): Promise<number[]> {
  const socket = connect(Number(new URL(served.url).port), "127.0.0.1");
  let received = "";
  const statuses = (): number[] =>
    Array.from(received.matchAll(/HTTP\/1\.1 ([2-5]\d\d) /g), ([, status]) => Number(status));
  socket.on("data", (data) => (received += data.toString("latin1")));
  socket.on("error", () => undefined);
  socket.write(bytes);
  await until(() => socket.closed || statuses().length >= answers, {
    withinMs: QUIET_MS_MAX,
    what: "there is an answer, or an end",
  });
  socket.destroy();
  return statuses();
}

const withBytes = (before: string, bytes: readonly number[], after: string): Uint8Array =>
  Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);

/** `505` is the runtime's word for a first line that is none. */
const REFUSED = new Set([400, 404, 405, 413, 415, 422, 431, 505]);

describe("refused, and nothing happens:", () => {
  test.each([
    ["a length and chunks", `${SELL}${LENGTH}${CHUNKED}\r\n${CHUNKS}`],
    ["chunks and a length", `${SELL}${CHUNKED}${LENGTH}\r\n${CHUNKS}`],
    [
      "a request in what the length leaves",
      `${SELL}Content-Length: 5\r\n${CHUNKED}\r\n0\r\n\r\n${HIDDEN}`,
    ],
    ["two lengths", `${SELL}${LENGTH}Content-Length: 5\r\n\r\n${BODY}`],
    ["a list of lengths", `${SELL}Content-Length: 14, 14\r\n\r\n${BODY}`],
    ["a length below nothing", `${SELL}Content-Length: -1\r\n\r\n${BODY}`],
    ["a length with a sign", `${SELL}Content-Length: +14\r\n\r\n${BODY}`],
    ["a length in another base", `${SELL}Content-Length: 0xe\r\n\r\n${BODY}`],
    ["a length beyond all numbers", `${SELL}Content-Length: 99999999999999999999\r\n\r\n${BODY}`],
    ["an unknown coding", `${SELL}Transfer-Encoding: xchunked\r\n\r\n${CHUNKS}`],
    ["a coding before chunks", `${SELL}Transfer-Encoding: gzip, chunked\r\n\r\n${CHUNKS}`],
    ["two codings", `${SELL}${CHUNKED}Transfer-Encoding: identity\r\n\r\n${CHUNKS}`],
    ["a space before the colon", `${SELL}Transfer-Encoding : chunked\r\n\r\n${CHUNKS}`],
    ["a chunk without a size", `${SELL}${CHUNKED}\r\nzz\r\n${BODY}\r\n0\r\n\r\n`],
    ["a chunk below nothing", `${SELL}${CHUNKED}\r\n-1\r\n${BODY}\r\n0\r\n\r\n`],
    ["a chunk longer than it says", `${SELL}${CHUNKED}\r\n5\r\n${BODY}\r\n0\r\n\r\n`],
    [
      "a chunk beyond all numbers",
      `${SELL}${CHUNKED}\r\nfffffffffffffffff\r\n${BODY}\r\n0\r\n\r\n`,
    ],
    ["chunks without carriage returns", `${SELL}${CHUNKED}\r\ne\n${BODY}\n0\n\n`],
    ["a header with NUL", `${SELL}X: a\0b\r\n${LENGTH}\r\n${BODY}`],
    ["a folded header", `${SELL}X: a\r\n b\r\n${LENGTH}\r\n${BODY}`],
    ["a header of 100 KiB", `${SELL}X: ${"x".repeat(100 * 1024)}\r\n${LENGTH}\r\n${BODY}`],
    ["2000 headers", `${SELL}${"X: y\r\n".repeat(2_000)}${LENGTH}\r\n${BODY}`],
    ["a path of 100 KiB", `GET /${"x".repeat(100 * 1024)} HTTP/1.1\r\n${HOST}\r\n`],
    ["a path with NUL", `GET /api/inventory/product/a\0b HTTP/1.1\r\n${HOST}\r\n`],
    [
      "a path that is no UTF-8",
      withBytes("GET /api/inventory/product/", [0xff, 0xc0], ` HTTP/1.1\r\n${HOST}\r\n`),
    ],
    [
      "an encoded path that is no UTF-8",
      `GET /api/inventory/product/%ff%c0 HTTP/1.1\r\n${HOST}\r\n`,
    ],
    ["a path with a broken escape", `GET /api/inventory/product/%zz HTTP/1.1\r\n${HOST}\r\n`],
    ["HTTP/1.1 without a host", "GET /health HTTP/1.1\r\n\r\n"],
    ["HTTP/0.9", "GET /health\r\n\r\n"],
    ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    ["TRACE", `TRACE /health HTTP/1.1\r\n${HOST}\r\n`],
    ["CONNECT", `CONNECT localhost:1 HTTP/1.1\r\n${HOST}\r\n`],
    [
      "a body that is no UTF-8",
      withBytes(`${SELL}Content-Length: 5\r\n\r\n`, [0xff, 0xfe, 0xc0, 0x80, 0x7d], ""),
    ],
    ["TLS", Buffer.from([0x16, 3, 1, 0, 0x50, 1, 0, 0])],
  ])("%s", async (_, bytes) => {
    const before = await stock();
    const statuses = await statusesOf(bytes);
    expect(statuses).toHaveLength(1);
    expect(statuses.filter((status) => !REFUSED.has(status))).toEqual([]);
    expect(await stock()).toBe(before);
  });
});

describe("taken once:", () => {
  test.each([
    ["one length, said twice", `${SELL}${LENGTH}${LENGTH}\r\n${BODY}`],
    ["chunks", `${SELL}${CHUNKED}\r\n${CHUNKS}`],
    ["chunks with an extension", `${SELL}${CHUNKED}\r\ne;a=b\r\n${BODY}\r\n0\r\n\r\n`],
    [
      "a text that is no UTF-8",
      withBytes(
        `${SELL}Content-Length: 30\r\n\r\n{"quantity":1,"reason":"`,
        [0xff, 0xfe, 0xc0, 0x80],
        '"}',
      ),
    ],
    ["what waits to be continued", `${SELL}Expect: 100-continue\r\n${LENGTH}\r\n${BODY}`],
  ])("%s", async (name, bytes) => {
    const before = await stock();
    const [status] = await statusesOf(bytes);
    expect([name, status]).toEqual([name, 200]);
    expect(await stock()).toBe(before - 1);
  });
});

test("a change whose last chunk has a trailer happens once at most", async () => {
  const before = await stock();
  await statusesOf(`${SELL}${CHUNKED}\r\ne\r\n${BODY}\r\n0\r\nX: y\r\n\r\n`);
  expect(before - (await stock())).toBeWithin(0, 2);
});

describe("behind one another on one connection", () => {
  test("reads are answered in their order", async () => {
    expect(await statusesOf(HEALTH.repeat(5), 5)).toEqual([200, 200, 200, 200, 200]);
  });

  test("a body that a read does not want is not the next request", async () => {
    const read = `GET /health HTTP/1.1\r\n${HOST}Content-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`;
    const before = await stock();
    expect(await statusesOf(`${read}${HEALTH}`, 2)).toEqual([200, 200]);
    expect(await stock()).toBe(before);
  });

  test("changes happen once each at most, and none is answered that did not happen", async () => {
    const before = await stock();
    const statuses = await statusesOf(`${SELL}${LENGTH}\r\n${BODY}`.repeat(3), 3);
    const done = before - (await stock());
    expect(done).toBeGreaterThanOrEqual(statuses.filter((status) => status === 200).length);
    expect(done).toBeLessThanOrEqual(3);
  });
});

describe("without a usable host", () => {
  test("HTTP/1.0 is served", async () => {
    expect(await statusesOf("GET /health HTTP/1.0\r\n\r\n")).toEqual([200]);
  });

  test.each([
    "HTTP/1.0\r\n",
    "HTTP/1.1\r\nHost: a b/%zz\r\n",
    "HTTP/1.1\r\nHost: a/inventory?\r\n",
  ])("no path is taken for the end of it: %j", async (rest) => {
    const before = await stock();
    const path = "/api/inventory/1/reserve";
    const change = `PUT ${path} ${rest}Content-Type: application/json\r\n${LENGTH}\r\n${BODY}`;
    expect([404, 405]).toContain((await statusesOf(change))[0] ?? 0);
    expect(await stock()).toBe(before);
  });
});

test("a head that never ends, byte by byte or not at all, does not keep its connection", async () => {
  const started = `GET /health HTTP/1.1\r\n${HOST}X: `;
  const sockets = [true, false].map((drips) => {
    const socket = connect(Number(new URL(served.url).port), "127.0.0.1");
    socket.on("error", () => undefined);
    socket.resume();
    socket.write(started);
    const drip = drips ? setInterval(() => socket.write("x"), DRIP_MS) : undefined;
    socket.on("close", () => clearInterval(drip));
    return socket;
  });
  await until(() => sockets.every(({ closed }) => closed), {
    withinMs: SLOW_HEAD_MS_MAX,
    what: "both connections are ended",
  });
});

test("the service lives, and called nothing a bug", async () => {
  expect((await served.call("GET", "/health/ready")).status).toBe(200);
});
