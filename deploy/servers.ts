/**
 * A Redis and a PostgreSQL of one pod each, for who has none elsewhere. They run as those of
 * docker-compose.yml do: commands, checks and times of their end are read there.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";
import type { StatefulSet } from "kubernetes-types/apps/v1";
import type {
  ConfigMap,
  Container,
  EnvVar,
  Probe,
  Service,
  Volume,
  VolumeMount,
} from "kubernetes-types/core/v1";
import type { NetworkPolicy } from "kubernetes-types/networking/v1";
import { policyOf, PORTS_OF_SERVERS } from "./network.ts";
import { fromSecret, labelsOf, NAMESPACE, unprivileged, WITHOUT_RIGHTS } from "./pods.ts";
import { SERVICES } from "./services.ts";

const Composed = z.object({
  image: z.string(),
  entrypoint: z.array(z.string()).optional(),
  command: z.array(z.string()),
  healthcheck: z.object({ test: z.tuple([z.literal("CMD")], z.string()) }),
  stop_grace_period: z.string().regex(/^\d+s$/),
});
const File = z.object({ services: z.object({ redis: Composed, postgres: Composed }) });

const textOf = (path: string): string =>
  readFileSync(new URL(`../${path}`, import.meta.url), "utf8");

/** Of the images. */
const USER = 999;
const MEND = "src/embedded/mend-append-only-file.sh";
const MEND_NAME = "mend-append-only-file.sh";

/** Every process of the shop may have as many connections as it opens, and some are left for people. */
const CONNECTIONS_MAX = 400;

interface Server {
  readonly name: "redis" | "postgres";
  readonly port: number;
  readonly settings: z.infer<typeof Composed>;
  readonly env: readonly EnvVar[];
  /** Beside those of compose. */
  readonly more: readonly string[];
  readonly mounts: readonly VolumeMount[];
  readonly volumes: readonly Volume[];
  readonly resources: NonNullable<Container["resources"]>;
  readonly storage: string;
}

export function serversOf(): readonly (ConfigMap | NetworkPolicy | Service | StatefulSet)[] {
  const { services } = File.parse(Bun.YAML.parse(textOf("docker-compose.yml")));
  const memory = (sizeLimit: string) => ({ emptyDir: { medium: "Memory", sizeLimit } });
  const redis: Server = {
    name: "redis",
    port: PORTS_OF_SERVERS.REDIS_URL,
    settings: services.redis,
    env: [fromSecret("REDIS_PASSWORD"), { name: "REDISCLI_AUTH", value: "$(REDIS_PASSWORD)" }],
    // Well below its limit: it then refuses changes, instead of being killed, also while it writes
    // its file anew, for which pages that change meanwhile are there twice.
    more: ["--maxmemory", "5gb"],
    mounts: [
      { name: "data", mountPath: "/data" },
      { name: "mend", mountPath: `/usr/local/bin/${MEND_NAME}`, subPath: MEND_NAME },
    ],
    volumes: [{ name: "mend", configMap: { name: "redis-mend" } }],
    resources: { requests: { cpu: "1", memory: "2Gi" }, limits: { memory: "8Gi" } },
    storage: "50Gi",
  };
  const database: Server = {
    name: "postgres",
    port: PORTS_OF_SERVERS.DATABASE_URL,
    settings: services.postgres,
    env: [
      { name: "POSTGRES_USER", value: "holdfast" },
      { name: "POSTGRES_DB", value: "holdfast" },
      fromSecret("POSTGRES_PASSWORD"),
    ],
    more: [`--max_connections=${CONNECTIONS_MAX}`],
    mounts: [
      { name: "data", mountPath: "/var/lib/postgresql" },
      { name: "socket", mountPath: "/var/run/postgresql" },
      { name: "shared", mountPath: "/dev/shm" },
    ],
    volumes: [
      { name: "socket", emptyDir: { sizeLimit: "1Mi" } },
      { name: "shared", ...memory("256Mi") },
    ],
    resources: { requests: { cpu: "1", memory: "2Gi" }, limits: { memory: "4Gi" } },
    storage: "100Gi",
  };
  const mend: ConfigMap = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: metadata("redis-mend"),
    data: { [MEND_NAME]: textOf(MEND) },
  };
  return [
    mend,
    ...[redis, database].flatMap((server) => [set(server), address(server), policy(server)]),
  ];
}

const metadata = (name: string) => ({ name, namespace: NAMESPACE, labels: labelsOf(name) });

/** `${NAME:?…}` as a container has it, whose environment has the secret of that name. */
const expanded = (text: string): string => text.replaceAll(/\$\{(\w+)(?::[^}]*)?\}/g, "$($1)");

function set(server: Server): StatefulSet {
  const { name, port, settings, env, more, mounts, volumes, resources, storage } = server;
  const { image, entrypoint, command, healthcheck, stop_grace_period: grace } = settings;
  const [, ...check] = healthcheck.test;
  const probe: Probe = { exec: { command: check }, periodSeconds: 5, timeoutSeconds: 3 };
  const container: Container = {
    name,
    image,
    ...(entrypoint === undefined ? {} : { command: entrypoint }),
    args: [...command.map(expanded), ...more],
    env: [...env],
    ports: [{ name, containerPort: port }],
    // Loading a large append-only file, or going through the log after a crash.
    startupProbe: { ...probe, failureThreshold: 360 },
    readinessProbe: probe,
    // It is killed only when it has been silent for long: what it does may take as long.
    livenessProbe: { ...probe, failureThreshold: 12 },
    resources,
    securityContext: WITHOUT_RIGHTS,
    volumeMounts: [...mounts, { name: "tmp", mountPath: "/tmp" }],
  };
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: metadata(name),
    spec: {
      serviceName: name,
      replicas: 1,
      selector: { matchLabels: labelsOf(name) },
      template: {
        metadata: { labels: labelsOf(name) },
        spec: {
          enableServiceLinks: false,
          automountServiceAccountToken: false,
          securityContext: unprivileged(USER),
          terminationGracePeriodSeconds: Number.parseInt(grace, 10),
          containers: [container],
          volumes: [...volumes, { name: "tmp", emptyDir: { sizeLimit: "64Mi" } }],
        },
      },
      volumeClaimTemplates: [
        {
          metadata: { name: "data" },
          spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage } } },
        },
      ],
    },
  };
}

function address({ name, port }: Server): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadata(name),
    spec: { selector: labelsOf(name), ports: [{ name, port, targetPort: name }] },
  };
}

const VARIABLE = { redis: "REDIS_URL", postgres: "DATABASE_URL" } as const;

function policy({ name, port }: Server): NetworkPolicy {
  const callers = SERVICES.filter(({ settings }) => settings.includes(VARIABLE[name]));
  const from = [...callers.map((one) => one.name), "migrate"].map((one) => ({
    podSelector: { matchLabels: labelsOf(one) },
  }));
  return policyOf(name, { ingress: [{ from, ports: [{ protocol: "TCP", port }] }], egress: [] });
}
