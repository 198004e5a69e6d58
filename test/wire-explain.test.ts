import { test } from "bun:test";
import { openLedger } from "#test/ledger";
test("x", async () => {
  await using db = await openLedger({ partitions: 1, statementMsMax: 900_000 });
  const sql = db.sql;
  const N = 1_000_000; await sql.unsafe("SELECT ensure_movement_ranges(1, 5000000)");
  const ins = (from: number, to: number) => sql.begin(async (tx) => { return await tx.unsafe(`INSERT INTO movements (seq, epoch, on_hand_before, on_hand_after, reserved_before, reserved_after, at, partition, type, product_id, location, actor, request_id, order_id)
   SELECT n, 1, 10, 10, 0, CASE WHEN n % 50 = 0 THEN 0 ELSE 1 END, now(), 0, CASE WHEN n % 50 = 0 THEN 'COUNT' ELSE 'RESERVE' END, 'p' || n % 1000, 'A', 'admin:a', md5(n::text) || CASE WHEN n % 50 = 0 THEN '#' || n % 7 ELSE '' END, 'o' || n FROM generate_series(${from}, ${to}) n`); });
  let t = performance.now();
  await ins(1, N); console.log("plain", performance.now() - t);
  t = performance.now();
  await ins(N + 1, 2 * N); console.log("plain2", performance.now() - t);
  await sql.unsafe(`CREATE INDEX rq ON movements (request_id COLLATE "C")`);
  t = performance.now();
  await ins(2 * N + 1, 3 * N); console.log("with index", performance.now() - t);
  await sql.unsafe(`DROP INDEX rq`);
  t = performance.now();
  await ins(3 * N + 1, 4 * N); console.log("plain3", performance.now() - t);
  await sql.unsafe(`INSERT INTO alerts (seq, number, units, at, partition, kind, product_id) SELECT n, 1, 1, now() - (n || ' s')::interval, 0, (ARRAY['low','out','back_in_stock'])[n % 3 + 1], 'p' || n % 1000 FROM generate_series(1, 300000) n`);
  await sql.unsafe(`ANALYZE movements; ANALYZE alerts`);
  await sql.unsafe(`UPDATE partitions SET cursor_seq = ${4 * N}, cursor_epoch = 1`);
  const alerts = await Bun.file("/tmp/hf/w-wire/src/postgres/statements/alerts.sql").text();
  const us = Date.now() * 1000 - 100_000_000_000;
  for (const p of [[null, null, null, null, null, null, null, 101], [null, null, null, us, 0, 100_000, 1, 101], [null, "p7", true, null, null, null, null, 101], [null, null, true, null, null, null, null, 101]]) {
    t = performance.now();
    const rows = await sql.unsafe(`EXPLAIN (ANALYZE, BUFFERS OFF, COSTS OFF) ${alerts}`, p as never, { prepare: false });
    console.log(JSON.stringify(p), performance.now() - t);
    console.log(rows.map((r) => r["QUERY PLAN"]).slice(0, 25).join("\n"));
  }
}, 600_000);
