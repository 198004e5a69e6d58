import { hash } from "node:crypto";
import { actorOf, type Deps, type RequestContext } from "#inventory/context";
import type { CountRuns, NewCountRun } from "#inventory/count-run-ports";
import { randomId } from "#lib/ids";

/** Of a run without an `Idempotency-Key`: as long as the hash that names one with it. */
const ID_LENGTH = 32;
const PAYLOAD_HEX_DIGITS = 16;

/** Takes counts for a worker; the same `Idempotency-Key` with the same wish asks for it once. */
export async function startCountRun(
  { countRuns }: Pick<Deps, "countRuns">,
  ctx: RequestContext,
  input: Pick<NewCountRun, "rows" | "errorPolicy" | "commit" | "reference">,
): ReturnType<CountRuns["ask"]> {
  const { operation } = ctx;
  const { errorPolicy, commit, reference } = input;
  // What is wished for stands in the query, which is no part of the key's payload.
  const wish = JSON.stringify([operation?.payload, errorPolicy, commit, reference]);
  const payload = hash("sha256", wish).slice(0, PAYLOAD_HEX_DIGITS);
  const id = operation?.key ?? randomId(ID_LENGTH);
  return await countRuns.ask({ id, payload, askedBy: actorOf(ctx.caller), ...input }, ctx.deadline);
}
