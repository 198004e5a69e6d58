import { afterAll, describe, expect, test } from "bun:test";
import { cpSync, existsSync } from "node:fs";
import { basename, join } from "node:path";
import postgres from "postgres";
import { Redis } from "ioredis";
import { readConfig, VARIABLES, type Variable } from "#config";
import {
  compose,
  composeVariables,
  execForm,
  instructions,
  manifest,
  ROOT,
  textOf,
  type Service,
} from "#test/packaging";
import { checkOf, mustTellLifeFromDeath, run, SECRETS } from "#test/containers";
import { connects, pingedBy } from "#test/pings";
import { startPostgres, startRedis, temporaryFolder } from "#test/servers";
import { until } from "#test/until";

const { services, volumes } = compose(SECRETS);
const own: readonly (readonly [string, Service])[] = [
  ["api", services.api],
  ["worker", services.worker],
];

describe("the Bun of the image", () => {
  const { devDependencies } = manifest();
  const version = devDependencies["bun-types"] ?? "";

  test("is the one that the types are of, and of which README and the tests' start speak", () => {
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    const bases = instructions("FROM").map((from) => from.split(" ")[0]);
    expect(bases).toEqual([`oven/bun:${version}`, `oven/bun:${version}`]);
    const named = [...textOf("README.md").matchAll(/bun@(\d[\w.-]*)/g)].map(([, found]) => found);
    expect(named.length).toBeGreaterThan(0);
    expect(new Set(named)).toEqual(new Set([version]));
    expect(textOf(".ci/run")).toContain(`bun_version=${version}\n`);
  });
});

describe("the image", () => {
  const folder = temporaryFolder("image");
  const copies = instructions("COPY").filter((copy) => !copy.startsWith("--from"));
  const sources = copies.flatMap((copy) => copy.split(/\s+/).slice(0, -1));
  const [entrypoint = ""] = instructions("ENTRYPOINT");

  afterAll(() => {
    expect(existsSync(join(folder, "node_modules"))).toBe(true);
  });

  test("copies what is there, and .dockerignore lets nothing else in", () => {
    expect(sources.length).toBeGreaterThan(0);
    expect(sources.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    const rules = textOf(".dockerignore")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"));
    expect(rules[0]).toBe("*");
    const allowed = rules.slice(1).toSorted();
    expect(allowed).toEqual([...new Set(sources)].map((path) => `!${path}`).toSorted());
  });

  test("has all that the service needs, and no package that only development needs", async () => {
    const [install = ""] = instructions("RUN");
    for (const path of sources) cpSync(join(ROOT, path), join(folder, path), { recursive: true });
    const installed = await run(install.split(" "), { cwd: folder });
    expect(installed).toMatchObject({ code: 0 });
    const { dependencies, devDependencies, optionalDependencies } = manifest();
    const has = (name: string) => existsSync(join(folder, "node_modules", name));
    const unwanted = { ...devDependencies, ...optionalDependencies };
    expect(Object.keys(unwanted).length).toBeGreaterThan(0);
    expect(Object.keys(unwanted).filter(has)).toEqual([]);
    expect(Object.keys(dependencies).filter((name) => !has(name))).toEqual([]);
    const help = await run([...execForm(entrypoint), "help"], { cwd: folder });
    expect(help).toMatchObject({ code: 0, output: expect.stringContaining("bun run start") });
  });

  test("starts in production, and not without its secrets", async () => {
    const [start = ""] = instructions("CMD");
    const set = instructions("ENV").map((line) => line.split("="));
    const env = Object.fromEntries(set.map(([name = "", value = ""]) => [name, value]));
    const refused = await run([...execForm(entrypoint), ...execForm(start)], { cwd: folder, env });
    expect(refused.code).toBe(1);
    for (const name of ["REDIS_URL", "DATABASE_URL", "JWT_SECRET"]) {
      expect(refused.output).toContain(`{"variable":"${name}",`);
    }
  });

  test("runs as a user of its own, without a shell between it and SIGTERM", () => {
    expect(instructions("USER")).toEqual(["bun"]);
    expect(execForm(entrypoint)[0]).toBe("bun");
  });

  test("tells by its health check whether the API lives", async () => {
    const [check = ""] = instructions("HEALTHCHECK");
    const command = execForm(check.slice(check.indexOf("CMD ") + 4));
    await mustTellLifeFromDeath(command, "PORT");
  });
});

describe("docker-compose.yml", () => {
  test("is refused with a message that helps while any secret is absent", () => {
    for (const name of Object.keys(SECRETS)) {
      expect(() => compose({ ...SECRETS, [name]: "" })).toThrow(`set ${name} in .env (openssl`);
    }
  });

  test("knows no secret by itself", () => {
    const texts = (secrets: typeof SECRETS) => JSON.stringify(compose(secrets));
    const others = { JWT_SECRET: "one", REDIS_PASSWORD: "two", POSTGRES_PASSWORD: "three" };
    let text = texts(SECRETS);
    for (const [name, value] of Object.entries(SECRETS)) {
      expect(text).toContain(value);
      text = text.replaceAll(
        value,
        Object.entries(others).find(([key]) => key === name)?.[1] ?? "",
      );
    }
    expect(text).toBe(texts(others));
  });

  test("gives the service only variables that it knows, and the service takes them", () => {
    const known = new Set<string>(VARIABLES.map(({ name }: Variable) => name));
    for (const [name, { environment }] of own) {
      const given = Object.keys(environment);
      expect(given.length).toBeGreaterThan(0);
      expect([name, given.filter((variable) => !known.has(variable))]).toEqual([name, []]);
      const config = readConfig({ ...environment, NODE_ENV: "production" });
      expect(config).toMatchObject({ production: true, host: "0.0.0.0", warnings: [] });
      const grace = Number.parseInt(
        services[name === "api" ? "api" : "worker"].stop_grace_period,
        10,
      );
      expect(grace * 1_000).toBeGreaterThan(config.shutdownGraceMs);
    }
  });

  test("passes on which contracts are served, to whom, and whether the documents are public", () => {
    const said = {
      CONTRACTS: "inventory,another",
      CONTRACTS_AUTH: "required",
      CONTRACTS_OPEN: "1",
      DOCS_PUBLIC: "1",
    };
    const { services: told } = compose({ ...SECRETS, ...said });
    for (const { environment } of [told.api, told.worker]) expect(environment).toMatchObject(said);
    const config = readConfig({ ...told.api.environment, NODE_ENV: "production" });
    expect(config).toMatchObject({
      contracts: ["inventory", "another"],
      contractsNeedTokens: true,
      contractsOpen: true,
      docsPublic: true,
    });
  });

  test("runs api and worker of one image, after healthy servers, and again when they end", () => {
    const healthy = { condition: "service_healthy" };
    for (const [name, service] of own) {
      expect(service).toMatchObject({ image: "holdfast", command: ["start", name] });
      expect(service.depends_on).toEqual({ redis: healthy, postgres: healthy });
    }
    const restarts = Object.values(services).map(({ restart }) => restart);
    expect(new Set(restarts)).toEqual(new Set(["unless-stopped"]));
  });

  test("opens one port, to this machine alone", () => {
    const { port } = readConfig({});
    expect(services.api.ports).toEqual([`127.0.0.1:${port}:${port}`]);
    for (const name of ["worker", "redis", "postgres"] as const) {
      expect(services[name].ports).toBeUndefined();
    }
  });

  test("keeps the data of both servers in volumes", () => {
    expect(services.redis.volumes?.[0]).toBe("redis:/data");
    expect(services.postgres.volumes).toEqual(["postgres:/var/lib/postgresql"]);
    expect(Object.keys(volumes).toSorted()).toEqual(["postgres", "redis"]);
  });

  test("takes from .env only what docs/operations.md explains", () => {
    const documented = textOf("docs/operations.md");
    const names = composeVariables();
    expect(names.length).toBeGreaterThan(Object.keys(SECRETS).length);
    expect(names.filter((name) => !documented.includes(`\`${name}\``))).toEqual([]);
  });

  test("tells by its health check whether the worker lives", async () => {
    await mustTellLifeFromDeath(checkOf(services.worker), "WORKER_PORT");
    expect(services.api.healthcheck).toBeUndefined();
  });
});

describe("the servers of docker-compose.yml", () => {
  const flags = services.redis.command ?? [];
  const pairs = flags
    .slice(1)
    .flatMap((flag, index) =>
      index % 2 === 0 ? [[flag.replace(/^--/, ""), flags[index + 2] ?? ""] as const] : [],
    );

  test("Redis takes every flag, keeps what it answers, and evicts nothing", async () => {
    expect(flags[0]).toBe("redis-server");
    const settings = Object.fromEntries(pairs.filter(([name]) => name !== "requirepass"));
    expect(settings).toMatchObject({
      appendonly: "yes",
      appendfsync: "always",
      "no-appendfsync-on-rewrite": "no",
      "aof-load-truncated": "no",
      "maxmemory-policy": "noeviction",
      "hash-max-listpack-value": "256",
      "auto-aof-rewrite-min-size": "268435456",
    });
    await using server = await startRedis({ settings });
    const redis = new Redis(server.url);
    try {
      for (const [name, value] of Object.entries(settings)) {
        // A list or a map of name and value, as the protocol's version has it.
        const answer = JSON.stringify(await redis.config("GET", name));
        expect([name, answer]).toEqual([name, expect.stringContaining(JSON.stringify(value))]);
      }
    } finally {
      redis.disconnect();
    }
  });

  test("Redis is healthy when it answers, and not before", async () => {
    const command = checkOf(services.redis);
    expect(services.redis.environment["REDISCLI_AUTH"]).toBe(SECRETS.REDIS_PASSWORD);
    const program = Bun.which(command[0] ?? "");
    await using server = await startRedis();
    const password = new URL(server.url).password;
    const ask = async (given: string): Promise<number | null> => {
      if (program === null) return (await pingedBy(server.port, given)) ? 0 : 1;
      const [name = "", ...args] = command;
      const env = { REDISCLI_AUTH: given };
      return (await run([name, "-p", `${server.port}`, ...args], { env })).code;
    };
    expect(await ask(password)).toBe(0);
    expect(await ask("wrong")).toBe(1);
    await server.kill();
    expect(await ask(password)).toBe(1);
  });

  test("PostgreSQL has the settings of the one that the service starts by itself", async () => {
    const given = services.postgres.command?.join(" ").replaceAll("--", "");
    await using server = await startPostgres({ fsync: false });
    const sql = postgres(server.url, { max: 1 });
    const of = async (name: string) =>
      `${name}=${(await sql`SELECT current_setting(${name})`)[0]?.["current_setting"]}`;
    const others = [await of("max_wal_size"), await of("checkpoint_timeout")].join(" ");
    // Of its memory a smaller machine gives that one less.
    expect(given).toBe(`postgres shared_buffers=1GB ${others}`);
    await sql.end();
  });

  test("PostgreSQL is healthy when it answers, and not before", async () => {
    const command = checkOf(services.postgres);
    const { POSTGRES_USER, POSTGRES_DB } = services.postgres.environment;
    expect(command).toContain(`--username=${POSTGRES_USER}`);
    expect(command).toContain(`--dbname=${POSTGRES_DB}`);
    expect(services.api.environment["DATABASE_URL"]).toContain(`@postgres:5432/${POSTGRES_DB}`);
    await using server = await startPostgres({ fsync: false });
    const program = Bun.which(basename(command[0] ?? ""));
    const ask = async (): Promise<boolean> => {
      if (program === null) return await connects(server.port);
      return (await run(command, { env: { PGPORT: `${server.port}` } })).code === 0;
    };
    await until(ask, { withinMs: 5_000, what: "the check is green" });
    await server.kill();
    await until(async () => !(await ask()), { withinMs: 5_000, what: "the check is red" });
  });
});
