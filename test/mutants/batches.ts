/** Bugs in batches, retries and reads. */
import { testIn, type Mutant } from "./mutant.ts";

const redis = testIn("redis");

export const BATCH_BUGS: readonly Mutant[] = [
  {
    bug: "two batches of a slot have one number",
    file: "src/redis/batch-sender.ts",
    find: "    slot.number += 1;\n",
    replace: "",
    by: redis("lost-answers", "arrives after newer batches: it changes nothing"),
  },
  {
    bug: "a batch without an answer is sent again under a new name",
    file: "src/redis/batch-sender.ts",
    find: "if (!slot.wasSent) load = take();",
    replace: "if (!slot.wasSent) load = take(); else slot.number += 1;",
    by: redis("lost-answers", "repeated under the batch's name, one effect"),
  },
  {
    bug: "a batch whose reply was lost counts as never sent",
    file: "src/redis/batch-sender.ts",
    find: 'if (failure !== "lost") slot.wasSent = wasSentBefore;',
    replace: "slot.wasSent = wasSentBefore;",
    by: redis(
      "lost-answers",
      "of a batch that was refused on its repeat: it may run, so the outcome is unknown",
    ),
  },
  {
    bug: "a batch that may have run is sent again after a rebuild",
    file: "src/redis/batch-sender.ts",
    find: "if (slot.wasSent && this.#options.partition.rebuilt > sentUnder) {",
    replace: "if (slot.wasSent && this.#options.partition.rebuilt < 0) {",
    by: redis("rebuild", "a batch that may have run before a rebuild is not sent again after it"),
  },
  {
    bug: "every caller of a batch hears the first one's answer",
    file: "src/redis/batch.ts",
    find: 'const reply = answer.replies[i] ?? "";',
    replace: 'const reply = answer.replies[0] ?? "";',
    by: redis("batch", "each caller of a batch hears what became of its own item"),
  },
  {
    bug: "what its caller was told did not happen is sent after all",
    file: "src/redis/batch.ts",
    find: "sent = batch.filter((item) => !item.isSettled);",
    replace: "sent = batch;",
    by: redis("batch", "told that nothing was sent, nothing is sent"),
  },
  {
    bug: "a poisoned item takes its whole batch with it",
    file: "src/redis/batch.ts",
    find: 'if (answer.kind === "poisoned" && batch.length > 1) {',
    replace: 'if (answer.kind === "poisoned" && batch.length > 1_000) {',
    by: redis(
      "batch",
      "an item that cannot be run fails alone, the others of its batch go through",
    ),
  },
  {
    bug: "a process forgets how far it has seen a partition",
    file: "src/redis/partition.ts",
    find: "    this.mark = Math.max(this.mark, answer.seq);\n",
    replace: "",
    by: redis("guard", "by a restored older disk is fenced, and nothing is sold twice"),
  },
  {
    bug: "a server is taken for the one before though it lacks what was answered",
    file: "src/redis/connection.ts",
    find: "if (!isRebuilt && kept < partition.mark) return this.#begin(partition, runId);",
    replace: "",
    by: redis("guard", "and went on in a later epoch is fenced by a process that was told more"),
  },
  {
    bug: "a read is answered by a server that is behind what was answered",
    file: "src/redis/reads.ts",
    find: "if (!isKnown || Number(seq) < asked.mark) {",
    replace: "if (!isKnown) {",
    by: redis("reads", "a read is refused by a server that stands behind what was answered"),
  },
];
