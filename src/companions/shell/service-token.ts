/** This service's own token, which it gets from the users service and keeps while it is good. */
import { z } from "zod";
import { callOut } from "#lib/call-out";

const Granted = z.object({ access_token: z.string(), expires_in: z.number() });
const CALL_MS_MAX = 2_000;
const ANSWER_BYTES_MAX = 16_384;
/** Of its life that it is used for. */
const SHARE_USED = 0.8;

interface Kept {
  readonly token: string;
  /** On the clock of this process (ms). */
  readonly until: number;
}

export interface ServiceTokenOptions {
  readonly usersUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

/** Rejects while the users service is away and there is none that is good. */
export function createServiceToken(options: ServiceTokenOptions): () => Promise<string> {
  const { usersUrl, clientId, clientSecret } = options;
  let kept: Kept | null = null;
  /** Whoever asks meanwhile waits for the same answer. */
  let asking: Promise<Kept> | null = null;
  const fetched = async (): Promise<Kept> => {
    // The life of a token begins before we hear of it.
    const askedAt = performance.now();
    const { status, text } = await callOut({
      method: "POST",
      url: `${usersUrl}/api/auth/token`,
      body: { grant_type: "client_credentials", client_id: clientId, client_secret: clientSecret },
      withinMs: CALL_MS_MAX,
      bytesMax: ANSWER_BYTES_MAX,
    });
    if (status !== 200) throw new Error(`the users service answered ${status} for our token`);
    const { access_token: token, expires_in: seconds } = Granted.parse(JSON.parse(text));
    return { token, until: askedAt + seconds * 1_000 * SHARE_USED };
  };
  return async () => {
    if (kept !== null && performance.now() < kept.until) return kept.token;
    asking ??= fetched().finally(() => {
      asking = null;
    });
    kept = await asking;
    return kept.token;
  };
}
