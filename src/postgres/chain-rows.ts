/** What PostgreSQL keeps of a partition's chain of hashes: where it stands, and its rows. */
import { z } from "zod";
import { askRow, askRows } from "#postgres/ask";
import { asideLinkOf, asideOf, linkOf } from "#postgres/chain";
import type { Sql } from "#postgres/client";
import pageText from "./statements/chain-page.sql" with { type: "text" };
import standText from "./statements/chain-stand.sql" with { type: "text" };

const STATEMENT_MS_MAX = 30_000;

/** Where a chain begins, goes on and ends. */
const StandRow = z.object({
  cursorSeq: z.int(),
  chainKey: z.string(),
  chain: z.string().nullable(),
  stray: z.int().nullable(),
  putAwaySeq: z.int().nullable(),
  putAwayChain: z.string().nullable(),
  segments: z.array(
    z.object({ first: z.int(), last: z.int().nullable(), lastChain: z.string().nullable() }),
  ),
});

/** Whatever somebody made of it: nothing here is believed. */
export const LinkedRow = z.object({
  partition: z.int(),
  seq: z.int(),
  epoch: z.int(),
  type: z.string(),
  productId: z.string().nullable(),
  location: z.string(),
  onHandBefore: z.number(),
  onHandAfter: z.number(),
  reservedBefore: z.number(),
  reservedAfter: z.number(),
  reservationId: z.string().nullable(),
  orderId: z.string().nullable(),
  customerId: z.string().nullable(),
  actor: z.string(),
  reason: z.string().nullable(),
  reference: z.string().nullable(),
  requestId: z.string().nullable(),
  at: z.number(),
});
export const KeptRow = LinkedRow.extend({
  chain: z.string().nullable(),
  commitment: z.string().nullable(),
  salt: z.string().nullable(),
  /** Of a movement that was set aside. */
  payload: z.string().nullable(),
  pseudonymous: z.boolean(),
});
export type KeptRow = z.output<typeof KeptRow>;

export function createChainRows(sql: Sql, partition: number) {
  const run = (text: string, parameters: number[]) => () =>
    sql.unsafe(text, parameters, { prepare: false });
  return {
    stand: () => askRow(StandRow, run(standText, [partition]), STATEMENT_MS_MAX),
    /** In their order; what was set aside comes before a movement of the same seq. */
    page: (from: number, upTo: number): Promise<KeptRow[]> =>
      askRows(KeptRow, run(pageText, [partition, from, upTo]), STATEMENT_MS_MAX),
  };
}

/** The link after a row, by what the row says. */
export function nextLink(link: string, row: KeptRow): string {
  const { seq, payload, commitment } = row;
  if (payload === null) return linkOf(link, row, commitment);
  return asideLinkOf(link, seq, asideOf(payload), commitment ?? "");
}
