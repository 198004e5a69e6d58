/** Every object of the cluster, by the file that it stands in. */
import type { Deployment, StatefulSet } from "kubernetes-types/apps/v1";
import type { HorizontalPodAutoscaler, MetricSpec } from "kubernetes-types/autoscaling/v2";
import type { Job } from "kubernetes-types/batch/v1";
import type {
  ConfigMap,
  Namespace,
  Secret,
  Service as ClusterService,
} from "kubernetes-types/core/v1";
import type { Ingress, NetworkPolicy } from "kubernetes-types/networking/v1";
import type { PodDisruptionBudget } from "kubernetes-types/policy/v1";
import { FILE_BODY_BYTES_MAX } from "#http/middleware/body-limit";
import { version } from "#package.json";
import { REQUESTS_METRIC } from "./monitoring.ts";
import { DENIED, policyOf, policyOfService, toServers } from "./network.ts";
import { CONFIG, containerOf, IMAGE, labelsOf, NAMESPACE, POD, podOf } from "./pods.ts";
import {
  OF_MIGRATE,
  secretsOf,
  SERVER_SECRETS,
  SERVICES,
  SETTINGS,
  TERMINATION_SECONDS,
  type Service,
} from "./services.ts";
import { serversOf } from "./servers.ts";

export type Manifest =
  | ClusterService
  | ConfigMap
  | Deployment
  | HorizontalPodAutoscaler
  | Ingress
  | Job
  | Kustomization
  | Namespace
  | NetworkPolicy
  | PodDisruptionBudget
  | Secret
  | StatefulSet;

/** No type of Kubernetes' own: a list of files for `kubectl apply -k`. */
export interface Kustomization {
  readonly apiVersion: "kustomize.config.k8s.io/v1beta1";
  readonly kind: "Kustomization";
  readonly resources: readonly string[];
  readonly images?: readonly {
    readonly name: string;
    readonly newName: string;
    readonly newTag: string;
  }[];
}

/** Where the pipeline pushes the image; a kustomization of yours names another. */
export const IMAGE_NAME = "registry.example.com/holdfast";
const HOST = "shop.example.com";

const metadata = (name: string) => ({ name, namespace: NAMESPACE, labels: labelsOf(name) });

/** `folder/file.yaml`, below `deploy/kubernetes` → its objects. */
export function manifests(): ReadonlyMap<string, readonly Manifest[]> {
  const services = SERVICES.map((service) => [`${service.name}.yaml`, filesOf(service)] as const);
  const all: readonly (readonly [string, readonly Manifest[]])[] = [
    ["namespace.yaml", [namespace()]],
    ["config.yaml", [config()]],
    ["network.yaml", DENIED],
    ...services,
    ["ingress.yaml", [ingress()]],
    ["migrate.yaml", [job(), policyOf("migrate", { ingress: [], egress: toServers(OF_MIGRATE) })]],
  ];
  return new Map<string, readonly Manifest[]>([
    ...all,
    ["kustomization.yaml", [kustomization(all.map(([path]) => path))]],
    ["secret.template.yaml", [secret()]],
    ["servers/servers.yaml", serversOf()],
    ["servers/kustomization.yaml", [kustomization(["servers.yaml"], {})]],
  ]);
}

function filesOf(service: Service): readonly Manifest[] {
  const { size } = service;
  return [
    deployment(service),
    address(service),
    budget(service),
    ...(size.replicasMax > size.replicasMin ? [autoscaler(service)] : []),
    policyOfService(service),
  ];
}

function deployment(service: Service): Deployment {
  const { name, size } = service;
  const isScaled = size.replicasMax > size.replicasMin;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: metadata(name),
    spec: {
      // Of what is scaled the autoscaler says how many: a number here would undo it.
      ...(isScaled ? {} : { replicas: size.replicasMin }),
      selector: { matchLabels: labelsOf(name) },
      // One more before one less: as many serve as before, at any moment.
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      minReadySeconds: 5,
      revisionHistoryLimit: 5,
      template: { metadata: { labels: labelsOf(name) }, spec: podOf(service) },
    },
  };
}

function address({ name, port }: Service): ClusterService {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadata(name),
    spec: { selector: labelsOf(name), ports: [{ name: "http", port, targetPort: "http" }] },
  };
}

function budget({ name }: Service): PodDisruptionBudget {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: metadata(name),
    spec: { maxUnavailable: 1, selector: { matchLabels: labelsOf(name) } },
  };
}

/** Of the processor time that is kept for a process. */
const BUSY_PERCENT = 60;
/** A rush ends as quickly as it came: who was started for it stays this long. */
const CALM_SECONDS = 300;

function autoscaler({ name, size }: Service): HorizontalPodAutoscaler {
  const { replicasMin, replicasMax, requestsPerSecond } = size;
  const busy: MetricSpec = {
    type: "Resource",
    resource: { name: "cpu", target: { type: "Utilization", averageUtilization: BUSY_PERCENT } },
  };
  const asked: readonly MetricSpec[] =
    requestsPerSecond === undefined
      ? []
      : [
          {
            type: "Pods",
            pods: {
              metric: { name: REQUESTS_METRIC },
              target: { type: "AverageValue", averageValue: `${requestsPerSecond}` },
            },
          },
        ];
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: metadata(name),
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
      minReplicas: replicasMin,
      maxReplicas: replicasMax,
      metrics: [...asked, busy],
      behavior: {
        scaleUp: { policies: [{ type: "Percent", value: 100, periodSeconds: 15 }] },
        scaleDown: {
          stabilizationWindowSeconds: CALM_SECONDS,
          policies: [{ type: "Pods", value: 1, periodSeconds: 60 }],
        },
      },
    },
  };
}

function namespace(): Namespace {
  const enforced = { "pod-security.kubernetes.io/enforce": "restricted" };
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: NAMESPACE, labels: { ...labelsOf(NAMESPACE), ...enforced } },
  };
}

function config(): ConfigMap {
  const data = Object.fromEntries(Object.entries(SETTINGS).map(([name, value]) => [name, value]));
  return { apiVersion: "v1", kind: "ConfigMap", metadata: metadata(CONFIG), data };
}

/** Every secret that some pod reads, without a value. */
function secret(): Secret {
  const names = [...SERVICES.flatMap(secretsOf), ...SERVER_SECRETS];
  const stringData = Object.fromEntries([...new Set(names)].map((name) => [name, ""]));
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: metadata(CONFIG),
    type: "Opaque",
    stringData,
  };
}

function ingress(): Ingress {
  const bodyMax = `${FILE_BODY_BYTES_MAX / 1_024 ** 2}m`;
  const service = { name: "gateway", port: { name: "http" } };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: {
      ...metadata("gateway"),
      annotations: { "nginx.ingress.kubernetes.io/proxy-body-size": bodyMax },
    },
    spec: {
      ingressClassName: "nginx",
      tls: [{ hosts: [HOST], secretName: "shop-tls" }],
      rules: [
        { host: HOST, http: { paths: [{ path: "/", pathType: "Prefix", backend: { service } }] } },
      ],
    },
  };
}

/**
 * Every process migrates when it starts; this does it before any of the new ones does. It cannot be
 * changed once it is there: who applies another version removes it first, as apply.sh does.
 */
function job(): Job {
  const container = containerOf("migrate", ["migrate"], secretsOf({ settings: OF_MIGRATE }));
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: metadata("migrate"),
    spec: {
      backoffLimit: 3,
      // A migration may take half an hour, and waits for a PostgreSQL that starts.
      activeDeadlineSeconds: 3_600,
      ttlSecondsAfterFinished: 86_400,
      template: {
        metadata: { labels: labelsOf("migrate") },
        spec: {
          ...POD,
          restartPolicy: "Never",
          terminationGracePeriodSeconds: TERMINATION_SECONDS,
          containers: [
            {
              ...container,
              resources: {
                requests: { cpu: "100m", memory: "256Mi" },
                limits: { memory: "512Mi" },
              },
            },
          ],
        },
      },
    },
  };
}

const OWN_IMAGE = { images: [{ name: IMAGE, newName: IMAGE_NAME, newTag: version }] };

function kustomization(
  resources: readonly string[],
  rest: Pick<Kustomization, "images"> = OWN_IMAGE,
): Kustomization {
  return {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    resources,
    ...rest,
  };
}
