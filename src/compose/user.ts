/** `user`: makes an account of the users service, such as the first admin, or gives one another password. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { CLOSE_SECONDS_MAX, schemaOf } from "#compose/companion-parts";
import { eventuallyPostgres } from "#compose/eventually";
import { Refusal } from "#compose/refusal";
import { openExistingServers } from "#compose/servers";
import { COMMON_SETTINGS, type Config, type VariableName } from "#config";
import { createAccounts, ROLES, type Account } from "#companions/users/accounts";
import { Email, Password } from "#companions/users/app";
import { USERS_MIGRATIONS } from "#companions/users/migrations";
import { Passwords } from "#companions/users/passwords";
import { randomId } from "#lib/ids";
import { createLog } from "#lib/log";

export const USER_HELP = `Makes an account of the users service: the first admin of a shop, above all.

Usage:
  bun run user --email ADDRESS [options]

Options:
  --email ADDRESS                     what it signs in with
  --role admin|customer               what it may do                          (default: customer)
  --password-file FILE                read the password from there, - is stdin; a newline at its end is
                                      no part of it       (default: one is made, and printed this once)
  --replace                           an account that is there gets this role and password; without it
                                      that is refused

Passwords have 10 to 200 characters, and are never read from the command line, where everybody on the
machine sees them. It needs the PostgreSQL of the users service: its DATABASE_URL, or its DATA_DIR, and
brings the schema users to this version first; the service need not run. Tokens that an account has are
good until they run out, an hour at most, whatever it becomes.

What it prints on stdout is the password that it made, alone on its line; all else goes to stderr.

It exits with 0 when the account is there, with 1 when somebody is registered with that address, a file
or PostgreSQL cannot be read, and with 2 when the command line cannot be understood.

Examples:
  bun run user --email alice@acme.com --role admin
  bun run user --email alice@acme.com --role admin --password-file /run/secrets/alice
  openssl rand -base64 24 | tee alice.txt | bun run user --email alice@acme.com --password-file -
  bun run user --email alice@acme.com --role admin --replace
`;

export const USER_SETTINGS: readonly VariableName[] = [...COMMON_SETTINGS, "DATABASE_URL"];

/** A command line that cannot be understood. */
export class UserUsageError extends Error {}

export interface UserOptions {
  readonly email: string;
  readonly role: Account["role"];
  /** null: one is made. */
  readonly passwordFile: string | null;
  readonly replace: boolean;
}

export function userOptions(args: readonly string[]): UserOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      email: { type: "string" },
      role: { type: "string", default: "customer" },
      "password-file": { type: "string" },
      replace: { type: "boolean", default: false },
    },
  });
  const email = Email.safeParse(values.email);
  if (!email.success) throw new UserUsageError("--email must be an address of mail");
  const role = ROLES.find((one) => one === values.role);
  if (role === undefined) throw new UserUsageError(`--role must be one of ${ROLES.join(", ")}`);
  const passwordFile = values["password-file"] ?? null;
  return { email: email.data, role, passwordFile, replace: values.replace };
}

/** Nobody types it: as long as that of a client. */
const MADE_LENGTH = 40;
const STDIN = 0;

const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** Rejects with a Refusal where there is no such account in the end. */
export async function runUser(config: Config, options: UserOptions): Promise<void> {
  const { email, role, passwordFile, replace } = options;
  const password = passwordFile === null ? randomId(MADE_LENGTH) : passwordIn(passwordFile);
  const log = createLog({ level: config.logLevel, format: config.production ? "json" : "text" });
  const { databaseUrl: url } = config;
  const servers =
    url === undefined
      ? await openExistingServers(config, say)
      : { redisUrl: "", databaseUrl: url, stop: () => Promise.resolve() };
  try {
    const sql = await eventuallyPostgres({ log, url: servers.databaseUrl }, () =>
      schemaOf("users", servers, USERS_MIGRATIONS),
    );
    try {
      const accounts = createAccounts(sql, new Passwords());
      const made = await accounts.register(email, password, role);
      if (made === null && !replace) {
        throw new Refusal(`somebody is registered with ${email}: --replace gives another password`);
      }
      if (made === null) await accounts.replace(email, password, role);
      say(made === null ? `${email} has another password, and is ${role}` : `${email} is ${role}`);
    } finally {
      await sql.end({ timeout: CLOSE_SECONDS_MAX });
    }
  } finally {
    await servers.stop();
  }
  if (passwordFile === null) process.stdout.write(`${password}\n`);
}

/** As a person writes it into a file, or a program sends it. */
function passwordIn(file: string): string {
  const given = Password.safeParse(textOf(file).replace(/\r?\n$/, ""));
  if (given.success) return given.data;
  throw new Refusal(`the password ${given.error.issues[0]?.message ?? "is none"}`);
}

function textOf(file: string): string {
  try {
    return readFileSync(file === "-" ? STDIN : file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw new Refusal(`the password cannot be read from ${file}: ${code}`);
  }
}
