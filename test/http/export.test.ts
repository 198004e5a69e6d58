/** Exports over real sockets and a real ledger: how they end, and what they leave behind. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import type { Ledger } from "#inventory/ports";
import { Fault } from "#inventory/faults";
import { openApp, TOKENS } from "#test/http-app";
import { openLedger, type TestLedger } from "#test/ledger";
import { until } from "#test/until";

/** As text far more than the buffers between two sockets take. */
const MOVEMENTS = 60_000;
const START_MS_MAX = 60_000;
const SOON = { withinMs: 10_000 };
const EXPORT = "/api/inventory/movements/export";

let db: TestLedger;
beforeAll(async () => {
  db = await openLedger();
  await db.writer.cursor(0);
  await db.sql.unsafe("SELECT ensure_movement_ranges(1, 1000000)");
  await db.sql.unsafe(`
    INSERT INTO movements (seq, epoch, on_hand_before, on_hand_after, reserved_before,
      reserved_after, at, partition, type, product_id, location, actor)
    SELECT seq, 1, 100, 100, 0, 1, to_timestamp(1700000000 + seq), 0, 'RESERVE',
      'product-' || seq % 10, 'default', 'service:test'
    FROM generate_series(1, ${MOVEMENTS}) AS seq`);
  await db.sql.unsafe(`UPDATE partitions SET cursor_epoch = 1, cursor_seq = ${MOVEMENTS}`);
}, START_MS_MAX);
afterAll(() => db[Symbol.asyncDispose]());

/** The app on a port, over the real ledger; `parts` counts what was read of it. */
function listen(change: Partial<Ledger> = {}) {
  const counted = { parts: 0, stopping: false };
  const movementsIn: Ledger["movementsIn"] = (filter, span, deadline) => {
    counted.parts += 1;
    return db.ledger.movementsIn(filter, span, deadline);
  };
  const { app, lines } = openApp({
    ledger: { ...db.ledger, movementsIn, ...change },
    get stopping() {
      return counted.stopping;
    },
  });
  const server = Bun.serve({ port: 0, fetch: (request) => app.fetch(request, {}) });
  const headers = { authorization: `Bearer ${TOKENS.admin}` };
  return {
    counted,
    lines,
    port: server.port ?? 0,
    fetch: (query = "") => fetch(`${server.url.origin}${EXPORT}${query}`, { headers }),
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

/** A caller that asks and takes nothing of the answer. */
function askOnly(port: number): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.pause();
  const token = `Authorization: Bearer ${TOKENS.admin}\r\n`;
  socket.write(`GET ${EXPORT} HTTP/1.1\r\nHost: localhost\r\n${token}\r\n`);
  return socket;
}

const openStatements = () =>
  db.count(`SELECT count(*)::int FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'`);

/** The count stays where it is for some looks. */
async function settled(count: () => number): Promise<number> {
  let [last, same] = [-1, 0];
  await until(
    () => {
      same = count() === last ? same + 1 : 0;
      last = count();
      return last > 0 && same >= 20;
    },
    { ...SOON, what: "nothing more is read" },
  );
  return last;
}

describe("an export", () => {
  test("has every movement once, in order, and a last line that says so", async () => {
    await using served = listen();
    const answer = await served.fetch();
    expect(answer.headers.get("content-type")).toBe("application/x-ndjson; charset=utf-8");
    const lines = (await answer.text())
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.pop()).toEqual({ complete: true, movements: MOVEMENTS, lag: 0 });
    expect(lines).toHaveLength(MOVEMENTS);
    expect(lines.every(({ seq }, index) => seq === index + 1)).toBe(true);
  });

  test("reads no further while its caller takes nothing, and ends when that one goes", async () => {
    await using served = listen();
    const sockets = [1, 2, 3, 4].map(() => askOnly(served.port));
    const parts = await settled(() => served.counted.parts);
    expect(parts).toBeGreaterThanOrEqual(sockets.length);
    expect(parts).toBeLessThan((sockets.length * MOVEMENTS) / 1_000 / 2);
    // The last read may be under way still.
    const isClosed = async () => (await openStatements()) === 0;
    await until(isClosed, { withinMs: 5_000, what: "no statement is open" });

    const refused = await served.fetch();
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toMatch(/^[123]$/);
    expect(await refused.json()).toMatchObject({ code: "overloaded" });

    for (const socket of sockets) socket.destroy();
    const answer = await until(
      async () => {
        const again = await served.fetch("?partition=0&to=2023-11-14T22:13:21.500Z");
        return again.status === 200 && again;
      },
      { ...SOON, what: "there is room again" },
    );
    expect(await answer.text()).toContain('"complete":true');
    expect(served.counted.parts).toBe(parts + 1);
    expect(await openStatements()).toBe(0);
  });

  test("whose ledger goes away in between is cut, without the last line", async () => {
    let parts = 0;
    const movementsIn: Ledger["movementsIn"] = (filter, span, deadline) => {
      parts += 1;
      if (parts > 3) throw new Fault("ledger_unavailable", "PostgreSQL is away");
      return db.ledger.movementsIn(filter, span, deadline);
    };
    await using served = listen({ movementsIn });
    for (const format of ["ndjson", "csv"]) {
      parts = 0;
      const answer = await served.fetch(`?format=${format}`);
      expect(answer.status).toBe(200);
      expect(await textUntilCut(answer)).not.toContain("complete");
    }
    expect(served.lines.join()).toContain("ledger_unavailable");
  });

  test("is cut when the process stops, and refused from then on", async () => {
    await using served = listen();
    const answer = await served.fetch();
    await until(() => served.counted.parts > 0, { ...SOON, what: "it has begun" });
    served.counted.stopping = true;
    expect(await textUntilCut(answer)).not.toContain("complete");
    expect(served.counted.parts).toBeLessThan(MOVEMENTS / 1_000);
    expect((await served.fetch()).status).toBe(503);
  });

  test("is refused while the ledger is away at its beginning", async () => {
    const movementSpans = async () => {
      throw new Fault("ledger_unavailable", "PostgreSQL is away");
    };
    await using served = listen({ movementSpans });
    for (let time = 0; time < 6; time += 1) expect((await served.fetch()).status).toBe(503);
  });

  test("is refused where movements of its time were put away, and says from when they are kept", async () => {
    const putAwayUntil = async () => Date.parse("2023-11-15T00:00:00.000Z");
    await using served = listen({ putAwayUntil });
    // However often: it takes no room.
    for (const query of [
      "",
      "?from=2023-11-15T00:00:00Z",
      "?from=2020-01-01T00:00:00Z",
      "",
      "",
      "",
    ]) {
      const answer = await served.fetch(query);
      expect(answer.status).toBe(404);
      expect(await answer.json()).toMatchObject({
        code: "history_not_kept",
        detail: expect.stringContaining("2023-11-15T00:00:00.000Z"),
      });
    }
    const later = await served.fetch("?from=2023-11-15T00:00:00.001Z");
    expect(later.status).toBe(200);
    expect(await later.text()).toContain('"complete":true');
    expect(served.lines.join()).not.toContain("error");
  });

  test("is cut when movements are put away under way", async () => {
    let looks = 0;
    const putAwayUntil = async () => {
      looks += 1;
      return looks === 1 ? null : Date.parse("2023-11-15T00:00:00.000Z");
    };
    await using served = listen({ putAwayUntil });
    const answer = await served.fetch();
    expect(answer.status).toBe(200);
    expect(await textUntilCut(answer)).not.toContain("complete");
  });

  test("begins with a header and ends with a row of its own as CSV", async () => {
    await using served = listen();
    const answer = await served.fetch("?format=csv&productId=product-3&to=2023-11-14T22:14:00Z");
    expect(answer.headers.get("content-type")).toBe("text/csv; charset=utf-8");
    const lines = (await answer.text()).split("\r\n");
    expect(lines.pop()).toBe("");
    const width = lines[0]?.split(",").length ?? 0;
    expect(lines.map((line) => line.split(",").length)).toEqual(lines.map(() => width));
    expect(lines.at(-1)).toStartWith(`complete,${lines.length - 2},0,`);
  });

  test("takes no room for a HEAD", async () => {
    await using served = listen();
    for (let time = 0; time < 6; time += 1) {
      const headers = { authorization: `Bearer ${TOKENS.admin}` };
      const url = `http://127.0.0.1:${served.port}${EXPORT}`;
      expect((await fetch(url, { method: "HEAD", headers })).status).toBe(200);
    }
    expect(served.counted.parts).toBe(0);
  });
});

/** What came before the connection ended; fails when the answer ended as a whole one does. */
async function textUntilCut(answer: Response): Promise<string> {
  const reader = answer.body?.getReader();
  let text = "";
  try {
    for (;;) {
      const part = await reader?.read();
      if (part === undefined || part.done) break;
      text += new TextDecoder().decode(part.value);
    }
  } catch {
    return text;
  }
  throw new Error("the answer ended as if it were whole");
}
