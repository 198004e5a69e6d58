/**
 * The end of Redis's append-only file was torn, or something else in it is damaged: what was whole
 * is there, what was torn never comes back, and nothing else is cut off.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Redis } from "ioredis";
import { mendTornEnd } from "#embedded/mend";
import { startRedisServer, type RedisServer } from "#embedded/redis";
import { findRedisProgram } from "#embedded/redis-program";
import { compose, ROOT } from "#test/packaging";
import { removeFolder, temporaryFolder } from "#test/servers";

const root = temporaryFolder("torn-end");
afterAll(() => removeFolder(root));

const program = await findRedisProgram({ dataDir: join(root, "program"), say: () => {} });
const FILE = "appendonlydir/appendonly.aof.1.incr.aof";
/** Two writes, as a batch of the product is: one transaction in the file. */
const BOTH = "redis.call('SET', KEYS[1], ARGV[1]) redis.call('SET', KEYS[2], ARGV[1])";
const TRANSACTION = "*1\r\n$5\r\nMULTI\r\n";
const TEST_MS_MAX = 30_000;

const start = (folder: string, warnings: string[] = []): Promise<RedisServer> =>
  startRedisServer({ program, folder, password: "p", warn: (line) => warnings.push(line) });

/** What `ask` says of a server on these files, which ends behind it. */
async function on<Said>(
  folder: string,
  ask: (redis: Redis) => Promise<Said>,
  warnings: string[] = [],
): Promise<Said> {
  const server = await start(folder, warnings);
  const redis = new Redis(server.url);
  try {
    return await ask(redis);
  } finally {
    redis.disconnect();
    await server.stop();
  }
}

const pair = (redis: Redis) => redis.mget("one", "other", "alone");

/** Whole files of: a transaction of 1, a write alone, a transaction of 2, a write alone, one of 3. */
const whole = join(root, "whole");
let bytes: Buffer;
/** Where each transaction and each write alone begins and ends, in order. */
let ends: readonly number[];

beforeAll(async () => {
  const sizes: number[] = [];
  const size = (): void => void sizes.push(readFileSync(join(whole, FILE)).length);
  await on(whole, async (redis) => {
    for (const value of ["1", "2", "3"]) {
      await redis.eval(BOTH, 2, "one", "other", value);
      size();
      if (value === "3") continue;
      await redis.set("alone", value);
      size();
    }
  });
  bytes = readFileSync(join(whole, FILE));
  // The first begins behind the choice of a database.
  ends = [bytes.indexOf(TRANSACTION), ...sizes];
  expect(ends.at(-1)).toBe(bytes.length);
});

let copies = 0;

/** Files of their own whose last one holds this. */
function filesWith(content: Uint8Array): string {
  copies += 1;
  const folder = join(root, `copy-${copies}`);
  mkdirSync(folder);
  cpSync(join(whole, "appendonlydir"), join(folder, "appendonlydir"), { recursive: true });
  writeFileSync(join(folder, FILE), content);
  return folder;
}

/** What was cut off, in words; empty: nothing. */
async function saidOf(folder: string): Promise<string> {
  const mending = await mendTornEnd(program, folder);
  return mending.kind === "mended" ? mending.what : "";
}

const keptIn = (folder: string): string[] =>
  readdirSync(join(folder, "appendonlydir")).filter((name) => name.includes(".torn-at-"));

function flipped(at: number, bit: number): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ (1 << bit);
  return changed;
}

test(
  "a file cut anywhere in a transaction or a write is cut to its begin, and the rest is kept",
  async () => {
    const [, , begin = 0] = ends;
    const last = ends.at(-2) ?? 0;
    const inMulti = [begin + 1, begin + TRANSACTION.length - 1, begin + TRANSACTION.length];
    const middle = bytes.indexOf("*3", begin + TRANSACTION.length + 1);
    const exec = bytes.indexOf("*1\r\n$4\r\nEXEC", begin);
    const cuts = [
      ...inMulti,
      middle,
      middle + 1,
      middle + 2,
      middle + 9,
      exec,
      exec + 3,
      exec + 4,
      exec + 13,
      last - 1,
      last - 9,
      (ends.at(-3) ?? 0) + 1,
      (ends[0] ?? 0) + 1,
      5,
    ];
    for (const cut of cuts) {
      const folder = filesWith(bytes.subarray(0, cut));
      const said = await saidOf(folder);
      const left = readFileSync(join(folder, FILE));
      const wholeUpTo = [0, ...ends].findLast((end) => end <= cut) ?? 0;
      expect([cut, left.length]).toEqual([cut, wholeUpTo]);
      const [kept = ""] = keptIn(folder);
      const torn = readFileSync(join(folder, "appendonlydir", kept));
      expect(Buffer.concat([left, torn]).equals(bytes.subarray(0, cut))).toBe(true);
      expect(said).toContain(
        `had a torn end: the last ${torn.length} bytes of ${join(folder, FILE)} were cut`,
      );
      expect(said).toContain(kept);
      expect(await mendTornEnd(program, folder)).toEqual({ kind: "whole" });
    }
  },
  TEST_MS_MAX,
);

test(
  "Redis starts behind a torn transaction, says so, and none of it comes at the start after",
  async () => {
    const folder = filesWith(bytes.subarray(0, bytes.length - 5));
    const warnings: string[] = [];
    expect(await on(folder, pair, warnings)).toEqual(["2", "2", "2"]);
    expect(warnings).toEqual([expect.stringContaining("had a torn end")]);
    // A write behind it, so that what was left of it would no longer be the end.
    await on(folder, (redis) => redis.set("alone", "later"));
    expect(await on(folder, pair, warnings)).toEqual(["2", "2", "later"]);
    expect(warnings.length).toBe(1);
  },
  TEST_MS_MAX,
);

test("zeros where nothing was written yet are a torn end too", async () => {
  const folder = filesWith(Buffer.concat([bytes, Buffer.alloc(64)]));
  expect(await saidOf(folder)).toContain("the last 64 bytes of");
  expect(readFileSync(join(folder, FILE)).equals(bytes)).toBe(true);
});

describe("damage that is no torn end is refused, and nothing is changed", () => {
  test.each<[string, () => Uint8Array]>([
    // What follows is in the word that seems to be longer than the file.
    ["a length in the middle that reaches past the end", () => longer(ends[0] ?? 0)],
    ["a length in a write alone that reaches past the end", () => longer(ends[1] ?? 0)],
    ["a length in the last transaction, which has its end", () => longer(ends.at(-2) ?? 0)],
    ["the begin of a command", () => flipped(ends[1] ?? 0, 0)],
    ["a transaction that does not end", () => flipped(bytes.indexOf("EXEC") + 3, 0)],
    ["zeros with something behind them", () => Buffer.concat([bytes, Buffer.alloc(64), bytes])],
    [
      "a whole end of a transaction without its begin",
      () => flipped(bytes.lastIndexOf("MULTI"), 0),
    ],
  ])("%s", async (_what, damaged) => {
    const content = damaged();
    const folder = filesWith(content);
    const failure = await start(folder).then(
      () => null,
      (error: unknown) => String(error),
    );
    expect(failure).toContain(join(folder, FILE));
    expect(failure).toContain("is damaged at byte");
    expect(failure).toContain("bun run restore");
    expect(readFileSync(join(folder, FILE)).equals(content)).toBe(true);
    expect(keptIn(folder)).toEqual([]);
  });

  test("a file that others follow", async () => {
    const folder = filesWith(bytes.subarray(0, bytes.length - 3));
    const manifest = join(folder, "appendonlydir/appendonly.aof.manifest");
    const next = "appendonly.aof.2.incr.aof";
    writeFileSync(manifest, `${readFileSync(manifest, "utf8")}file ${next} seq 2 type i\n`);
    writeFileSync(join(folder, "appendonlydir", next), bytes);
    await expect(start(folder)).rejects.toThrow("and other files follow it");
    expect(keptIn(folder)).toEqual([]);
  });

  test("a file that is not there, and a base that cannot be read", async () => {
    const folder = filesWith(bytes);
    const base = "appendonlydir/appendonly.aof.1.base.rdb";
    writeFileSync(join(folder, base), readFileSync(join(folder, base)).subarray(0, 40));
    await expect(start(folder)).rejects.toThrow("Redis cannot read");
    const manifest = join(folder, "appendonlydir/appendonly.aof.manifest");
    writeFileSync(manifest, `file absent.aof seq 1 type i\n`);
    await expect(start(folder)).rejects.toThrow("Redis cannot read");
    expect(keptIn(folder)).toEqual([]);
  });
});

test("a Redis that does not start for another reason says its own, and its files stay", async () => {
  const folder = filesWith(bytes);
  const settings = { "no-such-directive": "1" };
  const starting = startRedisServer({
    program,
    folder,
    password: "p",
    settings,
    warn: (line) => expect(line).toBe("nothing is mended"),
  });
  await expect(starting).rejects.toThrow("no-such-directive");
  expect(readFileSync(join(folder, FILE)).equals(bytes)).toBe(true);
  expect(existsSync(join(folder, "redis-check-aof"))).toBe(true);
});

test("where cutting does not mend it, that is said, and what was cut off is kept", async () => {
  const folder = filesWith(bytes.subarray(0, bytes.length - 3));
  const sound = join(root, "sound");
  mkdirSync(sound);
  symlinkSync(program.path, join(sound, "redis-check-aof"));
  // It cuts one byte off, and not the rest.
  const path = join(root, "cuts-too-little");
  const file = join(folder, FILE);
  const script = `[ "$1" = --fix ] && exec truncate -s -1 '${file}'\nexec '${sound}/redis-check-aof' "$@"`;
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const failure = await mendTornEnd({ ...program, path }, folder).then(String, String);
  expect(failure).toContain("--fix did not mend it");
  expect(failure).toContain("Something may have been cut off");
  expect(failure).not.toContain("Nothing was changed");
  const [kept = ""] = keptIn(folder);
  expect(failure).toContain(kept);
  const torn = readFileSync(join(folder, "appendonlydir", kept));
  const begin = ends.at(-2) ?? 0;
  expect(torn.equals(bytes.subarray(begin, bytes.length - 3))).toBe(true);
});

test("without a shell nobody has looked at the files, and that is said beside what Redis says", async () => {
  const empty = join(root, "empty-path");
  mkdirSync(empty);
  const folder = filesWith(bytes.subarray(0, bytes.length - 3));
  const script = `
    import { startRedisServer } from "#embedded/redis";
    const options = { ...${JSON.stringify({ program, folder })}, password: "p", warn: console.log };
    await startRedisServer(options).then(() => console.log("started"), (error) => console.log(String(error)));`;
  const child = Bun.spawn([process.execPath, "-e", script], {
    cwd: ROOT,
    env: { PATH: empty },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const said = await child.stdout.text();
  expect(said).toContain("its files were not looked at");
  expect(said).toContain("Unexpected end of file");
  expect(readFileSync(join(folder, FILE)).length).toBe(bytes.length - 3);
});

test("Redis of docker-compose.yml starts behind the cut, and not with other damage", async () => {
  const secrets = { JWT_SECRET: "a", REDIS_PASSWORD: "b", POSTGRES_PASSWORD: "c" };
  const { entrypoint = [], volumes = [] } = compose(secrets).services.redis;
  const [source = "", target = "", mode] = volumes[1]?.split(":") ?? [];
  expect([volumes.length, mode]).toEqual([2, "ro"]);
  const ofImage = "docker-entrypoint.sh";
  expect(entrypoint).toEqual(["sh", target, "/data/appendonlydir", ofImage]);
  // What the image has on its PATH.
  const path = join(root, "path-of-image");
  mkdirSync(path);
  symlinkSync(program.path, join(path, "redis-check-aof"));
  writeFileSync(join(path, ofImage), '#!/bin/sh\necho "started $*"\n', { mode: 0o755 });
  const enter = async (folder: string, only?: string) => {
    const files = join(folder, "appendonlydir");
    const child = Bun.spawn(
      [Bun.which("sh") ?? "sh", join(ROOT, source), files, ofImage, "redis-server", "--a b"],
      {
        env: { ...program.env, PATH: only ?? `${path}:${process.env["PATH"] ?? ""}` },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    return { code: await child.exited, lines: out.trim().split("\n"), err };
  };
  const started = "started redis-server --a b";
  expect(await enter(join(root, "absent"))).toEqual({ code: 0, lines: [started], err: "" });
  expect(await enter(whole)).toEqual({ code: 0, lines: [started], err: "" });
  const torn = filesWith(bytes.subarray(0, bytes.length - 3));
  const mended = await enter(torn);
  expect(mended.lines[0]).toContain("had a torn end");
  expect(mended.lines.slice(1)).toEqual([started]);
  expect(readFileSync(join(torn, FILE)).length).toBe(ends.at(-2) ?? 0);
  const refused = await enter(filesWith(longer(ends[0] ?? 0)));
  expect([refused.code, refused.lines]).toEqual([1, [""]]);
  expect(refused.err).toContain("bun run restore");
  // Without the program nothing is known of the files: they are not to be moved away.
  rmSync(join(path, "redis-check-aof"));
  const blind = await enter(torn, path);
  expect([blind.code, blind.err]).toEqual([1, expect.stringContaining("There is no redis-check")]);
  expect(blind.err).not.toContain("away");
});

/** The first length in the transaction or write that begins here, as one digit more. */
function longer(begin: number): Uint8Array {
  const isTransaction = bytes.indexOf(TRANSACTION, begin) === begin;
  const at = bytes.indexOf("$", isTransaction ? begin + TRANSACTION.length : begin) + 1;
  return Buffer.concat([bytes.subarray(0, at), Buffer.from("99999"), bytes.subarray(at)]);
}
