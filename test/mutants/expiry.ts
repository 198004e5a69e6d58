/** Bugs in the worker that releases what is due, and in who wakes it. */
import { testIn, type Mutant } from "./mutant.ts";

const invariants = testIn("invariants");

export const EXPIRY_BUGS: readonly Mutant[] = [
  {
    bug: "the sweep comes to the first partition only",
    file: "src/workers/expire.ts",
    find: "partition < this.#options.store.partitions;",
    replace: "partition < 1;",
    by: invariants(
      "expiry-partitions",
      "a sweep releases what is due in every partition when all wake-ups are lost",
    ),
  },
  {
    bug: "a second in which something is due wakes one partition only",
    file: "src/workers/wake-ups.ts",
    find: "const id = `expire-${partition}-${second}`;",
    replace: "const id = `expire-0-${second}`;",
    by: invariants("expiry-partitions", "released within the next one"),
  },
];
