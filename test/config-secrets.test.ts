/** No secret that anybody could know or guess is taken in production, whichever it is. */
import { expect, test } from "bun:test";
import { ConfigError, VARIABLES, readConfig, type Variable } from "#config";

const production = {
  NODE_ENV: "production",
  REDIS_URL: "redis://redis:6379",
  DATABASE_URL: "postgres://holdfast:pw@postgres/holdfast",
  JWT_SECRET: "uZ3vJ0q9yqv2wL8mB4kTnX7cR1eD5hGsPfAo6iVtWbE",
  PAYMENT_SECRET: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
};
/** Not made up by who installs us alone: addresses with a password in them, and another system's token. */
const OF_OTHERS = new Set(["REDIS_URL", "DATABASE_URL", "EUREKA_URL", "IMPORT_TOKEN"]);
const OURS = VARIABLES.filter(
  ({ name, secret }: Variable) => secret === true && !OF_OTHERS.has(name),
).map(({ name }) => name);

function refusalsOf(env: Readonly<Record<string, string>>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ variable, problem }) => `${variable}: ${problem}`);
  }
  return [];
}

test.each(OURS)("%s is refused where anybody may know it, and where it is short", (name) => {
  const known = refusalsOf({ ...production, [name]: "change-me-change-me-change-me-42" });
  expect(known).toEqual([expect.stringContaining(`${name}: is a text that anyone may know`)]);
  const short = refusalsOf({ ...production, [name]: "q8Zt4mVw1x" });
  expect(short).toEqual([expect.stringMatching(/: must have at least \d+ bytes, has 10;/)]);
});

test("a payment secret in the standard's form is as long as the key that it names", () => {
  const refused = (text: string) => refusalsOf({ ...production, PAYMENT_SECRET: text });
  expect(refused("whsec_!?#%&*()-+=!?#%&*()+=;:,.")).toEqual([
    expect.stringMatching(/^PAYMENT_SECRET: must have at least 24 bytes, has \d;/),
  ]);
  expect(refused("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa")).toEqual([
    expect.stringMatching(/^PAYMENT_SECRET: must have at least 24 bytes, has 22/),
  ]);
  expect(refused(production.PAYMENT_SECRET)).toEqual([]);
});
