/** CORS by a list of origins. Tokens travel in a header, so that no credentials mode is needed. */
import type { HeaderFields } from "#http/problem";

const EXPOSED =
  "Durability, ETag, Idempotency-Replayed, Ledger-Lag, Link, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, X-Correlation-ID, X-Request-Id";
const ACCEPTED =
  "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer, X-Correlation-ID, X-Request-Id";
/** Browsers ask again after this; long enough to halve the requests of a shop page. */
const PREFLIGHT_SECONDS = "600";

export interface Cors {
  /** For every answer to a request with this `Origin`. */
  answer(origin: string | undefined): HeaderFields;
  /** For the answer to a preflight. */
  preflight(origin: string | undefined, methods: string): HeaderFields;
}

const NOTHING: HeaderFields = {};

/** Without origins nothing is answered and nothing is done. */
export function createCors(origins: readonly string[]): Cors {
  const allowed = new Map(
    origins.map((origin) => [
      origin,
      {
        "access-control-allow-origin": origin,
        "access-control-expose-headers": EXPOSED,
        vary: "Origin",
      },
    ]),
  );
  const refused: HeaderFields = { vary: "Origin" };
  if (allowed.size === 0) return { answer: () => NOTHING, preflight: () => NOTHING };
  return {
    answer: (origin) => (origin === undefined ? refused : (allowed.get(origin) ?? refused)),
    preflight: (origin, methods) => {
      if (origin === undefined || !allowed.has(origin)) return NOTHING;
      return {
        "access-control-allow-methods": methods,
        "access-control-allow-headers": ACCEPTED,
        "access-control-max-age": PREFLIGHT_SECONDS,
      };
    },
  };
}
