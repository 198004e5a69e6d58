/** The ledger as what a partition of Redis is rebuilt from, and where recoveries are told. */
import { z } from "zod";
import { RECORD_KINDS } from "#inventory/drain-ports";
import { Fault } from "#inventory/faults";
import { Location, Place, ProductId, Sku, StockCount } from "#inventory/model";
import {
  IN_USE_MS,
  type CopiedCounts,
  type PartitionPart,
  type RebuildLedger,
} from "#inventory/rebuild-ports";
import { askRow, askRows } from "#postgres/ask";
import { ownConnection, type Sql } from "#postgres/client";
import { asFault } from "#postgres/failure";
import { OPERATION_KEEP_MS } from "#postgres/forget-operations";
import { readLimits } from "#postgres/limits";
import { reportRecovery } from "#postgres/recovery-reports";
import { reservationOf, ReservationRow } from "#postgres/rows";
import copyExtentText from "./statements/copy-extent.sql" with { type: "text" };
import copyHoldsText from "./statements/copy-holds.sql" with { type: "text" };
import copyLocationsText from "./statements/copy-locations.sql" with { type: "text" };
import copyOperationsText from "./statements/copy-operations.sql" with { type: "text" };
import copyProductsText from "./statements/copy-products.sql" with { type: "text" };
import copyRecordsText from "./statements/copy-records.sql" with { type: "text" };
import copySkusText from "./statements/copy-skus.sql" with { type: "text" };
import lastMovementText from "./statements/last-movement.sql" with { type: "text" };
import otherServerText from "./statements/other-server.sql" with { type: "text" };
import sealEpochText from "./statements/seal-epoch.sql" with { type: "text" };
import unsettledText from "./statements/unsettled.sql" with { type: "text" };

const STATEMENT_MS_MAX = 5_000;
/** It counts all live holds, and no index has them. */
const EXTENT_MS_MAX = 10 * 60_000;
const CLOSE_SECONDS_MAX = 2;
/** Rows of one part. */
const PART_ROWS = 500;

/** How long ended records answer repeats. Twin: ENDED_KEEP_MS in lua/lib/holds.lua. */
const CONFIRMED_KEEP_MS = 86_400_000;
const ENDED_KEEP_MS = 900_000;

const UnsettledRow = z.object({ unsettled: z.int() });
const SealedRow = z.object({ sealed: z.int() });
const LastMovementRow = z.object({ lastAt: z.int() });
const ExtentRow = z.object({
  epoch: z.int(),
  seq: z.int(),
  lastEpoch: z.int(),
  products: z.int(),
  liveHolds: z.int(),
});
const OtherServerRow = z.object({ runId: z.string(), seenMsAgo: z.int() });
const SkuRow = z.object({ sku: Sku, productId: ProductId, createdAt: z.int() });
const HoldCopyRow = ReservationRow.extend({ livesMs: z.int().nullable() });
const LocationRow = z.object({
  location: Location,
  version: z.int(),
  name: z.string().nullable(),
  address: z.string().nullable(),
  priority: z.int(),
  active: z.boolean(),
  createdAt: z.int(),
  updatedAt: z.int(),
});
const ProductCopyRow = z.object({
  productId: ProductId,
  sku: Sku,
  name: z.string().nullable(),
  price: z.number().nullable(),
  home: Location,
  locations: z.array(Place),
  lowStockThreshold: z.int(),
  reorderPoint: z.int(),
  reorderQuantity: z.int(),
  safetyStock: z.int(),
  maxPerCustomer: z.int().nullable(),
  seq: z.int(),
  createdAt: z.int(),
  updatedAt: z.int(),
  lastRestocked: z.int().nullable(),
  limitSince: z.int().nullable(),
  counts: z.record(z.string(), z.tuple([StockCount, StockCount])),
});

const OperationRow = z.object({ key: z.string(), text: z.string(), livesMs: z.int() });

const RecordRow = z.object({
  kind: z.enum(RECORD_KINDS),
  id: z.string(),
  text: z.string(),
  seq: z.int(),
});

const NOTHING: PartitionPart = {
  products: [],
  holds: [],
  locations: [],
  operations: [],
  limits: [],
  records: [],
};

export function createRebuildLedger(sql: Sql): RebuildLedger {
  return {
    async quarantined(partition) {
      const statement = () => sql.unsafe(unsettledText, [partition]);
      return (await askRow(UnsettledRow, statement, STATEMENT_MS_MAX)).unsettled;
    },
    async otherServer(partition, runId) {
      const statement = () => sql.unsafe(otherServerText, [partition, runId]);
      const [row] = await askRows(OtherServerRow, statement, STATEMENT_MS_MAX);
      return row ?? null;
    },
    async seal(partition, epoch, seq, runId) {
      const statement = () => sql.unsafe(sealEpochText, [partition, epoch, seq, runId, IN_USE_MS]);
      return (await askRow(SealedRow, statement, STATEMENT_MS_MAX)).sealed === 1;
    },
    async extent(partition) {
      const statement = () => sql.unsafe(copyExtentText, [partition]);
      return await askRow(ExtentRow, statement, EXTENT_MS_MAX);
    },
    async copy(partition, use) {
      // `begin` of the driver throws outside any promise when its connection ends.
      let isLost = false;
      const own = ownConnection(sql, () => (isLost = true));
      try {
        await own`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`;
        const counts = await copyAll(own, partition, use);
        await own`COMMIT`;
        // Nothing of the partition is appended any more: it is the same moment.
        const asked = { productIds: null, limitIds: null };
        await readLimits(sql, partition, asked, (limits) => use({ ...NOTHING, limits }));
        // The driver would have gone on with another connection, at another moment.
        if (isLost) throw new Fault("ledger_unavailable", "the ledger went away while it was read");
        return counts;
      } catch (error) {
        throw error instanceof Fault ? error : asFault(error);
      } finally {
        await own.end({ timeout: CLOSE_SECONDS_MAX });
      }
    },
    async skus(use) {
      try {
        for await (const rows of sql.unsafe(copySkusText).cursor(PART_ROWS)) {
          await use(SkuRow.array().parse(rows));
        }
      } catch (error) {
        throw error instanceof Fault ? error : asFault(error);
      }
    },
    report: (report) => reportRecovery(sql, report),
  };
}

async function copyAll(
  sql: Sql,
  partition: number,
  use: (part: PartitionPart) => Promise<void>,
): Promise<CopiedCounts> {
  const locations = z.array(LocationRow).parse(await sql.unsafe(copyLocationsText));
  await use({ ...NOTHING, locations });
  let products = 0;
  for await (const rows of sql.unsafe(copyProductsText, [partition]).cursor(PART_ROWS)) {
    products += rows.length;
    await use({ ...NOTHING, products: rows.map((row) => productOf(ProductCopyRow.parse(row))) });
  }
  let liveHolds = 0;
  const keep = [CONFIRMED_KEEP_MS, ENDED_KEEP_MS];
  for await (const rows of sql.unsafe(copyHoldsText, [partition, ...keep]).cursor(PART_ROWS)) {
    const holds = rows.map((row) => {
      const { livesMs, ...hold } = HoldCopyRow.parse(row);
      return { reservation: reservationOf(hold), livesMs };
    });
    liveHolds += holds.filter(({ livesMs }) => livesMs === null).length;
    await use({ ...NOTHING, holds });
  }
  const kept = [partition, OPERATION_KEEP_MS];
  for await (const rows of sql.unsafe(copyOperationsText, kept).cursor(PART_ROWS)) {
    await use({ ...NOTHING, operations: OperationRow.array().parse(rows) });
  }
  for await (const rows of sql.unsafe(copyRecordsText, [partition]).cursor(PART_ROWS)) {
    await use({ ...NOTHING, records: RecordRow.array().parse(rows) });
  }
  const [last] = await sql.unsafe(lastMovementText, [partition]);
  return { products, liveHolds, ...LastMovementRow.parse(last) };
}

function productOf({ counts, locations, ...product }: z.infer<typeof ProductCopyRow>) {
  const levels = locations.map((location) => {
    const [onHand, reserved] = counts[location] ?? [0, 0];
    return { location, onHand, reserved };
  });
  return { ...product, levels };
}
