/** The steps of deploy/README.md that can be taken without a cluster are taken. */
import { expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { IMAGE_NAME } from "#deploy/manifests";
import { SERVICES } from "#deploy/services";
import { readConfigFor } from "#config";
import { isCompanion, SETTINGS_OF } from "#compose/companion-settings";
import { all, environmentOf, given, SECRETS, workload } from "#test/cluster";
import { run } from "#test/containers";
import { ROOT, textOf } from "#test/packaging";
import { temporaryFolder } from "#test/servers";

const readme = textOf("deploy/README.md");

/** The text of a block, which stands in a step of a list. */
function block(language: string, begins: string): string {
  const blocks = [...readme.matchAll(/^ *```(\w+)\n([\s\S]*?)^ *```$/gm)];
  const texts = blocks.flatMap(([, found, text = ""]) => (found === language ? [text] : []));
  const plain = texts.map((text) => text.replaceAll(/^ {3}/gm, ""));
  return given(plain.find((text) => text.startsWith(begins)));
}

test("the secret that it makes has every key that is read, and production takes all of it", async () => {
  const folder = temporaryFolder("steps");
  const kubectl = "#!/bin/sh\ncase $1 in create) cp secret.env made.env ;; esac\n";
  writeFileSync(join(folder, "kubectl"), kubectl);
  chmodSync(join(folder, "kubectl"), 0o755);
  const env = { PATH: `${folder}:${process.env["PATH"] ?? ""}` };
  const { code } = await run(["sh", "-eu", "-c", block("sh", "umask")], { cwd: folder, env });
  expect([code, existsSync(join(folder, "secret.env"))]).toEqual([0, false]);
  const lines = readFileSync(join(folder, "made.env"), "utf8").trim().split("\n");
  const made = Object.fromEntries(
    lines.map((line) => [line.split("=")[0], line.replace(/^\w+=/, "")]),
  );
  expect(Object.keys(made).toSorted()).toEqual(Object.keys(SECRETS).toSorted());
  for (const { name } of SERVICES) {
    const settings = environmentOf(workload(name).container, made);
    const needs = isCompanion(name) ? { only: SETTINGS_OF[name] } : {};
    expect(readConfigFor(needs, settings)).toMatchObject({ production: true, warnings: [] });
  }
});

test("the kustomization that it shows changes what there is", () => {
  const Shown = z.object({
    resources: z.tuple([z.literal("../kubernetes")]),
    images: z.tuple([z.object({ name: z.literal(IMAGE_NAME) }).loose()]),
    patches: z.array(z.object({ target: z.record(z.string(), z.string()), patch: z.string() })),
  });
  const { patches } = Shown.parse(Bun.YAML.parse(block("yaml", "apiVersion")));
  const Operations = z.array(z.object({ op: z.literal("replace"), path: z.string() }));
  const [ingress] = all("Ingress");
  for (const { target, patch } of patches) {
    expect(target).toEqual({ kind: "Ingress", name: given(ingress?.metadata?.name) });
    for (const { path } of Operations.parse(Bun.YAML.parse(patch))) {
      const found = path
        .split("/")
        .slice(1)
        .reduce<unknown>((left, key) => Reflect.get(Object(left), key), ingress);
      expect([path, found]).toEqual([path, expect.any(String)]);
    }
  }
});

test("what it names of the cluster is there", () => {
  const named = [...readme.matchAll(/\b(deployment|statefulset|service)\/([\w-]+)/g)];
  const kinds: Readonly<Record<string, readonly string[]>> = {
    deployment: all("Deployment").map(({ metadata }) => given(metadata?.name)),
    statefulset: all("StatefulSet").map(({ metadata }) => given(metadata?.name)),
    service: all("Service").map(({ metadata }) => given(metadata?.name)),
  };
  expect(named.length).toBeGreaterThan(3);
  const missing = named.filter(([, kind = "", name = ""]) => kinds[kind]?.includes(name) !== true);
  expect(missing.map(([text]) => text)).toEqual([]);
  const paths = [...readme.matchAll(/\bdeploy\/(?!production)[\w./-]+\b/g)].map(([path]) => path);
  expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});
