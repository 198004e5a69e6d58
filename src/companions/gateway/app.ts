/** The gateway: one door to all services, and a page of who is behind it. */
import type { Hono } from "hono";
import { z } from "zod";
import { gatewayDocs } from "#companions/gateway/docs";
import { createForward, type Forward } from "#companions/gateway/forward";
import type { Instances } from "#companions/gateway/instances";
import { PAGE, SCRIPT, STYLE } from "#companions/gateway/page";
import { READS, serviceOf } from "#companions/gateway/services";
import { Refused, createShell, type ShellContext, type ShellEnv } from "#companions/shell/app";
import { byRole, EVERYBODY, NOTHING, route, type ShellRoute } from "#companions/shell/route";
import type { Demand } from "#companions/shell/caller";
import { mount } from "#companions/shell/mount";
import type { Log } from "#lib/log";

export interface GatewayOptions {
  readonly instances: Instances;
  /** Asked before each change but those of sign-in. */
  readonly demand: Demand;
  readonly version: string;
  readonly log: Log;
  readonly addressOf: (c: ShellContext) => string;
  /** Bases of registries, whose document is shown with the others. */
  readonly registries: readonly string[];
  /** Whether documents are for everybody, or for admins. */
  readonly docsPublic: boolean;
  /** Default: one of its own. */
  readonly forward?: Forward;
}

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'";

export function createGatewayApp(options: GatewayOptions): Hono<ShellEnv> {
  const { instances, demand, version, log, addressOf, registries, docsPublic } = options;
  const { forward = createForward({ instances }) } = options;
  const name = "Gateway";
  const shell = createShell({
    name,
    version,
    log,
    isReady: () => Promise.resolve(null),
    isAway: () => false,
    // Each service has a limit of its own; what is long goes on as it comes.
    bodyBytesMax: null,
  });
  const docsBy = docsPublic ? EVERYBODY : byRole(demand, ["admin"]);
  mount(shell, {
    name,
    version,
    routes: registryPage(instances),
    docsBy,
    docsPage: gatewayDocs({ forward, registries, addressOf, by: docsBy }),
  });
  shell.all("*", async (c) => {
    const service = serviceOf(c.req.path);
    if (service === null) throw new Refused(404, `there is no ${c.req.method} ${c.req.path}`);
    const isSignIn = service.key === "users";
    if (!READS.has(c.req.method) && !isSignIn) await demand(c, ["admin", "service", "customer"]);
    return await forward({
      request: c.req.raw,
      service,
      requestId: c.get("requestId"),
      address: addressOf(c),
    });
  });
  return shell;
}

const Place = z.object({
  instanceId: z.string(),
  url: z.string(),
  status: z.string(),
  renewedAt: z.number().nullable(),
});

/** A page of every instance that the registry knows of, live. */
function registryPage(instances: Instances): readonly ShellRoute[] {
  const shared = { method: "GET", by: EVERYBODY, takes: NOTHING, isAlone: true } as const;
  const text = (mediaType: string) => ({ 200: z.string().meta({ contentMediaType: mediaType }) });
  const page = (path: string, summary: string): ShellRoute =>
    route({
      ...shared,
      path,
      summary,
      answers: text("text/html"),
      handle(c) {
        c.header("content-security-policy", POLICY);
        return c.html(PAGE);
      },
    });
  return [
    page("/registry", "A page of every instance and its state"),
    page("/", "The same: whoever types the address of the door wants to see who is there"),
    route({
      ...shared,
      path: "/registry/page.js",
      summary: "Keeps the page live",
      answers: text("text/javascript"),
      handle: (c) => c.body(SCRIPT, 200, { "content-type": "text/javascript" }),
    }),
    route({
      ...shared,
      path: "/registry/page.css",
      summary: "How the page looks",
      answers: text("text/css"),
      handle: (c) => c.body(STYLE, 200, { "content-type": "text/css" }),
    }),
    route({
      ...shared,
      path: "/registry/instances",
      summary: "Every instance that the registry knows of",
      notes: "`isHeard` says whether it answered last; null: there is no registry.",
      answers: {
        200: z.object({
          isHeard: z.boolean().nullable(),
          services: z.array(z.object({ name: z.string(), instances: z.array(Place) })),
        }),
      },
      handle(c) {
        const known = instances.known();
        const services = Array.from(known ?? [], ([name, places]) => ({ name, instances: places }));
        return c.json({ isHeard: instances.isHeard(), services });
      },
    }),
  ];
}
