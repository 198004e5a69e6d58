/** What a registry is told of a process: one instance of the inventory service, or of one beside it. */
import { isIP } from "node:net";
import { hostname, networkInterfaces } from "node:os";

/** The name under which the inventory is known; Eureka keeps names in capitals. */
export const SERVICE = "INVENTORY-SERVICE";

/** Addresses to listen on that nobody can be sent to. */
const ANY_ADDRESS = new Set(["0.0.0.0", "::", "::0", "[::]"]);

/** How long a registry keeps an instance that is not heard of: three renewals. */
const LEASE_SECONDS = 90;

/** Where others reach this process. */
export type Place = Readonly<{ host: string; port: number }>;

export type PlaceOptions = Readonly<{
  /** ADVERTISE_HOST and ADVERTISE_PORT, where they are set. */
  advertiseHost: string | undefined;
  advertisePort: number | undefined;
  /** What the listener listens on. */
  host: string;
  port: number;
}>;

/** What was configured; else the address listened on, or the machine's name when that is any. */
export function placeOf(options: PlaceOptions): Place {
  const { advertiseHost, advertisePort, host, port } = options;
  const own = ANY_ADDRESS.has(host) ? hostname() : host;
  return { host: advertiseHost ?? own, port: advertisePort ?? port };
}

/** `<host>:inventory-service:<port>`, by which a registry knows this process. */
export function instanceIdOf({ host, port }: Place, service = SERVICE): string {
  return `${host}:${service.toLowerCase()}:${port}`;
}

/** The instance in Eureka's words, as its server demands them at a registration. */
export function instanceOf(place: Place, renewEverySeconds: number, service = SERVICE) {
  const { host, port } = place;
  const base = `http://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  return {
    instanceId: instanceIdOf(place, service),
    hostName: host,
    app: service,
    ipAddr: isIP(host) === 0 ? machineAddress() : host,
    vipAddress: service.toLowerCase(),
    status: "UP",
    port: { $: port, "@enabled": "true" },
    dataCenterInfo: {
      "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo",
      name: "MyOwn",
    },
    leaseInfo: { renewalIntervalInSecs: renewEverySeconds, durationInSecs: LEASE_SECONDS },
    homePageUrl: `${base}/`,
    statusPageUrl: `${base}/info`,
    healthCheckUrl: `${base}/health/ready`,
  };
}

/** The first IPv4 address that other machines may reach; a machine alone has its loopback. */
function machineAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((known) => known ?? []);
  const outer = addresses.find(({ family, internal }) => family === "IPv4" && !internal);
  return outer?.address ?? "127.0.0.1";
}
