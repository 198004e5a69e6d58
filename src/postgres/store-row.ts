/** The store's own row: which store this is, and how it is split. */
import { z } from "zod";
import { randomId } from "#lib/ids";
import { askRows } from "#postgres/ask";
import type { Sql } from "#postgres/client";
import ensureStoreText from "./statements/ensure-store.sql" with { type: "text" };

/** 36^24 is more than 2^124: no two stores share an id. */
const STORE_ID_LENGTH = 24;
/** Only a store that another process makes at the same moment needs the second look. */
const LOOKS_MAX = 3;
const STATEMENT_MS_MAX = 5_000;

const StoreRow = z.object({ store_id: z.string(), partitions: z.int() });

export interface Store {
  /** Redis keeps the same one; an unequal pair is refused at start. */
  readonly storeId: string;
  readonly partitions: number;
}

/**
 * The store of this database, made at the first call. Throws when it was made with another number
 * of partitions: products would be looked for where they are not.
 */
export async function ensureStore(sql: Sql, partitions: number): Promise<Store> {
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    const parameters = [randomId(STORE_ID_LENGTH), partitions];
    const statement = () => sql.unsafe(ensureStoreText, parameters);
    const [row] = await askRows(StoreRow, statement, STATEMENT_MS_MAX);
    if (row === undefined) continue;
    if (row.partitions === partitions) return { storeId: row.store_id, partitions };
    throw new Error(
      `this store was created with ${row.partitions} partitions, and PARTITIONS is ${partitions}; ` +
        `the number is fixed when a store is created`,
    );
  }
  throw new Error("the store's row was neither made nor found");
}

/** The store of this database; null: it has no schema or no store yet. Makes nothing. */
export async function readStore(sql: Sql): Promise<Store | null> {
  const FoundRow = z.object({ found: z.boolean() });
  const table = () => sql`SELECT to_regclass('store') IS NOT NULL AS found`;
  const [row] = await askRows(FoundRow, table, STATEMENT_MS_MAX);
  if (row?.found !== true) return null;
  const store = () => sql`SELECT store_id, partitions FROM store`;
  const [found] = await askRows(StoreRow, store, STATEMENT_MS_MAX);
  return found === undefined ? null : { storeId: found.store_id, partitions: found.partitions };
}
