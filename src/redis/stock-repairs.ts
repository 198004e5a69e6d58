/** Mends what a comparison found wrong in Redis, and only what is still as it was found. */
import { hash } from "node:crypto";
import type { Redis } from "ioredis";
import type { StockRepair, StockRepairs } from "#inventory/reconcile-repairs";
import type { Clock } from "#lib/clock";
import { failureOf } from "#redis/client";
import { encodeHold } from "#redis/hold-record";
import { metaKey, skuKey } from "#redis/keys";
import { productsText } from "#redis/limit-record";
import { encodeLocation, encodeRules } from "#redis/location-record";
import type { RepairVerb } from "#redis/partition-queues";
import { loadScript, runScript, type Script } from "#redis/script";
import type { RedisStockStore } from "#redis/stock-store";

const HOLD = loadScript("repair/hold.lua");
const DUE = loadScript("repair/due.lua");
const LOW = loadScript("repair/low.lua");
const LIMIT = loadScript("repair/limit.lua");
const LINE = loadScript("repair/line.lua");
const RECORDED_LIMIT = loadScript("repair/recorded-limit.lua");
const LIMITED = loadScript("repair/limited.lua");
const PLACES = loadScript("repair/places.lua");
const PRODUCT = loadScript("repair/product.lua");
const RECORD = loadScript("repair/record.lua");
const REGISTRY = loadScript("repair/registry.lua");
const FREE = loadScript("repair/free-sku.lua");
const CLAIM = loadScript("sku/claim.lua");

const KEY_HEX_DIGITS = 32;
const PAYLOAD_HEX_DIGITS = 16;

/** A repair has its answer by then, or is left for the next run. */
const ANSWER_MS_MAX = 5_000;

const digest = (text: string, digits: number) => hash("sha256", text).slice(0, digits);
const signed = (units: number): string => (units < 0 ? `${units}` : `+${units}`);

export interface StockRepairsOptions {
  readonly redis: Redis;
  readonly storeId: string;
  /** Repairs of counters are movements, and go the way of all movements. */
  readonly store: Pick<RedisStockStore, "repair">;
  readonly clock: Clock;
  /** Who asked for it, and in which run. */
  readonly actor: string;
  readonly reference: string;
}

export function createStockRepairs(options: StockRepairsOptions): StockRepairs {
  const { redis, storeId, store, clock, actor, reference } = options;
  const run = async (script: Script, partition: number, args: readonly string[]) => {
    const word = await runScript(redis, script, metaKey(partition), [storeId, ...args]);
    return word === "repaired";
  };

  const move = async (verb: RepairVerb, productId: string, line: string): Promise<boolean> => {
    const word = await store.repair(verb, productId, line, clock.now() + ANSWER_MS_MAX);
    return word === "repaired" || word === "replayed\trepaired";
  };

  const mend = async (repair: StockRepair): Promise<boolean> => {
    switch (repair.side) {
      case "counter": {
        const { level, productSeq, found } = repair;
        const context = { actor, reference, reason: `found ${found}` };
        const line = [
          level.productId,
          level.location,
          productSeq,
          level.onHand,
          level.reserved,
          JSON.stringify(context),
        ].join("\t");
        return await move("repairCounter", level.productId, line);
      }
      case "break": {
        const { partition, seq, change } = repair;
        const onHand = change.onHandAfter - change.onHandBefore;
        const reserved = change.reservedAfter - change.reservedBefore;
        const { productId, location } = change;
        const told = `${signed(onHand)} on hand, ${signed(reserved)} reserved`;
        // Read again from the ledger by postgres/statements/reconcile-links.sql: it names the movement.
        const context = { actor, reference, reason: `explains movement ${seq}: ${told} before it` };
        const line = [
          productId,
          location,
          onHand,
          reserved,
          // Whoever asks for it, and however often: a break is written down once.
          digest(`break ${partition} ${seq}`, KEY_HEX_DIGITS),
          digest(told, PAYLOAD_HEX_DIGITS),
          JSON.stringify(context),
        ].join("\t");
        return await move("repairBreak", productId, line);
      }
      case "reserved": {
        const { partition, productId, location, units, after } = repair;
        const reason = `holds add up to ${signed(-units)} reserved`;
        const line = [
          productId,
          location,
          -units,
          // Two that saw the same are one.
          digest(`reserved ${partition} ${productId} ${location} ${after}`, KEY_HEX_DIGITS),
          digest(reason, PAYLOAD_HEX_DIGITS),
          JSON.stringify({ actor, reference, reason }),
        ].join("\t");
        return await move("repairReserved", productId, line);
      }
      case "record": {
        const { partition, owner, found, hold } = repair;
        const text = hold === null ? "" : encodeHold(hold);
        const second = (hold?.expiresAt ?? 0) / 1_000;
        return await run(HOLD, partition, [owner, found ?? "", text, String(second)]);
      }
      case "due":
        return await run(DUE, repair.partition, [repair.owner, String(repair.second)]);
      case "product": {
        const { partition, productId, productSeq, attributes } = repair;
        const args = [productId, String(productSeq), ...Object.entries(attributes).flat()];
        if (!(await run(PRODUCT, partition, args))) return false;
        // Thresholds and safety stock decide its place there.
        return await run(LOW, partition, [productId]);
      }
      case "limit": {
        const { partition, productId, productSeq, units } = repair;
        const args = units.flatMap(([field, count]) => [field, String(count)]);
        return await run(LIMIT, partition, [productId, String(productSeq), ...args]);
      }
      case "named_limit": {
        const { partition, rule, window, seq, units } = repair;
        const { kind, recordId, text, products } = rule;
        const record = [kind, recordId, text, productsText(products)];
        const counts = [rule.rule, window.name, String(window.endsAt ?? ""), String(seq)];
        const args = units.flatMap(([field, count]) => [field, String(count)]);
        return await run(RECORDED_LIMIT, partition, [...record, ...counts, ...args]);
      }
      case "limited":
        return await run(LIMITED, repair.partition, []);
      case "registry": {
        const { partition, found, wanted } = repair;
        const shall = new Map<string, string>(
          wanted.map((one) => [one.location, encodeLocation(one)]),
        );
        const names = new Set([...found.records.keys(), ...shall.keys()]);
        const changes = [...names].flatMap((name) => {
          const [text = "", put = ""] = [found.records.get(name)?.text, shall.get(name)];
          return text === put ? [] : [name, text, put];
        });
        return await run(REGISTRY, partition, [found.rules, encodeRules(wanted), ...changes]);
      }
      case "kept": {
        const { partition, kind, id, found, wanted } = repair;
        if (!(await run(RECORD, partition, [kind, id, found ?? "", wanted ?? ""]))) return false;
        // What is derived from them.
        return kind !== "limit" || (await run(LIMITED, partition, []));
      }
      case "line": {
        const { partition, productId, owners } = repair;
        return await run(LINE, partition, ["mend", productId, ...owners]);
      }
      case "places": {
        const { customer, ids, since } = repair.of;
        return await run(PLACES, repair.partition, ["mend", customer, String(since), ...ids]);
      }
      case "low":
        return await run(LOW, repair.partition, [repair.productId]);
      case "sku": {
        const claim = (await redis.get(skuKey(repair.sku))) ?? "";
        const reply = await runScript(redis, CLAIM, skuKey(repair.sku), [repair.productId, claim]);
        return Array.isArray(reply) && reply[0] === "claimed";
      }
      case "claim":
        return (await runScript(redis, FREE, skuKey(repair.sku), [repair.text])) === "repaired";
    }
  };
  return {
    async mend(repair) {
      try {
        return await mend(repair);
      } catch (error) {
        // What stands there is of a type that no script touches: it is reported, not repaired.
        if (failureOf(error) === "error") return false;
        throw error;
      }
    },
  };
}
