/** Users: registration and sign-in, tokens for people and services, and the keys that verify them. */
import type { Hono } from "hono";
import { z } from "zod";
import {
  createShell,
  jsonOf,
  Refused,
  type ShellContext,
  type ShellEnv,
} from "#companions/shell/app";
import { parsed } from "#companions/shell/parsed";
import type { Account, Accounts } from "#companions/users/accounts";
import type { Attempts } from "#companions/users/attempts";
import type { KeyRing } from "#companions/users/keys";
import type { Log } from "#lib/log";

const PASSWORD_MIN = 10;
const PASSWORD_MAX = 200;
const EMAIL_MAX = 254;

const Email = z
  .string()
  .max(EMAIL_MAX)
  .transform((text) => text.trim().toLowerCase())
  .pipe(z.email("must be an address of mail"));
const Password = z
  .string()
  .min(PASSWORD_MIN, `must have at least ${PASSWORD_MIN} characters`)
  .max(PASSWORD_MAX, `must have at most ${PASSWORD_MAX} characters`);
const Registration = z.strictObject({ email: Email, password: Password });
/** Whatever was taken once may be tried. */
const SignIn = z.strictObject({ email: Email, password: z.string().min(1).max(PASSWORD_MAX) });
const Client = z.strictObject({ name: z.string().trim().min(1).max(100) });
const Grant = z.looseObject({
  grant_type: z.literal("client_credentials"),
  client_id: z.string().min(1).max(100).optional(),
  client_secret: z.string().min(1).max(PASSWORD_MAX).optional(),
});

export interface UsersOptions {
  readonly accounts: Accounts;
  readonly attempts: Attempts;
  readonly keys: KeyRing;
  readonly tokenSeconds: number;
  readonly version: string;
  readonly log: Log;
  readonly isAway: (error: unknown) => boolean;
  /** Of the network, whose request it is. */
  readonly addressOf: (c: ShellContext) => string;
}

export function createUsersApp(options: UsersOptions): Hono<ShellEnv> {
  const { accounts, attempts, keys, tokenSeconds, version, log, isAway, addressOf } = options;
  const isReady = async (): Promise<null> => {
    await accounts.look();
    return null;
  };
  const app = createShell({ name: "Users", version, log, isReady, isAway, errorField: "message" });

  const tokenFor = async ({ id, email, role }: Account) => ({
    token: await keys.sign({ role, email, userId: id }, id),
    user: { id, email, role },
  });
  const mustBeFew = async (c: ShellContext): Promise<void> => {
    const seconds = await attempts.fromAddress(addressOf(c));
    if (seconds !== null) throw tooMany(c, seconds, "too many tries from here");
  };
  const accountOf = async (c: ShellContext): Promise<Account> => {
    const [, token = ""] = /^Bearer (.+)$/i.exec(c.req.header("authorization") ?? "") ?? [];
    const claims = token === "" ? null : await keys.verify(token);
    const account = claims?.sub === undefined ? null : await accounts.byId(claims.sub);
    if (account === null) throw new Refused(401, "a token of a user is needed");
    return account;
  };
  const mustBeAdmin = async (c: ShellContext): Promise<void> => {
    if ((await accountOf(c)).role !== "admin") throw new Refused(403, "this is for admins");
  };

  app.post("/api/auth/register", async (c) => {
    await mustBeFew(c);
    const { email, password } = parsed(Registration, await jsonOf(c));
    const account = await accounts.register(email, password);
    if (account === null)
      throw new Refused(409, "somebody is registered with this address of mail");
    return c.json({ message: "Registered", ...(await tokenFor(account)) }, 201);
  });
  app.post("/api/auth/login", async (c) => {
    await mustBeFew(c);
    const { email, password } = parsed(SignIn, await jsonOf(c));
    const locked = await attempts.lockedFor(email);
    if (locked !== null) throw tooMany(c, locked, "too many wrong passwords for this account");
    const account = await accounts.signIn(email, password);
    if (account === null) {
      await attempts.failed(email);
      throw new Refused(401, "Invalid email or password");
    }
    await attempts.succeeded(email);
    return c.json({ message: "Login successful", ...(await tokenFor(account)) });
  });
  app.get("/api/auth/me", async (c) => c.json({ user: await accountOf(c) }));
  // RFC 6749, 4.4: a service signs in for itself.
  app.post("/api/auth/token", async (c) => {
    await mustBeFew(c);
    const given = parsed(Grant, await formOrJson(c));
    const basic = basicOf(c.req.header("authorization"));
    const id = basic?.id ?? given.client_id ?? "";
    const secret = basic?.secret ?? given.client_secret ?? "";
    const locked = await attempts.lockedFor(id);
    if (locked !== null) throw tooMany(c, locked, "too many wrong secrets for this client");
    if (!(await accounts.isClient(id, secret))) {
      await attempts.failed(id);
      throw new Refused(401, "no client has this id and secret", { error: "invalid_client" });
    }
    const token = await keys.sign({ role: "service" }, id);
    return c.json({ access_token: token, token_type: "Bearer", expires_in: tokenSeconds });
  });
  app.post("/api/auth/clients", async (c) => {
    await mustBeAdmin(c);
    const { name } = parsed(Client, await jsonOf(c));
    const { id, secret } = await accounts.addClient(name);
    return c.json({ clientId: id, clientSecret: secret, name }, 201);
  });
  app.post("/api/auth/keys/rotate", async (c) => {
    await mustBeAdmin(c);
    return c.json({ kid: await keys.rotate() }, 201);
  });
  app.get("/.well-known/jwks.json", async (c) => {
    const published = await keys.published();
    c.header("cache-control", "public, max-age=300");
    return c.json(published);
  });
  return app;
}

function tooMany(c: ShellContext, seconds: number, why: string): Refused {
  c.header("retry-after", String(seconds));
  return new Refused(429, `${why}: try again in ${seconds} s`);
}

/** As OAuth has it, and as everything else here does. */
async function formOrJson(c: ShellContext): Promise<unknown> {
  const type = c.req.header("content-type") ?? "";
  if (!type.startsWith("application/x-www-form-urlencoded")) return await jsonOf(c);
  return Object.fromEntries(new URLSearchParams(await c.req.text()));
}

function basicOf(header: string | undefined) {
  const [, encoded = ""] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(header ?? "") ?? [];
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon === -1 ? null : { id: text.slice(0, colon), secret: text.slice(colon + 1) };
}
