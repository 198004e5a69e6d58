/** Processes whose clock is wrong, by libfaketime; what counts time that has passed stays right. */
import { existsSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fetchDebian } from "#embedded/debian-package";
import { temporaryFolder, type TestRedisOptions } from "#test/servers";

const FILE = "faketime/libfaketime.so.1";

/** The clock of a Redis, or of a process of the service; zero at first. */
export interface FalseClock {
  readonly redis: TestRedisOptions;
  /** Of a process of the service, which looks whether it was set once a second. */
  readonly env: Readonly<Record<string, string>>;
  /** It is at once so many seconds from the true time. */
  set(offsetSeconds: number): void;
}

/** For a process whose clock may jump while it runs. */
export async function falseClock(): Promise<FalseClock> {
  const library = await faketime();
  const file = join(temporaryFolder("clock"), "offset");
  const set = (offsetSeconds: number): void => {
    // Redis reads it at each look at its clock, and never half of it.
    writeFileSync(`${file}.new`, signed(offsetSeconds));
    renameSync(`${file}.new`, file);
  };
  set(0);
  const common = { ...PASSING_TIME, FAKETIME_TIMESTAMP_FILE: file };
  const ofRedis = {
    ...common,
    // The C library's malloc before jemalloc's: that one asks for the time before the fake is ready.
    LD_PRELOAD: `${library} libc.so.6`,
    FAKETIME_NO_CACHE: "1",
  };
  const redis: TestRedisOptions = {
    through: (program) => ({ ...program, env: { ...program.env, ...ofRedis } }),
  };
  const env = { ...common, LD_PRELOAD: library, FAKETIME_CACHE_DURATION: "1" };
  return { redis, env, set };
}

/** The environment of a process whose clock is wrong from its start. */
export async function offsetBy(seconds: number): Promise<Record<string, string>> {
  return { ...PASSING_TIME, LD_PRELOAD: await faketime(), FAKETIME: signed(seconds) };
}

/** Timers and durations are no affair of the wall clock. */
const PASSING_TIME = { DONT_FAKE_MONOTONIC: "1", FAKETIME_DONT_FAKE_MONOTONIC: "1" };

const signed = (seconds: number): string => (seconds < 0 ? `${seconds}` : `+${seconds}`);

/** Of the system, else Debian's package fetched into the temporary folder, without root. */
async function faketime(): Promise<string> {
  const home = join(tmpdir(), "holdfast-faketime");
  const found = libraryBelow("/usr/lib") ?? libraryBelow(join(home, "usr/lib"));
  if (found !== undefined) return found;
  const packages = ["libfaketime"] as const;
  const reason = await fetchDebian({ packages, home, file: "usr/lib", say: () => undefined });
  const fetched = libraryBelow(join(home, "usr/lib"));
  if (fetched !== undefined) return fetched;
  throw new Error(`a false clock needs libfaketime (Debian: apt-get install faketime): ${reason}`);
}

function libraryBelow(folder: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  return readdirSync(folder)
    .map((name) => join(folder, name, FILE))
    .find((path) => existsSync(path));
}
