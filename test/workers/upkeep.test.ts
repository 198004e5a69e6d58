/** What the log says of receipts that a worker finished, or could not. */
import { expect, test } from "bun:test";
import { z } from "zod";
import { Fault } from "#inventory/faults";
import { IncomingId } from "#inventory/incoming-ports";
import type { FailedReceipt, FinishedReceipts } from "#inventory/receive";
import { createLog } from "#lib/log";
import { startUpkeep } from "#workers/upkeep";
import { until } from "#test/until";

const Line = z.looseObject({ level: z.string(), message: z.string() });

/** The lines of one round in which the receipts are finished so, part by part. */
async function linesOf(parts: readonly FinishedReceipts[]) {
  const lines: z.output<typeof Line>[] = [];
  const left = [...parts];
  const upkeep = startUpkeep({
    removeOld: () => Promise.resolve(false),
    finishReceipts: () => {
      const part = left.shift();
      return part ? Promise.resolve(part) : Promise.reject(new Error("it was asked again"));
    },
    log: createLog({
      level: "info",
      format: "json",
      write: (line) => void lines.push(Line.parse(JSON.parse(line))),
    }),
  });
  await until(() => left.length === 0, { withinMs: 5_000, what: "all parts were asked for" });
  upkeep.stop();
  return lines;
}

const failedBy = (error: unknown): FailedReceipt => ({
  incomingId: IncomingId.parse("11111111-1111-4111-8111-111111111111"),
  receipt: 3,
  error,
});
const away = failedBy(new Fault("ledger_unavailable", "the ledger is behind"));
const bug = failedBy(new Error("a bug"));

test("goes on while there may be more, and says once of each part how many failed", async () => {
  const lines = await linesOf([
    { finished: 2, failed: [away, away], mayBeMore: true },
    { finished: 0, failed: [], mayBeMore: false },
  ]);
  expect(lines).toMatchObject([
    { level: "warn", message: "receipts were finished whose caller was gone", finished: 2 },
    { level: "warn", failed: 2, receipt: 3, code: "ledger_unavailable" },
  ]);
});

test("a bug among those that failed is what the line tells of", async () => {
  const lines = await linesOf([{ finished: 0, failed: [away, bug], mayBeMore: false }]);
  expect(lines).toMatchObject([{ level: "error", failed: 2, error: { message: "a bug" } }]);
});
