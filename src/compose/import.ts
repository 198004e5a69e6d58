/** `import`: finds the service and the token, and brings what it can over the API. */
import { isOfThisMachine, signedToken, tokenInFile, type Wanting } from "#compose/admin-token";
import { urlOfThisMachine } from "#compose/port";
import { Refusal } from "#compose/refusal";
import type { Config } from "#config";
import type { FoundToken } from "#import/api";
import type { ImportOptions } from "#import/options";
import { Stopped } from "#import/rows";
import { runImport } from "#import/run";
import { systemClock } from "#lib/clock";
import { printable } from "#lib/printable";

const WANTING: Wanting = { command: "import", how: "--token-file FILE, or IMPORT_TOKEN" };

/** Rejects with a Refusal when a row is not where it should be. */
export async function runImportCommand(
  options: ImportOptions,
  readConfig: () => Config,
): Promise<void> {
  const say = (line: string): void => void process.stderr.write(`${printable(line)}\n`);
  const isDry = options["dry-run"];
  try {
    const url = options.url ?? (isDry ? "" : urlOfThisMachine(readConfig()));
    const token = isDry ? null : await tokenOf(options, url, readConfig);
    if (await runImport(options, { url, token, clock: systemClock, say })) return;
  } catch (error) {
    if (error instanceof Stopped)
      throw new Refusal(error.message.split("\n").map(printable).join("\n"));
    throw error;
  }
  throw new Refusal(options.compare ? "Holdfast and the source differ" : "not every row was taken");
}

async function tokenOf(
  options: ImportOptions,
  url: string,
  readConfig: () => Config,
): Promise<FoundToken> {
  const file = options["token-file"];
  if (file !== undefined) return tokenInFile(file);
  const config = readConfig();
  if (config.importToken !== undefined) {
    return { token: config.importToken, from: "that of IMPORT_TOKEN" };
  }
  const isOwn = !config.production && isOfThisMachine(url);
  if (!isOwn) throw new Refusal(`import needs the token of an admin: ${WANTING.how}`);
  return await signedToken(config, WANTING);
}
