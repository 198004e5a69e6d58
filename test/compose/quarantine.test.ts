/** `quarantine` as an operator runs it. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { quarantineOptions, QuarantineUsageError } from "#compose/quarantine";
import { createQuarantine } from "#postgres/quarantine";
import { verifyChain } from "#postgres/verify-chain";
import { operation } from "#test/commands";
import { seed } from "#test/harms";
import { oversold } from "#test/movements";
import { openReconcileBed, type ReconcileBed } from "#test/reconcile";
import { runMain } from "#test/service";
import { adjustCommand, endCommand, initialize, reserve, type TimedHold } from "#test/store";

const TEST_MS_MAX = 60_000;

let bed: ReconcileBed;
let live: TimedHold;
beforeEach(async () => {
  bed = await openReconcileBed({ chain: true });
  ({ one: live } = await seed(bed));
}, TEST_MS_MAX);
afterEach(() => bed[Symbol.asyncDispose]());

/** Redis is never asked. */
const quarantine = (...args: string[]) =>
  runMain(["quarantine", ...args], { DATABASE_URL: bed.db.url, REDIS_URL: "redis://127.0.0.1:1" });
const refuse = (which: string) =>
  bed.db.sql.unsafe(
    `ALTER TABLE movements ADD CONSTRAINT refused_by_a_test CHECK (NOT (${which})) NOT VALID`,
  );
const allow = () => bed.db.sql`ALTER TABLE movements DROP CONSTRAINT refused_by_a_test`;
const unsettled = () => bed.db.count("SELECT count(*) FROM quarantine WHERE settled_at IS NULL");
const numbered = (text: string) => bed.db.count(`SELECT count(*) FROM movements WHERE ${text}`);

async function isEqual(): Promise<void> {
  expect(await bed.report()).toMatchObject({ differences: [], quarantined: 0 });
  expect(await verifyChain(bed.db.sql, 0)).toMatchObject({ kind: "intact" });
}

describe("a movement that PostgreSQL refused", () => {
  test(
    "is in the ledger with all it carries, once its cause is gone and it is tried again",
    async () => {
      await refuse("type IN ('ADJUSTMENT', 'SALE') OR product_id = 'p9'");
      await bed.store.adjust(adjustCommand("p1", -4, { operation: operation("a-key") }));
      await bed.store.confirm(endCommand(live.reservationId));
      await initialize(bed.store, "p9", 7);
      await bed.drained();
      expect(await unsettled()).toBe(3);

      const listed = await quarantine();
      expect(listed.code).toBe(0);
      expect(listed.output).toMatch(
        /partition 0 {2}movement \d+ .* p1 at Warehouse A {2}ADJUSTMENT {2}on hand 47 to 43, held 6 to 6\n/,
      );
      expect(listed.output).toContain("refused_by_a_test");
      expect(listed.output).toContain("3 movements are in quarantine");
      const early = await quarantine("--retry", "--apply");
      expect(early).toMatchObject({ code: 1, output: expect.stringContaining("is refused still") });
      expect(await unsettled()).toBe(3);

      await allow();
      const looked = await quarantine("--retry");
      expect(looked.output).toContain("3 would be brought into the ledger");
      expect(looked.output).toContain("nothing was changed");
      expect([looked.code, await unsettled()]).toEqual([0, 3]);
      expect(await numbered("product_id = 'p9'")).toBe(0);

      const done = await quarantine("--retry", "--apply");
      expect(done).toMatchObject({ code: 0, output: expect.stringContaining("3 were brought") });
      await isEqual();
      expect(await bed.db.count("SELECT on_hand FROM levels WHERE product_id = 'p9'")).toBe(7);
      expect(await bed.db.count("SELECT count(*) FROM products WHERE product_id = 'p9'")).toBe(1);
      const kept = `SELECT count(*) FROM operations WHERE key = '${operation("a-key").key}'`;
      expect(await bed.db.count(kept)).toBe(1);
      expect(await numbered("chain IS NULL")).toBe(3);
      const again = await quarantine("--retry", "--apply");
      expect(again).toMatchObject({ code: 0, output: expect.stringContaining("nothing is in") });
    },
    TEST_MS_MAX,
  );

  test("does not put back what came behind it, and takes its turn before the next one", async () => {
    await refuse("type = 'ADJUSTMENT' AND on_hand_after IN (46, 45)");
    for (const delta of [-1, -1, -1]) await bed.store.adjust(adjustCommand("p1", delta));
    await bed.drained();
    expect(await unsettled()).toBe(2);
    await allow();
    expect(await quarantine("--retry", "--apply")).toMatchObject({ code: 0 });
    await isEqual();
    expect(await bed.db.count("SELECT on_hand FROM levels WHERE product_id = 'p1'")).toBe(44);
  });

  test("tells when its level was restocked, though others came behind it", async () => {
    const restocked = () =>
      bed.db.count(
        `SELECT coalesce(extract(epoch FROM restocked_at), 0) FROM levels WHERE product_id = 'p1'`,
      );
    await refuse("type = 'RESTOCK'");
    await bed.store.adjust(adjustCommand("p1", 5, { type: "RESTOCK" }));
    await bed.store.adjust(adjustCommand("p1", -1));
    await bed.drained();
    const before = await restocked();
    await allow();
    expect(await quarantine("--retry", "--apply")).toMatchObject({ code: 0 });
    expect(await restocked()).toBeGreaterThan(before);
    await isEqual();
  });

  test("is brought in by one of several who try it, and not as it was before somebody changed it", async () => {
    await refuse("type = 'ADJUSTMENT'");
    await bed.store.adjust(adjustCommand("p1", -1));
    await bed.store.adjust(adjustCommand("p2", -1));
    await bed.drained();
    await allow();
    const desk = createQuarantine(bed.db.sql);
    const [first, second] = await Array.fromAsync(desk.all(0));
    if (!first || !second) throw new Error("two were set aside");
    const tries = [1, 2, 3].map(() => desk.retry(first, true));
    const kinds = (await Promise.all(tries)).map(({ kind }) => kind);
    expect(kinds.toSorted()).toEqual(["brought", "changed", "changed"]);
    // As the work of a pseudonymization does.
    await bed.db
      .sql`UPDATE quarantine SET payload = replace(payload::text, 'admin', 'other')::json`;
    await bed.db.sql`UPDATE quarantine SET payload = (payload::text || ' ')::json
      WHERE settled_at IS NULL`;
    expect(await desk.retry(second, true)).toEqual({ kind: "changed" });
    expect(await unsettled()).toBe(1);
    expect(await numbered("product_id = 'p2' AND type = 'ADJUSTMENT'")).toBe(0);
  });

  test("that nobody can read is told of, and can only be given up", async () => {
    const { seq } = oversold(99);
    await bed.db.sql`INSERT INTO quarantine (partition, seq, epoch, payload, error)
      VALUES (0, ${seq}, 1, '{"movement":{"productId":"p1"}}', 'a test')`;
    const listed = await quarantine("--partition", "0");
    expect(listed.output).toContain("of what it is unknown");
    const tried = await quarantine("--retry", "--apply");
    expect(tried).toMatchObject({ code: 1, output: expect.stringContaining("cannot be read") });
    const given = await quarantine("--give-up", "99", "--partition", "0", "--apply");
    expect(given).toMatchObject({ code: 0, output: expect.stringContaining("is not known") });
    expect(await unsettled()).toBe(0);
  });
});

describe("a movement that is given up", () => {
  test(
    "says what a repair then takes back",
    async () => {
      await refuse("type IN ('ADJUSTMENT', 'RESERVE')");
      await bed.store.adjust(adjustCommand("p2", -4));
      const hold = await reserve(bed.store, "o9", { p1: 2 });
      await bed.drained();
      const [adjusted, reserved] = await bed.db.sql`SELECT seq FROM quarantine ORDER BY seq`;
      const seqs = [adjusted, reserved].map((row) => String(row?.["seq"]));
      const giveUp = (seq = "", ...more: string[]) =>
        quarantine("--give-up", seq, "--partition", "0", ...more);
      const looked = await giveUp(seqs[0]);
      expect(looked.output).toContain("it left 46 on hand and 7 held; the ledger has 50 and 7");
      expect(looked.output).toContain("+4 on hand, 0 held");
      expect(looked.output).toContain("nothing was changed");
      expect([looked.code, await unsettled()]).toEqual([0, 2]);
      expect(await giveUp(seqs[0], "--apply")).toMatchObject({ code: 0 });
      const gone = await giveUp(seqs[0], "--apply");
      expect(gone).toMatchObject({ code: 1, output: expect.stringContaining("no movement") });

      const { output } = await giveUp(seqs[1], "--apply");
      expect(output).toContain("0 on hand, -2 held");
      const words = `hold ${hold.reservationId} is ACTIVE, and the ledger does not know it`;
      expect(output).toContain(words);
      await bed.repair();
      expect(await bed.report()).toMatchObject({ differences: [], quarantined: 0 });
      const [p1, p2] = await bed.db.sql`
        SELECT on_hand, reserved FROM levels WHERE product_id IN ('p1', 'p2') ORDER BY product_id`;
      expect([p1, p2]).toMatchObject([
        { on_hand: 47, reserved: 6 },
        { on_hand: 50, reserved: 7 },
      ]);
    },
    TEST_MS_MAX,
  );

  test("says which hold it ended", async () => {
    await refuse("type = 'SALE'");
    await bed.store.confirm(endCommand(live.reservationId));
    await bed.drained();
    const [aside] = await bed.db.sql`SELECT seq FROM quarantine`;
    const { output } = await quarantine("--give-up", `${aside?.["seq"]}`, "--partition", "0");
    expect(output).toContain("+5 on hand, +5 held");
    const words = `hold ${live.reservationId} is CONFIRMED, and the ledger has it ACTIVE`;
    expect(output).toContain(words);
  });

  test("takes no units where later ones of its level are in the ledger", async () => {
    await refuse("type = 'ADJUSTMENT' AND on_hand_after = 46");
    for (const delta of [-1, -1]) await bed.store.adjust(adjustCommand("p1", delta));
    await bed.drained();
    const [aside] = await bed.db.sql`SELECT seq FROM quarantine`;
    const { output } = await quarantine("--give-up", `${aside?.["seq"]}`, "--partition", "0");
    expect(output).toContain("no units: movement");
  });
});

test("quarantine explains itself, and refuses what it does not understand", async () => {
  const help = await quarantine("--help");
  expect(help).toMatchObject({ code: 0, output: expect.stringContaining("--give-up 4711") });
  expect((await quarantine("--bogus")).code).toBe(2);
  for (const args of [
    ["--apply"],
    ["--give-up", "4"],
    ["--give-up", "x", "--partition", "0"],
    ["--give-up", "4", "--partition", "0", "--retry"],
    ["--partition", "-1"],
  ]) {
    expect(() => quarantineOptions(args)).toThrow(QuarantineUsageError);
  }
});
