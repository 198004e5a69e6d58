/** Reserve in PostgreSQL: as one statement, and as the transaction that most would write. */
import type { Sql } from "postgres";
import { z } from "zod";
import insertHoldText from "./statements/plain-insert-hold.sql" with { type: "text" };
import insertMovementText from "./statements/plain-insert-movement.sql" with { type: "text" };
import lockStockText from "./statements/plain-lock-stock.sql" with { type: "text" };
import reserveText from "./statements/plain-reserve.sql" with { type: "text" };
import takeStockText from "./statements/plain-take-stock.sql" with { type: "text" };
import { ReserveOnly, type Taken, type Wanted } from "./reserve-only.ts";

const Times = z.object({ created_ms: z.number(), expires_ms: z.number() });
const Free = z.object({ free: z.coerce.number(), reserved: z.coerce.number() });

const PREPARED = { prepare: true } as const;

const takenOf = (row: unknown): Taken => {
  const { created_ms: createdAt, expires_ms: expiresAt } = Times.parse(row);
  return { createdAt, expiresAt };
};

/** One statement: the row's lock lives as long as its commit. */
export class PostgresStatement extends ReserveOnly {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    super();
    this.#sql = sql;
  }

  async take(wanted: Wanted): Promise<Taken> {
    const { productId, quantity, owner, generation, orderId, customerId, holdSeconds } = wanted;
    const parameters = [productId, quantity, owner, generation, orderId, customerId, holdSeconds];
    const context = JSON.stringify(wanted.context);
    const [row] = await this.#sql.unsafe(reserveText, [...parameters, context], PREPARED);
    return row === undefined ? null : takenOf(row);
  }
}

/** Locks the row, looks, and writes: its lock lives for five round trips. */
export class PostgresTransaction extends ReserveOnly {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    super();
    this.#sql = sql;
  }

  take(wanted: Wanted): Promise<Taken> {
    const { productId, quantity, owner, generation, orderId, customerId, holdSeconds } = wanted;
    return this.#sql.begin(async (sql) => {
      const ask = (text: string, parameters: (string | number | null)[]) =>
        sql.unsafe(text, parameters, PREPARED);
      const [stock] = await ask(lockStockText, [productId]);
      const { free, reserved } = Free.parse(stock);
      if (free < quantity) return null;
      await ask(takeStockText, [productId, quantity]);
      const hold = [owner, generation, productId, quantity, orderId, customerId, holdSeconds];
      const [row] = await ask(insertHoldText, hold);
      const context = JSON.stringify(wanted.context);
      const counts = [reserved, reserved + quantity];
      await ask(insertMovementText, [productId, ...counts, owner, context]);
      return takenOf(row);
    });
  }
}
