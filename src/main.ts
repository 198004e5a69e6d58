/** Reads the command line and runs one command of the service. */
import { parseArgs } from "node:util";
import { isCompanion, SETTINGS_OF } from "#compose/companion-settings";
import { runCompanion } from "#compose/companions";
import { runImportCommand } from "#compose/import";
import { runForeman } from "#compose/foreman";
import { MIGRATE_HELP, PLATFORM_HELP, START_HELP, TOKEN_HELP, VERIFY_HELP } from "#compose/help";
import { runMember } from "#compose/member";
import { runMigrate } from "#compose/migrate";
import { PLATFORM_SETTINGS, runPlatform } from "#compose/platform";
import { runPlatformCheck } from "#compose/platform-check";
import {
  QUARANTINE_HELP,
  quarantineOptions,
  QuarantineUsageError,
  runQuarantine,
} from "#compose/quarantine";
import { Refusal } from "#compose/refusal";
import {
  RETENTION_HELP,
  retentionOptions,
  RetentionUsageError,
  runRetention,
} from "#compose/retention";
import { RESTORE_HELP, restoreOptions, RestoreUsageError, runRestore } from "#compose/restore";
import { runRushCommand } from "#compose/rush";
import {
  runStart,
  startOptions,
  StartUsageError,
  unexpected,
  type StartOptions,
} from "#compose/start";
import { printToken, TokenUsageError } from "#compose/token";
import { runUser, USER_HELP, USER_SETTINGS, userOptions, UserUsageError } from "#compose/user";
import { contractProblems } from "#compose/contracts";
import { runVerify } from "#compose/verify";
import {
  CALLER_SETTINGS,
  ConfigError,
  isProduction,
  readConfig,
  readConfigFor,
  TOKEN_SETTINGS,
} from "#config";
import { EmbeddedFailure } from "#embedded/failure";
import { IMPORT_HELP, importOptions, ImportUsageError } from "#import/options";
import { createLog } from "#lib/log";
import { RUSH_HELP, rushOptions, RushUsageError } from "#rush/options";
import { version } from "#package.json";

const HELP = `Holdfast: stock that is never oversold.

Usage:
  bun run start [all|api|worker]      serve the API, the background work, or both (default: all)
  bun run start api --workers N       serve the API with N processes on one port
  bun run platform                    a whole shop on this machine: see platform --help
  bun run migrate                     bring PostgreSQL to the schema of this version
  bun run restore                     write Redis anew from PostgreSQL: see restore --help
  bun run quarantine                  what PostgreSQL refused: see quarantine --help
  bun run retention --before DATE     put old movements away: see retention --help
  bun run token --role admin          print a token for the API: see token --help
  bun run user --email ADDRESS        an account of the shop, such as its first admin: see user --help
  bun run import --from csv FILE      bring the stock of another system: see import --help
  bun run rush                        a storm to watch, and whether it adds up: see rush --help
  bun run verify [--json]             compare Redis and the ledger; exit 1 when they differ
  bun run help [COMMAND]              print this, or a command's; so does --help behind any of them
  bun src/main.ts --version           print the version

Examples:
  bun run start
  REDIS_URL=redis://localhost:6379 DATABASE_URL=postgres://localhost/holdfast bun run start api
  bun run verify --json > report.json   (nothing is changed; see docs/operations.md)
  curl -H "Authorization: Bearer $(bun run token --role admin)" localhost:3003/api/inventory/low-stock

Exit codes: 0 done, 1 not done or something found (each --help says what), 2 the command line cannot be
understood, and nothing was begun.

Every setting is an environment variable: see .env.example.
`;

/** What help says of each command. */
const HELPS: ReadonlyMap<string, string> = new Map([
  ["help", HELP],
  ["start", START_HELP],
  ["migrate", MIGRATE_HELP],
  ["platform", PLATFORM_HELP],
  ["token", TOKEN_HELP],
  ["verify", VERIFY_HELP],
  ["import", IMPORT_HELP],
  ["restore", RESTORE_HELP],
  ["quarantine", QUARANTINE_HELP],
  ["retention", RETENTION_HELP],
  ["rush", RUSH_HELP],
  ["user", USER_HELP],
]);
const HELP_WORDS = new Set(["--help", "-h"]);

/** A command line that cannot be understood. */
class UsageError extends Error {}

async function main(argv: readonly string[]): Promise<void> {
  const [command = "help", ...rest] = argv;
  const wantsHelp = rest.some((argument) => HELP_WORDS.has(argument));
  if (wantsHelp && HELPS.has(command)) return help(helpOf(command));
  switch (command) {
    case "start": {
      const [role, ...more] = rest;
      if (!isCompanion(role)) return start(startOptions(rest));
      noArguments(more);
      return runCompanion(role, readConfigFor({ only: SETTINGS_OF[role] }));
    }
    case "platform": {
      if (rest[0] === "check") {
        noArguments(rest.slice(1));
        const config = readConfigFor({ only: PLATFORM_SETTINGS });
        const say = (line: string): void => print(`${line}\n`);
        process.exit(await runPlatformCheck(config, say));
      }
      noArguments(rest);
      return runPlatform(readConfig());
    }
    case "migrate":
      noArguments(rest);
      return runMigrate(readConfig());
    case "token":
      return printToken(readTokenSettings(), tokenOptions(rest));
    case "verify":
      return runVerify(readConfig(), verifyOptions(rest));
    case "restore":
      return runRestore(readConfig(), restoreOptions(rest));
    case "quarantine":
      return runQuarantine(readConfig(), quarantineOptions(rest));
    case "retention":
      return runRetention(readConfig(), retentionOptions(rest));
    case "user":
      return runUser(readConfigFor({ only: USER_SETTINGS }), userOptions(rest));
    case "rush":
      return runRushCommand(rushOptions(rest), readCallerSettings());
    case "import":
      return runImportCommand(importOptions(rest), readCallerSettings);
    case "help":
      noArguments(rest.slice(1));
      return print(helpOf(rest[0] ?? command));
    case "--help":
    case "-h":
      return print(HELP);
    case "--version":
      return print(`${version}\n`);
    default:
      throw new UsageError(`there is no command ${command}`);
  }
}

/** Throws for a word that is no command. */
function helpOf(command: string): string {
  const text = HELPS.get(command);
  if (text === undefined) throw new UsageError(`there is no command ${command}`);
  return text;
}

const readTokenSettings = () => readConfigFor({ only: TOKEN_SETTINGS });
const readCallerSettings = () => readConfigFor({ only: CALLER_SETTINGS });

function start({ role, workers, process: number }: StartOptions): Promise<void> {
  if (number !== null) return runMember(number);
  const config = readConfigFor({ also: contractProblems });
  return workers === 1 ? runStart(config, role) : runForeman(config, workers);
}

function tokenOptions(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      role: { type: "string", default: "customer" },
      subject: { type: "string" },
      minutes: { type: "string", default: "60" },
    },
  });
  return { ...values, subject: values.subject ?? values.role };
}

function verifyOptions(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: { json: { type: "boolean", default: false } },
  });
  return values;
}

function noArguments(args: readonly string[]): void {
  if (args.length > 0) throw new UsageError(unexpected(args));
}

function print(text: string): void {
  process.stdout.write(text);
}

/** Ends the process: `bun --watch` would wait for a file to change. */
function help(text: string): void {
  process.stdout.write(text, () => process.exit(0));
}

/** How `parseArgs` names what it does not understand; other errors with a code are bugs. */
function isParseError(error: unknown): error is TypeError {
  if (!(error instanceof TypeError) || !("code" in error)) return false;
  return typeof error.code === "string" && error.code.startsWith("ERR_PARSE_ARGS");
}

/** What a person can mend is said in one line; anything else is a bug and shows its stack. */
function explain(error: unknown, command: string): number {
  const isUsage =
    error instanceof ImportUsageError ||
    error instanceof RestoreUsageError ||
    error instanceof RetentionUsageError ||
    error instanceof QuarantineUsageError ||
    error instanceof RushUsageError ||
    error instanceof StartUsageError ||
    error instanceof TokenUsageError ||
    error instanceof UserUsageError ||
    error instanceof UsageError ||
    isParseError(error);
  if (isUsage) {
    // Not the help itself: what is wrong would scroll away.
    const hasOwn = (HELPS.get(command) ?? HELP) !== HELP;
    const asked = hasOwn ? `${command} --help` : "help";
    process.stderr.write(`${error.message}\nFor help: bun run ${asked}\n`);
    return 2;
  }
  if (command === "start" && isProduction()) return tell(error);
  const isKnown = isForPeople(error);
  const text = isKnown ? error.message : Bun.inspect(error);
  process.stderr.write(`${text}\n`);
  return 1;
}

const isForPeople = (error: unknown): error is ConfigError | EmbeddedFailure | Refusal =>
  error instanceof ConfigError || error instanceof EmbeddedFailure || error instanceof Refusal;

/** What collects the log of production reads one object a line, also of a start that failed. */
function tell(error: unknown): number {
  const log = createLog({ level: "error", format: "json" });
  const facts =
    error instanceof ConfigError
      ? { problems: error.problems }
      : isForPeople(error)
        ? { reason: error.message }
        : { error };
  log.error("the service does not start", facts);
  return 1;
}

const argv = Bun.argv.slice(2);
try {
  await main(argv);
} catch (error) {
  process.exit(explain(error, argv[0] ?? "help"));
}
