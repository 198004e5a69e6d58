/** This service's own token, which it gets from the users service and keeps while it is good. */
import { z } from "zod";
import { callOut } from "#lib/call-out";

const Granted = z.object({ access_token: z.string(), expires_in: z.number() });
const CALL_MS_MAX = 2_000;
const ANSWER_BYTES_MAX = 16_384;
/** Of its life that it is used for. */
const SHARE_USED = 0.8;

export interface ServiceTokenOptions {
  readonly usersUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

/** Rejects while the users service is away and there is none that is good. */
export function createServiceToken(options: ServiceTokenOptions): () => Promise<string> {
  const { usersUrl, clientId, clientSecret } = options;
  let kept: { readonly token: Promise<string>; until: number } | null = null;
  const fetched = async (): Promise<string> => {
    const { status, text } = await callOut({
      method: "POST",
      url: `${usersUrl}/api/auth/token`,
      body: { grant_type: "client_credentials", client_id: clientId, client_secret: clientSecret },
      withinMs: CALL_MS_MAX,
      bytesMax: ANSWER_BYTES_MAX,
    });
    if (status !== 200) throw new Error(`the users service answered ${status} for our token`);
    const granted = Granted.parse(JSON.parse(text));
    if (kept !== null) kept.until = performance.now() + granted.expires_in * 1_000 * SHARE_USED;
    return granted.access_token;
  };
  return async () => {
    if (kept !== null && performance.now() < kept.until) return await kept.token;
    const asked = { token: fetched(), until: Number.POSITIVE_INFINITY };
    kept = asked;
    asked.token.catch(() => {
      if (kept === asked) kept = null;
    });
    return await asked.token;
  };
}
