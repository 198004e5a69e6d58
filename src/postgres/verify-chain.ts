/** Walks a partition's chain of hashes, and finds the first row that does not fit. */
import { z } from "zod";
import {
  asideCommitmentOf,
  asideOf,
  commitmentOf,
  isPersonal,
  linkOf,
  originOf,
} from "#postgres/chain";
import { createChainRows, LinkedRow, nextLink, type KeptRow } from "#postgres/chain-rows";
import type { Sql } from "#postgres/client";

/** Rows of one statement, some milliseconds. */
const PAGE_ROWS = 2_000;

/** What does not fit. */
export type ChainBreak =
  /** The row, or its link, is not what was written: changed, or in another's place. */
  | "changed"
  /** There is no row of that seq. */
  | "missing"
  /** There is a row where none was written. */
  | "inserted"
  /** The customer's id was replaced, and not by a pseudonym of ours. */
  | "replaced_customer"
  /** The rows fit, and end with another link than the one that is noted for their end. */
  | "other_end";

/**
 * A part of the ledger that has a chain: it was switched on before `from`, or what was before is put
 * away; and it was switched off behind `to`, or the ledger ends there.
 */
export interface ChainSegment {
  readonly from: number;
  readonly to: number;
  /** Link of the last movement, hex: who keeps it elsewhere can tell whether all was written anew. */
  readonly link: string;
}

export type ChainReport =
  /** Everything fits; no segment: there never was a chain. */
  | { readonly kind: "intact"; readonly segments: readonly ChainSegment[]; readonly links: number }
  /** The first row that does not fit. */
  | { readonly kind: "broken"; readonly seq: number; readonly cause: ChainBreak };

export interface VerifyChainOptions {
  /** Rows that are read at a time. */
  readonly pageRows?: number;
  /** Told after each page how many links were looked at. */
  readonly onPage?: (links: number) => void;
}

/**
 * Checks every link of a partition up to where the ledger stands now, while it goes on. It finds the
 * first row that was changed, deleted, inserted or put in another's place since it was written. Who
 * can write the whole ledger anew, with all links, is found by a link that was kept elsewhere.
 */
export async function verifyChain(
  sql: Sql,
  partition: number,
  { pageRows = PAGE_ROWS, onPage }: VerifyChainOptions = {},
): Promise<ChainReport> {
  const rows = createChainRows(sql, partition);
  const stand = await rows.stand();
  const segments: ChainSegment[] = [];
  let links = 0;
  for (const { first, last, lastChain } of stand.segments) {
    const to = last ?? stand.cursorSeq;
    const end = last === null ? stand.chain : lastChain;
    const isCut = stand.putAwaySeq !== null && stand.putAwaySeq >= first;
    const start = isCut ? (stand.putAwaySeq ?? 0) + 1 : first;
    // All of it was put away.
    if (isCut && start > to && last !== null) continue;
    let link = isCut ? (stand.putAwayChain ?? "") : originOf(partition, first);
    for (let from = start; from <= to; from += pageRows) {
      const upTo = Math.min(to, from + pageRows - 1);
      const walked = walk(await rows.page(from, upTo), { from, to: upTo, link });
      if (walked.kind === "broken") return walked;
      link = walked.link;
      links += upTo - from + 1;
      onPage?.(links);
    }
    if (link !== end) return { kind: "broken", seq: to, cause: "other_end" };
    segments.push({ from: start, to, link });
  }
  // A chain that no segment tells of.
  const isNoted = stand.segments.some(({ last }) => last === null);
  if (isNoted !== (stand.chain !== null)) {
    return { kind: "broken", seq: stand.cursorSeq, cause: "other_end" };
  }
  if (segments.length > 0 && stand.stray !== null) {
    return { kind: "broken", seq: stand.stray, cause: "inserted" };
  }
  return { kind: "intact", segments, links };
}

type Walked =
  { readonly kind: "fits"; readonly link: string } | Extract<ChainReport, { kind: "broken" }>;

interface Span {
  readonly from: number;
  readonly to: number;
  /** Before the first row. */
  readonly link: string;
}

/** Rows of a span, in their order. */
function walk(rows: readonly KeptRow[], { from, to, link: before }: Span): Walked {
  let link = before;
  let seq = from;
  let aside: KeptRow | null = null;
  for (const row of rows) {
    if (row.seq > seq) return { kind: "broken", seq, cause: "missing" };
    if (row.seq < seq) {
      // Behind one of its own seq: only what was set aside may be in the ledger too, as it was.
      if (aside !== null && isSettlement(aside, row)) continue;
      return { kind: "broken", seq: row.seq, cause: "inserted" };
    }
    const { link: next, cause } = checked(link, row);
    if (cause !== null) return { kind: "broken", seq, cause };
    aside = row.payload === null ? null : row;
    link = next;
    seq += 1;
  }
  return seq > to ? { kind: "fits", link } : { kind: "broken", seq, cause: "missing" };
}

/** The link after a row, and what is wrong with it. */
function checked(link: string, row: KeptRow): { link: string; cause: ChainBreak | null } {
  const { payload, commitment, salt } = row;
  const parts = payload === null ? null : asideOf(payload);
  const next = nextLink(link, row);
  if (next !== row.chain) return { link: next, cause: "changed" };
  const isNamed = parts !== null || isPersonal(row);
  if (isNamed !== (commitment !== null)) return { link: next, cause: "changed" };
  if (commitment === null) return { link: next, cause: null };
  if (salt === null) return { link: next, cause: row.pseudonymous ? null : "replaced_customer" };
  const real = parts === null ? commitmentOf(row, salt) : asideCommitmentOf(parts, salt);
  return { link: next, cause: real === commitment ? null : "changed" };
}

const Settled = z.object({ movement: LinkedRow });

/** An operator may have brought what was set aside into the ledger after all. */
function isSettlement({ payload }: KeptRow, row: KeptRow): boolean {
  const { data } = Settled.safeParse(JSON.parse(payload ?? "null"));
  if (data === undefined) return false;
  const { movement } = data;
  const isSame = linkOf("", movement, null) === linkOf("", row, null);
  return isSame && movement.customerId === row.customerId && movement.actor === row.actor;
}
