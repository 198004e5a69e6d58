/** `import`: finds the token, and brings what it can over the API. */
import { Refusal } from "#compose/refusal";
import { signingSecret } from "#compose/token";
import type { Config } from "#config";
import { readSecretFile } from "#config/secrets";
import { issueToken } from "#http/token";
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
  try {
    const token = options["dry-run"] ? "" : await tokenOf(options, readConfig);
    if (await runImport(options, { token, clock: systemClock, say })) return;
  } catch (error) {
    if (error instanceof Stopped)
      throw new Refusal(error.message.split("\n").map(printable).join("\n"));
    throw error;
  }
  throw new Refusal(options.compare ? "Holdfast and the source differ" : "not every row was taken");
}

async function tokenOf(options: ImportOptions, readConfig: () => Config): Promise<string> {
  const file = options["token-file"];
  if (file !== undefined) {
    try {
      return readSecretFile(file);
    } catch (error) {
      throw new Refusal(`--token-file cannot be read: ${String(error)}`);
    }
  }
  const config = readConfig();
  if (config.importToken !== undefined) return config.importToken;
  const secret = signingSecret(config);
  const isOwn = !config.production && LOCAL.has(new URL(options.url).hostname);
  if (secret === undefined || !isOwn) {
    throw new Refusal("import needs the token of an admin: --token-file FILE, or IMPORT_TOKEN");
  }
  return issueToken({
    secret,
    role: "admin",
    subject: "import",
    ttlSeconds: OWN_TOKEN_SECONDS,
    ...(config.jwtIssuer === undefined ? {} : { issuer: config.jwtIssuer }),
    ...(config.jwtAudience === undefined ? {} : { audience: config.jwtAudience }),
  });
}
