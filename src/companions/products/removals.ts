/** Removals that are under way, in PostgreSQL: of each product one at a time, and each step of it once. */
import type { Sql } from "postgres";
import { z } from "zod";
import { randomId } from "#lib/ids";

/** After which a removal is looked at that nobody seems to be at. Going on beside who is does no harm. */
const LOOKED_AT_AFTER_SECONDS = 15;

const RemovalRow = z.object({
  productId: z.coerce.number(),
  sku: z.string(),
  key: z.string(),
  safetyStock: z.coerce.number().nullable(),
  held: z.coerce.number().nullable(),
});
export type Removal = z.output<typeof RemovalRow>;
const IdRow = z.object({ id: z.coerce.number() });

export interface Removals {
  /** False: there is no such product. One that is under way stays as it is. */
  begin(productId: number): Promise<boolean>;
  /** null: none is under way. */
  byProduct(productId: number): Promise<Removal | null>;
  /** What its safety stock is, before it is taken off sale: what was written down first stands. */
  note(removal: Removal, safetyStock: number): Promise<void>;
  /** So many units are held: it stays, and nobody removes it any more by this removal. */
  keep(removal: Removal, held: number): Promise<void>;
  /** It is on sale again, and the removal is over. */
  end(removal: Removal): Promise<void>;
  /** The product goes, with all that was still to be told of it. False: it is kept, or is gone. */
  remove(removal: Removal): Promise<boolean>;
  /** Products whose removal nobody is at, at most so many. */
  waiting(most: number): Promise<readonly number[]>;
  failed(productId: number, why: string): Promise<void>;
}

export function createRemovals(sql: Sql): Removals {
  return {
    async begin(productId) {
      const found = await sql`WITH found AS (SELECT id FROM products WHERE id = ${productId}),
        begun AS (
          INSERT INTO removals (product_id, key, open_at)
          SELECT id, ${`removal-${randomId(24)}`},
            now() + make_interval(secs => ${LOOKED_AT_AFTER_SECONDS}) FROM found
          ON CONFLICT DO NOTHING
        )
        SELECT id FROM found`;
      return found.length === 1;
    },
    async byProduct(productId) {
      const [row] = await sql`SELECT product_id AS "productId", sku, key,
          safety_stock AS "safetyStock", held
        FROM removals JOIN products ON products.id = product_id WHERE product_id = ${productId}`;
      return row === undefined ? null : RemovalRow.parse(row);
    },
    async note({ productId, key }, safetyStock) {
      await sql`UPDATE removals SET safety_stock = ${safetyStock}
        WHERE product_id = ${productId} AND key = ${key} AND safety_stock IS NULL`;
    },
    async keep({ productId, key }, held) {
      await sql`UPDATE removals SET held = ${held}
        WHERE product_id = ${productId} AND key = ${key} AND held IS NULL`;
    },
    async end({ productId, key }) {
      await sql`DELETE FROM removals WHERE product_id = ${productId} AND key = ${key}`;
    },
    async remove({ productId, key }) {
      return await sql.begin(async (tx) => {
        const ended = await tx`DELETE FROM removals
          WHERE product_id = ${productId} AND key = ${key} AND held IS NULL RETURNING product_id`;
        if (ended.length === 0) return false;
        await tx`INSERT INTO gone (sku, product_id)
          SELECT sku, id FROM products WHERE id = ${productId} ON CONFLICT DO NOTHING`;
        await tx`DELETE FROM products WHERE id = ${productId}`;
        await tx`DELETE FROM outbox WHERE product_id = ${productId} AND done_at IS NULL`;
        return true;
      });
    },
    async waiting(most) {
      const rows = await sql`SELECT product_id AS id FROM removals WHERE open_at <= now()
        ORDER BY open_at LIMIT ${most}`;
      return IdRow.array()
        .parse(rows)
        .map(({ id }) => id);
    },
    async failed(productId, why) {
      await sql`UPDATE removals SET open_at = now(), tries = tries + 1,
          last_error = ${why.slice(0, 500)}
        WHERE product_id = ${productId}`;
    },
  };
}
