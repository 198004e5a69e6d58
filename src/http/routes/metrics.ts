import { hash, timingSafeEqual } from "node:crypto";
import { createHandlers, type EdgeContext } from "#http/env";
import { z } from "zod";
import { PATHS } from "#http/paths";
import { Problem } from "#http/problem";
import { replyText } from "#http/reply";
import { route, type Edge, type Route } from "#http/routes/route";

const MetricsText = z.string().meta({ contentMediaType: "text/plain" });

/** A proxy on this machine has a loopback address too; these tell its requests from our own. */
const FORWARDED_HEADERS = ["forwarded", "x-forwarded-for", "x-real-ip"];

/** Counters in Prometheus text form: for who has the token, or without one for loopback peers. */
export function metricsRoute({ metrics, metricsToken }: Edge): Route {
  const secret = metricsToken === null ? null : hash("sha256", metricsToken, "buffer");
  return route({
    method: "GET",
    path: PATHS.metrics,
    summary: "Counters, in Prometheus' text form",
    answers: { 200: MetricsText },
    refusals: ["token_missing", "token_invalid", "overloaded"],
    roles: "public",
    whileStopping: true,
    counted: "never",
    handlers: createHandlers(async (c) => {
      if (secret !== null || !isLocal(c)) requireToken(c.req.header("authorization"), secret);
      const { contentType, body } = await metrics.render();
      return replyText(c, 200, body, { "content-type": contentType });
    }),
  });
}

function isLocal(c: EdgeContext): boolean {
  if (FORWARDED_HEADERS.some((name) => c.req.header(name) !== undefined)) return false;
  const address = (c.env?.peer?.() ?? "").replace(/^::ffff:/i, "");
  return address === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(address);
}

function requireToken(authorization: string | undefined, secret: Uint8Array | null): void {
  const headers = { "www-authenticate": 'Bearer realm="metrics"' };
  const [, token] = /^Bearer +(\S+)$/i.exec(authorization ?? "") ?? [];
  if (token === undefined) {
    throw new Problem(
      "token_missing",
      "metrics are for who has their token; without one, for loopback",
      { headers },
    );
  }
  // Hashes have one length, so that the comparison takes the same time for every token.
  if (secret === null || !timingSafeEqual(hash("sha256", token, "buffer"), secret)) {
    throw new Problem("token_invalid", "this is not the token of the metrics", { headers });
  }
}
