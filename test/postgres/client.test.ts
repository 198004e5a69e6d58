import { expect, test } from "bun:test";
import { Fault } from "#inventory/faults";
import { ask } from "#postgres/ask";
import { createPostgres } from "#postgres/client";
import { kindOfFailure } from "#postgres/failure";
import { openLedger } from "#test/ledger";

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
