/**
 * The service registry, in the words of Eureka's REST operations: who serves what, and where. Both bases
 * are served, `/eureka/v2` as the server has it and `/eureka` as its clients of today have it, each with
 * and without a slash at the end. JSON alone.
 */
import { Hono } from "hono";
import { basicAuth } from "hono/basic-auth";
import {
  hashcodeOf,
  Registration,
  Status,
  told,
  vipAddressOf,
  type Held,
} from "#companions/registry/instance";
import { byApplication, type Leases } from "#companions/registry/leases";
import {
  createShell,
  jsonOf,
  Refused,
  type ShellContext,
  type ShellEnv,
} from "#companions/shell/app";
import { parsed } from "#companions/shell/parsed";
import type { Log } from "#lib/log";

export const BASES = ["/eureka/v2", "/eureka"] as const;

export interface RegistryOptions {
  readonly leases: Leases;
  readonly version: string;
  readonly log: Log;
  readonly isAway: (error: unknown) => boolean;
  /** Of HTTP's basic authentication, for everything but health; undefined: nobody is asked. */
  readonly password?: string | undefined;
}

/** The name that goes with the password. */
export const REGISTRY_USER = "registry";

export function createRegistryApp(options: RegistryOptions): Hono<ShellEnv> {
  const { leases, version, log, isAway, password } = options;
  const isReady = async (): Promise<null> => {
    await leases.look();
    return null;
  };
  const app = createShell({ name: "Service registry", version, log, isReady, isAway });
  app.get("/health", async (c) => {
    const services = byApplication(await leases.all()).map(([name]) => name);
    return c.json({ status: "UP", services });
  });
  for (const base of BASES) app.route(base, routesOf(leases, password));
  return app;
}

function routesOf(leases: Leases, password: string | undefined): Hono<ShellEnv> {
  const routes = new Hono<ShellEnv>();
  if (password !== undefined) {
    routes.use(basicAuth({ username: REGISTRY_USER, password, realm: "the service registry" }));
  }
  routes.get("/apps", async (c) => c.json(applicationsOf(await leases.all())));
  routes.get("/apps/delta", async (c) => {
    const changes = await leases.changes();
    const applications = byApplication(changes.map(({ lease }) => lease)).map(([name]) => ({
      name,
      instance: changes
        .filter(({ lease }) => lease.app === name)
        .map(({ lease, action }) => told(lease, action)),
    }));
    const hashcode = hashcodeOf(await leases.all());
    return c.json({ applications: applicationsWith(hashcode, applications) });
  });
  routes.get("/apps/:app", async (c) => {
    const name = appOf(c);
    const instances = (await leases.all()).filter(({ app }) => app === name);
    if (instances.length === 0) throw unknown(`application ${name}`);
    return c.json({ application: { name, instance: instances.map((held) => told(held)) } });
  });
  routes.post("/apps/:app", async (c) => {
    const { instance } = parsed(Registration, await jsonOf(c));
    await leases.register(appOf(c), instance);
    return c.body(null, 204);
  });
  const instancePath = "/apps/:app/:instanceId";
  routes.get(instancePath, async (c) => {
    const id = c.req.param("instanceId");
    const held = (await leases.all()).find(
      ({ app, instance }) => app === appOf(c) && instance.instanceId === id,
    );
    if (held === undefined) throw unknown(`instance ${id}`);
    return c.json({ instance: told(held) });
  });
  routes.put(instancePath, async (c) => {
    const id = c.req.param("instanceId");
    const dirtyAt = c.req.query("lastDirtyTimestamp");
    const isKnown = await leases.renew(
      appOf(c),
      id,
      dirtyAt === undefined ? null : Number(dirtyAt),
    );
    return done(c, isKnown);
  });
  routes.delete(instancePath, async (c) => {
    return done(c, await leases.cancel(appOf(c), c.req.param("instanceId")));
  });
  routes.put(`${instancePath}/status`, async (c) => {
    const overridden = parsed(Status, c.req.query("value"));
    const change = leases.change(appOf(c), c.req.param("instanceId"), (lease) => {
      return { ...lease, overridden };
    });
    return done(c, await change);
  });
  routes.delete(`${instancePath}/status`, async (c) => {
    const status = parsed(Status.optional(), c.req.query("value"));
    const change = leases.change(appOf(c), c.req.param("instanceId"), (lease) => ({
      ...lease,
      overridden: null,
      instance: { ...lease.instance, status: status ?? lease.instance.status },
    }));
    return done(c, await change);
  });
  routes.put(`${instancePath}/metadata`, async (c) => {
    const change = leases.change(appOf(c), c.req.param("instanceId"), (lease) => ({
      ...lease,
      instance: { ...lease.instance, metadata: { ...lease.instance.metadata, ...c.req.query() } },
    }));
    return done(c, await change);
  });
  routes.get("/instances/:instanceId", async (c) => {
    const id = c.req.param("instanceId");
    const held = (await leases.all()).find(({ instance }) => instance.instanceId === id);
    if (held === undefined) throw unknown(`instance ${id}`);
    return c.json({ instance: told(held) });
  });
  const byAddress = (isSecure: boolean) => async (c: ShellContext) => {
    const wanted = c.req.param("address") ?? "";
    const found = (await leases.all()).filter((held) =>
      addressesOf(held, isSecure).includes(wanted),
    );
    if (found.length === 0) throw unknown(`address ${wanted}`);
    return c.json(applicationsOf(found));
  };
  routes.get("/vips/:address", byAddress(false));
  routes.get("/svips/:address", byAddress(true));
  return routes;
}

const appOf = (c: ShellContext): string => (c.req.param("app") ?? "").toUpperCase();

/** One instance may be known under several, by comma. */
const addressesOf = (held: Held, isSecure: boolean): readonly string[] =>
  (isSecure ? (held.instance.secureVipAddress ?? "") : vipAddressOf(held)).split(",");

function applicationsOf(leases: readonly Held[]) {
  const applications = byApplication(leases).map(([name, instances]) => ({
    name,
    instance: instances.map((held) => told(held)),
  }));
  return { applications: applicationsWith(hashcodeOf(leases), applications) };
}

const applicationsWith = (hashcode: string, application: readonly unknown[]) => ({
  versions__delta: "1",
  apps__hashcode: hashcode,
  application,
});

function done(c: ShellContext, isKnown: boolean): Response {
  if (!isKnown) throw unknown(`instance ${c.req.param("instanceId") ?? ""} of ${appOf(c)}`);
  return c.body(null, 200);
}

const unknown = (what: string): Refused => new Refused(404, `there is no ${what}`);
