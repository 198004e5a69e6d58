/** What a rebuild needs, put together: for the worker, and for `restore`. */
import type { Stores, Urls } from "#compose/stores";
import { createEpochLedger } from "#postgres/epochs";
import { createAlertDesk } from "#postgres/event-ledger";
import { createLedgerWriter } from "#postgres/ledger-writer";
import { createPostgres, type Sql } from "#postgres/client";
import { createRebuildLedger } from "#postgres/rebuild-ledger";
import { createPartitionRebuild } from "#redis/rebuild";
import type { RebuildDependencies } from "#workers/rebuild";
import { REBUILDS_AT_ONCE } from "#workers/rebuilder";

/** A statement of a rebuild reads everything there is of a partition. */
const STATEMENT_MS_MAX = 30 * 60_000;

export interface Rebuilding extends RebuildDependencies {
  close(): Promise<void>;
}

export function openRebuilding(
  { databaseUrl }: Urls,
  { redis, storeId }: Pick<Stores, "redis" | "storeId">,
): Rebuilding {
  const sql: Sql = createPostgres(databaseUrl, {
    applicationName: "holdfast-rebuild",
    connectionsMax: REBUILDS_AT_ONCE,
    statementMsMax: STATEMENT_MS_MAX,
  });
  return {
    rebuild: createPartitionRebuild({ redis, storeId }),
    ledger: createRebuildLedger(sql),
    ledgerWriter: createLedgerWriter(sql),
    epochs: createEpochLedger(sql, storeId),
    alerts: createAlertDesk(sql),
    close: () => sql.end({ timeout: 2 }),
  };
}
