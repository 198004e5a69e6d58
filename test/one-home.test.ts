/** What must stand in two places, because neither may know the other, is the same in both. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import { readConfig } from "#config";
import { JWT_SECRET_BYTES_MIN } from "#config/secrets";
import { importSecret } from "#http/jwt-secret";
import * as model from "#inventory/model";
import { reservationIdOf, splitReservationId } from "#inventory/reservation-id";

test("the shortest secret that the configuration takes is the shortest that a key is made of", async () => {
  const shortest = "k".repeat(JWT_SECRET_BYTES_MIN);
  expect(await importSecret(shortest, "sign")).toBeInstanceOf(CryptoKey);
  await expect(importSecret(shortest.slice(1), "sign")).rejects.toThrow(`${JWT_SECRET_BYTES_MIN}`);
});

test("the longest hold that can be configured is the longest that the core knows", () => {
  const minutes = (count: number) => readConfig({ RESERVATION_MINUTES_MAX: String(count) });
  expect(minutes(model.HOLD_MINUTES_MAX).reservationMinutesMax).toBe(model.HOLD_MINUTES_MAX);
  expect(() => minutes(model.HOLD_MINUTES_MAX + 1)).toThrow("RESERVATION_MINUTES_MAX");
});

describe("a bound that Lua knows too", () => {
  const folder = join(import.meta.dir, "../lua");
  const paths = [...new Glob("**/*.lua").scanSync(folder)];
  const all = paths.map((path) => readFileSync(join(folder, path), "utf8")).join("\n");

  test.each([
    ["HOLD_SECONDS_MAX", "HOLD_MINUTES_MAX", model.HOLD_MINUTES_MAX * 60],
    ["LOCATIONS_MAX", "LOCATIONS_MAX", model.LOCATIONS_MAX],
    ["PRIORITY_DEFAULT", "PRIORITY_DEFAULT", model.PRIORITY_DEFAULT],
    ["PRIORITY_MAX", "PRIORITY_MAX", model.PRIORITY_MAX],
    ["QUANTITY_MAX", "QUANTITY_MAX", model.QUANTITY_MAX],
    ["STOCK_MAX", "STOCK_MAX", model.STOCK_MAX],
  ])("%s stands there once, names its twin, and is the same", (name, twin, value) => {
    const homes = [...all.matchAll(new RegExp(`^local ${name} = (.*)$`, "gm"))];
    expect(homes).toHaveLength(1);
    expect(homes[0]?.[1]).toMatch(
      new RegExp(`^${value} -- (?:.*; )?twin: ${twin} in src/inventory/model.ts$`),
    );
  });
});

describe("the id of a hold", () => {
  const owner = "0a".repeat(16);

  test("that is put together is one that every door accepts, with the same parts", () => {
    for (const partition of [0, 7, 1023]) {
      const id = reservationIdOf(partition, owner, "0123wxyz");
      expect(model.ReservationId.parse(id)).toBe(id);
      expect(splitReservationId(id)).toEqual({ partition, owner, generation: "0123wxyz" });
    }
  });

  test.each([
    [-1, owner, "0123wxyz"],
    [10_000, owner, "0123wxyz"],
    [0, owner.slice(1), "0123wxyz"],
    [0, owner.toUpperCase(), "0123wxyz"],
    [0, owner, "0123wxyz1"],
    [0, owner, "0123-xyz"],
  ])("is never put together from a damaged record: %j %j %j", (partition, hash, generation) => {
    expect(() => reservationIdOf(partition, hash, generation)).toThrow("another shape");
  });
});
