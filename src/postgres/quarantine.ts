/** Movements that PostgreSQL refused: they are brought into the ledger after all, or given up. */
import { z } from "zod";
import type { Movement } from "#inventory/model";
import { readAsidePayload } from "#postgres/aside-payload";
import { ask, askRows } from "#postgres/ask";
import { batchColumns, NO_LINKS, type BatchRows } from "#postgres/batch-columns";
import type { Sql } from "#postgres/client";
import { describeFailure, kindOfFailure } from "#postgres/failure";
import batchRowsText from "./statements/batch-rows.sql" with { type: "text" };
import giveUpText from "./statements/quarantine-give-up.sql" with { type: "text" };
import pageText from "./statements/quarantine-page.sql" with { type: "text" };
import retryText from "./statements/quarantine-retry.sql" with { type: "text" };

/** Writes the rows of one movement at its own seq, and settles it. */
const RETRY = `WITH moved AS (${retryText}), ${batchRowsText}`;
/** What came behind it has written its level, but not when that was restocked. */
const RESTOCKED = `UPDATE levels
  SET restocked_at = greatest(restocked_at, to_timestamp($3::bigint / 1000.0::float8))
  WHERE product_id = $1 AND location = $2`;
const ANSWER_MS_MAX = 7_000;
const PAGE_ROWS = 200;

export interface SetAside {
  readonly partition: number;
  readonly seq: number;
  readonly payload: string;
  /** What PostgreSQL said when it was set aside. */
  readonly error: string;
  readonly at: number;
  /** null: it cannot be read. */
  readonly rows: (BatchRows & { readonly movements: readonly Movement[] }) | null;
}

export type RetryOutcome =
  | { readonly kind: "brought" }
  /** PostgreSQL refuses it still. */
  | { readonly kind: "refused"; readonly error: string }
  /** Somebody settled it, or a customer of it was forgotten, since it was read. */
  | { readonly kind: "changed" };

export interface StandingLevel {
  readonly onHand: number;
  readonly reserved: number;
  readonly seq: number;
}

export interface Quarantine {
  /** Those that are not settled, in their order. `partition` null: of all. */
  all(partition: number | null): AsyncGenerator<SetAside>;
  one(partition: number, seq: number): Promise<SetAside | null>;
  /** Brings it into the ledger, or only tells whether that would be taken. */
  retry(aside: SetAside, isApplied: boolean): Promise<RetryOutcome>;
  /** False: it was settled already. */
  giveUp(aside: SetAside): Promise<boolean>;
  /** What the ledger has of the level that a movement is of. */
  levelOf(movement: Movement): Promise<StandingLevel | null>;
}

const AsideRow = z.object({
  partition: z.int(),
  seq: z.int(),
  payload: z.string(),
  /** What repeats hear; null: none, or none may ask any more. */
  operations: z.string().nullable(),
  error: z.string(),
  at: z.int(),
});
const MovedRow = z.object({ moved: z.int() });
const LevelRow = z.object({ onHand: z.int(), reserved: z.int(), seq: z.int() });

/** Ends a transaction of which nothing shall stay. */
class Undone extends Error {}

export function createQuarantine(sql: Sql): Quarantine {
  type Parameters = (string | number | null)[];
  const rows = <Schema extends z.ZodType>(schema: Schema, text: string, parameters: Parameters) =>
    askRows(schema, () => sql.unsafe(text, parameters, { prepare: false }), ANSWER_MS_MAX);
  const page = async (parameters: Parameters): Promise<SetAside[]> => {
    const found = await rows(AsideRow, pageText, parameters);
    return found.map((row) => ({ ...row, rows: rowsOf(row) }));
  };
  return {
    async *all(partition) {
      let after = [-1, 0];
      for (;;) {
        const found = await page([partition, ...after, PAGE_ROWS]);
        yield* found;
        const last = found.at(-1);
        if (last === undefined || found.length < PAGE_ROWS) return;
        after = [last.partition, last.seq];
      }
    },
    async one(partition, seq) {
      const [found] = await page([partition, partition, seq - 1, 1]);
      return found?.seq === seq ? found : null;
    },
    async retry({ partition, seq, payload, rows: batch }, isApplied) {
      if (batch === null) return { kind: "refused", error: "its payload cannot be read" };
      const parameters = [...batchColumns(batch), ...NO_LINKS, partition, seq, payload];
      let moved = 0;
      try {
        await ask(
          () =>
            sql.begin(async (tx) => {
              const [row] = await tx.unsafe(RETRY, parameters, { prepare: false });
              ({ moved } = MovedRow.parse(row));
              const restocked = batch.movements.filter(
                ({ type }) => moved === 1 && type === "RESTOCK",
              );
              for (const { productId, location, at } of restocked) {
                await tx.unsafe(RESTOCKED, [productId, location, at], { prepare: false });
              }
              if (!isApplied) throw new Undone();
            }),
          ANSWER_MS_MAX,
        );
      } catch (error) {
        if (!(error instanceof Undone)) {
          if (kindOfFailure(error) !== "data") throw error;
          return { kind: "refused", error: describeFailure(error) };
        }
      }
      return { kind: moved === 1 ? "brought" : "changed" };
    },
    async giveUp({ partition, seq }) {
      return (await rows(z.object({ seq: z.int() }), giveUpText, [partition, seq])).length === 1;
    },
    async levelOf({ productId, location }) {
      const text = `SELECT on_hand AS "onHand", reserved, seq FROM levels
        WHERE product_id = $1 AND location = $2`;
      return (await rows(LevelRow, text, [productId, location]))[0] ?? null;
    },
  };
}

/** A payload that names another place than its row was made by nobody who sets aside. */
function rowsOf(row: z.output<typeof AsideRow>): SetAside["rows"] {
  const { partition, seq } = row;
  const rows = readAsidePayload(row.payload, row.operations);
  const movement = rows?.movements[0];
  return movement?.partition === partition && movement.seq === seq ? rows : null;
}
