/** Bugs in the drain and its statements. */
import { testIn, type Mutant } from "./mutant.ts";

const workers = testIn("workers");
const postgres = testIn("postgres");

export const DRAIN_BUGS: readonly Mutant[] = [
  {
    bug: "the drain skips movements that are missing in the journal",
    file: "src/workers/journal-batches.ts",
    find: "const goesOn = first === next && entry.epoch >= at.epoch;",
    replace: "const goesOn = first >= next && entry.epoch >= at.epoch;",
    by: workers("journal-batches", "before the first entry"),
  },
  {
    bug: "the movement at the cursor is written twice",
    file: "src/workers/journal-batches.ts",
    find: "=> seq > at.seq;",
    replace: "=> seq >= at.seq;",
    by: workers("journal-batches", "from inside an entry when the cursor stands there"),
  },
  {
    bug: "two drains write the same batch",
    file: "src/postgres/statements/append.sql",
    find: "WHERE partition = $71 AND cursor_epoch = $72 AND cursor_seq = $73 AND epoch = $76",
    replace: "WHERE partition = $71 AND cursor_epoch = $72 AND $73::bigint >= 0 AND epoch = $76",
    by: postgres("ledger-writer", "lets one of ten win when all append the same batch at once"),
  },
  {
    bug: "a batch that was read before an epoch began is written after it",
    file: "src/postgres/statements/append.sql",
    find: "AND cursor_seq = $73 AND epoch = $76",
    replace: "AND cursor_seq = $73 AND $76::bigint >= 0",
    by: postgres("ledger-writer", "writes nothing that was read before another epoch was taken"),
  },
  {
    bug: "an older state of a level overwrites a newer one",
    file: "src/postgres/statements/batch-rows.sql",
    find: "  WHERE levels.seq < excluded.seq\n",
    replace: "",
    by: postgres("ledger-writer", "never puts an older state over a newer one"),
  },
  {
    bug: "behind a movement that PostgreSQL refuses the rest is dropped",
    file: "src/workers/append.ts",
    find: 'return written === "appended" ? await appendOrSetAside(writer, right, options) : written;',
    replace:
      "return right.partition < 0 ? await appendOrSetAside(writer, right, options) : written;",
    by: workers("drain-journal", "goes to quarantine, and the rest goes on"),
  },
  {
    bug: "Redis hears that the ledger has what is not written yet",
    file: "src/workers/drain-partition.ts",
    find: `        if ((await this.#write(batch, batches[index + 1])) !== "appended") return null;
        this.#passed(batch);
        await this.#moveTo(batch.to);
`,
    replace: `        await this.#moveTo(batch.to);
        if ((await this.#write(batch, batches[index + 1])) !== "appended") return null;
        this.#passed(batch);
`,
    by: workers(
      "drain-journal",
      "tells Redis nothing of what it read before an epoch began, and reads it again",
    ),
  },
  {
    bug: "a drain goes on from a cursor that another one moved",
    file: "src/workers/drain-partition.ts",
    find: 'if ((await this.#write(batch, batches[index + 1])) !== "appended") return null;',
    replace: 'if ((await this.#write(batch, batches[index + 1])) === "stopped") return null;',
    by: workers(
      "drain-journal",
      "tells Redis nothing of what it read before an epoch began, and reads it again",
    ),
  },
];
