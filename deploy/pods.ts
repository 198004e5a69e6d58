/** Pods of the one image: how they start, are looked after, and end. */
import type {
  Container,
  EnvVar,
  PodSecurityContext,
  PodSpec,
  Probe,
  SecurityContext,
  TopologySpreadConstraint,
} from "kubernetes-types/core/v1";
import type { VariableName } from "#config";
import {
  isAdvertised,
  NOTICE_SECONDS,
  secretsOf,
  TERMINATION_SECONDS,
  type Service,
} from "./services.ts";

export const NAMESPACE = "holdfast";
/** The config map and the secret that the pods read. */
export const CONFIG = "holdfast";
/** Replaced by the kustomization with a registry's name and a version. */
export const IMAGE = "holdfast";

/** `bun` in the image. */
const USER = 1_000;

export const labelsOf = (name: string): Record<string, string> => ({
  "app.kubernetes.io/name": name,
  "app.kubernetes.io/part-of": "holdfast",
});

/** Of a pod whose processes need no rights at all: what the profile `restricted` asks for. */
export const unprivileged = (user: number): PodSecurityContext => ({
  runAsNonRoot: true,
  runAsUser: user,
  runAsGroup: user,
  fsGroup: user,
  fsGroupChangePolicy: "OnRootMismatch",
  seccompProfile: { type: "RuntimeDefault" },
});

export const WITHOUT_RIGHTS: SecurityContext = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

/** A key that signed before is there only while it changes. */
const isOptional = (name: string): boolean => name.endsWith("_PREVIOUS");

export const fromSecret = (name: string): EnvVar => {
  const optional = isOptional(name) ? { optional: true } : {};
  return { name, valueFrom: { secretKeyRef: { name: CONFIG, key: name, ...optional } } };
};

/** One process of the image. */
export function containerOf(
  name: string,
  args: readonly string[],
  secrets: readonly VariableName[],
): Container {
  return {
    name,
    image: IMAGE,
    args: [...args],
    envFrom: [{ configMapRef: { name: CONFIG } }],
    env: secrets.map(fromSecret),
    securityContext: WITHOUT_RIGHTS,
    volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
  };
}

export const POD = {
  // Else the cluster would set REGISTRY_PORT, USERS_PORT and more to addresses, which are settings here.
  enableServiceLinks: false,
  automountServiceAccountToken: false,
  securityContext: unprivileged(USER),
  volumes: [{ name: "tmp", emptyDir: { sizeLimit: "64Mi" } }],
} satisfies Partial<PodSpec>;

const PORT_NAME = "http";

const ask = (path: string): Probe => ({ httpGet: { path, port: PORT_NAME } });
/** It waits for its servers, and a Redis reads a second for each million keys. */
const START_SECONDS_MAX = 300;
const LOOK_SECONDS = 2;

const PROBES = {
  startupProbe: {
    ...ask("/health/live"),
    periodSeconds: LOOK_SECONDS,
    failureThreshold: START_SECONDS_MAX / LOOK_SECONDS,
  },
  // Not readiness: a restart brings no Redis back.
  livenessProbe: { ...ask("/health/live"), periodSeconds: 10, timeoutSeconds: 5 },
  readinessProbe: {
    ...ask("/health/ready"),
    periodSeconds: 5,
    timeoutSeconds: 3,
    failureThreshold: 2,
  },
} satisfies Partial<Container>;

export function podOf(service: Service): PodSpec {
  const { name, args, port, size } = service;
  const { cpu, memory } = size;
  const container = containerOf(name, args, secretsOf(service));
  const env = [
    ...(container.env ?? []),
    ...(isAdvertised(service)
      ? [{ name: "ADVERTISE_HOST", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } }]
      : []),
  ];
  return {
    ...POD,
    terminationGracePeriodSeconds: TERMINATION_SECONDS,
    topologySpreadConstraints: ["kubernetes.io/hostname", "topology.kubernetes.io/zone"].map(
      (topologyKey) => spread(topologyKey, name),
    ),
    containers: [
      {
        ...container,
        env,
        ports: [{ name: PORT_NAME, containerPort: port }],
        ...PROBES,
        lifecycle: { preStop: { sleep: { seconds: NOTICE_SECONDS } } },
        resources: { requests: { cpu, memory }, limits: { memory } },
      },
    ],
  };
}

/** Not all of it on one machine, nor in one zone, where there are more. */
function spread(topologyKey: string, name: string): TopologySpreadConstraint {
  return {
    topologyKey,
    maxSkew: 1,
    whenUnsatisfiable: "ScheduleAnyway",
    labelSelector: { matchLabels: labelsOf(name) },
  };
}
