/** The profile `platform` of docker-compose.yml: a whole shop, each of its services as it would start. */
import { describe, expect, test } from "bun:test";
import { COMPANIONS, SETTINGS_OF } from "#compose/companion-settings";
import { portOf } from "#compose/companions";
import { readConfig, readConfigFor } from "#config";
import { checkOf, hostOf, mustTellLifeFromDeath, run, SECRETS } from "#test/containers";
import { compose } from "#test/packaging";

const SHOP = {
  ...SECRETS,
  REGISTRY_PASSWORD: "0d83b1c7e29f4a6588",
  SERVICE_CLIENT_SECRET: "41fe0ab2c97d6e35d0",
  PAYMENT_SECRET: "6b20fd93e1754ca88f02d7b1",
};
const REGISTRY = `http://registry:${SHOP.REGISTRY_PASSWORD}@registry:8761/eureka`;
const KEYS = "http://users:3001/.well-known/jwks.json";

const { services } = compose(SHOP);
const production = { NODE_ENV: "production" };

describe.each(COMPANIONS)("the container of %s", (name) => {
  const service = services[name];
  const { environment } = service;
  const config = readConfigFor({ only: SETTINGS_OF[name] }, { ...environment, ...production });

  test("runs the one image by its own command, in the profile alone", () => {
    const { image, command, profiles } = service;
    expect({ image, command, profiles }).toEqual({
      image: "holdfast",
      command: ["start", name],
      profiles: ["platform"],
    });
  });

  test("is given what it reads and nothing else, and takes it in production", () => {
    const known = new Set<string>(SETTINGS_OF[name]);
    expect(Object.keys(environment).filter((variable) => !known.has(variable))).toEqual([]);
    expect(config).toMatchObject({ production: true, host: "0.0.0.0", warnings: [] });
    expect(config.eurekaUrls).toEqual([REGISTRY]);
    const needed = ["REDIS_URL", "DATABASE_URL", "SERVICE_CLIENT_SECRET", "PAYMENT_SECRET"];
    const wanted = needed.filter((variable) => known.has(variable));
    expect(wanted.filter((variable) => (environment[variable] ?? "") === "")).toEqual([]);
  });

  test("is told where the others are, which is where they listen", () => {
    const urls = SETTINGS_OF[name].filter((variable) =>
      /(?<!EUREKA|REDIS|DATABASE)_URL$/.test(variable),
    );
    expect(urls.length > 0).toBe(!["registry", "users"].includes(name));
    for (const variable of urls) {
      const { hostname, port } = new URL(environment[variable] ?? "unset://unset");
      expect([variable, hostname, port]).toEqual([variable, hostOf(variable), portAt(hostname)]);
    }
  });

  test("waits for servers and for none of its neighbours, starts again, has bounds and no way to write", () => {
    const waitsFor = Object.keys(service.depends_on ?? {});
    const servers: Record<string, string> = { REDIS_URL: "redis", DATABASE_URL: "postgres" };
    const used = SETTINGS_OF[name].flatMap((variable) => servers[variable] ?? []);
    expect(waitsFor.toSorted()).toEqual(used.toSorted());
    expect(service).toMatchObject({ restart: "unless-stopped", read_only: true });
    const limits = {
      cpus: expect.any(String),
      memory: expect.any(String),
      pids: expect.any(Number),
    };
    expect(service.deploy).toEqual({ resources: { limits } });
    expect(Number.parseInt(service.stop_grace_period, 10) * 1_000).toBeGreaterThan(
      config.shutdownGraceMs,
    );
  });

  test("tells by its health check whether it lives, at the port on which it listens", async () => {
    const { port } = portOf(name, config);
    const command = checkOf(service);
    expect(command.join(" ")).toContain(`'http://127.0.0.1:${port}/health/live'`);
    // The same check at a port of the test.
    const elsewhere = command.map((word) =>
      word.replace(`127.0.0.1:${port}`, "127.0.0.1:' + process.env.AT + '"),
    );
    await mustTellLifeFromDeath(elsewhere, "AT");
  });
});

const portAt = (host: string): string => {
  if (host === "api") return `${readConfig({}).port}`;
  const name = COMPANIONS.find((one) => one === host);
  return name === undefined ? `nobody is called ${host}` : `${portOf(name, readConfig({})).port}`;
};

test("the gateway alone of them is published, to this machine", () => {
  const published = COMPANIONS.filter((name) => services[name].ports !== undefined);
  expect(published).toEqual(["gateway"]);
  expect(services.gateway.ports).toEqual(["127.0.0.1:3000:3000"]);
});

test("the inventory joins the shop when there is one, and takes the tokens of its users", () => {
  for (const { environment } of [services.api, services.worker]) {
    const config = readConfig({ ...environment, ...production });
    expect(config).toMatchObject({ eurekaUrls: [REGISTRY], jwksUrl: KEYS, warnings: [] });
  }
  const alone = compose(SECRETS).services.api.environment;
  expect(readConfig({ ...alone, ...production })).toMatchObject({
    eurekaUrls: [],
    jwksUrl: undefined,
  });
  const others = {
    EUREKA_URL: "https://eureka.example.com",
    JWKS_URL: "https://id.example.com/keys",
  };
  expect(compose({ ...SHOP, ...others }).services.api.environment).toMatchObject(others);
});

test("no secret of the shop has a default, and without its own the registry does not start", async () => {
  const bare = compose(SECRETS).services;
  const secrets = ["REGISTRY_PASSWORD", "SERVICE_CLIENT_SECRET", "PAYMENT_SECRET", "EUREKA_URL"];
  const given = COMPANIONS.flatMap((name) =>
    secrets.map((one) => bare[name].environment[one] ?? ""),
  );
  expect(new Set(given)).toEqual(new Set([""]));
  const env = { ...bare.registry.environment, ...production };
  const { code, output } = await run(["bun", "src/main.ts", "start", "registry"], { env });
  expect([code, output]).toEqual([1, expect.stringContaining("REGISTRY_PASSWORD")]);
});
