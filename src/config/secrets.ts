import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomId } from "#lib/ids";

/** RFC 7518, 3.2: a key of HS256 has at least as many bits as the hash. */
export const JWT_SECRET_BYTES_MIN = 32;

/** A random secret that repeats this few characters does not happen. */
const DISTINCT_CHARACTERS_MIN = 10;

/** Words and rows of keys that people type; a random secret contains none of them. */
const SAMPLE_SECRET =
  /secret|passw|change|develop|default|example|sample|placeholder|qwerty|abcdefgh|123456789/i;

/** Whether anybody could know this secret: it is a sample's, or hardly varies. */
export function isWellKnown(secret: string): boolean {
  return new Set(secret).size < DISTINCT_CHARACTERS_MIN || SAMPLE_SECRET.test(secret);
}

export const developmentSecretFile = (dataDir: string, name = "jwt-secret"): string =>
  join(dataDir, name);

/**
 * The secret of a development machine: `<dataDir>/jwt-secret` or another name, made of 32 random bytes by whoever
 * comes first. It is linked into place when complete, so that nobody ever reads half of it.
 */
export function developmentSecret(dataDir: string, name?: string): string {
  const path = developmentSecretFile(dataDir, name);
  const existing = readIfThere(path);
  if (existing !== undefined) return longEnough(existing, path);
  mkdirSync(dataDir, { recursive: true });
  const draft = `${path}.${randomId(12)}`;
  writeFileSync(draft, `${randomBytes(JWT_SECRET_BYTES_MIN).toString("base64url")}\n`, {
    flag: "wx",
    mode: 0o600,
  });
  try {
    linkSync(draft, path);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  } finally {
    rmSync(draft);
  }
  return readSecretFile(path);
}

function longEnough(secret: string, path: string): string {
  if (Buffer.byteLength(secret) >= JWT_SECRET_BYTES_MIN) return secret;
  throw new Error(`${path} holds less than ${JWT_SECRET_BYTES_MIN} bytes; remove it for a new one`);
}

/** The text of a secret's file without the newline that editors and `echo` leave at its end. */
export function readSecretFile(path: string): string {
  return readFileSync(path, "utf8").replace(/\r?\n$/, "");
}

/** The system's name of a fault, such as `ENOENT`, for people. */
export function codeOf(error: unknown): string {
  const named = error instanceof Error && "code" in error && typeof error.code === "string";
  return named ? String(error.code) : "an unknown error";
}

function readIfThere(path: string): string | undefined {
  try {
    return readSecretFile(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
