/** Bugs in batches, retries and reads. */
import { testsIn, type Mutant } from "./mutant.ts";

const redis = testsIn("redis");

export const BATCH_BUGS: readonly Mutant[] = [
  {
    bug: "two batches of a slot have one number",
    file: "src/redis/batch-sender.ts",
    find: "    slot.number += 1;\n",
    replace: "",
    asks: redis("batch", "lost-answers"),
  },
  {
    bug: "a batch without an answer is sent again under a new name",
    file: "src/redis/batch-sender.ts",
    find: "if (!slot.wasSent) lines = take();",
    replace: "if (!slot.wasSent) lines = take(); else slot.number += 1;",
    asks: redis("lost-answers", "batch"),
  },
  {
    bug: "a batch whose reply was lost counts as never sent",
    file: "src/redis/batch-sender.ts",
    find: 'if (failure !== "lost") slot.wasSent = wasSentBefore;',
    replace: "slot.wasSent = wasSentBefore;",
    asks: redis("lost-answers", "batch"),
  },
  {
    bug: "a batch that may have run is sent again after a rebuild",
    file: "src/redis/batch-sender.ts",
    find: "if (slot.wasSent && this.#options.partition.rebuilt > sentUnder) {",
    replace: "if (slot.wasSent && this.#options.partition.rebuilt < 0) {",
    asks: redis("rebuild"),
  },
  {
    bug: "every caller of a batch hears the first one's answer",
    file: "src/redis/batch.ts",
    find: 'const reply = answer.replies[i] ?? "";',
    replace: 'const reply = answer.replies[0] ?? "";',
    asks: redis("batch"),
  },
  {
    bug: "what its caller was told did not happen is sent after all",
    file: "src/redis/batch.ts",
    find: "sent = batch.filter((item) => !item.isSettled);",
    replace: "sent = batch;",
    asks: redis("batch", "guard"),
  },
  {
    bug: "a poisoned item takes its whole batch with it",
    file: "src/redis/batch.ts",
    find: 'if (answer.kind === "poisoned" && batch.length > 1) {',
    replace: 'if (answer.kind === "poisoned" && batch.length > 1_000) {',
    asks: redis("batch"),
  },
  {
    bug: "a process forgets how far it has seen a partition",
    file: "src/redis/partition.ts",
    find: "    this.mark = Math.max(this.mark, answer.seq);\n",
    replace: "",
    asks: redis("guard"),
  },
  {
    bug: "a server is taken for the one before though it lacks what was answered",
    file: "src/redis/connection.ts",
    find: "if (!isRebuilt && kept < partition.mark) return this.#begin(partition, runId);",
    replace: "",
    asks: redis("guard"),
  },
  {
    bug: "a read is answered by a server that is behind what was answered",
    file: "src/redis/reads.ts",
    find: "if (!isKnown || Number(seq) < asked.mark) {",
    replace: "if (!isKnown) {",
    asks: redis("reads", "guard"),
  },
];
