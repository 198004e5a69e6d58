/** The token of an admin, for commands that call the API: one that is given, or one signed here. */
import { existsSync } from "node:fs";
import { Refusal } from "#compose/refusal";
import { signingSecret } from "#compose/token";
import { developmentSecretFile, type Config } from "#config";
import { readSecretFile } from "#config/secrets";
import { issueToken } from "#http/token";
import type { FoundToken } from "#import/api";

/** Of the token that a development machine signs for itself: longer than any command runs. */
const OWN_TOKEN_SECONDS = 86_400;
const LOCAL = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Who wants it. */
export interface Wanting {
  readonly command: string;
  /** Where it takes one from. */
  readonly how: string;
}

export const isOfThisMachine = (url: string): boolean => LOCAL.has(new URL(url).hostname);

/** Throws a Refusal where the file cannot be read. */
export function tokenInFile(file: string): FoundToken {
  try {
    return { token: readSecretFile(file), from: `that of --token-file ${file}` };
  } catch (error) {
    throw new Refusal(`--token-file cannot be read: ${String(error)}`);
  }
}

/** Rejects with a Refusal where there is no key to sign with. */
export async function signedToken(config: Config, wanting: Wanting): Promise<FoundToken> {
  const [secret, key] = ownKey(config, wanting);
  const token = await issueToken({
    secret,
    role: "admin",
    subject: wanting.command,
    ttlSeconds: OWN_TOKEN_SECONDS,
    ...(config.jwtIssuer === undefined ? {} : { issuer: config.jwtIssuer }),
    ...(config.jwtAudience === undefined ? {} : { audience: config.jwtAudience }),
  });
  const advice = `if that service has another key: ${wanting.how}`;
  return { token, from: `signed here with ${key}; ${advice}` };
}

/** The key of the service on this machine, and its name. A key that nobody has yet is not made. */
function ownKey(
  config: Config,
  { command, how }: Wanting,
): readonly [secret: string, name: string] {
  if (config.jwtSecret !== undefined) return [config.jwtSecret, "JWT_SECRET"];
  const file = developmentSecretFile(config.dataDir);
  const secret = existsSync(file) ? signingSecret(config) : undefined;
  if (secret !== undefined) return [secret, `the key in ${file} (DATA_DIR)`];
  const lacking =
    config.jwksUrl === undefined
      ? `JWT_SECRET is not set, and there is no ${file}`
      : "JWT_SECRET is not set";
  const advice =
    "run it where the service runs, with the same settings, or give the token of an admin";
  throw new Refusal(`${command} has no key to sign a token with: ${lacking}; ${advice}: ${how}`);
}
