import { connect, createServer } from "node:net";
import { expect, test } from "bun:test";
import { Fault } from "#inventory/faults";
import { ask } from "#postgres/ask";
import { createPostgres } from "#postgres/client";
import { kindOfFailure } from "#postgres/failure";
import { openLedger } from "#test/ledger";
import { startStallingProxy } from "#test/stalling-proxy";
import { until } from "#test/until";

const faultOf = async (work: Promise<unknown>) => {
  const error = await work.catch((reason: unknown) => reason);
  return error instanceof Fault ? error.code : error;
};

test("bigint columns are numbers, and one that does not fit is an error", async () => {
  await using db = await openLedger();
  const [row] = await db.sql`
    SELECT 9007199254740991 AS most, ${5}::bigint AS sent, '{1,2}'::bigint[] AS list`;
  expect({ ...row }).toEqual({ most: Number.MAX_SAFE_INTEGER, sent: 5, list: [1, 2] });
  await expect(db.sql`SELECT 9007199254740992::bigint`).rejects.toThrow("does not fit");
  await expect(db.sql`SELECT ${0.5}::bigint`).rejects.toThrow("not a whole number");
});

test("a statement that runs too long is ended by the server", async () => {
  await using db = await openLedger({ statementMsMax: 100 });
  expect(await faultOf(ask(() => db.sql`SELECT pg_sleep(60)`, 5_000))).toBe("ledger_unavailable");
});

test("a statement that is not answered in time is given up, one that is late not even sent", async () => {
  await using db = await openLedger();
  const began = performance.now();
  expect(await faultOf(ask(() => db.sql`SELECT pg_sleep(2)`, 50))).toBe("ledger_unavailable");
  expect(performance.now() - began).toBeLessThan(1_000);
  const never = () => {
    throw new Error("it was sent");
  };
  expect(await faultOf(ask(never, 0))).toBe("ledger_unavailable");
});

test("no server there is a fault of the ledger, at once and every time", async () => {
  const sql = createPostgres("postgres://nobody@127.0.0.1:1/nothing", { connectMsMax: 500 });
  for (let attempt = 0; attempt < 3; attempt += 1) {
    expect(await faultOf(ask(() => sql`SELECT 1`, 2_000))).toBe("ledger_unavailable");
  }
  await sql.end({ timeout: 1 });
});

test("a server's state, a row's data and our mistakes are told apart", async () => {
  await using db = await openLedger();
  const kind = async (text: string) =>
    kindOfFailure(await db.sql.unsafe(text).catch((error: unknown) => error));
  expect(await kind("SELECT 1 / 0")).toBe("data");
  expect(await kind("SELECT 'x'::integer")).toBe("data");
  expect(await kind("INSERT INTO store (store_id, partitions) VALUES ('x', 0)")).toBe("data");
  expect(await kind("SELECT pg_terminate_backend(pg_backend_pid())")).toBe("unavailable");
  expect(await kind("SET TRANSACTION READ ONLY; DELETE FROM store")).toBe("unavailable");
  expect(await kind("SELECT * FROM no_such_table")).toBe("bug");
  expect(await kind("SELEC")).toBe("bug");
});

test("a server that falls silent does not keep the pool's connections", async () => {
  // A socket is given up 5 s after the server should have ended its statement.
  await using db = await openLedger({ connectionsMax: 1, statementMsMax: 300 });
  const backend = await db.count("SELECT pg_backend_pid()");
  process.kill(backend, "SIGSTOP");
  try {
    const silent = db.sql`SELECT 1`.catch((error: unknown) => error);
    expect(await faultOf(ask(() => db.sql`SELECT 2`, 100))).toBe("ledger_unavailable");
    expect(kindOfFailure(await silent)).toBe("unavailable");
    expect(await db.count("SELECT pg_backend_pid()")).not.toBe(backend);
  } finally {
    process.kill(backend, "SIGCONT");
  }
}, 20_000);

test("a connection with nothing to do is ended in good order, before its silence ends it", async () => {
  await using db = await openLedger();
  await using proxy = await startStallingProxy(db.url);
  const sql = createPostgres(proxy.url, { statementMsMax: 100 });
  await sql`SELECT 1`;
  proxy.hold();
  const TERMINATE = "X\0\0\0\u0004";
  const isEnded = () => proxy.asked.some((bytes) => bytes === TERMINATE);
  await until(isEnded, { withinMs: 5_000, what: "the connection says that it ends" });
  proxy.resume();
  expect([...(await sql`SELECT 2 AS two`)]).toEqual([{ two: 2 }]);
  await sql.end({ timeout: 1 });
}, 20_000);

test("arrays go there and come back whole, whatever is in them", async () => {
  await using db = await openLedger();
  const texts = [
    "",
    "a,b",
    'say "no"',
    "back\\slash",
    "{x}",
    "NULL",
    "two\nlines",
    " blank ",
    "ü✓",
  ];
  const numbers = [0, -1, Number.MAX_SAFE_INTEGER];
  const [row] = await db.sql`SELECT
    ${texts}::text[] AS texts, ${[null, "x"]}::text[] AS with_null, ${[]}::text[] AS nothing,
    ${numbers}::bigint[] AS bigints, ${[1, 2]}::integer[] AS integers`;
  expect({ ...row }).toEqual({
    texts,
    with_null: [null, "x"],
    nothing: [],
    bigints: numbers,
    integers: [1, 2],
  });
  expect([...(await db.sql`SELECT * FROM unnest(${texts}::text[]) AS text`)]).toEqual(
    texts.map((text) => ({ text })),
  );
  await expect(db.sql`SELECT ${[0.5]}::bigint[]`).rejects.toThrow("not a whole number");
});

/** Every connection is reset with the first that its client says once the server is ready. */
async function cutWhenReady(target: URL) {
  const server = createServer((client) => {
    const upstream = connect({ host: target.hostname, port: Number(target.port) });
    let isReady = false;
    const end = () => [client, upstream].forEach((socket) => socket.destroy());
    for (const socket of [client, upstream]) socket.on("error", end).on("close", end);
    client.on("data", (bytes) => (isReady ? end() : upstream.write(bytes)));
    upstream.on("data", (bytes) => {
      isReady = bytes.at(-6) === "Z".charCodeAt(0);
      client.write(bytes);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return server;
}

test("a connection that ends as soon as it is open is a fault of the ledger, and nothing else", async () => {
  await using db = await openLedger();
  const server = await cutWhenReady(new URL(db.url));
  const address = server.address();
  const url = new URL(db.url);
  url.port = String(typeof address === "object" ? address?.port : "");
  const sql = createPostgres(url.href, { connectionsMax: 1 });
  const uncaught: unknown[] = [];
  const note = (error: unknown) => void uncaught.push(error);
  process.on("unhandledRejection", note);
  try {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      expect(await faultOf(ask(() => sql`SELECT 1`, 2_000))).toBe("ledger_unavailable");
    }
    expect(uncaught).toEqual([]);
  } finally {
    process.off("unhandledRejection", note);
    await sql.end({ timeout: 1 });
    server.close();
  }
});
