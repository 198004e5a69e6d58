import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { lastLines, run } from "#embedded/run";

const UPDATE_MS_MAX = 120_000;
const DOWNLOAD_MS_MAX = 120_000;
const UNPACK_MS_MAX = 30_000;

/** A server unpacked from a package, and the environment in which it finds its libraries. */
export interface UnpackedServer {
  readonly path: string;
  readonly env: Record<string, string>;
}

/** Debian's (or Ubuntu's) redis-server in the data folder, or the reason why it is not there. */
export async function debianRedis(options: {
  dataDir: string;
  say: (line: string) => void;
}): Promise<UnpackedServer | string> {
  // The server's binary lies in the package of its tools.
  const packages = ["redis-server", "redis-tools"] as const;
  const home = join(options.dataDir, "redis-server");
  const reason = await fetchDebian({ ...options, home, packages, file: "usr/bin/redis-server" });
  return reason ?? unpacked(home);
}

export interface DebianOptions {
  readonly packages: readonly [string, ...string[]];
  /** The folder into which they are unpacked; there is nothing to do when it exists. */
  readonly home: string;
  /** What must be there then, below that folder. */
  readonly file: string;
  readonly say: (line: string) => void;
}

/**
 * Fetches packages without root and without touching the system: apt with lists, cache and state of
 * its own, then `dpkg -x`. Answers the reason where that cannot be done here, else undefined.
 */
export async function fetchDebian(options: DebianOptions): Promise<string | undefined> {
  const { home, packages, file } = options;
  if (existsSync(home)) return undefined;
  const aptGet = Bun.which("apt-get");
  const dpkg = Bun.which("dpkg");
  if (aptGet === null || dpkg === null) return "apt-get, which could fetch one, is not here either";
  options.say(`Fetching Debian's ${packages[0]} into the data folder ...`);
  const work = `${home}.new`;
  rmSync(work, { recursive: true, force: true });
  try {
    const reason =
      (await download(aptGet, join(work, "apt"), packages)) ??
      (await unpack(dpkg, join(work, "apt", "cache", "archives"), join(work, "root"), file));
    if (reason === undefined) renameSync(join(work, "root"), home);
    return reason;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Undefined when the packages lie in the cache, else what apt had to say. */
async function download(
  aptGet: string,
  folder: string,
  packages: readonly string[],
): Promise<string | undefined> {
  const state = join(folder, "state");
  const cache = join(folder, "cache");
  mkdirSync(join(state, "lists", "partial"), { recursive: true });
  mkdirSync(join(cache, "archives", "partial"), { recursive: true });
  const settings = [
    `Dir::State=${state}`,
    `Dir::Cache=${cache}`,
    // What is installed already need not come again.
    "Dir::State::status=/var/lib/dpkg/status",
    "Debug::NoLocking=true",
    // As root apt would fetch as user _apt, who may not enter a folder of root.
    "APT::Sandbox::User=root",
    "APT::Install-Recommends=false",
    "Acquire::Languages=none",
    "Acquire::Retries=2",
    "Acquire::http::Timeout=15",
  ].flatMap((setting) => ["-o", setting]);
  const update = await run([aptGet, ...settings, "update"], { msMax: UPDATE_MS_MAX });
  const install = await run(
    [aptGet, ...settings, "--download-only", "--reinstall", "--yes", "install", ...packages],
    { msMax: DOWNLOAD_MS_MAX },
  );
  const fetched = readdirSync(join(cache, "archives")).some((name) => name.endsWith(".deb"));
  if (install.code === 0 && fetched) return undefined;
  // Both report success when no source can be reached: only the error output tells.
  return `apt-get could not fetch ${packages.join(", ")}: ${lastLines(update.err + install.err, 6)}`;
}

async function unpack(
  dpkg: string,
  archives: string,
  root: string,
  file: string,
): Promise<string | undefined> {
  const packages = readdirSync(archives).filter((name) => name.endsWith(".deb"));
  for (const name of packages) {
    const result = await run([dpkg, "-x", join(archives, name), root], { msMax: UNPACK_MS_MAX });
    if (result.code !== 0) return `dpkg could not unpack ${name}: ${lastLines(result.err, 3)}`;
  }
  const complete = existsSync(join(root, file));
  return complete ? undefined : `no ${file} in ${packages.join(", ") || "what apt fetched"}`;
}

function unpacked(home: string): UnpackedServer {
  const libraries = ["usr/lib", "lib"].flatMap((part) => {
    const folder = join(home, part);
    if (!existsSync(folder)) return [];
    const perMachine = readdirSync(folder).filter((name) => name.includes("-linux-gnu"));
    return [folder, ...perMachine.map((name) => join(folder, name))];
  });
  return {
    path: join(home, "usr", "bin", "redis-server"),
    env: { LD_LIBRARY_PATH: libraries.join(":") },
  };
}
