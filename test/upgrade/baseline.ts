/** The version that somebody may run today: what the present one must be able to take over from. */
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "#test/packaging";
import { temporaryFolder } from "#test/servers";

/**
 * The commit that was released last. It moves forward with each release, and only then: a change
 * that does not agree with it needs a step in between, not another baseline.
 */
const BASELINE = "0ad091fc3d47b6f4262b379b07672a9d46af956f";

export interface Version {
  /** Its commit, or what it is instead. */
  readonly name: string;
  /** Where its `src` and `lua` are. */
  readonly root: string;
}

/**
 * That version, unpacked. `HOLDFAST_TEST_UPGRADE_FROM` names another commit. Where there is no
 * history (an unpacked archive, a shallow clone), it is the present version: then the test shows
 * only that two processes of it agree, and says so in its evidence.
 */
export async function baseline(): Promise<Version> {
  const commit = process.env["HOLDFAST_TEST_UPGRADE_FROM"] ?? BASELINE;
  const isKnown = Bun.which("git") !== null && (await succeeds(["cat-file", "-e", commit]));
  if (!isKnown) return { name: "itself: there is no history", root: ROOT };
  const root = temporaryFolder("baseline");
  const archive = join(root, "baseline.tar");
  const paths = ["src", "lua", "package.json", "tsconfig.json"];
  const isUnpacked =
    (await succeeds(["archive", "--output", archive, commit, ...paths])) &&
    (await Bun.spawn(["tar", "-xf", archive, "-C", root]).exited) === 0;
  if (!isUnpacked) throw new Error(`the commit ${commit} could not be unpacked`);
  symlinkSync(join(ROOT, "node_modules"), join(root, "node_modules"));
  return { name: commit.slice(0, 7), root };
}

async function succeeds(args: readonly string[]): Promise<boolean> {
  const quiet = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
  return (await Bun.spawn(["git", ...args], { cwd: ROOT, ...quiet }).exited) === 0;
}
