/** Users: registration and sign-in, tokens for people and services, and the keys that verify them. */
import type { Hono } from "hono";
import { z } from "zod";
import { createShell, Refused, type ShellContext, type ShellEnv } from "#companions/shell/app";
import { notKnown } from "#companions/shell/challenge";
import { mount } from "#companions/shell/mount";
import { NUL } from "#companions/shell/parsed";
import {
  inBody,
  EVERYBODY,
  formOrJson,
  NOTHING,
  route,
  type By,
  type ShellRoute,
} from "#companions/shell/route";
import { ROLES, type Account, type Accounts } from "#companions/users/accounts";
import type { Attempts } from "#companions/users/attempts";
import type { KeyRing } from "#companions/users/keys";
import { countedAs } from "#lib/client-address";
import type { Log } from "#lib/log";

const PASSWORD_MIN = 10;
const PASSWORD_MAX = 200;
const EMAIL_MAX = 254;

export const Email = z
  .string()
  .max(EMAIL_MAX)
  .transform((text) => text.trim().toLowerCase())
  .pipe(z.email("must be an address of mail"));
export const Password = z
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

const User = z
  .object({ id: z.string(), email: z.string(), role: z.enum(ROLES) })
  .meta({ id: "User" });
const SignedIn = z
  .object({ message: z.string(), token: z.string(), user: User })
  .meta({ id: "SignedIn" });
const Granted = z.object({
  access_token: z.string(),
  token_type: z.literal("Bearer"),
  expires_in: z.int(),
});
const MadeClient = z.object({ clientId: z.string(), clientSecret: z.string(), name: z.string() });
const MadeKey = z.object({ kid: z.string() });
const Published = z.object({ keys: z.array(z.looseObject({ kid: z.string() })) });
const FEW = { 429: "There were too many tries." };

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
  /** Whether its document is for everybody, or for admins. */
  readonly docsPublic: boolean;
}

export function createUsersApp(options: UsersOptions): Hono<ShellEnv> {
  const { accounts, version, log, isAway, docsPublic } = options;
  const isReady = async (): Promise<null> => {
    await accounts.look();
    return null;
  };
  const shared = { name: "Users", version, errorField: "message" } as const;
  const app = createShell({ ...shared, log, isReady, isAway });
  const docsBy = docsPublic ? EVERYBODY : byAdmin(options);
  mount(app, { ...shared, routes: [...ofPeople(options), ...ofServices(options)], docsBy });
  return app;
}

function ofPeople(options: UsersOptions): readonly ShellRoute[] {
  const { accounts, attempts, keys } = options;
  const tokenFor = async ({ id, email, role }: Account) => ({
    token: await keys.sign({ role, email, userId: id }, id),
    user: { id, email, role },
  });
  return [
    route({
      method: "POST",
      path: "/api/auth/register",
      summary: "Become a customer",
      by: byFew(options),
      takes: inBody(Registration),
      answers: { 201: SignedIn },
      refused: { ...FEW, 409: "Somebody is registered with this address of mail." },
      async handle(c, { email, password }) {
        const account = await accounts.register(email, password);
        if (account === null) {
          throw new Refused(409, "somebody is registered with this address of mail", {
            field: "email",
          });
        }
        return c.json({ message: "Registered", ...(await tokenFor(account)) }, 201);
      },
    }),
    route({
      method: "POST",
      path: "/api/auth/login",
      summary: "Sign in",
      by: byFew(options),
      takes: inBody(SignIn),
      answers: { 200: SignedIn },
      refused: { ...FEW, 401: "The address or the password is wrong." },
      async handle(c, { email, password }) {
        const tried = await attempts.guess(email, () => accounts.signIn(email, password));
        if (tried.kind === "locked") {
          throw tooMany(tried.seconds, "too many wrong passwords for this account");
        }
        if (tried.kind === "wrong") throw notKnown("bearer", "Invalid email or password");
        const account = tried.found;
        return c.json({ message: "Login successful", ...(await tokenFor(account)) });
      },
    }),
    route({
      method: "GET",
      path: "/api/auth/me",
      summary: "Whose token this is",
      by: byUser(options),
      takes: NOTHING,
      answers: { 200: z.object({ user: User }) },
      handle: (c, _, user) => c.json({ user }),
    }),
  ];
}

function ofServices(options: UsersOptions): readonly ShellRoute[] {
  const { accounts, attempts, keys, tokenSeconds, addressOf } = options;
  return [
    route({
      method: "POST",
      path: "/api/auth/token",
      summary: "A service signs in for itself",
      notes: "RFC 6749, 4.4: id and secret in the body, or as HTTP's basic authentication.",
      by: byFew(options),
      takes: formOrJson(Grant),
      answers: { 200: Granted },
      refused: { ...FEW, 401: "No client has this id and secret." },
      async handle(c, given) {
        const basic = basicOf(c.req.header("authorization"));
        const id = basic?.id ?? given.client_id ?? "";
        const secret = basic?.secret ?? given.client_secret ?? "";
        // Of who guesses alone: whoever knows the name of a client shall not lock it out.
        const tried = await attempts.guess(`${id} from ${countedAs(addressOf(c))}`, async () =>
          (await accounts.isClient(id, secret)) ? id : null,
        );
        if (tried.kind === "locked") {
          throw tooMany(tried.seconds, "too many wrong secrets for this client from here");
        }
        if (tried.kind === "wrong") {
          throw notKnown("basic", "no client has this id and secret", { error: "invalid_client" });
        }
        const token = await keys.sign({ role: "service" }, id);
        return c.json({ access_token: token, token_type: "Bearer", expires_in: tokenSeconds });
      },
    }),
    route({
      method: "POST",
      path: "/api/auth/clients",
      summary: "Make a client, whose secret is told once",
      by: byAdmin(options),
      takes: inBody(Client),
      answers: { 201: MadeClient },
      async handle(c, { name }) {
        const { id, secret } = await accounts.addClient(name);
        return c.json({ clientId: id, clientSecret: secret, name }, 201);
      },
    }),
    route({
      method: "POST",
      path: "/api/auth/keys/rotate",
      summary: "Sign with a new key, as soon as everybody can have it",
      by: byAdmin(options),
      takes: NOTHING,
      answers: { 201: MadeKey },
      handle: async (c) => c.json({ kid: await keys.rotate() }, 201),
    }),
    route({
      method: "GET",
      path: "/.well-known/jwks.json",
      summary: "The keys that verify tokens",
      by: EVERYBODY,
      takes: NOTHING,
      answers: { 200: Published },
      async handle(c) {
        const published = await keys.published();
        c.header("cache-control", "public, max-age=300");
        return c.json(published);
      },
    }),
  ];
}

/** Everybody, but nobody too often: whoever guesses comes from somewhere. */
function byFew({ attempts, addressOf }: UsersOptions): By<null> {
  return {
    scheme: null,
    async admit(c) {
      const seconds = await attempts.fromAddress(addressOf(c));
      if (seconds !== null) throw tooMany(seconds, "too many tries from here");
      return null;
    },
  };
}

function byUser({ accounts, keys }: UsersOptions): By<Account> {
  return {
    scheme: "bearer",
    async admit(c) {
      const [, token = ""] = /^Bearer (.+)$/i.exec(c.req.header("authorization") ?? "") ?? [];
      if (token === "") throw notKnown("bearer", "a token of a user is needed");
      const claims = await keys.verify(token);
      const account = claims?.sub === undefined ? null : await accounts.byId(claims.sub);
      if (account === null) throw notKnown("badBearer", "a token of a user is needed");
      return account;
    },
  };
}

function byAdmin(options: UsersOptions): By<Account> {
  const { scheme, admit } = byUser(options);
  return {
    scheme,
    async admit(c) {
      const account = await admit(c);
      if (account.role !== "admin") throw new Refused(403, "this is for admins");
      return account;
    },
  };
}

const tooMany = (seconds: number, why: string): Refused =>
  new Refused(429, `${why}: try again in ${seconds} s`, {}, { "retry-after": String(seconds) });

function basicOf(header: string | undefined) {
  const [, encoded = ""] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(header ?? "") ?? [];
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (text.includes(NUL)) return null;
  return colon === -1 ? null : { id: text.slice(0, colon), secret: text.slice(colon + 1) };
}
