/** What `verify` says of the chains of hashes, and when it is red for them. */
import { Refusal } from "#compose/refusal";
import type { ChainBreak } from "#postgres/chain-walk";
import type { ChainReport } from "#postgres/verify-chain";

/** What was found of one partition. */
export type PartitionChain = ChainReport & { readonly partition: number };

const WORDS: Readonly<Record<ChainBreak, string>> = {
  changed: "changed",
  no_link: "no link (put back by a repair)",
  missing: "missing",
  inserted: "inserted",
  replaced_customer: "its customer is not the one that the chain says",
  changed_pseudonyms: "what the chain says there of pseudonyms was changed",
  outside: "bears a link, and no chain is noted there",
  other_end: "the chain has another end than the one that is noted",
};

/** Where no chain is wanted, a partition that has none has nothing that could hold or break. */
export const worthTelling = (
  chains: readonly PartitionChain[],
  isWanted: boolean,
): readonly PartitionChain[] =>
  chains.filter(({ kind, segments }) => isWanted || kind === "broken" || segments.length > 0);

const span = (first: number, last: number): string =>
  first === last ? `${first}` : `${first} to ${last}`;

/** Where its chain begins and ends, where there is none, and where it breaks. */
export function linesOfChain(chain: PartitionChain): string[] {
  const { segments, holes } = chain;
  const lines = segments.map(({ from, to, link, breakCount }) => ({
    from,
    text: `chain ${from} to ${to}: ${breakCount === 0 ? link : `breaks ${breakCount} times`}`,
  }));
  const without = holes.map(({ from, to }) => ({ from, text: `no chain ${span(from, to)}` }));
  const breaks =
    chain.kind === "intact"
      ? []
      : chain.breaks.map(
          ({ seq, upTo, cause }) =>
            `the chain breaks at movement ${span(seq, upTo)}: ${WORDS[cause]}`,
        );
  const more = chain.kind === "intact" ? 0 : chain.breakCount - breaks.length;
  return [
    ...[...lines, ...without].toSorted((a, b) => a.from - b.from).map(({ text }) => text),
    ...breaks,
    ...(more > 0 ? [`and ${more} more breaks`] : []),
  ].map((text) => `partition ${chain.partition}: ${text}\n`);
}

/** Rejects where a chain breaks; and where one is wanted, and the last movement has none. */
export function mustHold(chains: readonly PartitionChain[], isWanted: boolean): void {
  const broken = chains.filter(({ kind }) => kind === "broken").map(({ partition }) => partition);
  if (broken.length > 0) throw new Refusal(`the chain is broken in partition ${broken.join(", ")}`);
  if (!isWanted) return;
  const bare = chains.filter(endsWithout).map(({ partition }) => partition);
  if (bare.length === 0) return;
  throw new Refusal(
    `LEDGER_CHAIN is 1, and the last movement has no chain in partition ${bare.join(", ")}`,
  );
}

const endsWithout = ({ segments, holes }: PartitionChain): boolean =>
  (holes.at(-1)?.to ?? 0) > (segments.at(-1)?.to ?? 0);
