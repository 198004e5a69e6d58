/**
 * The version that somebody may run today: what the present one must be able to take over from. It
 * runs on the packages of its own lockfile, and on the present Bun, Redis and PostgreSQL.
 */
import { readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "#test/packaging";
import { temporaryFolder } from "#test/servers";

/**
 * The commit that is in use now. It moves forward with each release, and only then: a change that
 * does not agree with it needs a step in between, not another baseline.
 */
const BASELINE = "a3829fdade900431b3d95bc58e4d8eef2096cfac";
const INSTALLED_MS_MAX = 120_000;

export interface Version {
  /** Its commit, or what it is instead. */
  readonly name: string;
  /** Where its `src` and `lua` are. */
  readonly root: string;
  /** Whose packages it runs on, in words. */
  readonly packages: string;
}

const PATHS = ["src", "lua", "package.json", "bun.lock", "bunfig.toml", "tsconfig.json"];

/**
 * That version, unpacked. `HOLDFAST_TEST_UPGRADE_FROM` names another commit, which must be there.
 * Where there is no history (an unpacked archive, a shallow clone), it is the present version: then
 * the test shows only that two processes of it agree, and says so; a machine that judges fails.
 */
export async function baseline(): Promise<Version> {
  const named = process.env["HOLDFAST_TEST_UPGRADE_FROM"] ?? "";
  const wanted = named === "" ? BASELINE : named;
  const commit = await commitOf(wanted);
  if (commit === null) return withoutHistory(wanted, named !== "");
  const root = temporaryFolder("baseline");
  const archive = join(root, "baseline.tar");
  const isUnpacked =
    (await ends(["git", "archive", "--output", archive, commit, ...PATHS])) &&
    (await ends(["tar", "-xf", archive, "-C", root]));
  if (!isUnpacked) throw new Error(`the commit ${commit} could not be unpacked`);
  return { name: commit.slice(0, 7), root, packages: await installed(root) };
}

function withoutHistory(wanted: string, isNamed: boolean): Version {
  const lacks = `there is no commit ${JSON.stringify(wanted)} here to upgrade from`;
  const hasGit = Bun.which("git") !== null;
  const advice = hasGit
    ? "in a shallow clone, `git fetch --unshallow` brings it"
    : "there is no `git` to look for it with";
  if (isNamed) throw new Error(`${lacks}, which HOLDFAST_TEST_UPGRADE_FROM names; ${advice}`);
  if (process.env["CI"] === "true") throw new Error(`${lacks}; ${advice}`);
  console.log(`${lacks}: two processes of this version are tried instead; ${advice}`);
  return { name: "itself: there is no history", root: ROOT, packages: "its own" };
}

/** Those of its own lockfile, if they can be had. */
async function installed(root: string): Promise<string> {
  const [then, now] = [root, ROOT].map((folder) => readFileSync(join(folder, "bun.lock"), "utf8"));
  if (then !== now) {
    const install = [process.execPath, "install", "--frozen-lockfile", "--silent"];
    if (await ends(install, root)) return "its own";
    console.log("the packages of the version before cannot be installed here: it runs on ours");
  }
  rmSync(join(root, "node_modules"), { recursive: true, force: true });
  symlinkSync(join(ROOT, "node_modules"), join(root, "node_modules"));
  return then === now ? "its own" : "this version's: its own could not be installed";
}

/** The full hash; null where it is none that is known here. */
async function commitOf(name: string): Promise<string | null> {
  if (Bun.which("git") === null) return null;
  const child = Bun.spawn(["git", "rev-parse", "--verify", "--quiet", `${name}^{commit}`], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const hash = (await child.stdout.text()).trim();
  return (await child.exited) === 0 ? hash : null;
}

async function ends(command: string[], cwd = ROOT): Promise<boolean> {
  const child = Bun.spawn(command, {
    cwd,
    stdio: ["ignore", "ignore", "ignore"],
    timeout: INSTALLED_MS_MAX,
  });
  return (await child.exited) === 0;
}
