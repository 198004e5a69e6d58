/** The packaging files as data, read with no more understanding than the tests need. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { CompanionName } from "#compose/companion-settings";

export const ROOT = join(import.meta.dir, "../..");

export const textOf = (path: string): string => readFileSync(join(ROOT, path), "utf8");

const Packages = z.record(z.string(), z.string());
const Manifest = z.object({
  version: z.string(),
  scripts: Packages,
  dependencies: Packages,
  devDependencies: Packages,
  optionalDependencies: Packages,
});

/** The packages that `package.json` names. */
export function manifest(): z.infer<typeof Manifest> {
  return Manifest.parse(JSON.parse(textOf("package.json")));
}

export type Instruction = Readonly<{ word: string; rest: string }>;

/** The instructions of the Dockerfile, each with its continued lines. */
export function dockerfile(): readonly Instruction[] {
  const whole = textOf("Dockerfile")
    .replaceAll(/^#.*\n/gm, "")
    .replaceAll("\\\n", " ");
  return whole
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [, word = "", rest = ""] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
      return { word, rest };
    });
}

/** What stands behind each instruction of that name. */
export function instructions(word: string): readonly string[] {
  return dockerfile()
    .filter((instruction) => instruction.word === word)
    .map(({ rest }) => rest);
}

/** A command in exec form; anything else throws. */
export function execForm(text: string): string[] {
  return z.array(z.string()).min(1).parse(JSON.parse(text));
}

/** What a service must say of itself; a new field of a service is let through. */
const Service = z.object({
  image: z.string(),
  entrypoint: z.array(z.string()).optional(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()),
  ports: z.array(z.string()).optional(),
  volumes: z.array(z.string()).optional(),
  healthcheck: z.object({ test: z.array(z.string()).min(2) }).optional(),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).optional(),
  restart: z.string(),
  stop_grace_period: z.string().regex(/^\d+s$/),
  profiles: z.array(z.string()).optional(),
  read_only: z.boolean().optional(),
  deploy: z.unknown().optional(),
});
export type Service = z.infer<typeof Service>;

const COMPANIONS = {
  registry: Service,
  users: Service,
  products: Service,
  orders: Service,
  payment: Service,
  gateway: Service,
} satisfies Record<CompanionName, typeof Service>;

const Compose = z.object({
  services: z.strictObject({
    api: Service,
    worker: Service,
    redis: Service,
    postgres: Service,
    ...COMPANIONS,
  }),
  volumes: z.record(z.string(), z.unknown()),
});

export type Compose = z.infer<typeof Compose>;

/** `docker-compose.yml` as it is after its variables were filled in from `env`. */
export function compose(env: Environment): Compose {
  return Compose.parse(filled(Bun.YAML.parse(textOf("docker-compose.yml")), env));
}

/** Every name that the compose file takes from `.env`. */
export function composeVariables(): string[] {
  const names = textOf("docker-compose.yml").matchAll(/\$\{(\w+)/g);
  return [...new Set(Array.from(names, ([, name = ""]) => name))].toSorted();
}

type Environment = Readonly<Record<string, string>>;

/** Every text below `value` with its variables filled in: after YAML was read, as Compose does it. */
function filled(value: unknown, env: Environment): unknown {
  if (typeof value === "string") return interpolated(value, env);
  if (Array.isArray(value)) return value.map((item) => filled(item, env));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, filled(item, env)]));
}

/** `${NAME:-default}`, `${NAME:+instead}` and `${NAME:?message}`, also in each other; an empty value is none. */
function interpolated(text: string, env: Environment): string {
  const filledIn = text.replaceAll(
    /\$\{(\w+)(?::([-?+])([^${}]*))?\}/g,
    (_all, name: string, kind: string | undefined, rest = "") => {
      const value = env[name] ?? "";
      if (kind === "+") return value === "" ? "" : rest;
      if (value === "" && kind === "?") throw new Error(rest);
      return value === "" ? rest : value;
    },
  );
  return filledIn === text ? text : interpolated(filledIn, env);
}
