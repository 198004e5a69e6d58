/**
 * The traffic of bench/reconcile.ts, in a process of its own: so many visits a second, whatever else
 * goes on. It tells how many holds were made for every message, and ends when its parent lets go.
 */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createPostgres } from "#postgres/client";
import { createEpochLedger } from "#postgres/epochs";
import { openStore } from "#test/store";
import { visit } from "#test/reconcile";
import { until } from "#test/until";

const [redisUrl = "", databaseUrl = "", storeId = "", ...numbers] = Bun.argv.slice(2);
const [products = 0, visitsPerSecond = 0] = numbers.map(Number);
const TICK_MS = 10;
/** Holds become due by the second. */
const EXPIRE_EVERY_MS = 100;
const END_MS_MAX = 10_000;

const sql = createPostgres(databaseUrl, { connectionsMax: 1 });
await using opened = await openStore(redisUrl, { epochs: createEpochLedger(sql, storeId) });
const { store } = opened;

let [begun, ended, made] = [0, 0, 0];
const startedAt = performance.now();
const visits = setInterval(() => {
  const due = Math.floor(((performance.now() - startedAt) * visitsPerSecond) / 1_000);
  for (; begun < due; begun += 1) {
    const productId = `product-${randomInt(products)}`;
    void visit(store, `visit-${begun}`, productId).then((isHeld) => {
      ended += 1;
      made += isHeld ? 1 : 0;
    });
  }
}, TICK_MS);
const expiry = setInterval(() => void store.expire(0), EXPIRE_EVERY_MS);

process.on("message", () => process.send?.(made));
await once(process, "disconnect");
clearInterval(visits);
clearInterval(expiry);
await until(() => ended === begun, { withinMs: END_MS_MAX, what: "every visit has ended" });
await sql.end();
