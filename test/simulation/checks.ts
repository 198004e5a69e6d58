/** What must hold of a run that has come to rest. */
import type { Movement } from "#inventory/model";
import { metaKey } from "#redis/keys";
import type { Acknowledged } from "#test/audit";
import { brokenLaws, LAWS } from "#test/laws";
import { TOLD_OF_OTHERS } from "#test/lost";
import type { Asked } from "./callers.ts";
import { areCampaignsOver, brokenCampaigns, fencesLeft } from "./campaign-laws.ts";
import { holdsThatEndedLate } from "./lateness.ts";
import { countsThatDiffer, takenAboveLimits } from "./limit-laws.ts";
import { areLinesIdle, LineLaws } from "./line-laws.ts";
import { HOLD_SECONDS_MAX } from "./plan.ts";
import { brokenInRedis, productsOf, recordsOf } from "./redis-state.ts";
import type { World } from "./world.ts";

/** What is checked, once it has come to rest. */
export type Run = Pick<
  World,
  "redis" | "ledger" | "nodes" | "troubles" | "hasLost" | "seen" | "saw"
>;

const HOLDING: ReadonlySet<string> = new Set(["RESERVE", "RELEASE", "EXPIRE"]);

/** Of what the simulation does not have: there they would hold of nothing. */
const NOT_SIMULATED: ReadonlySet<string> = new Set([
  "the registry is the same everywhere",
  "nothing is in quarantine",
]);
const SIMULATED = LAWS.filter(({ name }) => !NOT_SIMULATED.has(name));

const WAKING_MS = 500;

/** Whether both stores agree and nothing is under way. */
export function isAtRest(world: World): boolean {
  const { redis, ledger, nodes, scheduler } = world;
  const fields = redis.keys.read(metaKey(0), "hash")?.fields;
  const isDrained = fields?.get("seq") === String(ledger.state.cursor.seq);
  // Who stood still has to learn first what happened meanwhile.
  const isOpen = nodes.every(({ process, partition }) => {
    const isAwake = process.pausedUntil + WAKING_MS < scheduler.now;
    return !process.isAlive || (isAwake && partition.state === "open");
  });
  if (!isDrained || !isOpen || fields?.get("drained") !== fields?.get("seq")) return false;
  if (!areCampaignsOver(redis) || !areLinesIdle(redis)) return false;
  return recordsOf(redis).every((hold) => hold.status !== "ACTIVE");
}

/** Why it does not come to rest. */
export function unrestOf(world: World): string {
  const fields = world.redis.keys.read(metaKey(0), "hash")?.fields;
  const states = world.nodes
    .filter(({ process }) => process.isAlive)
    .map(({ process, partition }) => `${process.name} ${partition.state}`);
  const live = recordsOf(world.redis).filter(({ status }) => status === "ACTIVE").length;
  const meta = JSON.stringify(Object.fromEntries(fields ?? []));
  return `${states.join(", ")}; ${live} live holds; meta ${meta}; the ledger ${JSON.stringify(world.ledger.state.cursor)}`;
}

/** Everything that does not hold, in words. */
export function brokenRules(run: Run, asked: readonly Asked[]): string[] {
  const lost = asked.filter((one) => isLost(run, one));
  const acknowledged = asked.filter((one) => !lost.includes(one)).flatMap(acknowledgedBy);
  const state = { ...stateOf(run), acknowledged };
  return [
    ...brokenLaws(state, SIMULATED),
    ...lost.flatMap((one) => mustBeReported(run, one)),
    ...untrueReports(run, asked),
    ...asked.flatMap((one) => mustHaveDoneNothing(run, one)),
    ...holdsThatEndedLate(run),
    ...holdsThatLiveTooLong(run),
    ...unlikeTheirType(run),
    ...timeThatWentBack(run),
    ...countsThatDiffer(run),
    ...takenAboveLimits(run),
    ...new LineLaws(run).broken,
    ...brokenCampaigns(run, asked),
    ...fencesLeft(run.redis),
    ...brokenNow(run, true),
  ];
}

/** In Redis by itself, at any moment. */
export function brokenNow({ redis, saw }: Pick<Run, "redis" | "saw">, isCalm: boolean): string[] {
  const looked = brokenInRedis(redis, isCalm);
  if (looked === null) return [];
  saw("look at Redis");
  if (looked.live > 0) saw("look at live holds");
  return looked.broken;
}

function stateOf({ redis, ledger }: Run) {
  const { movements, levels, reservations } = ledger.state;
  const snapshot = Array.from(levels, ([name, { onHand, reserved }]) => {
    return [name, `${onHand}/${reserved}`] as const;
  });
  const stock = new Map<string, string>();
  for (const { productId, levels: held } of productsOf(redis)) {
    for (const { location, onHand, reserved } of held) {
      stock.set(`${productId} at ${location}`, `${onHand}/${reserved}`);
    }
  }
  return {
    movements,
    snapshot: new Map(snapshot),
    stock,
    reservations,
    records: recordsOf(redis),
    // Nobody looks: see NOT_SIMULATED.
    registry: new Map<string, string>(),
    registries: [],
    quarantined: 0,
  };
}

function acknowledgedBy({ id, outcome }: Asked): Acknowledged[] {
  if (outcome?.kind !== "done") return [];
  const { type, units, reservation } = outcome;
  return [{ requestId: id, type, units, reservationId: reservation?.reservationId ?? null }];
}

/** It was acknowledged by a Redis that came back without it. */
function isLost({ hasLost, ledger }: Run, one: Asked): boolean {
  if (!hasLost || one.outcome?.kind !== "done") return false;
  return !ledger.state.movements.some((movement) => isAnswered(movement, one));
}

/**
 * Whether a movement is what was acknowledged. A request that had no answer may have made another hold,
 * which ended before it was asked again.
 */
function isAnswered(
  { requestId, type, reservationId }: Movement,
  { id, outcome }: Pick<Asked, "id" | "outcome">,
): boolean {
  if (outcome?.kind !== "done") return requestId === id;
  const { reservation } = outcome;
  const isOfHold = reservation === null || reservationId === reservation.reservationId;
  return requestId === id && type === outcome.type && isOfHold;
}

/** By its id where the process lives that said it, by a range that has its seq where another knew. */
function mustBeReported(run: Run, { id, node, receipts, told }: Asked): string[] {
  const { reports } = run.ledger.state;
  if (reports.some((report) => report.operations.some(({ requestId }) => requestId === id)))
    return [];
  const what = `${id} (${told}) was acknowledged, is lost, and`;
  if (node?.process.isAlive === true) return [`${what} ${node.process.name} does not report it`];
  const last = receipts.at(-1);
  if (last === undefined) return [`${what} nobody said where Redis stood`];
  const isInRange = reports.some(({ missing, kind, epoch }) => {
    // A rebuild names the epoch that it began: what is missing is of one before it.
    if (kind === "rebuilt" ? epoch <= last.epoch : epoch < last.epoch) return false;
    return missing && missing.from <= last.seq && last.seq <= missing.to;
  });
  const witness = run.nodes.find(({ process, heard }) => {
    const knew = heard.some(({ epoch, seq }) => epoch === last.epoch && seq >= last.seq);
    return process.isAlive && knew;
  });
  if (isInRange || witness === undefined) return [];
  return [`${what} no report has movement ${last.seq}, which ${witness.process.name} knew of`];
}

/** As `falseReports` of test/support/lost.ts: who repeats what is lost does it anew, in a later epoch. */
function untrueReports({ ledger }: Run, asked: readonly Asked[]): string[] {
  const { reports, movements } = ledger.state;
  const byId = new Map(asked.map((one) => [one.id, one]));
  return reports.flatMap(({ kind, epoch, missing, operations }) => {
    const ended = kind === "lost" ? epoch : epoch - 1;
    const there = movements.filter((movement) => movement.epoch <= ended);
    const told = operations.flatMap(({ requestId, seq, outcome: word, reservationId }) => [
      ...there
        .filter((one) => {
          if (requestId === null || TOLD_OF_OTHERS.has(word)) return false;
          const request = byId.get(requestId);
          // A copy that came late, when the hold had ended, made another one: that is what is lost.
          const isOfCopy = reservationId !== null && reservationId !== one.reservationId;
          if (request?.isDoubtful === true && isOfCopy) return false;
          return isAnswered(one, request ?? { id: requestId, outcome: null });
        })
        .map((one) => `${requestId} is movement ${one.seq} of epoch ${one.epoch}, not lost`),
      ...(missing && missing.from <= seq && seq <= missing.to
        ? []
        : [`${requestId} has number ${seq}, not one of ${missing?.from} to ${missing?.to}`]),
    ]);
    const inRange = there.filter(({ seq }) => missing && missing.from <= seq && seq <= missing.to);
    const found = inRange.map(({ seq }) => `movement ${seq} is there, and not missing in ${epoch}`);
    return [...told, ...found];
  });
}

/** Who was told each time that nothing happened must find that nothing did. */
function mustHaveDoneNothing({ ledger }: Run, { id, isDoubtful, outcome, told }: Asked): string[] {
  if (isDoubtful || outcome?.kind !== "refused") return [];
  const made = ledger.state.movements.filter(
    ({ requestId, type }) => requestId === id && type !== "EXPIRE",
  );
  return made.map(
    ({ seq, type }) => `${id} (${told}) was refused, and movement ${seq} is its ${type}`,
  );
}

/** Rounded up to the full second, as every due time is. */
function holdsThatLiveTooLong({ ledger }: Run): string[] {
  return Array.from(ledger.state.reservations.values()).flatMap((hold) => {
    const { reservationId, createdAt, expiresAt } = hold;
    const latest = Math.ceil(createdAt / 1_000 + HOLD_SECONDS_MAX) * 1_000;
    if (expiresAt === null || expiresAt <= latest) return [];
    return [`${reservationId} is due ${expiresAt - latest} ms after the longest life of a hold`];
  });
}

/** What holds units and lets them go leaves the stock as it is; what is sold leaves the house. */
function unlikeTheirType({ ledger }: Run): string[] {
  return ledger.state.movements.flatMap(({ type, seq, onHandBefore, onHandAfter }) => {
    if (!HOLDING.has(type) && type !== "SALE") return [];
    const isRight = type === "SALE" ? onHandAfter < onHandBefore : onHandAfter === onHandBefore;
    return isRight ? [] : [`movement ${seq}: ${type} of ${onHandBefore} leaves ${onHandAfter}`];
  });
}

function timeThatWentBack({ ledger }: Run): string[] {
  const { movements } = ledger.state;
  return movements.flatMap(({ at, seq }, i) => {
    const before = movements[i - 1]?.at ?? at;
    return at >= before ? [] : [`movement ${seq} was at ${at}, the one before it at ${before}`];
  });
}
