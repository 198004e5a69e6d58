/** Walks rows of a chain of hashes, and goes on behind what does not fit. */
import { z } from "zod";
import { asideCommitmentOf, asideOf, commitmentOf, linkOf, personsOf } from "#postgres/chain";
import { LinkedRow, nextGiven, nextLink, type GivenRow, type KeptRow } from "#postgres/chain-rows";

/** What does not fit. */
export type ChainBreak =
  /** The row, or its link, is not what was written: changed, or in another's place. */
  | "changed"
  /** The row has no link: a repair put it back, or somebody took the link away. */
  | "no_link"
  /** There is no row of that seq. */
  | "missing"
  /** There is a row where none was written. */
  | "inserted"
  /** A row whose salt is gone does not name the pseudonym that the chain says. */
  | "replaced_customer"
  /** What the chain says of pseudonyms behind that row is not what was written. */
  | "changed_pseudonyms"
  /** Rows bear links, and no chain is noted there. */
  | "outside"
  /** The rows fit, and end with another link than the one that is noted for their end. */
  | "other_end";

/** Rows that follow each other and do not fit. */
export interface ChainFault {
  readonly seq: number;
  readonly upTo: number;
  readonly cause: ChainBreak;
}

/** Faults in their order, those that follow each other as one; the first ones are kept, and all counted. */
export class ChainFaults {
  readonly kept: ChainFault[] = [];
  count = 0;
  readonly #max: number;
  #last: ChainFault | null = null;

  constructor(max: number) {
    this.#max = max;
  }

  add(seq: number, cause: ChainBreak, upTo = seq): void {
    const last = this.#last;
    const isNext = last !== null && last.cause === cause && last.seq <= seq && seq <= last.upTo + 1;
    const fault = isNext ? { ...last, upTo: Math.max(upTo, last.upTo) } : { seq, upTo, cause };
    if (!isNext) this.count += 1;
    if (this.count <= this.#max) this.kept[this.count - 1] = fault;
    this.#last = fault;
  }
}

/** One segment of a chain, which is brought its rows in their order. */
export class ChainWalk {
  readonly #faults: ChainFaults;
  /**
   * What the next link may follow: the last one; behind a row that was changed also the one that it
   * should have; none where nobody can tell.
   */
  #links: readonly string[];
  /** Whether a next one that follows none of them is a fault of its own. */
  #isSure = true;
  #seq: number;
  #aside: KeptRow | null = null;

  constructor(faults: ChainFaults, link: string, first: number) {
    this.#faults = faults;
    this.#links = [link];
    this.#seq = first;
  }

  /** The rows up to a seq, and what the chain says of pseudonyms behind them. */
  page(rows: readonly KeptRow[], given: readonly GivenRow[], upTo: number): void {
    let told = 0;
    const tellUntil = (seq: number): void => {
      for (; told < given.length; told += 1) {
        const one = given[told];
        if (one === undefined || one.afterSeq >= seq) return;
        this.#skipTo(one.afterSeq + 1);
        this.given(one);
      }
    };
    for (const row of rows) {
      tellUntil(row.seq);
      this.#row(row);
    }
    tellUntil(upTo + 1);
    this.#skipTo(upTo + 1);
  }

  /** A link of pseudonyms behind the last row. */
  given(one: GivenRow): void {
    const before = this.#links;
    const next = (link: string): string => nextGiven(link, one);
    if (this.#follow(one.afterSeq, one.chain, next, "changed_pseudonyms")) return;
    // Somebody may have put it there.
    this.#links = [...this.#links, ...before.slice(0, 1)];
  }

  /** Whether it ends with that link, as far as anybody can tell. */
  endsWith(link: string | null): boolean {
    return !this.#isSure || this.#links.some((own) => own === link);
  }

  get link(): string {
    return this.#links[0] ?? "";
  }

  #skipTo(seq: number): void {
    if (this.#seq >= seq) return;
    this.#faults.add(this.#seq, "missing", seq - 1);
    this.#links = [];
    this.#isSure = false;
    this.#seq = seq;
  }

  #row(row: KeptRow): void {
    if (row.seq < this.#seq) {
      // Behind one of its own seq: only what was set aside may be in the ledger too, as it was.
      if (this.#aside !== null && isSettlement(this.#aside, row)) return;
      this.#faults.add(row.seq, "inserted");
      return;
    }
    this.#skipTo(row.seq);
    this.#seq = row.seq + 1;
    this.#aside = row.payload === null ? null : row;
    const isRight = this.#follow(row.seq, row.chain, (link) => nextLink(link, row), "changed");
    if (!isRight) return;
    const cause = personsFault(row);
    if (cause !== null) this.#faults.add(row.seq, cause);
  }

  /** Whether a link is the one that follows; where that cannot be told, it is believed. */
  #follow(
    seq: number,
    chain: string | null,
    next: (link: string) => string,
    cause: ChainBreak,
  ): boolean {
    const nexts = this.#links.map(next);
    if (chain === null) {
      this.#faults.add(seq, "no_link");
      this.#links = nexts;
      this.#isSure = false;
      return false;
    }
    const isRight = !this.#isSure || nexts.includes(chain);
    if (!isRight) this.#faults.add(seq, cause);
    this.#links = isRight ? [chain] : [chain, ...nexts.slice(0, 1)];
    this.#isSure = true;
    return isRight;
  }
}

/** What is wrong with whom a row names. */
function personsFault(row: KeptRow): ChainBreak | null {
  const { payload, commitment, salt, pseudonym } = row;
  const aside = payload === null ? null : asideOf(payload);
  const persons = aside?.persons ?? personsOf(row);
  const isNamed = aside !== null || persons.length > 0;
  if (isNamed !== (commitment !== null)) return "changed";
  if (commitment === null) return null;
  if (salt === null) {
    const isOurs = pseudonym !== null && persons.every((person) => person === pseudonym);
    return isOurs ? null : "replaced_customer";
  }
  const real = aside === null ? commitmentOf(row, salt) : asideCommitmentOf(aside, salt);
  return real === commitment ? null : "changed";
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
