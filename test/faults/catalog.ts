/** Every fault there is. */
import { CLOCKS } from "#faults/catalog/clocks";
import { FLIP } from "#faults/catalog/flip";
import { NETWORK } from "#faults/catalog/network";
import { POSTGRES } from "#faults/catalog/postgres";
import { PROCESSES } from "#faults/catalog/processes";
import { REDIS } from "#faults/catalog/redis";
import type { Fault } from "#faults/fault";

export const CATALOG: readonly Fault[] = [
  ...PROCESSES,
  ...REDIS,
  FLIP,
  ...CLOCKS,
  ...POSTGRES,
  ...NETWORK,
];
