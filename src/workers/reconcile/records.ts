/** What each partition keeps beside stock, holds and locations, against what the ledger has of it. */
import { RECORD_KINDS, type RecordKind } from "#inventory/drain-ports";
import { settle, type Comparison } from "#workers/reconcile/comparison";
import { tellUnreadable } from "#workers/reconcile/unreadable";

/** Records that are compared at one moment. */
const RECORDS_AT_ONCE = 500;

export async function checkRecords(run: Comparison): Promise<void> {
  if (run.scope.kind === "products") return;
  for (const partition of run.partitions) {
    for (const kind of RECORD_KINDS) await checkKind(run, partition, kind);
  }
}

/** First what Redis has, then what only the ledger has. */
async function checkKind(run: Comparison, partition: number, kind: RecordKind): Promise<void> {
  const seen = new Set<string>();
  const check = async (ids: readonly string[]): Promise<void> => {
    const unseen = [...new Set(ids)].filter((id) => !seen.has(id));
    for (const id of unseen) seen.add(id);
    for (let first = 0; first < unseen.length; first += RECORDS_AT_ONCE) {
      await compare(run, partition, kind, unseen.slice(first, first + RECORDS_AT_ONCE));
    }
    await run.goOn();
  };
  for (let cursor: string | null = "0"; cursor !== null;) {
    const page = await run.stock.keptIds(partition, kind, cursor);
    if (page.unreadable !== null) return await tellUnreadable(run, partition, page.unreadable);
    await check(page.ids);
    cursor = page.next;
  }
  for (let after = ""; ;) {
    const ids = await run.ledger.keptIds(partition, kind, after);
    const last = ids.at(-1);
    if (last === undefined) return;
    await check(ids);
    after = last;
  }
}

/** What changed after Redis was read is another text there by now: its movement is behind that moment. */
async function compare(
  run: Comparison,
  partition: number,
  kind: RecordKind,
  ids: readonly string[],
): Promise<void> {
  const { at, texts } = await run.stock.keptTexts(partition, kind, ids);
  await run.follow(partition, at.seq);
  const rows = new Map(
    (await run.ledger.kept(partition, kind, ids)).map((row) => [row.id, row] as const),
  );
  for (const [i, id] of ids.entries()) {
    const found = texts[i] ?? null;
    const row = rows.get(id);
    const wanted = row?.text ?? null;
    if (found === wanted || (row !== undefined && row.seq > at.seq)) continue;
    // A change of it that PostgreSQL refused is in Redis alone, and right.
    const aside = await run.ledger.quarantine();
    const isDoubtful = aside.some(({ productId }) => productId === null);
    await settle(run, {
      found: {
        kind: "record",
        partition,
        productId: null,
        location: null,
        reservationId: null,
        redis: found,
        ledger: wanted,
        cause: `the record ${kind}:${id} is not the ledger's`,
      },
      repair: isDoubtful ? null : { side: "kept", partition, kind, id, found, wanted },
    });
  }
}
