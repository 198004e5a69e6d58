/** What a route refuses with because of what it is, besides what it says of itself. */
import type { ProblemCode } from "#http/problem";
import type { Route } from "#http/routes/route";
import { checkedBy, type Checked } from "#http/validate";

/** What this route's validators check, in their order. */
export function checksOf({ handlers }: Route): readonly Checked[] {
  return handlers.flatMap((handler) => checkedBy(handler) ?? []);
}

/** Every code that this route may refuse with, but for `internal_error`: a mistake of ours. */
export function codesOf(route: Route): ReadonlySet<ProblemCode> {
  const checks = checksOf(route);
  const takesJsonOnly = checks.some(({ jsonOnly }) => jsonOnly);
  const rules: readonly (readonly [applies: boolean, codes: readonly ProblemCode[]])[] = [
    [
      checks.length > 0 || route.mutation || route.conditional,
      ["validation_failed", "reserved_id"],
    ],
    [route.method !== "GET", ["malformed_json", "body_too_large"]],
    [takesJsonOnly, ["json_required"]],
    [
      route.roles !== "public" || route.guarded !== null,
      ["token_missing", "token_invalid", "token_expired", "role_required"],
    ],
    [route.mutation, ["idempotency_key_reused", "journal_full", "outcome_unknown"]],
    [route.counted !== "never", ["rate_limited"]],
    [!route.whileStopping, ["stopping", "partition_fenced", "redis_unavailable"]],
    [!route.whileStopping, ["ledger_unavailable", "overloaded"]],
  ];
  const implied = rules.flatMap(([applies, codes]) => (applies ? codes : []));
  return new Set([...implied, ...route.refusals]);
}
