import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { freePort } from "#embedded/free-port";
import { endpoints } from "#test/documents";
import { ROOT } from "#test/packaging";
import { temporaryFolder } from "#test/servers";
import { until } from "#test/until";
import { differences, walk, walkThrough } from "#test/walk-through";

/** A first start makes a data folder of PostgreSQL, and fetches a Redis where there is none. */
const START_MS_MAX = 240_000;
const STOP_MS_MAX = 20_000;

const port = freePort();
const env = {
  PATH: process.env["PATH"] ?? "",
  HOME: process.env["HOME"] ?? "",
  DATA_DIR: join(temporaryFolder("readme"), "data"),
  PORT: `${port}`,
};
const steps = walkThrough("Walk-through");

function start() {
  const command = [process.execPath, "src/main.ts", "start"];
  return Bun.spawn(command, { cwd: ROOT, env, stdin: "ignore", stdout: "pipe", stderr: "inherit" });
}

let service: ReturnType<typeof start>;
let printed: Promise<string>;

beforeAll(async () => {
  service = start();
  printed = service.stdout.text();
  await until(
    async () => {
      if (service.exitCode !== null) return "ended";
      return (await fetch(`http://127.0.0.1:${port}/health/ready`)).ok && "ready";
    },
    { withinMs: START_MS_MAX, what: "the service is ready" },
  );
  if (service.exitCode !== null) throw new Error(`the service ended:\n${await printed}`);
}, START_MS_MAX);

afterAll(async () => {
  service.kill("SIGKILL");
  await service.exited;
});

describe("README's walk-through", () => {
  test("answers what README says, command by command", async () => {
    expect(steps.filter(({ answer }) => answer !== undefined).length).toBeGreaterThan(10);
    expect(await walk(steps, { env, ports: { 3003: `${port}` } })).toEqual([]);
  });

  test("is followed by a table of endpoints that take these methods from these callers", async () => {
    const command = [process.execPath, "src/main.ts", "token", "--role", "customer"];
    const signer = Bun.spawn(command, { cwd: ROOT, env, stdout: "pipe" });
    const token = (await signer.stdout.text()).trim();
    const wrong: string[] = [];
    const table = endpoints();
    for (const { method, path, who } of table) {
      const { allow, bare, customer } = await asked(method, path, token);
      const isPublic = who === "all" || who.startsWith("this machine");
      const isCustomers = isPublic || /any token|its owner/.test(who);
      const found = `${allow} ${bare === 401} ${customer === 403}`;
      const shown = `true ${!isPublic} ${!isCustomers}`;
      if (found !== shown) wrong.push(`${method} ${path}: ${who} (${bare}, ${customer})`);
    }
    expect(table.length).toBeGreaterThan(15);
    expect(wrong).toEqual([]);
  });

  test("ends in good order when it is told to", async () => {
    service.kill("SIGTERM");
    await until(() => service.exitCode !== null, {
      withinMs: STOP_MS_MAX,
      what: "the service has ended",
    });
    expect({ code: service.exitCode, log: await printed }).toMatchObject({ code: 0 });
  });
});

describe("the comparison", () => {
  test("sees what differs, and passes what README leaves out", () => {
    const found = { a: 1, b: [{ c: "x", d: 2 }], at: "2026-11-21T08:00:00.123Z" };
    expect(differences({ b: [{ c: "x" }], at: "2026-01-01T00:00:00.000Z" }, found)).toEqual([]);
    expect(differences({ a: 2 }, found)).toHaveLength(1);
    expect(differences({ b: [] }, found)).toHaveLength(1);
    expect(differences({ b: [{ c: "y" }] }, found)).toHaveLength(1);
    expect(differences({ at: "today" }, found)).toHaveLength(1);
    expect(differences({ missing: null }, found)).toHaveLength(1);
  });
});

/** Whether the path takes the method, and the status without a token and with a customer's. */
async function asked(method: string, path: string, token: string) {
  const url = `http://127.0.0.1:${port}${path.replaceAll(/:\w+/g, "none")}`;
  const options = await fetch(url, { method: "OPTIONS" });
  const authorization = `Bearer ${token}`;
  const [bare, customer] = await Promise.all([
    fetch(url, { method }),
    fetch(url, { method, headers: { authorization } }),
  ]);
  const allow = options.headers.get("allow")?.split(", ").includes(method) ?? false;
  return { allow, bare: bare.status, customer: customer.status };
}
