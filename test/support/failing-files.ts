/** Which files of a run have a test that failed, from the report of `bun test --reporter=junit`. */

/** Every suite names its file and counts what failed in it, hooks and what timed out as well. */
const FAILING = /<testsuite [^>]*?\bfile="([^"]+)"[^>]*? failures="[1-9]/g;

export const failingFiles = (report: string): string[] => [
  ...new Set(Array.from(report.matchAll(FAILING), ([, file = ""]) => file)),
];

/** What somebody enters to have that file again as it was. */
export const commandFor = (file: string, seed: number, isLong: boolean): string =>
  `HOLDFAST_TEST_SEED=${seed} bun run test${isLong ? ":long" : ""} ${file}`;
