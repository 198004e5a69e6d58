/** The feed as server-sent events over real sockets; test/invariants/event-streams.test.ts has servers. */
import { afterEach, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { z } from "zod";
import { HEARTBEAT_MS, Streams, STREAM_WAITING_BYTES_MAX, STREAMS_MAX } from "#http/streams";
import { Event } from "#http/wire/answers";
import { IDLE_SECONDS_MAX } from "#compose/api";
import { FeedDouble, idOf } from "#test/feed";
import { openApp, TOKENS, tokenOf } from "#test/http-app";
import { Random } from "#test/random";
import { seed } from "#test/scale";
import { readStream, type StreamReader } from "#test/sse";
import { until } from "#test/until";

const PATH = "/api/inventory/events";
const SOON = { withinMs: 10_000 };

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]();
});

/** The app on a port, over a feed in memory. */
function listen(partitions = 2) {
  const counts = { open: 0, dropped: 0 };
  const ledger = new FeedDouble(new Random(seed()), partitions);
  const eventStreams = new Streams({
    onOpen: (count) => (counts.open = count),
    onDropped: () => (counts.dropped += 1),
    heartbeatMs: 400,
  });
  const { app } = openApp({ events: ledger, eventStreams });
  const server = Bun.serve({ port: 0, fetch: (request) => app.fetch(request, {}) });
  const url = `${server.url.origin}${PATH}`;
  open.push({
    [Symbol.asyncDispose]: async () => {
      eventStreams.close();
      await server.stop(true);
    },
  });
  const read = (query = "", lastId = "", token = TOKENS.service): Promise<StreamReader> =>
    readStream(`${url}${query}`, { token, lastId });
  return { counts, ledger, eventStreams, url, port: server.port ?? 0, read };
}

const events = ({ told }: StreamReader): Event[] =>
  told.map(({ data }) => Event.parse(JSON.parse(data)));
const heard = (reader: StreamReader, count: number) =>
  until(() => reader.told.length >= count, { ...SOON, what: `it hears ${count}` });

describe("a stream of events", () => {
  test("tells what was, what comes, and behind each the cursor to go on from", async () => {
    const { ledger, read, url } = listen();
    ledger.write(30);
    const reader = await read();
    await heard(reader, 30);
    ledger.write(10);
    await heard(reader, 40);
    expect(new Set(events(reader).map(({ eventId }) => eventId)).size).toBe(40);
    // Each id is a cursor of the feed that says the same, by long poll too.
    for (const at of [0, 7, 29, 33]) {
      const headers = { authorization: `Bearer ${TOKENS.admin}` };
      const answer = await fetch(`${url}?after=${reader.told[at]?.id}&limit=1000`, { headers });
      const { events: rest } = z.object({ events: z.array(Event) }).parse(await answer.json());
      expect(rest).toHaveLength(39 - at);
    }
    reader.close();
  });

  test("goes on behind the Last-Event-ID, whatever its address says", async () => {
    const { ledger, read } = listen();
    const first = await read("?after=latest");
    ledger.write(50);
    await heard(first, 50);
    first.close();
    const again = await read("?after=latest", first.told[19]?.id);
    await heard(again, 30);
    expect(events(again)).toEqual(events(first).slice(20));
    again.close();
  });

  test("tells only what the filters let through, and moves its id past the rest", async () => {
    const { ledger, read } = listen();
    const reader = await read("?after=latest&types=movement&productId=p1");
    ledger.write(200);
    const own = ledger.all.filter(
      (event) => event.kind === "movement" && event.movement.productId === "p1",
    );
    await heard(reader, own.length);
    expect(own.length).toBeWithin(20, 100);
    const numbered = own.map((event) => idOf(event).replace(/-0$/, ""));
    expect(events(reader).map(({ eventId }) => eventId)).toEqual(numbered);
    // With the next heartbeat.
    await until(() => reader.lastId() === ledger.end, { ...SOON, what: "the id is at the end" });
    expect(reader.told).toHaveLength(own.length);
    reader.close();
  });

  test("is 400 for ids and cursors of others, and 410 where what follows was put away", async () => {
    const { ledger, read, counts } = listen();
    for (const id of ["A", "1", "1.", "1.1__1.1", "1.1_1.1.1"]) {
      expect([id, (await read("", id)).status]).toEqual([id, 400]);
      expect([id, (await read(`?after=${id}`)).status]).toEqual([id, 400]);
    }
    ledger.write(1);
    ledger.instead = ({ after }) => (after === "0.1_0.0" ? { kind: "gone" } : null);
    expect((await read("", "0.1_0.0")).status).toBe(410);
    expect(counts.open).toBe(0);
  });

  test("is for staff, and takes no stream for a HEAD or a refusal", async () => {
    const { read, url, counts } = listen();
    expect((await read("", "", TOKENS.customer)).status).toBe(403);
    expect((await readStream(url)).status).toBe(401);
    const headers = { accept: "text/event-stream", authorization: `Bearer ${TOKENS.admin}` };
    const head = await fetch(url, { method: "HEAD", headers });
    expect([head.status, head.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
    expect(counts.open).toBe(0);
  });

  test("ends when its token does", async () => {
    const { read, counts } = listen();
    const startedAt = performance.now();
    const reader = await read("?after=latest", "", await tokenOf("service", "orders", 2));
    expect([reader.status, await reader.ended]).toEqual([200, "whole"]);
    expect(performance.now() - startedAt).toBeWithin(500, 3_000);
    expect(counts.open).toBe(0);
  });

  test("says that it is open while nothing happens, more often than the listener looks", async () => {
    const { read } = listen();
    const reader = await read("?after=latest");
    await until(() => reader.beats() > 1, { ...SOON, what: "a heartbeat comes" });
    expect(reader.told).toEqual([]);
    expect(HEARTBEAT_MS * 2).toBeLessThan(IDLE_SECONDS_MAX * 1_000);
    reader.close();
  });

  test("that its reader leaves is closed, and its place is free", async () => {
    const { read, counts } = listen();
    const readers = await Promise.all(Array.from({ length: 40 }, () => read("?after=latest")));
    expect(counts.open).toBe(40);
    for (const reader of readers) reader.close();
    await until(() => counts.open === 0, { ...SOON, what: "all are closed" });
    expect(counts.dropped).toBe(0);
  });

  test("ends as a whole when the process stops, and says when to come back; then there is none", async () => {
    const { read, eventStreams, ledger } = listen();
    const readers = await Promise.all(Array.from({ length: 20 }, () => read("?after=latest")));
    ledger.write(5);
    await Promise.all(readers.map((reader) => heard(reader, 5)));
    eventStreams.close();
    expect(new Set(await Promise.all(readers.map(({ ended }) => ended)))).toEqual(
      new Set(["whole"]),
    );
    const retries = readers.map((reader) => reader.retryMs() ?? 0);
    expect(Math.min(...retries)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...retries)).toBeLessThan(3_000);
    // Not all at once.
    expect(new Set(retries).size).toBeGreaterThan(5);
    expect((await read()).status).toBe(503);
  });
});

/** A reader that asks and takes nothing of the answer. */
function askOnly(port: number, query: string): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.pause();
  socket.on("error", () => undefined);
  const head = ["Host: localhost", "Accept: text/event-stream"].join("\r\n");
  const token = `Authorization: Bearer ${TOKENS.service}`;
  socket.write(`GET ${PATH}${query} HTTP/1.1\r\n${head}\r\n${token}\r\n\r\n`);
  return socket;
}

describe("a reader that does not take what it is sent", () => {
  test("loses its stream, and the others hear all", async () => {
    const { ledger, read, counts, port } = listen();
    ledger.reason = "x".repeat(4_000);
    const socket = askOnly(port, "?after=latest");
    const reader = await read("?after=latest");
    await until(() => counts.open === 2, { ...SOON, what: "both are open" });
    const before = process.memoryUsage.rss();
    await until(
      async () => {
        const { length } = reader.told;
        ledger.write(250);
        await heard(reader, length + 250);
        return counts.dropped === 1;
      },
      { withinMs: 30_000, what: "it is dropped" },
    );
    expect(counts.open).toBe(1);
    expect(reader.told.length).toBe(ledger.all.length);
    // What the sockets take, and the bound.
    expect(process.memoryUsage.rss() - before).toBeLessThan(100 * STREAM_WAITING_BYTES_MAX);
    socket.destroy();
    reader.close();
  });

  test("is read no further for while it catches up", async () => {
    const { ledger, counts, port } = listen();
    ledger.reason = "x".repeat(4_000);
    ledger.write(20_000);
    const socket = askOnly(port, "");
    await until(() => counts.open === 1, { ...SOON, what: "it is open" });
    let [last, same] = [-1, 0];
    await until(
      () => {
        same = ledger.reads === last && last > 3 ? same + 1 : 0;
        last = ledger.reads;
        return same > 0;
      },
      { ...SOON, what: "some is read" },
    );
    expect(counts.dropped).toBe(0);
    socket.destroy();
    await until(() => counts.open === 0, { ...SOON, what: "it is closed" });
  });
});

test(`of more than ${STREAMS_MAX} the last is told to come back`, () => {
  const streams = new Streams({ onOpen: () => undefined, onDropped: () => undefined });
  const some = () =>
    streams.open({
      signal: new AbortController().signal,
      heartbeat: () => new Uint8Array(),
      holdsFor: null,
      onEnd: () => undefined,
    });
  const all = Array.from({ length: STREAMS_MAX }, some);
  expect(some).toThrow("are open");
  all[0]?.end();
  expect(some).not.toThrow();
  streams.close();
  expect(some).toThrow("about to end");
});
