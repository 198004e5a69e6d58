/** `user` as an operator runs it: the first admin of a shop in production. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "bun:test";
import { z } from "zod";
import { startRedis, temporaryFolder, testDatabase } from "#test/servers";
import { startService } from "#test/service";

const ROOT = fileURLToPath(import.meta.resolve("../.."));
const [redis, database] = await Promise.all([startRedis(), testDatabase()]);
afterAll(async () => {
  await redis.stop();
  await database[Symbol.asyncDispose]();
});

const EMAIL = "Alice@acme.com";
const Answer = z.looseObject({ user: z.looseObject({ role: z.string() }).optional() });

async function user(args: readonly string[], stdin = "", databaseUrl = database.url) {
  const child = Bun.spawn([process.execPath, "src/main.ts", "user", ...args], {
    cwd: ROOT,
    env: {
      PATH: process.env["PATH"],
      NODE_ENV: "production",
      DATABASE_URL: databaseUrl,
      DATA_DIR: join(temporaryFolder("user"), "none"),
    },
    stdin: new Blob([stdin]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, told] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, out, told };
}

test("the first admin is made before anything runs, and signs in; nobody else becomes one", async () => {
  const made = await user(["--email", EMAIL, "--role", "admin"]);
  expect([made.code, made.told]).toEqual([0, expect.stringContaining("is admin")]);
  expect(made.out).toMatch(/^[a-z0-9]{40}\n$/);
  expect(made.told).not.toContain(made.out.trim());
  await using users = await startService({
    redisUrl: redis.url,
    databaseUrl: database.url,
    role: "users",
    env: {
      NODE_ENV: "production",
      HOST: "127.0.0.1",
      SERVICE_CLIENT_SECRET: "a9Vx2Lq7Rm4Tz8Wd1Kp6",
    },
  });
  const login = async (password: string) => {
    const body = JSON.stringify({ email: EMAIL, password });
    const headers = { "content-type": "application/json" };
    const url = `${users.url}/api/auth/login`;
    const response = await fetch(url, { method: "POST", headers, body });
    return { status: response.status, role: Answer.parse(await response.json()).user?.role };
  };
  expect(await login(made.out.trim())).toEqual({ status: 200, role: "admin" });

  const again = await user(["--email", EMAIL, "--role", "customer"]);
  expect(again).toMatchObject({ code: 1, out: "", told: expect.stringContaining("--replace") });
  expect(await login(made.out.trim())).toEqual({ status: 200, role: "admin" });

  const given = "a password of hers";
  const args = ["--email", EMAIL, "--role", "admin", "--replace", "--password-file"];
  expect(await user([...args, "-"], `${given}\n`)).toMatchObject({ code: 0, out: "" });
  expect((await login(made.out.trim())).status).toBe(401);
  expect(await login(given)).toEqual({ status: 200, role: "admin" });

  const file = join(temporaryFolder("user"), "password");
  writeFileSync(file, "short\n", { mode: 0o600 });
  const short = await user([...args, file]);
  expect([short.code, short.told]).toEqual([1, expect.stringContaining("at least 10 characters")]);
  expect(short.told).not.toContain("short");
  const missing = await user([...args, `${file}.none`]);
  expect(missing).toMatchObject({ code: 1, told: expect.stringContaining("ENOENT") });
  expect(await login(given)).toEqual({ status: 200, role: "admin" });
});
