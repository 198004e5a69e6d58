/** The registry of locations: each status that its routes may answer. */
import { describe, expect, test } from "bun:test";
import { Location } from "#inventory/model";
import type {
  AmendLocationCommand,
  AmendLocationOutcome,
  RegisterLocationCommand,
  RegisterLocationOutcome,
} from "#inventory/location-ports";
import { openApp } from "#test/http-app";
import { answering, registeredOf } from "#test/ports-double";

const registered = registeredOf();
const REGISTERED = {
  location: "Warehouse A",
  name: null,
  address: null,
  priority: 100,
  active: true,
  createdAt: "2025-01-01T00:00:00.000Z",
  updatedAt: "2025-01-01T00:00:00.000Z",
  version: 10,
};
const keyReused = { kind: "key_reused" } as const;

/** What is wrong with attributes of a location, in both bodies that take them. */
const WRONG: [object, string, string][] = [
  [{ name: "" }, "name", "must not be empty"],
  [{ address: "a\u0000b" }, "address", "must be printable"],
  [{ priority: -1 }, "priority", "must be at least 0"],
  [{ priority: 1001 }, "priority", "must be at most 1000"],
  [{ priority: 1.5 }, "priority", "must be a whole number"],
  [{ priority: null }, "priority", "must be a number"],
  [{ active: 1 }, "active", "must be boolean"],
  [{ version: 1 }, "version", "is not a field"],
];

describe("GET /locations", () => {
  test("200 has all of them, by priority and then by id", async () => {
    const of = (id: string, priority: number) =>
      registeredOf({ location: Location.parse(id), priority });
    const locations = async () => [of("c", 100), of("a", 100), of("b", 500)];
    const { send } = openApp({ store: { locations } });
    const { status, body } = await send("/api/inventory/locations", { as: "service" });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      locations: [{ location: "b", priority: 500 }, { location: "a" }, { location: "c" }],
    });
    expect((await openApp().send("/api/inventory/locations", { as: "admin" })).body).toEqual({
      locations: [REGISTERED],
    });
  });
});

describe("POST /locations", () => {
  const post = (
    body: object,
    outcome: RegisterLocationOutcome = { kind: "registered", registered, replayed: false },
  ) => {
    const registerLocation = answering<RegisterLocationCommand, RegisterLocationOutcome>(outcome);
    const { send } = openApp({ store: { registerLocation } });
    return { registerLocation, sent: send("/api/inventory/locations", { as: "admin", body }) };
  };

  test("201 with what nobody named as of a location that is not registered", async () => {
    const { registerLocation, sent } = post({ location: "Warehouse A" });
    const { status, body, headers } = await sent;
    expect(status).toBe(201);
    expect(body).toEqual(REGISTERED);
    expect([headers.get("etag"), headers.get("idempotency-replayed")]).toEqual(['"10"', null]);
    const command = { name: null, address: null, priority: 100, active: true };
    expect(registerLocation.commands).toMatchObject([{ location: "Warehouse A", ...command }]);
  });

  test("201 takes every attribute, and says when it is a replay", async () => {
    const body = { location: "B", name: "Bern", address: "Gasse 1", priority: 0, active: false };
    const { registerLocation, sent } = post(body, {
      kind: "registered",
      registered,
      replayed: true,
    });
    expect((await sent).headers.get("idempotency-replayed")).toBe("true");
    expect(registerLocation.commands).toMatchObject([body]);
  });

  test.each([
    ...WRONG,
    [{ location: "a,b" }, "location", "must be 1-64"],
    [{ location: undefined }, "location", "is required"],
  ] as const)("400 for %j", async (wrong, at, words) => {
    const { registerLocation, sent } = post({ location: "Warehouse A", ...wrong });
    const { status, body } = await sent;
    expect(status).toBe(400);
    const errors = [{ path: at, message: expect.stringContaining(words) }];
    expect(body).toMatchObject({ code: "validation_failed", errors });
    expect(registerLocation.commands).toEqual([]);
  });

  test("409 for one that is there, as it is, and for one too many", async () => {
    const there = await post({ location: "Warehouse A" }, { kind: "exists", registered }).sent;
    expect(there.status).toBe(409);
    expect(there.body).toMatchObject({ code: "already_exists", registered: REGISTERED });
    const full = await post({ location: "Warehouse A" }, { kind: "above_limit" }).sent;
    expect([full.status, full.body["code"]]).toEqual([409, "limit_exceeded"]);
  });

  test("422 when the key was used with another body", async () => {
    expect((await post({ location: "Warehouse A" }, keyReused).sent).status).toBe(422);
  });
});

describe("PATCH /locations/:location", () => {
  const patch = (
    body: object,
    outcome: AmendLocationOutcome = { kind: "amended", registered, replayed: false },
    headers: Record<string, string> = {},
  ) => {
    const amendLocation = answering<AmendLocationCommand, AmendLocationOutcome>(outcome);
    const { send } = openApp({ store: { amendLocation } });
    const path = "/api/inventory/locations/Warehouse%20A";
    return { amendLocation, sent: send(path, { method: "PATCH", as: "admin", body, headers }) };
  };

  test("200 changes what the body names, null included, and nothing else", async () => {
    const changes = { name: null, active: false };
    const { amendLocation, sent } = patch(changes, undefined, { "if-match": '"9"' });
    const { status, body, headers } = await sent;
    expect([status, headers.get("etag")]).toEqual([200, '"10"']);
    expect(body).toEqual(REGISTERED);
    expect(amendLocation.commands).toMatchObject([{ location: "Warehouse A", expectedVersion: 9 }]);
    expect(amendLocation.commands[0]?.changes).toEqual(changes);
  });

  test.each([...WRONG, [{ location: "B" }, "location", "is not a field"]] as const)(
    "400 for %j",
    async (wrong, at, words) => {
      const { amendLocation, sent } = patch({ name: "B", ...wrong });
      const { status, body } = await sent;
      expect(status).toBe(400);
      const errors = [{ path: at, message: expect.stringContaining(words) }];
      expect(body).toMatchObject({ code: "validation_failed", errors });
      expect(amendLocation.commands).toEqual([]);
    },
  );

  test("400 for a body that names nothing", async () => {
    expect((await patch({}).sent).body).toMatchObject({ code: "validation_failed" });
  });

  test("404 for one that nobody registered", async () => {
    const { status, body } = await patch({ active: true }, { kind: "unknown_location" }).sent;
    expect([status, body["code"]]).toEqual([404, "location_not_found"]);
  });

  test("409 with what is there now when the version is another", async () => {
    const outcome = { kind: "expected_mismatch", registered } as const;
    const { status, body } = await patch({ active: true }, outcome).sent;
    expect(status).toBe(409);
    expect(body).toMatchObject({ code: "expected_mismatch", registered: REGISTERED });
  });

  test("422 when the key was used with another body", async () => {
    expect((await patch({ active: true }, keyReused).sent).status).toBe(422);
  });
});
