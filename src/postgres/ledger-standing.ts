/** What keeps a ledger from being whole, partition by partition, as the ledger itself knows it. */
import { z } from "zod";
import { askRows } from "#postgres/ask";
import type { Sql } from "#postgres/client";
import ledgerStandingText from "./statements/ledger-standing.sql" with { type: "text" };
import ledgerTroublesText from "./statements/ledger-troubles.sql" with { type: "text" };

/** Somebody waits for it to say how durable a change is. */
const ASIDE_MS_MAX = 1_000;

const StandingRow = z.object({
  partition: z.int(),
  /** Lowest seq that is in quarantine; null: none is. */
  setAside: z.int().nullable(),
  /** Whether its drain stopped before a gap, whichever process it ran in. */
  isStopped: z.boolean(),
});
export type LedgerStanding = z.output<typeof StandingRow>;

const TroublesRow = z.object({
  partition: z.int(),
  /** Products that a comparison found other than their movements, and left so. */
  openDifferences: z.int(),
  /** Reports of acknowledged operations that are lost. */
  lossReports: z.int(),
});
export type LedgerTroubles = z.output<typeof TroublesRow>;

/** Rejects with `ledger_unavailable` when it is not answered in that many milliseconds. */
export async function readLedgerStanding(
  sql: Sql,
  answerMsMax: number,
): Promise<readonly LedgerStanding[]> {
  return await askRows(StandingRow, () => sql.unsafe(ledgerStandingText), answerMsMax);
}

/** What a person has to look into, of each partition. Rejects like `readLedgerStanding`. */
export async function readLedgerTroubles(
  sql: Sql,
  answerMsMax: number,
): Promise<readonly LedgerTroubles[]> {
  return await askRows(TroublesRow, () => sql.unsafe(ledgerTroublesText), answerMsMax);
}

/** By partition the lowest seq that is in quarantine. Rejects like `readLedgerStanding`. */
export async function lowestSetAside(sql: Sql): Promise<ReadonlyMap<number, number>> {
  const standing = await readLedgerStanding(sql, ASIDE_MS_MAX);
  return new Map(
    standing.flatMap(({ partition, setAside }) =>
      setAside === null ? [] : [[partition, setAside] as const],
    ),
  );
}
