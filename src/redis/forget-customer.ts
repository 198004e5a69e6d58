/** Takes a customer whom the ledger forgets out of what limits count in Redis. */
import type { Redis } from "ioredis";
import { Fault } from "#inventory/faults";
import { customerField } from "#inventory/limits";
import type { CountedCustomers } from "#inventory/pseudonym-ports";
import { asking } from "#redis/client";
import { metaKey } from "#redis/keys";
import { loadScript, runScript } from "#redis/script";

const FORGET = loadScript("repair/forget-customer.lua");

/** Rejects with `partition_fenced` where a partition is fenced: who asked asks again. */
export function createCountedCustomers(redis: Redis, storeId: string): CountedCustomers {
  return {
    async forget(partition, customerId, productIds) {
      const args = [storeId, customerField(customerId), ...productIds];
      const word = await asking(() => runScript(redis, FORGET, metaKey(partition), args));
      if (word === "stale") throw new Fault("partition_fenced", `partition ${partition} is fenced`);
    },
  };
}
