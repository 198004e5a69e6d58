/** The packaging files as data, read with no more understanding than the tests need. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

export const ROOT = join(import.meta.dir, "../..");

export const textOf = (path: string): string => readFileSync(join(ROOT, path), "utf8");

export type Instruction = Readonly<{ word: string; rest: string }>;

/** The instructions of the Dockerfile, each with its continued lines. */
export function dockerfile(): readonly Instruction[] {
  const whole = textOf("Dockerfile").replaceAll(/^#.*\n/gm, "").replaceAll("\\\n", " ");
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
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()),
  ports: z.array(z.string()).optional(),
  volumes: z.array(z.string()).optional(),
  healthcheck: z.object({ test: z.array(z.string()).min(2) }).optional(),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).optional(),
  restart: z.string(),
  stop_grace_period: z.string().regex(/^\d+s$/),
});
export type Service = z.infer<typeof Service>;

const Compose = z.object({
  services: z.strictObject({ api: Service, worker: Service, redis: Service, postgres: Service }),
  volumes: z.record(z.string(), z.unknown()),
});

export type Compose = z.infer<typeof Compose>;

/** `docker-compose.yml` as it is after its variables were filled in from `env`. */
export function compose(env: Readonly<Record<string, string>>): Compose {
  return Compose.parse(Bun.YAML.parse(interpolated(textOf("docker-compose.yml"), env)));
}

/** Every name that the compose file takes from `.env`. */
export function composeVariables(): string[] {
  const names = textOf("docker-compose.yml").matchAll(/\$\{(\w+)/g);
  return [...new Set(Array.from(names, ([, name = ""]) => name))].toSorted();
}

/** `${NAME:-default}` and `${NAME:?message}` as Docker Compose reads them; an empty value is none. */
function interpolated(text: string, env: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{(\w+):([-?])([^}]*)\}/g, (_all, name: string, kind, rest: string) => {
    const value = env[name] ?? "";
    if (value !== "") return value;
    if (kind === "?") throw new Error(rest);
    return rest;
  });
}
