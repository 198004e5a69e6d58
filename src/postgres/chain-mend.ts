/** The link of a movement that was lost and is put back: its own one, or none. */
import { linksOf, originOf, type Link, type Linked } from "#postgres/chain";
import { createChainRows, nextGiven, nextLink, type KeptRow } from "#postgres/chain-rows";
import type { Sql } from "#postgres/client";

/**
 * null: there is no chain at its place; or what follows does not follow this movement, which is then
 * not what stood there, or its partition's key was replaced since: the chain stays broken.
 * Where the next one is missing too, whoever walks the chain finds out.
 */
export async function linkOfLost(sql: Sql, movement: Linked): Promise<Link | null> {
  const { partition, seq } = movement;
  const rows = createChainRows(sql, partition);
  const stand = await rows.stand();
  const segment = stand.segments.find(
    ({ first, last }) => first <= seq && seq <= (last ?? stand.cursorSeq),
  );
  if (segment === undefined) return null;
  const beside = await rows.page(seq - 1, seq + 1);
  const given = await rows.pseudonyms(seq - 1, seq);
  /** The link that the next movement follows. */
  const behind = (at: number, link: string): string =>
    given.filter(({ afterSeq }) => afterSeq === at).reduce(nextGiven, link);
  const kept = (at: number): KeptRow | null => beside.find((row) => row.seq === at) ?? null;
  const isCut = stand.putAwaySeq === seq - 1;
  const previous =
    segment.first === seq
      ? originOf(partition, seq)
      : isCut
        ? stand.putAwayChain
        : (kept(seq - 1)?.chain ?? null);
  if (previous === null) return null;
  const before = segment.first === seq ? previous : behind(seq - 1, previous);
  const [link] = linksOf(stand.chainKey, before, [movement]);
  if (link === undefined) return null;
  const next = kept(seq + 1);
  if (next !== null && next.chain !== null && seq !== segment.last) {
    return nextLink(behind(seq, link.chain), next) === next.chain ? link : null;
  }
  const end = segment.last === null ? stand.chain : segment.lastChain;
  const isEnd = seq === (segment.last ?? stand.cursorSeq);
  return isEnd && end !== behind(seq, link.chain) ? null : link;
}
