import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import postgres from "postgres";
import { z } from "zod";
import { pingPostgres, startPostgresServer } from "#embedded/postgres";
import { findPostgresProgram } from "#embedded/postgres-program";
import { postgresUser } from "#embedded/postgres-user";
import { startRedisServer } from "#embedded/redis";
import { pingRedis } from "#embedded/redis-ping";
import { findRedisProgram } from "#embedded/redis-program";
import { startEmbedded, type EmbeddedServers } from "#embedded/servers";
import { until } from "#embedded/wait";
import { removeFolder, temporaryFolder } from "#test/servers";

const GONE_MS_MAX = 8_000;
const TEST_MS_MAX = 20_000;
const silent = (): void => {};

const root = temporaryFolder("embedded");
/** Filled by the first start; tests that need no cold start share it one after another. */
const dataDir = join(root, "data");
afterAll(() => removeFolder(root));

const start = (say: (line: string) => void = silent): Promise<EmbeddedServers> =>
  startEmbedded({ dataDir, redis: true, postgres: true, say });

const answers = z.union([
  z.strictObject({ failure: z.string(), said: z.array(z.string()) }),
  z.strictObject({
    redisUrl: z.string(),
    databaseUrl: z.string(),
    ownerPid: z.number(),
    redisPid: z.number(),
    postgresPid: z.number(),
    said: z.array(z.string()),
  }),
]);

/** Starts the servers in another process, with a PATH of its own where one is given. */
function owner(folder: string, path?: string) {
  const script = fileURLToPath(import.meta.resolve("#test/embedded-owner"));
  const child = Bun.spawn([process.execPath, script, folder], {
    env: { ...process.env, ...(path === undefined ? {} : { PATH: path }) },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const answer = async () => {
    let text = "";
    for await (const bytes of child.stdout) {
      text += new TextDecoder().decode(bytes);
      if (text.endsWith("\n")) break;
    }
    return answers.parse(JSON.parse(text));
  };
  const end = async (): Promise<void> => {
    await child.stdin.end();
    await child.exited;
  };
  return { child, answer, end, [Symbol.asyncDispose]: end };
}

async function running(process: ReturnType<typeof owner>) {
  const answer = await process.answer();
  if ("failure" in answer) throw new Error(answer.failure);
  return answer;
}

/** A folder with links to these commands only, to be the whole PATH of a process. */
function pathOf(name: string, commands: readonly string[]): string {
  const folder = join(root, name);
  mkdirSync(folder);
  for (const command of commands) symlinkSync(Bun.which(command) ?? command, join(folder, command));
  return folder;
}

/** A dead process nobody has reaped keeps its id but has no command line. */
const isRunning = (pid: number): boolean => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";
  } catch {
    return false;
  }
};

async function nothingRunsOn(folder: string): Promise<void> {
  const { endLeftovers } = await import("#embedded/processes");
  expect(await endLeftovers(folder)).toEqual([]);
}

describe("an empty data folder", () => {
  const said: string[] = [];
  let servers: EmbeddedServers;
  beforeAll(async () => {
    servers = await start((line) => said.push(line));
  }, TEST_MS_MAX);
  afterAll(() => servers.stop());

  test("says what it does while the first start takes its time", () => {
    expect(said.some((line) => /^PostgreSQL \d.*creating the data folder/.test(line))).toBe(true);
    expect(said.some((line) => /^Redis [7-9].*starting/.test(line))).toBe(true);
  });

  test("gets a Redis whose answers mean durable", async () => {
    const redis = new Redis(servers.redisUrl);
    const wanted = {
      appendonly: "yes",
      appendfsync: "always",
      "no-appendfsync-on-rewrite": "no",
      "maxmemory-policy": "noeviction",
      "hash-max-listpack-value": "256",
      "auto-aof-rewrite-min-size": "268435456",
      bind: "127.0.0.1",
      save: "",
    };
    for (const [name, value] of Object.entries(wanted)) {
      expect(await redis.config("GET", name)).toEqual([name, value]);
    }
    redis.disconnect();
  });

  test("gets a PostgreSQL that syncs and listens on loopback only", async () => {
    const sql = postgres(servers.databaseUrl, { max: 1 });
    const [row] = await sql`SELECT current_setting('fsync') AS fsync,
      current_setting('listen_addresses') AS addresses, current_database() AS name`;
    await sql.end();
    expect(row).toEqual({ fsync: "on", addresses: "127.0.0.1", name: "holdfast" });
  });

  test("lets nobody in without the password", async () => {
    const { port } = new URL(servers.databaseUrl);
    expect(await pingPostgres(`postgres://holdfast:wrong@127.0.0.1:${port}/holdfast`)).toBe("away");
    const redis = new URL(servers.redisUrl);
    // What redis-cli -u takes: it sends the name, and an empty one is no user.
    expect(redis.username).toBe("default");
    expect(await pingRedis(`redis://:wrong@127.0.0.1:${redis.port}`)).toBe("busy");
  });

  test("shows its passwords to no other user", () => {
    const files = ["embedded.json", "redis.password", "postgres.password", "redis/redis.conf"];
    for (const file of files) expect(statSync(join(dataDir, file)).mode & 0o077).toBe(0);
    for (const pid of [servers.redisPid, servers.postgresPid]) {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      expect(command).toContain(dataDir);
      expect(command).not.toContain(new URL(servers.redisUrl).password);
      expect(command).not.toContain(new URL(servers.databaseUrl).password);
    }
  });
});

test("data survives a stop and a start", async () => {
  const first = await start();
  const redis = new Redis(first.redisUrl);
  await redis.set("kept", "yes");
  redis.disconnect();
  const sql = postgres(first.databaseUrl, { max: 1 });
  await sql`CREATE TABLE kept AS SELECT 1 AS one`;
  await sql.end();
  await first.stop();
  expect(existsSync(join(dataDir, "embedded.json"))).toBe(false);

  await using second = await start();
  const redisAgain = new Redis(second.redisUrl);
  expect(await redisAgain.get("kept")).toBe("yes");
  redisAgain.disconnect();
  const sqlAgain = postgres(second.databaseUrl, { max: 1 });
  expect([...(await sqlAgain`SELECT one FROM kept`)]).toEqual([{ one: 1 }]);
  await sqlAgain.end();
});

test("a second process uses the servers of the first and leaves them running", async () => {
  await using first = await start();
  await using second = owner(dataDir);
  const answer = await running(second);
  expect(answer.redisUrl).toBe(first.redisUrl);
  expect(answer.databaseUrl).toBe(first.databaseUrl);
  expect(answer.ownerPid).toBe(process.pid);
  await second.end();
  expect(await pingRedis(first.redisUrl)).toBe("ready");
  expect(await pingPostgres(first.databaseUrl)).toBe("ready");
});

test(
  "processes that start at the same time share one pair of servers",
  async () => {
    const processes = [owner(dataDir), owner(dataDir), owner(dataDir)];
    const all = await Promise.all(processes.map(running));
    expect(new Set(all.map(({ ownerPid }) => ownerPid)).size).toBe(1);
    expect(new Set(all.map(({ redisUrl }) => redisUrl)).size).toBe(1);
    await Promise.all(processes.map((one) => one.end()));
    await nothingRunsOn(dataDir);
  },
  TEST_MS_MAX,
);

describe("SIGKILL of the owner leaves no server running", () => {
  const tools = ["sh", "unshare", "redis-server"];
  test.each([
    ["by the kernel's parent-death signal", () => undefined],
    ["by the watchdog where setpriv is missing", () => pathOf("no-setpriv", tools)],
  ])("%s", async (_how, path) => {
    const first = owner(dataDir, path());
    const { redisPid, postgresPid } = await running(first);
    expect([redisPid, postgresPid].map(isRunning)).toEqual([true, true]);
    first.child.kill("SIGKILL");
    await until("the servers end", GONE_MS_MAX, () => ![redisPid, postgresPid].some(isRunning));
    await using next = await start();
    expect(await pingRedis(next.redisUrl)).toBe("ready");
  });
});

test(
  "left-over servers and stale records are cleared away",
  async () => {
    const folder = join(root, "left-over");
    await (
      await startEmbedded({ dataDir: folder, redis: true, postgres: true, say: silent })
    ).stop();
    const password = (name: string): string =>
      readFileSync(join(folder, `${name}.password`), "utf8");
    const [program, user] = await Promise.all([findPostgresProgram(), postgresUser()]);
    const postgresFolder = join(folder, `postgres-${program.major}-${user.way}`);
    const redis = await startRedisServer({
      program: await findRedisProgram({ dataDir: folder, say: silent }),
      folder: join(folder, "redis"),
      password: password("redis"),
      warn: silent,
    });
    const database = await startPostgresServer({
      program,
      user,
      folder: postgresFolder,
      password: password("postgres"),
      say: silent,
    });
    const dead = Bun.spawn(["true"]);
    await dead.exited;
    const record = { owner: dead.pid, redis: { url: redis.url, pid: redis.child.pid } };
    writeFileSync(join(folder, "embedded.json"), JSON.stringify(record));

    const said: string[] = [];
    const options = { dataDir: folder, redis: true, postgres: true };
    const servers = await startEmbedded({ ...options, say: (line) => said.push(line) });
    expect(said[0]).toContain("Ended left-over servers");
    expect([redis.child.hasExited(), database.child.hasExited()]).toEqual([true, true]);
    await servers.stop();

    // An id that lives but belongs to another program, as after a restart of a container.
    writeFileSync(join(postgresFolder, "postmaster.pid"), `${process.pid}\n${postgresFolder}\n`);
    writeFileSync(join(folder, "embedded.json"), "torn {");
    mkdirSync(`${postgresFolder}.new/half`, { recursive: true });
    await using again = await startEmbedded({ ...options, say: silent });
    expect(await pingPostgres(again.databaseUrl)).toBe("ready");
  },
  TEST_MS_MAX,
);

test("one server alone can be asked for, and the other's address is refused", async () => {
  await using servers = await startEmbedded({ dataDir, redis: true, postgres: false, say: silent });
  expect(await pingRedis(servers.redisUrl)).toBe("ready");
  expect(() => servers.databaseUrl).toThrow("not asked");
  await using second = owner(dataDir);
  expect(await second.answer()).toMatchObject({
    failure: expect.stringContaining(`Process ${process.pid} uses`),
  });
});

test("without redis-server and apt-get the error names every way out", async () => {
  await using process = owner(dataDir, pathOf("no-redis", ["sh", "setpriv", "unshare"]));
  const answer = await process.answer();
  const failure = "failure" in answer ? answer.failure : "";
  for (const part of [
    "redis-server",
    "apt-get",
    "docker compose up",
    "REDIS_URL",
    "DATABASE_URL",
  ]) {
    expect(failure).toContain(part);
  }
  await process.end();
  await nothingRunsOn(dataDir);
});

test("a server that cannot start is reported with the end of its log", async () => {
  const folder = join(root, "broken");
  mkdirSync(join(folder, "redis/appendonlydir"), { recursive: true });
  writeFileSync(join(folder, "redis/appendonlydir/appendonly.aof.manifest"), "nonsense\n");
  const starting = startEmbedded({ dataDir: folder, redis: true, postgres: false, say: silent });
  await expect(starting).rejects.toThrow(/Redis did not start[^]*manifest/);
  await nothingRunsOn(folder);
});
