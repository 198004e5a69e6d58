import { JWT_SECRET_BYTES_MIN, isWellKnown } from "#config/secrets";
import type { Texts } from "#config/settings";
import { VARIABLES, type Variable, type VariableName } from "#config/variables";
import { editDistance } from "#lib/edit-distance";

/** One thing that is wrong, or odd, with one variable. Never holds a secret's value. */
export type Problem = Readonly<{ variable: string; problem: string }>;

/** A metrics token or the registry's password is typed into a scraper's file; 16 random bytes are beyond guessing. */
const METRICS_TOKEN_BYTES_MIN = 16;

/** As Standard Webhooks has it: with less, one call that was overheard tells the secret. */
const PAYMENT_SECRET_BYTES_MIN = 24;

/** A shorter name is misspelt by one slip only: HOME is not HOST. */
const LONG_NAME_LENGTH = 6;

const SECRETS = [
  "JWT_SECRET",
  "JWT_SECRET_PREVIOUS",
  "METRICS_TOKEN",
  "REGISTRY_PASSWORD",
  "SERVICE_CLIENT_SECRET",
  "PAYMENT_SECRET",
  "PAYMENT_SECRET_PREVIOUS",
] as const;

const HOW_TO_MAKE_ONE = "make one with: openssl rand -base64 32";

/** What no single variable shows: rules between two of them, of secrets, and of production. */
export function refusals(texts: Texts, used: readonly VariableName[]): Problem[] {
  return [
    ...(texts.NODE_ENV === "production" ? productionRefusals(texts, used) : []),
    ...shortSecrets(texts),
    ...pairRefusals(texts),
  ];
}

/** What looks like a mistake but may be meant. */
export function warnings(env: Readonly<Record<string, string | undefined>>, texts: Texts) {
  return [...Object.keys(env).flatMap(misspelling), ...knownSecrets(texts)];
}

function productionRefusals(texts: Texts, used: readonly VariableName[]): Problem[] {
  const short = new Set(shortSecrets(texts).map(({ variable }) => variable));
  // One line a variable: what is too short is no secret either way.
  const found = knownSecrets(texts).filter(({ variable }) => !short.has(variable));
  for (const name of ["REDIS_URL", "DATABASE_URL"] as const) {
    if (texts[name] || !used.includes(name)) continue;
    found.push({ variable: name, problem: "is required in production, where nothing is embedded" });
  }
  if (!texts.JWT_SECRET && !texts.JWKS_URL && used.includes("JWT_SECRET")) {
    const problem = `or JWKS_URL is required in production; ${HOW_TO_MAKE_ONE}`;
    found.push({ variable: "JWT_SECRET", problem });
  }
  // Of the service registry alone: it is in no other list but that of all there are.
  if (!texts.REGISTRY_PASSWORD && used.includes("REGISTRY_PASSWORD") && !used.includes("PORT")) {
    const problem = `is required in production; ${HOW_TO_MAKE_ONE}`;
    found.push({ variable: "REGISTRY_PASSWORD", problem });
  }
  if (texts.SAMPLE_DATA === "1") {
    found.push({
      variable: "SAMPLE_DATA",
      problem: "must be 0 in production: samples are not stock",
    });
  }
  const isPlain = texts.JWKS_URL && URL.parse(texts.JWKS_URL)?.protocol === "http:";
  if (isPlain && texts.JWKS_HTTP !== "1") {
    const problem = "must be https:// in production; JWKS_HTTP=1 says that http: is meant";
    found.push({ variable: "JWKS_URL", problem });
  }
  return found;
}

/** Secrets that anybody could know: refused in production, warned of elsewhere. */
function knownSecrets(texts: Texts): Problem[] {
  return SECRETS.flatMap((variable) => {
    const secret = texts[variable];
    if (secret === undefined || !isWellKnown(secret)) return [];
    return [{ variable, problem: `is a text that anyone may know; ${HOW_TO_MAKE_ONE}` }];
  });
}

/** Not in production only: a token signed with a short key can be forged from one sample. */
function shortSecrets(texts: Texts): Problem[] {
  const bytesMin = {
    JWT_SECRET: JWT_SECRET_BYTES_MIN,
    JWT_SECRET_PREVIOUS: JWT_SECRET_BYTES_MIN,
    METRICS_TOKEN: METRICS_TOKEN_BYTES_MIN,
    REGISTRY_PASSWORD: METRICS_TOKEN_BYTES_MIN,
    SERVICE_CLIENT_SECRET: METRICS_TOKEN_BYTES_MIN,
    PAYMENT_SECRET: PAYMENT_SECRET_BYTES_MIN,
    PAYMENT_SECRET_PREVIOUS: PAYMENT_SECRET_BYTES_MIN,
  };
  return SECRETS.flatMap((variable) => {
    const bytes = bytesOf(texts[variable] ?? "");
    if (texts[variable] === undefined || bytes >= bytesMin[variable]) return [];
    const problem = `must have at least ${bytesMin[variable]} bytes, has ${bytes}`;
    return [{ variable, problem: `${problem}; ${HOW_TO_MAKE_ONE}` }];
  });
}

/** Behind `whsec_` a secret is base64, and what is not base64 of it is no part of the key. */
const bytesOf = (secret: string): number =>
  secret.startsWith("whsec_")
    ? Buffer.from(secret.slice("whsec_".length), "base64").byteLength
    : Buffer.byteLength(secret);

function pairRefusals(texts: Texts): Problem[] {
  const found: Problem[] = [];
  const rule = (broken: boolean, variable: VariableName, problem: string) => {
    if (broken) found.push({ variable, problem });
  };
  const above = (name: VariableName, limit: VariableName) =>
    rule(
      Number(texts[name]) > Number(texts[limit]),
      name,
      `must not be above ${limit} (${texts[limit]}); not ${texts[name]}`,
    );
  above("RESERVATION_MINUTES", "RESERVATION_MINUTES_MAX");
  above("JOURNAL_KEEP_ENTRIES", "JOURNAL_MAX_ENTRIES");
  const samePort = texts.PORT === texts.WORKER_PORT && texts.PORT !== "0";
  rule(samePort, "WORKER_PORT", `must differ from PORT (${texts.PORT})`);
  rule(
    texts.JWT_SECRET_PREVIOUS !== undefined && texts.JWT_SECRET === undefined,
    "JWT_SECRET_PREVIOUS",
    "needs JWT_SECRET, which it precedes",
  );
  rule(
    texts.PAYMENT_SECRET_PREVIOUS !== undefined && texts.PAYMENT_SECRET === undefined,
    "PAYMENT_SECRET_PREVIOUS",
    "needs PAYMENT_SECRET, which it precedes",
  );
  return found;
}

/** An unknown name that is nearly one of ours, with the one that was probably meant. */
function misspelling(name: string): Problem[] {
  const known = VARIABLES.flatMap(({ name: ours, secret }: Variable) =>
    secret ? [ours, `${ours}_FILE`] : [ours],
  );
  if (known.includes(name)) return [];
  const meant = known.find(
    (ours) => editDistance(name, ours) <= (ours.length < LONG_NAME_LENGTH ? 1 : 2),
  );
  return meant ? [{ variable: name, problem: `is unknown; did you mean ${meant}?` }] : [];
}
