/** For tests of who is forgotten that are about the ledger alone. */
import type { Counting } from "#postgres/pseudonymizations";

/** No limit counts anybody. */
export const NOBODY_COUNTED: Counting = {
  counted: { forget: async () => undefined },
  partitions: 1,
};
