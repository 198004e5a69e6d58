/**
 * The service registry, in the words of Eureka's REST operations: who serves what, and where. Both bases
 * are served, `/eureka/v2` as the server has it and `/eureka` as its clients of today have it, each with
 * and without a slash at the end. JSON alone.
 */
import type { Hono } from "hono";
import { basicAuth } from "hono/basic-auth";
import { z } from "zod";
import {
  hashcodeOf,
  Registration,
  Status,
  told,
  vipAddressOf,
  type Held,
} from "#companions/registry/instance";
import { byApplication, type Leases } from "#companions/registry/leases";
import { createShell, Refused, type ShellContext, type ShellEnv } from "#companions/shell/app";
import { mount } from "#companions/shell/mount";
import {
  inBody,
  EVERYBODY,
  NOTHING,
  inQuery,
  route,
  type By,
  type ShellRoute,
} from "#companions/shell/route";
import type { Log } from "#lib/log";

export const BASES = ["/eureka/v2", "/eureka"] as const;

export interface RegistryOptions {
  readonly leases: Leases;
  readonly version: string;
  readonly log: Log;
  readonly isAway: (error: unknown) => boolean;
  /** Of HTTP's basic authentication, for everything but health; undefined: nobody is asked. */
  readonly password?: string | undefined;
  /** Whether its document is for everybody, or for who knows the password. */
  readonly docsPublic: boolean;
}

const TellingInstance = z
  .looseObject({
    instanceId: z.string(),
    hostName: z.string(),
    app: z.string(),
    status: Status,
    actionType: z.enum(["ADDED", "MODIFIED", "DELETED"]),
  })
  .meta({ id: "Instance" });
const Application = z
  .object({ name: z.string(), instance: z.array(TellingInstance) })
  .meta({ id: "Application" });
const Applications = z
  .object({
    applications: z.object({
      versions__delta: z.string(),
      apps__hashcode: z.string(),
      application: z.array(Application),
    }),
  })
  .meta({ id: "Applications" });
const Up = z.object({ status: z.literal("UP"), services: z.array(z.string()) });
const OneInstance = z.object({ instance: TellingInstance });
/** Clients send more than this. */
const Renewal = z.looseObject({ lastDirtyTimestamp: z.string().optional() });
const Overriding = z.looseObject({ value: Status });
const UNKNOWN = { 404: "There is none of this name." };

/** The name that goes with the password. */
export const REGISTRY_USER = "registry";

export function createRegistryApp(options: RegistryOptions): Hono<ShellEnv> {
  const { leases, version, log, isAway, password, docsPublic } = options;
  const isReady = async (): Promise<null> => {
    await leases.look();
    return null;
  };
  const name = "Service registry";
  const app = createShell({ name, version, log, isReady, isAway });
  const by = password === undefined ? EVERYBODY : byPassword(password);
  const health = route({
    method: "GET",
    path: "/health",
    summary: "Whether it serves, and which services it knows",
    by: EVERYBODY,
    takes: NOTHING,
    answers: { 200: Up },
    async handle(c) {
      const services = byApplication(await leases.all()).map(([known]) => known);
      return c.json({ status: "UP", services });
    },
  });
  const routes = BASES.flatMap((base) => [
    ...readsOf(base, leases, by),
    ...changesOf(base, leases, by),
  ]);
  mount(app, { name, version, routes: [health, ...routes], docsBy: docsPublic ? EVERYBODY : by });
  return app;
}

function byPassword(password: string): By<null> {
  const realm = "the service registry";
  const check = basicAuth({ username: REGISTRY_USER, password, realm });
  return {
    scheme: "basic",
    async admit(c) {
      // Throws where it is not the one.
      await check(c, () => Promise.resolve());
      return null;
    },
  };
}

function readsOf(base: string, leases: Leases, by: By<null>): readonly ShellRoute[] {
  const reading = { method: "GET", by, takes: NOTHING } as const;
  const byAddress = (word: string, isSecure: boolean): ShellRoute =>
    route({
      ...reading,
      path: `${base}/${word}/:address`,
      summary: `All instances of ${isSecure ? "a secure" : "a"} virtual address`,
      answers: { 200: Applications },
      refused: UNKNOWN,
      async handle(c) {
        const wanted = c.req.param("address") ?? "";
        const found = (await leases.all()).filter((held) =>
          addressesOf(held, isSecure).includes(wanted),
        );
        if (found.length === 0) throw unknown(`address ${wanted}`);
        return c.json(applicationsOf(found));
      },
    });
  return [
    route({
      ...reading,
      path: `${base}/apps`,
      summary: "All instances of all applications",
      answers: { 200: Applications },
      handle: async (c) => c.json(applicationsOf(await leases.all())),
    }),
    route({
      ...reading,
      path: `${base}/apps/delta`,
      summary: "What changed in the last minutes",
      answers: { 200: Applications },
      async handle(c) {
        const changes = await leases.changes();
        const applications = byApplication(changes.map(({ lease }) => lease)).map(([name]) => ({
          name,
          instance: changes
            .filter(({ lease }) => lease.app === name)
            .map(({ lease, action }) => told(lease, action)),
        }));
        const hashcode = hashcodeOf(await leases.all());
        return c.json({ applications: applicationsWith(hashcode, applications) });
      },
    }),
    route({
      ...reading,
      path: `${base}/apps/:app`,
      summary: "All instances of an application",
      answers: { 200: z.object({ application: Application }) },
      refused: UNKNOWN,
      async handle(c) {
        const name = appOf(c);
        const instances = (await leases.all()).filter(({ app }) => app === name);
        if (instances.length === 0) throw unknown(`application ${name}`);
        return c.json({ application: { name, instance: instances.map((held) => told(held)) } });
      },
    }),
    route({
      ...reading,
      path: `${base}/apps/:app/:instanceId`,
      summary: "An instance of an application",
      answers: { 200: OneInstance },
      refused: UNKNOWN,
      async handle(c) {
        const id = instanceIdOf(c);
        const held = (await leases.all()).find(
          ({ app, instance }) => app === appOf(c) && instance.instanceId === id,
        );
        if (held === undefined) throw unknown(`instance ${id}`);
        return c.json({ instance: told(held) });
      },
    }),
    route({
      ...reading,
      path: `${base}/instances/:instanceId`,
      summary: "An instance",
      answers: { 200: OneInstance },
      refused: UNKNOWN,
      async handle(c) {
        const id = instanceIdOf(c);
        const held = (await leases.all()).find(({ instance }) => instance.instanceId === id);
        if (held === undefined) throw unknown(`instance ${id}`);
        return c.json({ instance: told(held) });
      },
    }),
    byAddress("vips", false),
    byAddress("svips", true),
  ];
}

function changesOf(base: string, leases: Leases, by: By<null>): readonly ShellRoute[] {
  const path = `${base}/apps/:app/:instanceId`;
  const shared = { by, answers: { 200: null }, refused: UNKNOWN };
  return [
    route({
      method: "POST",
      path: `${base}/apps/:app`,
      summary: "Register an instance",
      by,
      takes: inBody(Registration),
      answers: { 204: null },
      async handle(c, { instance }) {
        await leases.register(appOf(c), instance);
        return c.body(null, 204);
      },
    }),
    route({
      ...shared,
      method: "PUT",
      path,
      summary: "Renew a lease",
      takes: inQuery(Renewal),
      async handle(c, { lastDirtyTimestamp: at }) {
        const dirtyAt = at === undefined ? null : Number(at);
        return done(c, await leases.renew(appOf(c), instanceIdOf(c), dirtyAt));
      },
    }),
    route({
      ...shared,
      method: "DELETE",
      path,
      summary: "End a lease",
      takes: NOTHING,
      handle: async (c) => done(c, await leases.cancel(appOf(c), instanceIdOf(c))),
    }),
    route({
      ...shared,
      method: "PUT",
      path: `${path}/status`,
      summary: "Say another status in the place of the instance's own",
      takes: inQuery(Overriding),
      async handle(c, { value: overridden }) {
        const change = leases.change(appOf(c), instanceIdOf(c), (lease) => {
          return { ...lease, overridden };
        });
        return done(c, await change);
      },
    }),
    route({
      ...shared,
      method: "DELETE",
      path: `${path}/status`,
      summary: "Leave the status to the instance again",
      takes: inQuery(Overriding.partial()),
      async handle(c, { value: status }) {
        const change = leases.change(appOf(c), instanceIdOf(c), (lease) => ({
          ...lease,
          overridden: null,
          instance: { ...lease.instance, status: status ?? lease.instance.status },
        }));
        return done(c, await change);
      },
    }),
    route({
      ...shared,
      method: "PUT",
      path: `${path}/metadata`,
      summary: "Say more of an instance, by whatever stands in the query",
      takes: inQuery(z.record(z.string(), z.string())),
      async handle(c, more) {
        const change = leases.change(appOf(c), instanceIdOf(c), (lease) => ({
          ...lease,
          instance: { ...lease.instance, metadata: { ...lease.instance.metadata, ...more } },
        }));
        return done(c, await change);
      },
    }),
  ];
}

const instanceIdOf = (c: ShellContext): string => c.req.param("instanceId") ?? "";
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
  if (!isKnown) throw unknown(`instance ${instanceIdOf(c)} of ${appOf(c)}`);
  return c.body(null, 200);
}

const unknown = (what: string): Refused => new Refused(404, `there is no ${what}`);
