/** How much of a thing one run does: `test` proves it in minutes, `test:long` in hours. */
import { randomInt } from "node:crypto";
import { SEED_MAX } from "#test/random";

/** Whether this is `test:long`. */
export const isLong = process.env["HOLDFAST_TEST_LONG"] === "1";

/** The count for this run: the same code, a larger number. */
export function counted(short: number, long: number): number {
  return isLong ? long : short;
}

/**
 * Where what is random in a test begins. The run names it (HOLDFAST_TEST_SEED) and prints it; a
 * test of ours that fails tells it too, so that the same run can be had again.
 */
export function seed(): number {
  const given = process.env["HOLDFAST_TEST_SEED"];
  return given === undefined || given === "" ? newSeed() : seedOf(given);
}

export const newSeed = (): number => randomInt(SEED_MAX);

/** The seed so many behind that one: behind the last comes 0. */
export const seedBehind = (one: number, count: number): number => (one + count) % SEED_MAX;

/** Of the text of what `name` names; throws where that is no seed. */
export function seedOf(text: string, name = "HOLDFAST_TEST_SEED"): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) >= SEED_MAX) {
    const given = JSON.stringify(text);
    throw new Error(`${name} must be a whole number below ${SEED_MAX}, not ${given}`);
  }
  return Number(text);
}
