import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventuallyPostgres } from "#compose/eventually";
import { Refusal } from "#compose/refusal";
import { Fault } from "#inventory/faults";
import { createPostgres } from "#postgres/client";
import { migrate } from "#postgres/migrate";
import { MIGRATIONS } from "#postgres/migrations";
import { manifest, ROOT } from "#test/packaging";
import { temporaryFolder, testDatabase } from "#test/servers";
import { JWT_SECRET, runMain } from "#test/service";

/** Never asked: what is tested ends before anything connects to it. */
const REDIS_URL = "redis://127.0.0.1:1";
const STACK = /^ +at /m;

/** What `help` alone prints: the same for all who compare with it. */
let ofAll: ReturnType<typeof runMain> | undefined;

describe("the command line", () => {
  test.each([
    "help",
    "--help",
    "start --help",
    "token -h",
    "migrate --help",
    "help start",
    "help help",
  ])("explains itself and exits with 0: %s", async (args) => {
    const { code, output } = await runMain(args.split(" "), {});
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining("Usage:") });
  });

  test.each(Object.entries(manifest().scripts).filter(([name]) => name !== "help"))(
    "--help behind bun run %s prints how to use it, and does nothing",
    async (_, script) => {
      // Behind its first part, which installs packages.
      const [, args = ""] = script.split(" && bun ");
      const child = Bun.spawn([process.execPath, ...args.split(" "), "--help"], {
        cwd: ROOT,
        env: { PATH: process.env["PATH"] },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
      expect({ code: await child.exited, output, errors }).toEqual({
        code: 0,
        output: expect.stringContaining("Usage:\n"),
        errors: "",
      });
    },
  );

  test("tells its version", async () => {
    const { version } = manifest();
    expect(await runMain(["--version"], {})).toEqual({ code: 0, output: `${version}\n` });
  });

  test.each(["bogus", "bogus --help", "help bogus", "help import more"])(
    "that cannot be understood is explained, with exit 2: %s",
    async (args) => {
      const { code, output } = await runMain(args.split(" "), {});
      expect({ code, output }).toEqual({
        code: 2,
        output: expect.stringMatching(/^.+\nFor help: bun run help\n$/),
      });
      expect(output).not.toMatch(STACK);
    },
  );

  test.each([
    ["token --role king", "--role must be one of admin, service, customer"],
    ["token --subject=", "--subject"],
    ["token --minutes 0", "--minutes must be a whole number from 1 to 10080"],
    ["user --email a@b.example --role king", "--role must be one of admin, customer"],
    ["user --role admin", "--email must be an address of mail"],
    ["migrate now", "unexpected: now"],
    [
      "start king",
      "start takes all, api, worker, registry, users, products, orders, payment, gateway, not king",
    ],
    ["start api --workers 65", "--workers takes a whole number from 1 to 64, not 65"],
    ["start api --process 1", "--process is for what --workers starts, and for nobody else"],
  ])("of a command that cannot be understood is explained, with exit 2: %s", async (args, why) => {
    const [command = ""] = args.split(" ");
    const { code, output } = await runMain(args.split(" "), {});
    expect({ code, output }).toEqual({ code: 2, output: expect.stringContaining(why) });
    expect(output).toEndWith(`\nFor help: bun run ${command} --help\n`);
  });

  test.each([
    "import",
    "quarantine",
    "restore",
    "retention",
    "rush",
    "start",
    "migrate",
    "token",
    "user",
    "verify",
  ])("has help of %s alone, behind it or before", async (command) => {
    ofAll ??= runMain(["help"], {});
    const [behind, before, wrong, all] = await Promise.all([
      runMain([command, "--help"], {}),
      runMain(["help", command], {}),
      runMain([command, "--bogus"], {}),
      ofAll,
    ]);
    expect(behind.code).toBe(0);
    expect(behind.output).toContain(`bun run ${command}`);
    expect(behind.output).toMatch(/\nExamples:\n {2}/);
    expect(before).toEqual(behind);
    expect(all.output).not.toBe(behind.output);
    expect(wrong.code).toBe(2);
    expect(wrong.output).toMatch(/^(Unknown option '|unexpected: )--bogus/);
    expect(wrong.output).toEndWith(`\nFor help: bun run ${command} --help\n`);
  });

  test.each([
    "test/faults/run.ts",
    "bench/run.ts",
    "bench/capacity.ts",
    "bench/growth.ts",
    "bench/latency.ts",
    "bench/overload.ts",
    "bench/store.ts",
  ])("of %s that cannot be understood is explained, with exit 2", async (script) => {
    const child = Bun.spawn([process.execPath, script, "--bogus"], {
      cwd: ROOT,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    expect(await child.stderr.text()).toStartWith("Unknown option '--bogus'");
    expect(await child.exited).toBe(2);
  });

  test("does not take a bug inside for a mistake of who typed it", async () => {
    const folder = temporaryFolder("main");
    const preload = join(folder, "preload.ts");
    writeFileSync(
      preload,
      `crypto.subtle.importKey = () => {
        throw Object.assign(new TypeError("broken inside"), { code: "ERR_INVALID_ARG_TYPE" });
      };`,
    );
    const child = Bun.spawn([process.execPath, "--preload", preload, "src/main.ts", "token"], {
      cwd: ROOT,
      env: { PATH: process.env["PATH"], DATA_DIR: folder },
      stderr: "pipe",
    });
    const printed = await child.stderr.text();
    expect(await child.exited).toBe(1);
    expect(printed).toContain("broken inside");
    expect(printed).not.toContain("Usage:");
  });
});

describe("token", () => {
  test("is signed in production from the settings of tokens alone, and demands those", async () => {
    const env = { NODE_ENV: "production", JWT_ISSUER: "https://id.example.com" };
    const args = ["token", "--role", "admin", "--subject", "alice"];
    const { code, output } = await runMain(args, { ...env, JWT_SECRET, PORT: "x" });
    expect(code).toBe(0);
    const [, claims = ""] = output.split(".");
    expect(JSON.parse(Buffer.from(claims, "base64url").toString())).toMatchObject({
      role: "admin",
      sub: "alice",
      iss: "https://id.example.com",
    });
    const without = await runMain(args, env);
    expect(without.code).toBe(1);
    expect(without.output).toMatch(/^ {2}JWT_SECRET: or JWKS_URL is required in production/m);
    expect(without.output).not.toContain("REDIS_URL");
    const sample = await runMain(args, {
      ...env,
      JWT_SECRET: "your-super-secret-jwt-key-change-me",
    });
    expect([sample.code, sample.output]).toEqual([1, expect.stringContaining("anyone may know")]);
  });
});

describe("migrate", () => {
  test("says in one line that the database is newer, or was made by other migrations", async () => {
    await using database = await testDatabase();
    const env = { REDIS_URL, DATABASE_URL: database.url };
    const first = await runMain(["migrate"], env);
    expect(first).toMatchObject({ code: 0, output: expect.stringContaining("applied 0001-") });

    const sql = createPostgres(database.url, { connectionsMax: 1 });
    const edited = [{ name: "0001-ledger", text: "SELECT 1" }, ...MIGRATIONS.slice(1)];
    await expect(migrate(sql, { migrations: edited })).rejects.toThrow("was changed");
    await sql`INSERT INTO migrations (number, name, checksum) VALUES (9999, '9999-later', 'x')`;
    const newer = await runMain(["migrate"], env);
    await sql`UPDATE migrations SET checksum = 'x' WHERE number = 1`;
    await sql`DELETE FROM migrations WHERE number = 9999`;
    const changed = await runMain(["migrate"], env);
    await sql.end({ timeout: 1 });

    expect(newer.code).toBe(1);
    expect(newer.output).toMatch(/^the database is newer than this code: .*\n$/);
    expect(changed.code).toBe(1);
    expect(changed.output).toMatch(/^migration 0001-ledger was changed after it was applied.*\n$/);
  });

  test("waits for a PostgreSQL that starts beside it, then says which server it lacks", async () => {
    const warnings: string[] = [];
    const log = { warn: (message: string) => void warnings.push(message) };
    let [now, attempts] = [0, 0];
    const clock = { now: () => now };
    const cause = new Error("connect ECONNREFUSED");
    const away = new Fault("ledger_unavailable", "the ledger cannot be reached", { cause });
    const url = "postgres://holdfast:pw@database/holdfast";
    const attempt = (): Promise<never> => {
      attempts += 1;
      if (attempts === 2) now = 60_000;
      return Promise.reject(away);
    };
    const refused = eventuallyPostgres({ log, clock, url }, attempt);
    await expect(refused).rejects.toBeInstanceOf(Refusal);
    await expect(refused).rejects.toThrow(
      "PostgreSQL at database:5432 cannot be reached: the ledger cannot be reached (connect ECON",
    );
    expect([attempts, warnings]).toEqual([2, ["waiting for PostgreSQL"]]);
  });
});
