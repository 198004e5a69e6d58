/** Who may speak to whom: nobody, but for what is said here. */
import type {
  NetworkPolicy,
  NetworkPolicyEgressRule,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from "kubernetes-types/networking/v1";
import { labelsOf, NAMESPACE } from "./pods.ts";
import { SERVICES, type Service, type ServiceName } from "./services.ts";

/** Namespaces of others, by the names that they usually have: change them to yours. */
const INGRESS_NAMESPACE = "ingress-nginx";
const MONITORING_NAMESPACE = "monitoring";

export const PORTS_OF_SERVERS = { REDIS_URL: 6379, DATABASE_URL: 5432 } as const;

const tcp = (port: number): NetworkPolicyPort => ({ protocol: "TCP", port });
const pods = (name: string): NetworkPolicyPeer => ({
  podSelector: { matchLabels: labelsOf(name) },
});
const inNamespace = (name: string): NetworkPolicyPeer => ({
  namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } },
});

export function policyOf(
  name: string,
  spec: Pick<NonNullable<NetworkPolicy["spec"]>, "ingress" | "egress">,
): NetworkPolicy {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name, namespace: NAMESPACE, labels: labelsOf(name) },
    spec: {
      podSelector: { matchLabels: labelsOf(name) },
      policyTypes: ["Ingress", "Egress"],
      ...spec,
    },
  };
}

/** Redis and PostgreSQL may be anywhere, in the cluster or managed: their ports are open, whoever has them. */
export function toServers(settings: readonly string[]): NetworkPolicyEgressRule[] {
  const used = Object.entries(PORTS_OF_SERVERS).filter(([name]) => settings.includes(name));
  return used.length === 0 ? [] : [{ ports: used.map(([, port]) => tcp(port)) }];
}

export function policyOfService({ name, port, calls, settings }: Service): NetworkPolicy {
  const callers = SERVICES.filter((one) => one.calls.includes(name)).map((one) => pods(one.name));
  const from = [...callers, ...(OUTSIDE[name] ?? []).map(inNamespace)];
  const called = SERVICES.filter((one) => calls.includes(one.name));
  return policyOf(name, {
    ingress: from.length === 0 ? [] : [{ from, ports: [tcp(port)] }],
    egress: [
      ...called.map((one) => ({ to: [pods(one.name)], ports: [tcp(one.port)] })),
      ...toServers(settings),
    ],
  });
}

/** Who reaches it from other namespaces: customers the gateway, and whoever reads metrics what has any. */
const OUTSIDE: Partial<Record<ServiceName, readonly string[]>> = {
  gateway: [INGRESS_NAMESPACE],
  api: [MONITORING_NAMESPACE],
  worker: [MONITORING_NAMESPACE],
};

/** Addresses of the cluster's DNS on each node, where it keeps one there. */
const NODE_DNS = "169.254.20.10/32";

export const DENIED: readonly NetworkPolicy[] = [
  {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "nobody", namespace: NAMESPACE },
    spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
  },
  {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "names", namespace: NAMESPACE },
    spec: {
      podSelector: {},
      policyTypes: ["Egress"],
      egress: [
        {
          to: [inNamespace("kube-system"), { ipBlock: { cidr: NODE_DNS } }],
          ports: [tcp(53), { protocol: "UDP", port: 53 }],
        },
      ],
    },
  },
];
