/** The gateway: one door to all services, and a page of who is behind it. */
import type { Hono } from "hono";
import { createForward, type Forward } from "#companions/gateway/forward";
import type { Instances } from "#companions/gateway/instances";
import { PAGE, SCRIPT, STYLE } from "#companions/gateway/page";
import { serviceOf } from "#companions/gateway/services";
import { Refused, createShell, type ShellContext, type ShellEnv } from "#companions/shell/app";
import type { Demand } from "#companions/shell/caller";
import type { Log } from "#lib/log";

export interface GatewayOptions {
  readonly instances: Instances;
  /** Asked before each change but those of sign-in. */
  readonly demand: Demand;
  readonly version: string;
  readonly log: Log;
  readonly addressOf: (c: ShellContext) => string;
  /** Default: one of its own. */
  readonly forward?: Forward;
}

const READS = new Set(["GET", "HEAD", "OPTIONS"]);
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'";

export function createGatewayApp(options: GatewayOptions): Hono<ShellEnv> {
  const { instances, demand, version, log, addressOf } = options;
  const { forward = createForward({ instances }) } = options;
  const shell = createShell({
    name: "Gateway",
    version,
    log,
    isReady: () => Promise.resolve(null),
    isAway: () => false,
    // Each service has a limit of its own; what is long goes on as it comes.
    bodyBytesMax: null,
  });
  shell.get("/registry", (c) => {
    c.header("content-security-policy", POLICY);
    return c.html(PAGE);
  });
  shell.get("/registry/page.js", (c) => c.body(SCRIPT, 200, { "content-type": "text/javascript" }));
  shell.get("/registry/page.css", (c) => c.body(STYLE, 200, { "content-type": "text/css" }));
  shell.get("/registry/instances", (c) => {
    const known = instances.known();
    const services = Array.from(known ?? [], ([name, places]) => ({ name, instances: places }));
    return c.json({ isHeard: instances.isHeard(), services });
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
