/** What PostgreSQL keeps of a partition's chain of hashes: where it stands, and its rows. */
import { z } from "zod";
import { askRow, askRows } from "#postgres/ask";
import { asideLinkOf, asideOf, linkOf, pseudonymLinkOf } from "#postgres/chain";
import type { Sql } from "#postgres/client";
import outsideText from "./statements/chain-outside.sql" with { type: "text" };
import pageText from "./statements/chain-page.sql" with { type: "text" };
import pseudonymsText from "./statements/chain-pseudonyms.sql" with { type: "text" };
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
    z.object({
      first: z.int(),
      last: z.int().nullable(),
      lastChain: z.string().nullable(),
      behind: z.int(),
    }),
  ),
});
export type ChainStand = z.output<typeof StandRow>;

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
  /** That it bears, as the chain says. */
  pseudonym: z.string().nullable(),
});
export type KeptRow = z.output<typeof KeptRow>;

/** A link behind that of `afterSeq`: these movements bear that pseudonym since. */
const GivenRow = z.object({
  afterSeq: z.int(),
  number: z.int(),
  pseudonym: z.string(),
  seqs: z.string(),
  chain: z.string(),
});
export type GivenRow = z.output<typeof GivenRow>;

const OutsideRow = z.object({ first: z.int(), last: z.int() });

export function createChainRows(sql: Sql, partition: number) {
  const run = (text: string, parameters: number[]) => () =>
    sql.unsafe(text, parameters, { prepare: false });
  return {
    stand: () => askRow(StandRow, run(standText, [partition]), STATEMENT_MS_MAX),
    /** In their order; what was set aside comes before a movement of the same seq. */
    page: (from: number, upTo: number): Promise<KeptRow[]> =>
      askRows(KeptRow, run(pageText, [partition, from, upTo]), STATEMENT_MS_MAX),
    /** In their order. */
    pseudonyms: (from: number, upTo: number): Promise<GivenRow[]> =>
      askRows(GivenRow, run(pseudonymsText, [partition, from, upTo]), STATEMENT_MS_MAX),
    /** The first and the last row with a link, where none should be. */
    outside: async (from: number, upTo: number) => {
      const text = run(outsideText, [partition, from, upTo]);
      const [row] = await askRows(OutsideRow, text, STATEMENT_MS_MAX);
      return row ?? null;
    },
  };
}

/** The link after a row, by what the row says. */
export function nextLink(link: string, row: KeptRow): string {
  const { seq, payload, commitment } = row;
  if (payload === null) return linkOf(link, row, commitment);
  return asideLinkOf(link, seq, asideOf(payload), commitment ?? "");
}

/** The link after one of pseudonyms, by what it says. */
export const nextGiven = (link: string, { seqs, pseudonym }: GivenRow): string =>
  pseudonymLinkOf(link, seqs, pseudonym);
