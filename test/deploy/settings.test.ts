/** What the pods are given: settings that the services know, every secret from the one secret, and ways to each other. */
import { describe, expect, test } from "bun:test";
import type { NetworkPolicyPeer, NetworkPolicyPort } from "kubernetes-types/networking/v1";
import { isCompanion, SETTINGS_OF } from "#compose/companion-settings";
import { ConfigError, readConfigFor, VARIABLES, type Variable } from "#config";
import { OF_MIGRATE, SERVICES } from "#deploy/services";
import { hostOf } from "#test/containers";
import { all, environmentOf, given, SECRETS, workload, workloads } from "#test/cluster";

const known = new Map(VARIABLES.map((variable: Variable) => [variable.name, variable]));
const own = [...SERVICES.map(({ name }) => name), "migrate"];

/** The configuration as the service of that name would read it. */
const configOf = (name: string, env: Record<string, string>) =>
  isCompanion(name) ? readConfigFor({ only: SETTINGS_OF[name] }, env) : readConfigFor({}, env);

describe.each(own)("the pod of %s", (name) => {
  const { container, pod } = workload(name);
  const env = environmentOf(container);

  test("is given settings that there are, and takes them in production", () => {
    expect(Object.keys(env).filter((variable) => !known.has(variable))).toEqual([]);
    expect(configOf(name, env)).toMatchObject({ production: true, host: "0.0.0.0", warnings: [] });
  });

  test("has its secrets from the secret, each one that it reads and no other", () => {
    const found = (container.env ?? []).flatMap(({ name: variable, valueFrom }) =>
      valueFrom?.secretKeyRef === undefined ? [] : [{ variable, key: valueFrom.secretKeyRef.key }],
    );
    expect(found.filter(({ variable, key }) => variable !== key)).toEqual([]);
    expect(found.filter(({ variable }) => known.get(variable)?.secret !== true)).toEqual([]);
    expect(found.length).toBeGreaterThan(0);
    if (!isCompanion(name)) return;
    const reads = SETTINGS_OF[name].filter((variable) => known.get(variable)?.secret === true);
    // A registry is in none.
    const needs = reads.filter((variable) => name !== "registry" || variable !== "EUREKA_URL");
    expect(found.map(({ variable }) => variable).toSorted()).toEqual(needs.toSorted());
  });

  test("does not start without what production requires", () => {
    const required = ["REDIS_URL", "DATABASE_URL", "REGISTRY_PASSWORD"].filter(
      (variable) => variable in env,
    );
    for (const variable of required) {
      const { [variable]: _, ...without } = env;
      expect(() => configOf(name, without)).toThrow(ConfigError);
    }
    if (!isCompanion(name)) {
      const { JWT_SECRET: _secret, JWKS_URL: _url, ...without } = env;
      expect(() => configOf(name, without)).toThrow("JWT_SECRET");
    }
  });

  test("has time to end by itself", () => {
    const notice = container.lifecycle?.preStop?.sleep?.seconds ?? 0;
    const { shutdownGraceMs } = configOf(name, env);
    expect(notice > 0).toBe(name !== "migrate");
    expect(given(pod.terminationGracePeriodSeconds) * 1_000).toBeGreaterThan(
      notice * 1_000 + shutdownGraceMs,
    );
  });

  test("may reach whoever its settings name, and is let in there", () => {
    const read = new Set<string>(SERVICES.find((one) => one.name === name)?.settings ?? OF_MIGRATE);
    const called = Object.entries(env).filter(
      ([variable, value]) => read.has(variable) && /^\w+:\/\//.test(value),
    );
    expect(called.length).toBeGreaterThan(0);
    // Where one is not given, its default names the pod itself.
    const urls = [...read].filter((variable) => variable.endsWith("_URL"));
    expect(called.map(([variable]) => variable).toSorted()).toEqual(urls.toSorted());
    for (const [variable, value] of called) {
      const { hostname, port } = new URL(value);
      expect([variable, hostname]).toEqual([variable, hostOf(variable)]);
      const address = all("Service").find(({ metadata }) => metadata?.name === hostname);
      expect([variable, address?.spec?.ports?.[0]?.port]).toEqual([variable, Number(port)]);
      expect([variable, letsOut(name, hostname, Number(port))]).toEqual([variable, true]);
      expect([variable, letsIn(hostname, name, Number(port))]).toEqual([variable, true]);
    }
  });
});

test("the gateway may reach all services, where the registry says that they are", () => {
  for (const { name, port } of SERVICES.filter(
    (one) => one.name !== "gateway" && one.name !== "worker",
  )) {
    expect([name, letsOut("gateway", name, port), letsIn(name, "gateway", port)]).toEqual([
      name,
      true,
      true,
    ]);
  }
  expect(letsIn("worker", "gateway", 3013)).toBe(false);
  expect(letsIn("postgres", "gateway", 5432)).toBe(false);
});

test("nobody speaks to anybody but for what is said, and all may ask for names", () => {
  const everybody = all("NetworkPolicy").filter(
    ({ spec }) => Object.keys(given(spec?.podSelector)).length === 0,
  );
  const [denied, names] = everybody;
  expect(denied?.spec).toEqual({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
  expect(names?.spec?.egress?.[0]?.ports?.map(({ port }) => port)).toEqual([53, 53]);
  expect(all("NetworkPolicy")).toHaveLength(everybody.length + workloads.length);
});

test("the ingress leads to the gateway, under one name with TLS", () => {
  const [ingress, ...others] = all("Ingress");
  expect(others).toEqual([]);
  const { rules = [], tls = [] } = given(ingress?.spec);
  const backends = rules.flatMap(({ http }) =>
    given(http).paths.map(({ backend }) => backend.service),
  );
  expect(backends).toEqual([{ name: "gateway", port: { name: "http" } }]);
  expect(tls.flatMap(({ hosts = [] }) => hosts)).toEqual(rules.map(({ host }) => given(host)));
});

test("the template of the secret has every key that some pod reads, no other, and no value", () => {
  const [template] = all("Secret");
  const read = workloads.flatMap(({ container }) =>
    (container.env ?? []).flatMap(({ valueFrom }) => valueFrom?.secretKeyRef?.key ?? []),
  );
  const { stringData = {}, data } = given(template);
  expect(Object.keys(stringData).toSorted()).toEqual([...new Set(read)].toSorted());
  const optional = workloads.flatMap(({ container }) =>
    (container.env ?? []).flatMap(({ name, valueFrom }) =>
      valueFrom?.secretKeyRef?.optional === true ? name : [],
    ),
  );
  // Without them a key cannot be changed while everybody works.
  expect([...new Set(optional)].toSorted()).toEqual([
    "JWT_SECRET_PREVIOUS",
    "PAYMENT_SECRET_PREVIOUS",
  ]);
  expect([...Object.keys(SECRETS), ...new Set(optional)].toSorted()).toEqual(
    Object.keys(stringData).toSorted(),
  );
  expect([new Set(Object.values(stringData)), data]).toEqual([new Set([""]), undefined]);
  const configured = all("ConfigMap").flatMap(({ data: settings }) => Object.keys(given(settings)));
  expect(configured.filter((name) => known.get(name)?.secret === true)).toEqual([]);
});

const policyOf = (name: string) =>
  given(all("NetworkPolicy").find(({ metadata }) => metadata?.name === name)?.spec);

const names = (peers: readonly NetworkPolicyPeer[] | undefined, name: string): boolean =>
  peers === undefined ||
  peers.some(({ podSelector }) => {
    const { labels } = workload(name);
    const wanted = Object.entries(podSelector?.matchLabels ?? {});
    return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
  });
const has = (ports: readonly NetworkPolicyPort[] | undefined, port: number): boolean =>
  given(ports).some((one) => one.port === port);

function letsOut(from: string, to: string, port: number): boolean {
  return given(policyOf(from).egress).some((rule) => names(rule.to, to) && has(rule.ports, port));
}

function letsIn(to: string, from: string, port: number): boolean {
  return given(policyOf(to).ingress).some(
    (rule) => names(rule.from, from) && has(rule.ports, port),
  );
}
