/** The manifests as data, and what a cluster would make of them where a test needs it. */
import { Glob } from "bun";
import type { Container, PodSpec } from "kubernetes-types/core/v1";
import { join } from "node:path";
import { manifests, type Manifest } from "#deploy/manifests";
import { ROOT } from "#test/packaging";

export const objects: readonly Manifest[] = [...manifests().values()].flat();

type Kind = Manifest["kind"];
type Of<Word extends Kind> = Extract<Manifest, { readonly kind?: Word }>;

/** All objects of a kind; there is at least one. */
export function all<Word extends NonNullable<Kind>>(kind: Word): readonly Of<Word>[] {
  const isIt = (object: Manifest): object is Of<Word> => object.kind === kind;
  const found = objects.filter(isIt);
  if (found.length === 0) throw new Error(`there is no ${kind}`);
  return found;
}

export interface Workload {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly selector: Readonly<Record<string, string>> | undefined;
  readonly pod: PodSpec;
  readonly container: Container;
}

/** Whatever makes pods: each of one container. */
export const workloads: readonly Workload[] = [
  ...all("Deployment"),
  ...all("StatefulSet"),
  ...all("Job"),
].map(({ metadata, spec }) => {
  const { template, selector } = given(spec);
  const pod = given(template.spec);
  const [container, ...others] = pod.containers;
  if (others.length > 0) throw new Error("a pod has more containers than one");
  return {
    name: given(metadata?.name),
    labels: given(template.metadata?.labels),
    selector: selector?.matchLabels,
    pod,
    container: given(container),
  };
});

export const workload = (name: string): Workload =>
  given(workloads.find((one) => one.name === name));

/** What is optional in Kubernetes' types, and is there. */
export function given<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error("an object lacks what it must have");
  return value;
}

/** What a person puts into the secret: no text that production refuses. */
export const SECRETS: Readonly<Record<string, string>> = {
  REDIS_URL: "redis://:7b1f0c9ade4523@redis:6379",
  DATABASE_URL: "postgres://holdfast:c04d6e8f91ab27@postgres:5432/holdfast",
  JWT_SECRET: "q3Zr8vN1pXk5TtYw0bLmC6dHs9GfJ2aE",
  EUREKA_URL: "http://registry:0d83b1c7e29f4a6588@registry:8761/eureka",
  METRICS_TOKEN: "9e27d05b4c81f36ad2",
  REGISTRY_PASSWORD: "0d83b1c7e29f4a6588",
  SERVICE_CLIENT_SECRET: "41fe0ab2c97d6e35d0",
  PAYMENT_SECRET: "6b20fd93e1754ca88f02d7b1",
  REDIS_PASSWORD: "7b1f0c9ade4523",
  POSTGRES_PASSWORD: "c04d6e8f91ab27",
};

export const POD_IP = "10.1.2.3";

/** The environment that a container of ours has: the image's, the config map's, then its own. */
export function environmentOf(
  container: Container,
  secrets: Readonly<Record<string, string>> = SECRETS,
): Record<string, string> {
  const maps = (container.envFrom ?? []).map(({ configMapRef }) => given(configMapRef?.name));
  const configured = all("ConfigMap").filter(({ metadata }) => maps.includes(metadata?.name ?? ""));
  if (configured.length !== maps.length) throw new Error("a config map is missing");
  const own = (container.env ?? []).flatMap(({ name, value, valueFrom }) => {
    const { key, optional } = valueFrom?.secretKeyRef ?? {};
    if (key !== undefined && optional === true) return [];
    if (key !== undefined) return [[name, given(secrets[key])]];
    if (valueFrom?.fieldRef?.fieldPath === "status.podIP") return [[name, POD_IP]];
    return [[name, given(value)]];
  });
  const settings = configured.flatMap(({ data }) => Object.entries(given(data)));
  return { NODE_ENV: "production", ...Object.fromEntries([...settings, ...own]) };
}

/** Paths of the YAML files below `deploy`. */
export const yamlFiles = (): string[] =>
  [...new Glob("**/*.yaml").scanSync(join(ROOT, "deploy"))].toSorted();
