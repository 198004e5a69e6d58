/** The pipeline, and the script that brings a cluster to a version: what can be known of them without either. */
import { describe, expect, test } from "bun:test";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { IMAGE_NAME } from "#deploy/manifests";
import { given, objects } from "#test/cluster";
import { run } from "#test/containers";
import { ROOT, textOf } from "#test/packaging";
import { temporaryFolder } from "#test/servers";

const Step = z.strictObject({
  uses: z.string().optional(),
  run: z.string().optional(),
  if: z.string().optional(),
  with: z.record(z.string(), z.unknown()).optional(),
  env: z.record(z.string(), z.string()).optional(),
});
const Job = z.strictObject({
  needs: z.string().optional(),
  if: z.string().optional(),
  environment: z.string().optional(),
  concurrency: z.string().optional(),
  permissions: z.record(z.string(), z.string()).optional(),
  container: z.string().optional(),
  env: z.record(z.string(), z.string()).optional(),
  "runs-on": z.string(),
  "timeout-minutes": z.int(),
  steps: z.array(Step),
});
const Pipeline = z.strictObject({
  name: z.string(),
  on: z.looseObject({ workflow_dispatch: z.null() }),
  permissions: z.record(z.string(), z.string()),
  env: z.record(z.string(), z.string()),
  jobs: z.strictObject({ test: Job, image: Job, deploy: Job }),
});

const text = textOf(".github/workflows/ci.yml");
const { permissions, jobs } = Pipeline.parse(Bun.YAML.parse(text));
const commandsOf = ({ steps }: z.infer<typeof Job>): string[] =>
  steps.flatMap((step) => step.run ?? []);

describe("the pipeline", () => {
  test("tests by the one script that is for it, on what that is made for, with the whole history", () => {
    expect(commandsOf(jobs.test).at(-1)).toBe(".ci/run");
    expect(statSync(join(ROOT, ".ci/run")).mode & 0o111).toBe(0o111);
    const [, node = ""] = /^node:(\d+)-bookworm$/.exec(jobs.test.container ?? "") ?? [];
    const [, debian, least] =
      /Debian (\d+) with Node\.js (\d+) or later/.exec(textOf(".ci/run")) ?? [];
    expect(debian).toBe("12");
    expect(Number(node)).toBeGreaterThanOrEqual(Number(least));
    expect(jobs.test.steps[0]?.with).toEqual({ "fetch-depth": 0 });
    expect(jobs.test.env).toEqual({ CI: "true" });
  });

  test("names no version of Bun: the script and the image do", () => {
    expect(text).not.toMatch(/bun[@:-]\d|setup-bun|bun-version/);
  });

  test("builds the image once the tests are green, and pushes only that of main", () => {
    expect(jobs.image.needs).toBe("test");
    const [build, help, push] = commandsOf(jobs.image);
    expect(build).toStartWith("docker build --tag");
    expect(help).toEndWith(" help");
    expect(push).toContain("docker push");
    const pushes = jobs.image.steps.filter((step) => step.run?.includes("docker push"));
    expect(pushes.map((step) => step.if)).toEqual(["github.ref == 'refs/heads/main'"]);
  });

  test("deploys by hand alone, after all else, by the script that people use", () => {
    expect(jobs.deploy).toMatchObject({ needs: "image", environment: "production" });
    expect(jobs.deploy.if).toContain("github.event_name == 'workflow_dispatch'");
    const [deploy = ""] = commandsOf(jobs.deploy);
    expect(deploy.trimEnd()).toEndWith("sh deploy/apply.sh deploy/release");
    expect(deploy).toContain(`- name: ${IMAGE_NAME}\n`);
  });

  test("has no right that it does not need, ends in time, and no text of others becomes a command", () => {
    expect(permissions).toEqual({ contents: "read" });
    const more = Object.values(jobs).flatMap((job) => Object.entries(job.permissions ?? {}));
    expect(more).toEqual([
      ["contents", "read"],
      ["packages", "write"],
    ]);
    const commands = Object.values(jobs).flatMap(commandsOf);
    expect(commands.filter((command) => command.includes("${{"))).toEqual([]);
    const minutes = Object.values(jobs).map((job) => job["timeout-minutes"]);
    expect(Math.max(...minutes)).toBeLessThanOrEqual(90);
  });
});

describe("deploy/apply.sh", () => {
  /** A kubectl that writes down what it was asked, and answers as it is told. */
  function fakeKubectl(answers: { readonly completes: boolean }) {
    const folder = temporaryFolder("kubectl");
    const asked = join(folder, "asked");
    const wait = answers.completes ? "exit 0" : "exit 1";
    const lines = [
      "#!/bin/sh",
      `echo "$*" >> ${asked}`,
      `case $1 in wait) ${wait} ;; get) echo True ;; logs) echo "the reason" ;; esac`,
    ];
    writeFileSync(asked, "");
    writeFileSync(join(folder, "kubectl"), `${lines.join("\n")}\n`);
    chmodSync(join(folder, "kubectl"), 0o755);
    const env = { PATH: `${folder}:${process.env["PATH"] ?? ""}` };
    const words = (): string[] =>
      readFileSync(asked, "utf8")
        .trim()
        .split("\n")
        .map((line) => line.split(" ").slice(0, 2).join(" "));
    return { env, words, all: () => readFileSync(asked, "utf8") };
  }

  test("migrates before it changes any service, and waits until all serve", async () => {
    const kubectl = fakeKubectl({ completes: true });
    const { code } = await run(["sh", "deploy/apply.sh"], { env: kubectl.env });
    expect(code).toBe(0);
    expect(kubectl.words()).toEqual([
      "delete job",
      "apply --kustomize",
      "wait job/migrate",
      "apply --kustomize",
      "rollout status",
    ]);
    expect(kubectl.all()).toContain("--selector app.kubernetes.io/name in (holdfast, migrate)\n");
    expect(kubectl.all()).toContain("apply --kustomize deploy/kubernetes\n");
    // What the job needs stands there with it.
    const first = objects.filter((object) => {
      const labels = "metadata" in object ? object.metadata?.labels : undefined;
      return ["holdfast", "migrate"].includes(labels?.["app.kubernetes.io/name"] ?? "");
    });
    const kinds = first.map(({ kind }) => given(kind)).toSorted();
    expect(kinds).toEqual(["ConfigMap", "Job", "Namespace", "NetworkPolicy", "Secret"]);
  });

  test("changes no service where the migrations failed, and says why", async () => {
    const kubectl = fakeKubectl({ completes: false });
    const { code, output } = await run(["sh", "deploy/apply.sh", "elsewhere"], {
      env: kubectl.env,
    });
    expect([code, output]).toEqual([1, expect.stringContaining("the reason")]);
    expect(kubectl.all()).toContain("apply --kustomize elsewhere --selector");
    expect(kubectl.words()).toEqual([
      "delete job",
      "apply --kustomize",
      "wait job/migrate",
      "get job",
      "logs job/migrate",
    ]);
  });
});
