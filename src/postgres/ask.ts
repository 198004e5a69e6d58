/** A statement with a deadline of ours: the driver has none. */
import type postgres from "postgres";
import type { z } from "zod";
import { Fault } from "#inventory/faults";
import { deadlineAfter, withDeadline } from "#lib/deadline";
import { asFault } from "#postgres/failure";

/**
 * Runs a statement and answers its rows, or rejects with Fault `ledger_unavailable` when `msMax`
 * are over first or the server is away. What was sent may still happen after that.
 */
export async function ask<Rows>(statement: () => PromiseLike<Rows>, msMax: number): Promise<Rows> {
  if (msMax <= 0) throw late();
  const work = Promise.resolve(statement());
  try {
    return await withDeadline(work, deadlineAfter(msMax), () => {
      throw late();
    });
  } catch (error) {
    throw asFault(error);
  }
}

/**
 * Statements of callers that have no answer from PostgreSQL yet, also those that nobody waits for any
 * more. While it is away they would take all places of those who need Redis alone.
 */
const CALLERS_MAX = 1_024;
let callers = 0;

/** A statement that a caller waits for; it throws `ledger_unavailable` where too many do already. */
export const forCaller =
  <Rows>(statement: () => PromiseLike<Rows>): (() => Promise<Rows>) =>
  async () => {
    if (callers >= CALLERS_MAX) throw new Fault("ledger_unavailable", "too many ask the ledger");
    callers += 1;
    try {
      return await statement();
    } finally {
      callers -= 1;
    }
  };

/** `ask`, with every row read by a schema. */
export async function askRows<Schema extends z.ZodType>(
  schema: Schema,
  statement: () => PromiseLike<readonly postgres.Row[]>,
  msMax: number,
): Promise<z.output<Schema>[]> {
  const rows = await ask(statement, msMax);
  return rows.map((row) => schema.parse(row));
}

/** `askRows` of a statement that always answers one row. */
export async function askRow<Schema extends z.ZodType>(
  schema: Schema,
  statement: () => PromiseLike<readonly postgres.Row[]>,
  msMax: number,
): Promise<z.output<Schema>> {
  const [row] = await askRows(schema, statement, msMax);
  if (row === undefined) throw new Error("a statement answered no row");
  return row;
}

const late = () => new Fault("ledger_unavailable", "the ledger did not answer in time");
