/** Which files of a run have a test that failed, from the report of `bun test --reporter=junit`. */

/** Every suite names its file and counts what failed in it, hooks and what timed out as well. */
const FAILING = /<testsuite [^>]*?\bfile="([^"]+)"[^>]*? failures="[1-9]/g;

export const failingFiles = (report: string): string[] => [
  ...new Set(Array.from(report.matchAll(FAILING), ([, file = ""]) => file)),
];

export interface RunOfFile {
  readonly seed: number;
  readonly isLong: boolean;
  /** As `HOLDFAST_TEST_CASES` had them; empty: all. */
  readonly cases: string;
}

/** What somebody enters to have that file again as it was. */
export function commandFor(file: string, { seed, isLong, cases }: RunOfFile): string {
  const chosen = cases === "" ? "" : `HOLDFAST_TEST_CASES=${cases} `;
  return `HOLDFAST_TEST_SEED=${seed} ${chosen}bun run test${isLong ? ":long" : ""} ${file}`;
}
