/** Counts of an earlier instant: wording, and what is refused. */
import { describe, expect, test } from "bun:test";
import { Fault } from "#inventory/faults";
import { DEFAULT_RULE, Location, LOCATIONS_MAX, STOCK_MAX } from "#inventory/model";
import type { AdjustCommand, AdjustOutcome } from "#inventory/ports";
import { openApp, type AppDoubles } from "#test/http-app";
import { AT, productOf } from "#test/ports-double";

const PATH = "/api/inventory/counts";
const COUNT = { productId: "p1", quantity: 49, countedAt: "2025-01-01T00:00:00.000Z" };

/** What the store was asked, and what the call was answered. */
async function post(body: object, outcome?: AdjustOutcome | Error, more: AppDoubles = {}) {
  const commands: AdjustCommand[] = [];
  const adjust = async (command: AdjustCommand): Promise<AdjustOutcome> => {
    commands.push(command);
    if (outcome instanceof Error) throw outcome;
    return outcome ?? { kind: "adjusted", product: productOf(), replayed: false };
  };
  const { send } = openApp({ ...more, store: { adjust, ...more.store } });
  return { ...(await send(PATH, { as: "admin", body })), commands };
}

describe("POST /counts", () => {
  test("200 tells what was expected, and asks the store for nothing", async () => {
    const { status, body, commands } = await post({ counts: [COUNT] });
    expect(status).toBe(200);
    expect(body).toEqual({
      committed: false,
      succeeded: 1,
      failed: 0,
      results: [
        {
          index: 0,
          status: 200,
          productId: "p1",
          location: "Warehouse A",
          countedAt: "2025-01-01T00:00:00.000Z",
          counted: 49,
          expected: 52,
          delta: -3,
          moved: [{ type: "SALE", quantity: -2 }],
          totalStock: 47,
          reservedStock: 3,
        },
      ],
    });
    expect(commands).toEqual([]);
  });

  test("200 puts it right as a COUNT of the difference, which says why", async () => {
    const { body, commands } = await post({ counts: [COUNT], commit: true, reference: "S-1" });
    expect(body).toMatchObject({ committed: true, succeeded: 1 });
    expect(commands).toMatchObject([
      {
        type: "COUNT",
        delta: -3,
        location: "Warehouse A",
        context: {
          actor: "admin:ada",
          reference: "S-1",
          reason: "counted at 2025-01-01T00:00:00.000Z: 49, 52 expected by movement 9",
        },
      },
    ]);
  });

  test.each([
    [{ kind: "below_reserved", onHand: 5, reserved: 4 }, 409, "below_reserved"],
    [{ kind: "above_limit", limit: "locations", onHand: 5 }, 409, "limit_exceeded"],
    [{ kind: "unknown_product" }, 404, "product_not_found"],
    [{ kind: "key_reused" }, 422, "idempotency_key_reused"],
    [new Fault("outcome_unknown", "not known"), 504, "outcome_unknown"],
  ] as const)("200 with a row that is refused: %j", async (outcome, status, code) => {
    const { status: whole, body } = await post({ counts: [COUNT], commit: true }, outcome);
    expect(whole).toBe(200);
    expect(body).toMatchObject({ succeeded: 0, failed: 1, results: [{ index: 0, status, code }] });
  });

  test("200 with a row that is refused before anything is put right, by the script's own rules", async () => {
    const levels = Array.from({ length: LOCATIONS_MAX }, (_, i) => {
      const location = Location.parse(`L${i}`);
      return { location, onHand: i === 0 ? STOCK_MAX : 0, reserved: 0, ...DEFAULT_RULE };
    });
    const store = { product: async () => productOf({ levels }) };
    const refused = async (location: string) =>
      (await post({ counts: [{ ...COUNT, quantity: 53, location }] }, undefined, { store })).body;
    const told = { status: 409, code: "limit_exceeded" };
    const [stock, locations] = await Promise.all([refused("L0"), refused("one-more")]);
    expect(stock).toMatchObject({
      results: [{ ...told, field: "quantity", limit: STOCK_MAX, location: "L0" }],
    });
    expect(locations).toMatchObject({
      results: [{ ...told, field: "location", limit: LOCATIONS_MAX, location: "one-more" }],
    });
    expect(await refused("L1")).toMatchObject({ succeeded: 1 });
  });

  test.each([
    [{ hasLater: true }, 409, "counted_since"],
    [{ kept: false }, 404, "history_not_kept"],
    [{ unsure: true }, 503, "ledger_unavailable"],
  ] as const)("200 with a row of which the ledger knows %j", async (known, status, code) => {
    const since = async () => [
      {
        seq: 9,
        onHand: 50,
        moved: [],
        lastCount: 0,
        same: null,
        ...SURE,
        ...known,
      },
    ];
    const { body, commands } = await post({ counts: [COUNT], commit: true }, undefined, {
      ledger: { since },
    });
    expect(body).toMatchObject({ results: [{ status, code }] });
    expect(commands).toEqual([]);
  });
  const SURE = { hasLater: false, kept: true, unsure: false };

  test.each([
    [{ ...COUNT, productId: "a b" }, "counts[0].productId"],
    [{ ...COUNT, quantity: -1 }, "counts[0].quantity"],
    [{ ...COUNT, quantity: 1.5 }, "counts[0].quantity"],
    [{ ...COUNT, quantity: "5" }, "counts[0].quantity"],
    [{ ...COUNT, quantity: 1e12 + 1 }, "counts[0].quantity"],
    [{ ...COUNT, quantity: null }, "counts[0].quantity"],
    [{ ...COUNT, countedAt: "yesterday" }, "counts[0].countedAt"],
    [{ ...COUNT, countedAt: "2025-01-01T00:00:00" }, "counts[0].countedAt"],
    [{ ...COUNT, countedAt: AT }, "counts[0].countedAt"],
    [{ ...COUNT, countedAt: undefined }, "counts[0].countedAt"],
    [{ ...COUNT, location: "" }, "counts[0].location"],
    [{ ...COUNT, delta: 1 }, "counts[0].delta"],
    [null, "counts[0]"],
  ])("400 for the row %j, and changes nothing", async (row, path) => {
    const { status, body, commands } = await post({ counts: [row, COUNT], commit: true });
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: "validation_failed", errors: [{ path }] });
    expect(commands).toEqual([]);
  });

  test.each([
    [{ counts: [] }, 400, "validation_failed"],
    [{}, 400, "validation_failed"],
    [{ counts: COUNT }, 400, "validation_failed"],
    [{ counts: [COUNT], commit: "true" }, 400, "validation_failed"],
    [{ counts: [COUNT], commit: null }, 400, "validation_failed"],
    [{ counts: [COUNT], reference: "" }, 400, "validation_failed"],
    [{ counts: [COUNT], dryRun: true }, 400, "validation_failed"],
    [{ counts: [{ ...COUNT, productId: "counts" }] }, 400, "reserved_id"],
    [{ counts: Array.from({ length: 501 }, () => COUNT) }, 413, "too_many_items"],
  ] as const)("refuses the body %#", async (wrong, status, code) => {
    const { commands, ...answer } = await post(wrong);
    expect([answer.status, answer.body["code"]]).toEqual([status, code]);
    expect(commands).toEqual([]);
  });

  test("503 while the ledger is behind, or from a backup: nobody knows then what was there", async () => {
    for (const [position, config] of [
      [{ partition: 0, seq: 12, drained: 11 }, { requestDeadlineMs: 50 }],
      [{ partition: 0, seq: 12, drained: 12 }, {}],
    ] as const) {
      const store = { positions: async () => [position] };
      const answer = await post({ counts: [COUNT], commit: true }, undefined, { store, config });
      expect([answer.status, answer.body["code"]]).toEqual([503, "ledger_unavailable"]);
      expect(answer.commands).toEqual([]);
    }
  });
});
