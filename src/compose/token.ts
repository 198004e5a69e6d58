/** `token`: signs a token with the secret that this installation verifies with. */
import { z } from "zod";
import { Refusal } from "#compose/refusal";
import { developmentSecret, type Config } from "#config";
import { issueToken } from "#http/token";
import { ROLES } from "#inventory/context";
import { CustomerId } from "#inventory/model";

const MINUTES_MAX = 10_080;

const Options = z.strictObject({
  role: z.enum(ROLES, `must be one of ${ROLES.join(", ")}`),
  subject: CustomerId,
  minutes: z
    .string()
    .regex(/^[1-9]\d{0,4}$/, `must be a whole number from 1 to ${MINUTES_MAX}`)
    .transform(Number)
    .refine((minutes) => minutes <= MINUTES_MAX, `must be at most ${MINUTES_MAX} (a week)`),
});

/** A command line that cannot be understood. */
export class TokenUsageError extends Error {}

/** The secret that tokens are signed with: the configured one, or the development key. */
export function signingSecret(config: Config): string | undefined {
  if (config.jwtSecret !== undefined) return config.jwtSecret;
  if (config.production || config.jwksUrl !== undefined) return undefined;
  return developmentSecret(config.dataDir);
}

export async function printToken(config: Config, input: unknown): Promise<void> {
  const options = Options.safeParse(input);
  if (!options.success) {
    const lines = options.error.issues.map(({ path, message }) => `--${path.join(".")} ${message}`);
    throw new TokenUsageError(lines.join("\n"));
  }
  const secret = signingSecret(config);
  if (secret === undefined) {
    throw new Refusal("token needs JWT_SECRET: tokens of a JWKS are signed by who holds its keys");
  }
  const { role, subject, minutes } = options.data;
  const token = await issueToken({
    secret,
    role,
    subject,
    ttlSeconds: minutes * 60,
    ...(config.jwtIssuer === undefined ? {} : { issuer: config.jwtIssuer }),
    ...(config.jwtAudience === undefined ? {} : { audience: config.jwtAudience }),
  });
  process.stdout.write(`${token}\n`);
}
