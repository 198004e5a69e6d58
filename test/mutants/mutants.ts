/**
 * Bugs that somebody could make, each of which a test must notice: what is wrong, where, and the
 * test files that are asked. One that lives on is a promise that nothing holds.
 */
import { BATCH_BUGS } from "./batches.ts";
import { CAMPAIGN_BUGS } from "./campaigns.ts";
import { DRAIN_BUGS } from "./drain.ts";
import { EXPIRY_BUGS } from "./expiry.ts";
import type { Mutant } from "./mutant.ts";
import { REASSIGN_BUGS } from "./reassign.ts";
import { RECOVERY_BUGS } from "./recovery.ts";
import { ADMISSION_BUGS } from "./admission.ts";
import { STREAM_BUGS } from "./streams.ts";
import { LIMIT_BUGS } from "./limits.ts";
import { RATE_BUGS } from "./rates.ts";
import { WAITLIST_BUGS } from "./waitlist.ts";
import { SCRIPT_BUGS } from "./scripts.ts";
import { VERB_BUGS } from "./verbs.ts";

export const MUTANTS: readonly Mutant[] = [
  ...SCRIPT_BUGS,
  ...ADMISSION_BUGS,
  ...STREAM_BUGS,
  ...RATE_BUGS,
  ...LIMIT_BUGS,
  ...REASSIGN_BUGS,
  ...CAMPAIGN_BUGS,
  ...WAITLIST_BUGS,
  ...VERB_BUGS,
  ...BATCH_BUGS,
  ...DRAIN_BUGS,
  ...RECOVERY_BUGS,
  ...EXPIRY_BUGS,
];
