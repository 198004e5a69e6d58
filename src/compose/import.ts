/** `import`: finds the service and the token, and brings what it can over the API. */
import { existsSync } from "node:fs";
import { Refusal } from "#compose/refusal";
import { signingSecret } from "#compose/token";
import { developmentSecretFile, type Config } from "#config";
import { readSecretFile } from "#config/secrets";
import { issueToken } from "#http/token";
import type { FoundToken } from "#import/api";
import type { ImportOptions } from "#import/options";
import { Stopped } from "#import/rows";
import { runImport } from "#import/run";
import { systemClock } from "#lib/clock";
import { printable } from "#lib/printable";

/** Of the token that a development machine signs for itself: longer than any import. */
const OWN_TOKEN_SECONDS = 86_400;
const LOCAL = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** Rejects with a Refusal when a row is not where it should be. */
export async function runImportCommand(
  options: ImportOptions,
  readConfig: () => Config,
): Promise<void> {
  const say = (line: string): void => void process.stderr.write(`${printable(line)}\n`);
  const isDry = options["dry-run"];
  try {
    const url = options.url ?? (isDry ? "" : urlOf(readConfig()));
    const token = isDry ? null : await tokenOf(options, url, readConfig);
    if (await runImport(options, { url, token, clock: systemClock, say })) return;
  } catch (error) {
    if (error instanceof Stopped)
      throw new Refusal(error.message.split("\n").map(printable).join("\n"));
    throw error;
  }
  throw new Refusal(options.compare ? "Holdfast and the source differ" : "not every row was taken");
}

/** Where the service is that has this configuration. */
function urlOf({ port }: Config): string {
  if (port === 0) throw new Refusal("PORT is 0, any free one: say where the API is, with --url");
  return `http://localhost:${port}`;
}

async function tokenOf(
  options: ImportOptions,
  url: string,
  readConfig: () => Config,
): Promise<FoundToken> {
  const file = options["token-file"];
  if (file !== undefined) {
    try {
      return { token: readSecretFile(file), from: `that of --token-file ${file}` };
    } catch (error) {
      throw new Refusal(`--token-file cannot be read: ${String(error)}`);
    }
  }
  const config = readConfig();
  if (config.importToken !== undefined) {
    return { token: config.importToken, from: "that of IMPORT_TOKEN" };
  }
  const isOwn = !config.production && LOCAL.has(new URL(url).hostname);
  if (!isOwn) throw new Refusal(`import needs the token of an admin: ${HOW}`);
  const [secret, key] = ownKey(config);
  const token = await issueToken({
    secret,
    role: "admin",
    subject: "import",
    ttlSeconds: OWN_TOKEN_SECONDS,
    ...(config.jwtIssuer === undefined ? {} : { issuer: config.jwtIssuer }),
    ...(config.jwtAudience === undefined ? {} : { audience: config.jwtAudience }),
  });
  const advice = `if that service has another key: ${HOW}`;
  return { token, from: `signed here with ${key}; ${advice}` };
}

const HOW = "--token-file FILE, or IMPORT_TOKEN";

/** The key of the service on this machine, and its name. A key that nobody has yet is not made. */
function ownKey(config: Config): readonly [secret: string, name: string] {
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
  throw new Refusal(`import has no key to sign a token with: ${lacking}; ${advice}: ${HOW}`);
}
