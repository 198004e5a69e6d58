/** Containers without an engine: their commands run here, and their health checks ask servers of the test. */
import { expect } from "bun:test";
import { ROOT, type Service } from "#test/packaging";

/** What a person puts into `.env`: random enough for the rules about secrets. */
export const SECRETS = {
  JWT_SECRET: "q3Zr8vN1pXk5TtYw0bLmC6dHs9GfJ2aE",
  REDIS_PASSWORD: "7b1f0c9ade4523",
  POSTGRES_PASSWORD: "c04d6e8f91ab27",
};
/** Whom a variable means, by its name in the network of containers or of pods. */
export function hostOf(variable: string): string {
  const others: Readonly<Record<string, string>> = {
    INVENTORY_URL: "api",
    JWKS_URL: "users",
    EUREKA_URL: "registry",
    DATABASE_URL: "postgres",
  };
  return others[variable] ?? variable.replace(/_URL$/, "").toLowerCase();
}

const COMMAND_MS_MAX = 20_000;

export type Result = Readonly<{ code: number | null; output: string }>;

/** Runs a container's command here: `bun` is the one that runs this test. */
export async function run(
  command: readonly string[],
  options: { env?: Record<string, string>; cwd?: string } = {},
): Promise<Result> {
  const [program = "", ...args] = command;
  const child = Bun.spawn([program === "bun" ? process.execPath : program, ...args], {
    cwd: options.cwd ?? ROOT,
    env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", ...options.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: COMMAND_MS_MAX,
  });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, output: out + err };
}

/** The command of a health check, without the word that says it needs no shell. */
export function checkOf({ healthcheck }: Service): string[] {
  const [form, ...command] = healthcheck?.test ?? [];
  expect(form).toBe("CMD");
  return command;
}

/** A server whose `/health/live` answers as told, to be asked by a health check. */
function fakeHealth(status: number) {
  const fetch = (request: Request) =>
    new URL(request.url).pathname === "/health/live"
      ? new Response("", { status })
      : new Response("", { status: 404 });
  return Bun.serve({ port: 0, hostname: "127.0.0.1", fetch });
}

export async function mustTellLifeFromDeath(
  command: readonly string[],
  variable: string,
): Promise<void> {
  const alive = fakeHealth(200);
  const failing = fakeHealth(500);
  const codeAt = async (port: number | undefined) =>
    (await run(command, { env: { [variable]: `${port}` } })).code;
  try {
    expect(await codeAt(alive.port)).toBe(0);
    expect(await codeAt(failing.port)).toBe(1);
    const { port } = failing;
    await failing.stop(true);
    expect(await codeAt(port)).toBe(1);
  } finally {
    await Promise.all([alive.stop(true), failing.stop(true)]);
  }
}
