/** Every migration there is, in order. A test holds this list against the folder. */
import ledger from "./migrations/0001-ledger.sql" with { type: "text" };
import standingHolds from "./migrations/0002-standing-holds.sql" with { type: "text" };
import salesOfOrders from "./migrations/0003-sales-of-orders.sql" with { type: "text" };
import transfersAndLocations from "./migrations/0004-transfers-and-locations.sql" with { type: "text" };
import counts from "./migrations/0005-counts.sql" with { type: "text" };
import recovery from "./migrations/0006-recovery.sql" with { type: "text" };
import alerts from "./migrations/0007-alerts.sql" with { type: "text" };
import askingTheLedger from "./migrations/0008-asking-the-ledger.sql" with { type: "text" };
import reconcile from "./migrations/0009-reconcile.sql" with { type: "text" };
import incoming from "./migrations/0010-incoming.sql" with { type: "text" };
import countsOfLevels from "./migrations/0011-counts-of-levels.sql" with { type: "text" };
import pseudonyms from "./migrations/0012-pseudonyms.sql" with { type: "text" };
import hashChain from "./migrations/0013-hash-chain.sql" with { type: "text" };
import retention from "./migrations/0014-retention.sql" with { type: "text" };
import countRuns from "./migrations/0015-count-runs.sql" with { type: "text" };
import progressOfRuns from "./migrations/0016-progress-of-runs.sql" with { type: "text" };
import receiptsAndFences from "./migrations/0017-receipts-and-fences.sql" with { type: "text" };
import whatHasEnded from "./migrations/0018-what-has-ended.sql" with { type: "text" };
import repairs from "./migrations/0019-repairs.sql" with { type: "text" };
import whatPeopleAsk from "./migrations/0020-what-people-ask.sql" with { type: "text" };
import pseudonymsInTheChain from "./migrations/0021-pseudonyms-in-the-chain.sql" with { type: "text" };
import receiptsBrought from "./migrations/0022-receipts-brought.sql" with { type: "text" };
import operationsSetAside from "./migrations/0023-operations-set-aside.sql" with { type: "text" };
import whatRunsMended from "./migrations/0024-what-runs-mended.sql" with { type: "text" };
import whatIsOpen from "./migrations/0025-what-is-open.sql" with { type: "text" };
import whatWasRemoved from "./migrations/0026-what-was-removed.sql" with { type: "text" };
import limits from "./migrations/0027-limits.sql" with { type: "text" };
import records from "./migrations/0028-records.sql" with { type: "text" };

export interface Migration {
  /** `NNNN-what-it-does`, numbered from 0001 without a gap. */
  readonly name: string;
  /** Its statements; they run as one transaction, so none may begin or end one. */
  readonly text: string;
}

export const MIGRATIONS: readonly Migration[] = [
  { name: "0001-ledger", text: ledger },
  { name: "0002-standing-holds", text: standingHolds },
  { name: "0003-sales-of-orders", text: salesOfOrders },
  { name: "0004-transfers-and-locations", text: transfersAndLocations },
  { name: "0005-counts", text: counts },
  { name: "0006-recovery", text: recovery },
  { name: "0007-alerts", text: alerts },
  { name: "0008-asking-the-ledger", text: askingTheLedger },
  { name: "0009-reconcile", text: reconcile },
  { name: "0010-incoming", text: incoming },
  { name: "0011-counts-of-levels", text: countsOfLevels },
  { name: "0012-pseudonyms", text: pseudonyms },
  { name: "0013-hash-chain", text: hashChain },
  { name: "0014-retention", text: retention },
  { name: "0015-count-runs", text: countRuns },
  { name: "0016-progress-of-runs", text: progressOfRuns },
  { name: "0017-receipts-and-fences", text: receiptsAndFences },
  { name: "0018-what-has-ended", text: whatHasEnded },
  { name: "0019-repairs", text: repairs },
  { name: "0020-what-people-ask", text: whatPeopleAsk },
  { name: "0021-pseudonyms-in-the-chain", text: pseudonymsInTheChain },
  { name: "0022-receipts-brought", text: receiptsBrought },
  { name: "0023-operations-set-aside", text: operationsSetAside },
  { name: "0024-what-runs-mended", text: whatRunsMended },
  { name: "0025-what-is-open", text: whatIsOpen },
  { name: "0026-what-was-removed", text: whatWasRemoved },
  { name: "0027-limits", text: limits },
  { name: "0028-records", text: records },
];
