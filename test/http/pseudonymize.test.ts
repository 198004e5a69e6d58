/** Pseudonyms of customers: each status that their routes may answer. */
import { describe, expect, test } from "bun:test";
import type { NewPseudonymization, PseudonymizeOutcome } from "#inventory/pseudonym-ports";
import { openApp } from "#test/http-app";
import { answering, PSEUDONYMIZATION } from "#test/ports-double";

const asked = { kind: "asked", id: PSEUDONYMIZATION.id, replayed: false } as const;

function post(outcome: PseudonymizeOutcome = asked, customer = "carol") {
  const ask = answering<NewPseudonymization, PseudonymizeOutcome>(outcome);
  const { send } = openApp({ pseudonymizations: { ask } });
  const path = `/api/inventory/customers/${customer}/pseudonymize`;
  const headers = { "idempotency-key": "k" };
  return { ask, answer: send(path, { method: "POST", as: "admin", headers }) };
}

describe("POST /customers/:customerId/pseudonymize", () => {
  test("202 names the work, and tells nobody the pseudonym", async () => {
    const { ask, answer } = post(asked, encodeURIComponent("carol / o'neil"));
    const { status, body } = await answer;
    expect([status, body]).toEqual([202, { id: PSEUDONYMIZATION.id }]);
    expect(ask.commands).toMatchObject([
      {
        customerId: "carol / o'neil",
        askedBy: "admin:ada",
        operation: { key: expect.any(String) },
      },
    ]);
    const pseudonyms = [post(), post()].map(async (one) => {
      await one.answer;
      return one.ask.commands[0]?.pseudonym;
    });
    const [first, second] = await Promise.all(pseudonyms);
    expect(first).toMatch(/^pseudonym-[0-9a-z]{20}$/);
    expect(first).not.toBe(second);
  });

  test("202 of a repeat says so", async () => {
    const { headers, status } = await post({ ...asked, replayed: true }).answer;
    expect([status, headers.get("idempotency-replayed")]).toEqual([202, "true"]);
  });

  test("400 where it can be no customer's", async () => {
    const { status, body } = await post(asked, "x".repeat(129)).answer;
    expect(status).toBe(400);
    expect(body).toMatchObject({ errors: [{ path: "customerId" }] });
  });

  test("409 while the customer has live holds, and says how many", async () => {
    const { status, body } = await post({ kind: "has_live_holds", holds: 2 }).answer;
    expect(status).toBe(409);
    expect(body).toMatchObject({ code: "live_holds", retryable: false });
    expect(JSON.stringify(body)).toContain("2 live holds");
  });

  test("422 where the key was another request's", async () => {
    const { status, body } = await post({ kind: "key_reused" }).answer;
    expect([status, body]).toMatchObject([422, { code: "idempotency_key_reused" }]);
  });

  test("503 while the ledger does not know all holds yet", async () => {
    const positions = async () => [{ partition: 0, seq: 12, drained: 9 }];
    const { send } = openApp({ store: { positions }, config: { requestDeadlineMs: 50 } });
    const path = "/api/inventory/customers/carol/pseudonymize";
    const { status, body } = await send(path, { method: "POST", as: "admin" });
    expect([status, body]).toMatchObject([503, { code: "ledger_unavailable" }]);
  });
});

describe("GET /pseudonymizations/:pseudonymizationId", () => {
  const path = `/api/inventory/pseudonymizations/${PSEUDONYMIZATION.id}`;
  test("200 says how far it is", async () => {
    const { status, body } = await openApp().send(path, { as: "admin" });
    expect(status).toBe(200);
    expect(body).toEqual({
      id: PSEUDONYMIZATION.id,
      status: "running",
      progress: 50,
      movements: 2,
      reservations: 1,
      askedAt: "2025-01-01T00:00:00.000Z",
      finishedAt: null,
    });
    const read = async () => ({ ...PSEUDONYMIZATION, finishedAt: PSEUDONYMIZATION.askedAt });
    const done = await openApp({ pseudonymizations: { read } }).send(path, { as: "admin" });
    expect(done.body).toMatchObject({
      status: "completed",
      finishedAt: "2025-01-01T00:00:00.000Z",
    });
  });

  test("404 where there is none, 400 where it can be none", async () => {
    const unknown = await openApp().send(path.replace("0a", "0b"), { as: "admin" });
    expect([unknown.status, unknown.body]).toMatchObject([
      404,
      { code: "pseudonymization_not_found" },
    ]);
    const wrong = await openApp().send(`${path}x`, { as: "admin" });
    expect(wrong.status).toBe(400);
  });
});
