import { campaignRule } from "#inventory/campaigns";
import type { RecordKind } from "#inventory/drain-ports";

/**
 * The names of all keys, and nowhere else; the twin is lua/lib/keys.lua. The braces make Redis
 * Cluster put a partition's keys on one slot, so that one script may touch them all.
 */
export const partitionTag = (partition: number): string => `{p${partition}}:`;

export const metaKey = (partition: number): string => `${partitionTag(partition)}meta`;
export const stockKey = (partition: number, productId: string): string =>
  `${partitionTag(partition)}stock:${productId}`;
export const reservationKey = (partition: number, owner: string): string =>
  `${partitionTag(partition)}reservation:${owner}`;
export const expiringKey = (partition: number, second: number): string =>
  `${partitionTag(partition)}expiring:${second}`;
export const journalKey = (partition: number): string => `${partitionTag(partition)}journal`;
export const lowKey = (partition: number): string => `${partitionTag(partition)}low`;
export const locationsKey = (partition: number): string => `${partitionTag(partition)}locations`;
export const batchKey = (partition: number, writer: string, slot: string): string =>
  `${partitionTag(partition)}batch:${writer}:${slot}`;
export const operationKey = (partition: number, key: string): string =>
  `${partitionTag(partition)}operation:${key}`;
export const returnKey = (partition: number, owner: string): string =>
  `${partitionTag(partition)}return:${owner}`;
/** Of the limit that is a product's own, which has no window. */
export const limitKey = (partition: number, productId: string): string =>
  `${partitionTag(partition)}limit:product:${productId}:always`;
/** Of a limit that has a name, in that window (a number, or `always`). */
export const ruleKey = (partition: number, limitId: string, window: string): string =>
  `${partitionTag(partition)}limit:${limitId}:${window}`;
/** Of the limit that a campaign has of its own, of one of its products. */
export const campaignLimitKey = (
  partition: number,
  campaignId: string,
  productId: string,
): string => ruleKey(partition, campaignRule(campaignId, productId), "always");
/** Product → ids of the limits that name it, by comma. */
export const limitedKey = (partition: number): string => `${partitionTag(partition)}limited`;
/** What is kept beside stock, holds and locations, of that kind: id → text. */
export const recordKey = (partition: number, kind: RecordKind): string =>
  `${partitionTag(partition)}records:${kind}`;
/** Who waits for a product, in line: owners by the seq at which each joined. */
export const waitingKey = (partition: number, productId: string): string =>
  `${partitionTag(partition)}waiting:${productId}`;
/** Products that somebody waits for; 1: units of it may be free. */
export const waitedKey = (partition: number): string => `${partitionTag(partition)}waited`;
/** Hash of a customer → places in line that it has. */
export const waitsKey = (partition: number): string => `${partitionTag(partition)}waits`;
export const rateKey = (partition: number, identity: string): string =>
  `${partitionTag(partition)}rate:${identity}`;
/** Outside all partitions: a SKU finds its product wherever that lives. */
export const skuKey = (sku: string): string => `sku:${sku}`;
