/** How much of a thing one run does: `test` proves it in minutes, `test:long` in hours. */

/** Whether this is `test:long`. */
export const isLong = process.env["HOLDFAST_TEST_LONG"] === "1";

/** The count for this run: the same code, a larger number. */
export function counted(short: number, long: number): number {
  return isLong ? long : short;
}
