import { createAuthenticator, type AuthenticatorOptions } from "#http/middleware/authenticate";
import { Problem } from "#http/problem";
import { Fault } from "#inventory/faults";
import { systemClock } from "#lib/clock";

/** What became of a token: the caller as text, or the code of the refusal. */
export async function outcomeOf(
  options: Omit<AuthenticatorOptions, "clock">,
  authorization: string | undefined,
): Promise<string> {
  const auth = await createAuthenticator({ clock: systemClock, ...options });
  try {
    const { role, subject } = await auth.verify(authorization);
    return `${role}:${subject}`;
  } catch (error) {
    if (error instanceof Problem || error instanceof Fault) return error.code;
    throw error;
  }
}
