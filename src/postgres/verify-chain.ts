/** Walks a partition's chain of hashes, and finds every row that does not fit. */
import { originOf } from "#postgres/chain";
import { createChainRows, type ChainStand } from "#postgres/chain-rows";
import { ChainFaults, ChainWalk, type ChainBreak, type ChainFault } from "#postgres/chain-walk";
import type { Sql } from "#postgres/client";

/** Rows of one statement, some milliseconds. */
const PAGE_ROWS = 2_000;
/** Rows of one statement where no chain is: they are only counted. */
const HOLE_ROWS = 100_000;
/** Breaks that are listed; the rest is counted. */
const BREAKS_MAX = 100;

/** Movements that follow each other. */
export interface ChainSpan {
  readonly from: number;
  readonly to: number;
}

/**
 * A part of the ledger that has a chain: it was switched on before `from`, or what was before is put
 * away; and it was switched off behind `to`, or the ledger ends there.
 */
export interface ChainSegment extends ChainSpan {
  /** Link of the last movement, hex: who keeps it elsewhere can tell whether all was written anew. */
  readonly link: string;
  /** How often it breaks. */
  readonly breakCount: number;
}

interface ChainWalked {
  readonly segments: readonly ChainSegment[];
  /** Movements without a chain. */
  readonly holes: readonly ChainSpan[];
  /** Links that were looked at. */
  readonly links: number;
}

export type ChainReport =
  /** Everything fits; no segment: there never was a chain. */
  | ({ readonly kind: "intact" } & ChainWalked)
  /** What does not fit: `seq` and `cause` of the first one, the first ones, and how many there are. */
  | ({
      readonly kind: "broken";
      readonly seq: number;
      readonly cause: ChainBreak;
      readonly breaks: readonly ChainFault[];
      readonly breakCount: number;
    } & ChainWalked);

export interface VerifyChainOptions {
  /** Rows that are read at a time. */
  readonly pageRows?: number;
  /** Told after each page how many links were looked at. */
  readonly onPage?: (links: number) => void;
}

/**
 * Checks every link of a partition up to where the ledger stands now, while it goes on. It finds the
 * rows that were changed, deleted, inserted or put in another's place since they were written. Who can
 * write the whole ledger anew, with all links, is found by a link that was kept elsewhere.
 */
export async function verifyChain(
  sql: Sql,
  partition: number,
  { pageRows = PAGE_ROWS, onPage }: VerifyChainOptions = {},
): Promise<ChainReport> {
  const rows = createChainRows(sql, partition);
  const stand = await rows.stand();
  const faults = new ChainFaults(BREAKS_MAX);
  const segments: ChainSegment[] = [];
  let links = 0;
  for (const { first, last, lastChain, behind } of stand.segments) {
    const to = last ?? stand.cursorSeq;
    const putAway = stand.putAwaySeq ?? 0;
    const isCut = putAway >= first;
    const from = isCut ? putAway + 1 : first;
    // All of it was put away.
    if (isCut && from > to && last !== null) continue;
    const faultsBefore = faults.count;
    const link = isCut ? (stand.putAwayChain ?? "") : originOf(partition, first);
    const walk = new ChainWalk(faults, link, from);
    // What came behind the end when that was read is not in it yet.
    const told = async (at: number, upTo: number) =>
      (await rows.pseudonyms(at, upTo)).filter(
        ({ afterSeq, number }) => afterSeq < to || number <= behind,
      );
    if (isCut) for (const one of await told(putAway, putAway)) walk.given(one);
    for (let at = from; at <= to; at += pageRows) {
      const upTo = Math.min(to, at + pageRows - 1);
      walk.page(await rows.page(at, upTo), await told(at, upTo), upTo);
      links += upTo - at + 1;
      onPage?.(links);
    }
    const end = last === null ? stand.chain : lastChain;
    if (from > to + 1 || !walk.endsWith(end)) faults.add(to, "other_end");
    segments.push({ from, to, link: walk.link, breakCount: faults.count - faultsBefore });
  }
  const holes = holesOf(stand, segments);
  for (const { from, to } of holes) {
    for (let at = from; at <= to; at += HOLE_ROWS) {
      const outside = await rows.outside(at, Math.min(to, at + HOLE_ROWS - 1));
      if (outside !== null) faults.add(outside.first, "outside", outside.last);
    }
  }
  // A chain that no segment tells of.
  const isNoted = stand.segments.some(({ last }) => last === null);
  if (isNoted !== (stand.chain !== null)) faults.add(stand.cursorSeq, "other_end");
  if (segments.length > 0 && stand.stray !== null) faults.add(stand.stray, "inserted");
  const walked = { segments, holes, links };
  const [broken] = faults.kept;
  if (broken === undefined) return { kind: "intact", ...walked };
  const { seq, cause } = broken;
  return { kind: "broken", seq, cause, breaks: faults.kept, breakCount: faults.count, ...walked };
}

/** What is in no segment, of what was not put away. */
function holesOf(stand: ChainStand, segments: readonly ChainSpan[]): ChainSpan[] {
  const holes: ChainSpan[] = [];
  let next = (stand.putAwaySeq ?? 0) + 1;
  const end = { from: stand.cursorSeq + 1, to: stand.cursorSeq };
  for (const { from, to } of [...segments, end]) {
    const last = Math.min(from - 1, stand.cursorSeq);
    if (next <= last) holes.push({ from: next, to: last });
    next = Math.max(next, to + 1);
  }
  return holes;
}
