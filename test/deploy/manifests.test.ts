/** The manifests of Kubernetes: what is in the files is whole, fits together, and is what the services know. */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { COMPANIONS } from "#compose/companion-settings";
import { ADAPTER, REQUESTS_SERIES } from "#deploy/monitoring";
import { IMAGE } from "#deploy/pods";
import { SERVICES } from "#deploy/services";
import { files } from "#deploy/write";
import { createMetrics } from "#lib/metrics";
import { CONNECTIONS_MAX } from "#postgres/client";
import { readConfig } from "#config";
import { all, given, objects, workload, workloads, yamlFiles } from "#test/cluster";
import { compose, instructions, manifest, ROOT, textOf } from "#test/packaging";

const { services } = compose({
  JWT_SECRET: "x",
  REDIS_PASSWORD: "$(REDIS_PASSWORD)",
  POSTGRES_PASSWORD: "x",
});

describe("the files", () => {
  test("have what they are made from, and there are no others: `bun deploy/write.ts`", () => {
    expect(yamlFiles()).toEqual([...files().keys()].toSorted());
    for (const [path, documents] of files()) {
      const read: unknown = Bun.YAML.parse(textOf(`deploy/${path}`));
      expect([path, documents.length === 1 ? [read] : read]).toEqual([path, [...documents]]);
    }
  });

  test("have no text that an older reader of YAML takes for something else", () => {
    // YAML 1.1, as kubectl reads it: y, on, 1:20, 0o17, 1_000.
    const odd = /^[^#]*?(?:: |- )(?:y|n|yes|no|on|off|[-+.\d][\d_:.]*[_:][\d_:.]*|0[\dxo]\w*)$/gim;
    const texts = yamlFiles().map((path) => textOf(`deploy/${path}`));
    expect(texts.flatMap((text) => text.match(odd) ?? [])).toEqual([]);
  });

  test("are all applied but the template of the secret", () => {
    const applied = [...files()].flatMap(([path, documents]) => {
      const [one] = z.array(z.looseObject({ kind: z.string().optional() })).parse(documents);
      if (one?.kind !== "Kustomization") return [];
      const { resources } = z.looseObject({ resources: z.array(z.string()) }).parse(one);
      return [path, ...resources.map((resource) => join(path, "..", resource))];
    });
    const others = yamlFiles().filter((path) => !applied.includes(path));
    expect(others).toEqual([
      "kubernetes/secret.template.yaml",
      "monitoring/adapter.yaml",
      "monitoring/alerts.yaml",
      "monitoring/prometheus.yaml",
    ]);
    expect(applied.filter((path) => !existsSync(join(ROOT, "deploy", path)))).toEqual([]);
  });
});

describe("every process", () => {
  test("that there is in the product runs, by a command that it has", () => {
    const names = ["api", "worker", ...COMPANIONS];
    expect(
      all("Deployment")
        .map(({ metadata }) => given(metadata?.name))
        .toSorted(),
    ).toEqual(names.toSorted());
    for (const name of names) expect(workload(name).container.args).toEqual(["start", name]);
    expect(workload("migrate").container.args).toEqual(["migrate"]);
  });

  test("is of the image of this version, or of a server of docker-compose.yml", () => {
    const own = workloads.filter(({ container }) => container.image === IMAGE);
    expect(own).toHaveLength(SERVICES.length + 1);
    // What is given as arguments follows the image's entrypoint.
    expect(instructions("ENTRYPOINT")).toHaveLength(1);
    expect(own.every(({ container }) => container.command === undefined)).toBe(true);
    for (const { images = [] } of all("Kustomization")) {
      for (const { name, newTag } of images)
        expect([name, newTag]).toEqual([IMAGE, manifest().version]);
    }
    const others = workloads
      .filter((one) => !own.includes(one))
      .map(({ container }) => container.image);
    expect(others).toEqual([services.redis.image, services.postgres.image]);
  });

  test("has its own labels, and whoever selects selects one of them", () => {
    const selectedBy = (selector: Readonly<Record<string, string>>): string[] =>
      workloads
        .filter(({ labels }) =>
          Object.entries(selector).every(([key, value]) => labels[key] === value),
        )
        .map(({ name }) => name);
    for (const { name, selector, labels } of workloads) {
      if (selector !== undefined) expect(selectedBy(selector)).toEqual([name]);
      expect(selectedBy(labels)).toEqual([name]);
    }
    for (const { metadata, spec } of all("Service")) {
      expect(selectedBy(given(spec?.selector))).toEqual([given(metadata?.name)]);
    }
    for (const { metadata, spec } of all("PodDisruptionBudget")) {
      expect(selectedBy(given(spec?.selector?.matchLabels))).toEqual([given(metadata?.name)]);
    }
    for (const { name, pod } of workloads) {
      for (const { labelSelector } of pod.topologySpreadConstraints ?? []) {
        expect(selectedBy(given(labelSelector?.matchLabels))).toEqual([name]);
      }
    }
  });

  test("has an address that leads to the port on which it listens", () => {
    for (const { metadata, spec } of all("Service")) {
      const name = given(metadata?.name);
      const [port, ...more] = given(spec?.ports);
      const open = given(workload(name).container.ports);
      expect([name, more, open.length]).toEqual([name, [], 1]);
      expect([port?.targetPort, port?.port]).toEqual([open[0]?.name, open[0]?.containerPort]);
    }
    expect(all("Service")).toHaveLength(workloads.length - 1);
    const { port, workerPort } = readConfig({});
    expect(workload("api").container.ports?.[0]?.containerPort).toBe(port);
    expect(workload("worker").container.ports?.[0]?.containerPort).toBe(workerPort);
  });

  test("is let go one at a time, and another one is there meanwhile", () => {
    const scaled = new Set(
      all("HorizontalPodAutoscaler").map(({ spec }) => spec?.scaleTargetRef.name),
    );
    const budgets = all("PodDisruptionBudget").map(({ metadata }) => given(metadata?.name));
    expect(budgets.toSorted()).toEqual(
      all("Deployment")
        .map(({ metadata }) => given(metadata?.name))
        .toSorted(),
    );
    for (const { metadata, spec } of all("Deployment")) {
      const isScaled = scaled.delete(given(metadata?.name));
      expect([metadata?.name, isScaled || given(spec?.replicas) >= 2]).toEqual([
        metadata?.name,
        true,
      ]);
      expect([metadata?.name, isScaled && spec?.replicas !== undefined]).toEqual([
        metadata?.name,
        false,
      ]);
      expect(spec?.strategy?.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
    }
    expect([...scaled]).toEqual([]);
  });
});

describe("the autoscaler", () => {
  test("of each looks at processor time that is kept for it, and has room to scale", () => {
    for (const { spec } of all("HorizontalPodAutoscaler")) {
      const { minReplicas, maxReplicas, metrics = [], scaleTargetRef } = given(spec);
      expect(given(minReplicas)).toBeGreaterThanOrEqual(2);
      expect(maxReplicas).toBeGreaterThan(given(minReplicas));
      expect(metrics.filter(({ resource }) => resource?.name === "cpu")).toHaveLength(1);
      expect(workload(scaleTargetRef.name).container.resources?.requests?.["cpu"]).toBeString();
    }
  });

  test("asks for counts that the inventory exports, under the name that the adapter gives them", async () => {
    const asked = all("HorizontalPodAutoscaler").flatMap(({ spec }) =>
      given(spec?.metrics).flatMap(({ pods }) =>
        pods === undefined ? [] : [[spec?.scaleTargetRef.name, pods.metric.name]],
      ),
    );
    expect(asked.length).toBeGreaterThan(0);
    const { body } = await createMetrics().render();
    for (const [target, name] of asked) {
      expect(["api", "worker"]).toContain(given(target));
      const rules = ADAPTER.custom.filter((rule) => rule.name.as === name);
      expect(rules.map(({ seriesQuery }) => seriesQuery.split("{")[0])).toEqual([REQUESTS_SERIES]);
      expect(body).toContain(`# TYPE ${REQUESTS_SERIES} counter\n`);
    }
  });

  test("never starts more than PostgreSQL has connections for", () => {
    const flag = given(
      workload("postgres").container.args?.find((arg) => arg.startsWith("--max_connections=")),
    );
    const { partitions } = readConfig({});
    const users = SERVICES.filter(({ settings }) => settings.includes("DATABASE_URL"));
    // While it is upgraded there is one more of each; three are left for people.
    const most = users.reduce(
      (sum, { size }) => sum + (size.replicasMax + 1) * (CONNECTIONS_MAX + partitions + 1),
      3,
    );
    expect(Number(flag.split("=")[1])).toBeGreaterThanOrEqual(most);
  });
});

describe("a pod", () => {
  test.each(workloads)(
    "of $name has no rights, and no more than it was given",
    ({ pod, container }) => {
      expect(pod.securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: "RuntimeDefault" },
      });
      expect(given(pod.securityContext?.runAsUser)).toBeGreaterThan(0);
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
      expect(pod).toMatchObject({ automountServiceAccountToken: false });
      // Addresses of services would be in the environment under names of settings, as REGISTRY_PORT.
      expect(pod).toMatchObject({ enableServiceLinks: false });
      expect([pod.hostNetwork, pod.hostPID, pod.hostIPC]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
      const kinds = (pod.volumes ?? []).flatMap((volume) => Object.keys(volume));
      const others = kinds.filter((kind) => !["name", "emptyDir", "configMap"].includes(kind));
      expect(others).toEqual([]);
      const { requests = {}, limits = {} } = given(container.resources);
      expect([requests["cpu"], requests["memory"], limits["memory"]]).toEqual([
        expect.any(String),
        expect.any(String),
        expect.any(String),
      ]);
      const volumes = new Set((pod.volumes ?? []).map(({ name }) => name));
      const mounts = (container.volumeMounts ?? []).map(({ name }) => name);
      expect(mounts.filter((name) => !volumes.has(name) && name !== "data")).toEqual([]);
    },
  );

  test("is in a namespace that demands it, as all objects are", () => {
    const [namespace] = all("Namespace");
    expect(namespace?.metadata?.labels).toMatchObject({
      "pod-security.kubernetes.io/enforce": "restricted",
    });
    const inside = objects.filter(({ kind }) => kind !== "Namespace" && kind !== "Kustomization");
    const named = inside.map((object) =>
      "metadata" in object ? object.metadata?.namespace : undefined,
    );
    expect(new Set(named)).toEqual(new Set([given(namespace?.metadata?.name)]));
  });

  test("of Redis and of PostgreSQL starts as docker-compose.yml has it, and keeps its data", () => {
    const { container: redis } = workload("redis");
    expect(redis.command).toEqual(given(services.redis.entrypoint));
    expect(redis.args?.slice(0, -2)).toEqual(given(services.redis.command));
    const [flag, memory] = given(redis.args).slice(-2);
    const limit = given(redis.resources?.limits?.["memory"]);
    expect([flag, memory, limit]).toEqual(["--maxmemory", "5gb", "8Gi"]);
    const { container: postgres } = workload("postgres");
    expect(postgres.args?.slice(0, -1)).toEqual(given(services.postgres.command));
    for (const [name, path] of [
      ["redis", "/data"],
      ["postgres", "/var/lib/postgresql"],
    ] as const) {
      const { container, pod } = workload(name);
      expect(container.volumeMounts).toContainEqual({ name: "data", mountPath: path });
      expect(container.readinessProbe?.exec?.command).toEqual(
        services[name].healthcheck?.test.slice(1),
      );
      expect(`${pod.terminationGracePeriodSeconds}s`).toBe(services[name].stop_grace_period);
    }
    const claims = all("StatefulSet").flatMap(({ spec }) => given(spec?.volumeClaimTemplates));
    expect(claims.map(({ metadata }) => metadata?.name)).toEqual(["data", "data"]);
    const scripts = all("ConfigMap").find(({ metadata }) => metadata?.name === "redis-mend");
    const script = "src/embedded/mend-append-only-file.sh";
    expect(scripts?.data).toEqual({ "mend-append-only-file.sh": textOf(script) });
    expect(redis.volumeMounts).toContainEqual(
      expect.objectContaining({
        mountPath: given(redis.command?.[1]),
        subPath: "mend-append-only-file.sh",
      }),
    );
  });
});
