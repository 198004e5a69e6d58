/** A small Eureka registry: what contract C and the npm client `eureka-js-client` ask of one. */
import { z } from "zod";

const LEASE_MS = 90_000;

const Instance = z.looseObject({
  instanceId: z.string().min(1),
  hostName: z.string().min(1),
  port: z.union([z.int(), z.object({ $: z.int(), "@enabled": z.enum(["true", "false"]) })]),
  status: z.string().default("UP"),
});
export type RegisteredInstance = z.output<typeof Instance>;

const Registration = z.object({ instance: Instance });

export interface RegistryCall {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly authorization: string | null;
}

export interface EurekaRegistryOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Paths that it knows. Default: both. */
  readonly bases?: readonly ("/eureka/v2" | "/eureka")[];
  /** In milliseconds. Default: the clock of the machine. */
  readonly now?: () => number;
}

export interface EurekaRegistry extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** All that it was asked, in order. */
  readonly calls: readonly RegistryCall[];
  /** Calls so far that were answered so. */
  count(method: string, status: number): number;
  /** Of an application whose lease has not ended. */
  instances(app: string): readonly RegisteredInstance[];
  /** As after a restart of a registry that keeps nothing. */
  forget(): void;
  /** From now on every call is answered with this status, and changes nothing; null ends it. */
  refuse(status: number | null): void;
}

interface Lease {
  readonly instance: RegisteredInstance;
  endsAt: number;
}

export function startEurekaRegistry(options: EurekaRegistryOptions = {}): EurekaRegistry {
  const { port = 0, bases = ["/eureka/v2", "/eureka"], now = Date.now } = options;
  const apps = new Map<string, Map<string, Lease>>();
  const calls: RegistryCall[] = [];
  let refusal: number | null = null;

  const instances = (app: string): RegisteredInstance[] =>
    [...(apps.get(app.toUpperCase())?.values() ?? [])]
      .filter(({ endsAt }) => endsAt > now())
      .map(({ instance }) => instance);

  const application = (name: string) => {
    return { name, instance: instances(name) };
  };

  const register = async (request: Request, app: string): Promise<Response> => {
    const text = await request.text();
    const { data } = Registration.safeParse(text === "" ? null : JSON.parse(text));
    if (!data) return new Response("an instance is missing", { status: 400 });
    const leases = apps.get(app) ?? new Map<string, Lease>();
    apps.set(app, leases);
    leases.set(data.instance.instanceId, { instance: data.instance, endsAt: now() + LEASE_MS });
    return new Response(null, { status: 204 });
  };

  const change = (method: string, app: string, id: string): Response => {
    const leases = apps.get(app);
    const lease = leases?.get(id);
    if (!lease || lease.endsAt <= now()) return new Response(null, { status: 404 });
    if (method === "PUT") lease.endsAt = now() + LEASE_MS;
    else leases?.delete(id);
    return new Response(null, { status: 200 });
  };

  const answer = (request: Request, segments: readonly string[]): Promise<Response> | Response => {
    const [name = "", id] = segments;
    const app = name.toUpperCase();
    const asked = `${request.method} ${segments.length}`;
    if (asked === "POST 1") return register(request, app);
    if (id !== undefined && /^(?:PUT|DELETE) 2$/.test(asked))
      return change(request.method, app, id);
    if (asked === "GET 0") {
      const known = [...apps.keys()].filter((key) => instances(key).length > 0);
      return Response.json({ applications: { application: known.map(application) } });
    }
    if (asked === "GET 1" && instances(app).length > 0) {
      return Response.json({ application: application(app) });
    }
    return new Response(null, { status: 404 });
  };

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port,
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      const base = bases.find((known) => `${pathname}/`.startsWith(`${known}/apps/`));
      const rest = pathname.slice(`${base}/apps`.length);
      const segments = rest.split("/").filter(Boolean).map(decodeURIComponent);
      const response =
        refusal !== null || base === undefined
          ? new Response(null, { status: refusal ?? 404 })
          : await answer(request, segments);
      const authorization = request.headers.get("authorization");
      const { method } = request;
      calls.push({ method, path: pathname, status: response.status, authorization });
      return response;
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    port: server.port ?? 0,
    calls,
    count: (method, status) =>
      calls.filter((call) => call.method === method && call.status === status).length,
    instances,
    forget: () => apps.clear(),
    refuse: (status) => void (refusal = status),
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

export interface SilentServer extends Disposable {
  readonly url: string;
  /** Connections that were made to it so far. */
  connections(): number;
}

/** Takes every connection and never says a word. */
export function startSilentServer(): SilentServer {
  let connections = 0;
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: () => void (connections += 1),
      data: () => {},
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    connections: () => connections,
    [Symbol.dispose]: () => server.stop(true),
  };
}
