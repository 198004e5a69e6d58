/** What must hold of a run that has come to rest. */
import type { Reservation } from "#inventory/model";
import { decodeHold } from "#redis/hold-record";
import { metaKey, partitionTag, reservationKey } from "#redis/keys";
import { decodeProduct } from "#redis/product-record";
import type { Acknowledged } from "#test/audit";
import { brokenLaws } from "#test/laws";
import { BEGINS_AT } from "./globals.ts";
import type { Asked } from "./callers.ts";
import type { World } from "./world.ts";

/** How late a hold may end while nothing is wrong. */
const EXPIRED_MS_MAX = 1_000;
/** And after what was wrong, where its wake-up may be lost: the sweep finds it. */
const SWEPT_MS_MAX = 7_000;

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
  return recordsOf(world).every((hold) => hold.status !== "ACTIVE");
}

/** Why it does not come to rest. */
export function unrestOf(world: World): string {
  const fields = world.redis.keys.read(metaKey(0), "hash")?.fields;
  const states = world.nodes
    .filter(({ process }) => process.isAlive)
    .map(({ process, partition }) => `${process.name} ${partition.state}`);
  const live = recordsOf(world).filter(({ status }) => status === "ACTIVE").length;
  const meta = JSON.stringify(Object.fromEntries(fields ?? []));
  return `${states.join(", ")}; ${live} live holds; meta ${meta}; the ledger ${JSON.stringify(world.ledger.state.cursor)}`;
}

/** Everything that does not hold, in words. */
export function brokenRules(world: World, asked: readonly Asked[]): string[] {
  const lost = asked.filter((one) => isLost(world, one));
  const acknowledged = asked.filter((one) => !lost.includes(one)).flatMap(acknowledgedBy);
  return [
    ...brokenLaws({ ...stateOf(world), acknowledged }),
    ...lost.flatMap((one) => mustBeReported(world, one)),
    ...asked.flatMap((one) => mustHaveDoneNothing(world, one)),
    ...holdsThatEndedLate(world),
  ];
}

function stateOf({ redis, ledger }: World) {
  const { movements, levels, reservations } = ledger.state;
  const snapshot = Array.from(levels, ([name, { onHand, reserved }]) => {
    return [name, `${onHand}/${reserved}`] as const;
  });
  const stock = new Map<string, string>();
  for (const [key, value] of redis.keys.keys()) {
    if (value.type !== "hash" || !key.startsWith(`${partitionTag(0)}stock:`)) continue;
    const product = decodeProduct(Object.fromEntries(value.fields));
    for (const { location, onHand, reserved } of product.levels) {
      stock.set(`${product.productId} at ${location}`, `${onHand}/${reserved}`);
    }
  }
  return {
    movements,
    snapshot: new Map(snapshot),
    stock,
    reservations,
    records: recordsOf({ redis }),
    registry: new Map<string, string>(),
    registries: [new Map<string, string>()],
    quarantined: 0,
  };
}

function recordsOf({ redis }: Pick<World, "redis">): Reservation[] {
  const prefix = reservationKey(0, "");
  return Array.from(redis.keys.keys()).flatMap(([key, value]) => {
    if (value.type !== "string" || !key.startsWith(prefix)) return [];
    return [decodeHold(0, key.slice(prefix.length), value.text)];
  });
}

function acknowledgedBy({ id, outcome }: Asked): Acknowledged[] {
  if (outcome?.kind !== "done") return [];
  const { type, units, reservation } = outcome;
  return [{ requestId: id, type, units, reservationId: reservation?.reservationId ?? null }];
}

/** It was acknowledged by a Redis that came back without it. */
function isLost({ hasLost, ledger }: World, { id, outcome }: Asked): boolean {
  if (!hasLost || outcome?.kind !== "done") return false;
  const { reservation } = outcome;
  return !ledger.state.movements.some(({ requestId, type, reservationId }) => {
    const isOfHold = reservation === null || reservationId === reservation.reservationId;
    return requestId === id && type === outcome.type && isOfHold;
  });
}

/** By its id where the process lives that said it, by a range that has its seq where another knew. */
function mustBeReported(world: World, { id, node, receipts, told }: Asked): string[] {
  const { reports } = world.ledger.state;
  if (reports.some((report) => report.operations.some(({ requestId }) => requestId === id)))
    return [];
  const what = `${id} (${told}) was acknowledged, is lost, and`;
  if (node?.process.isAlive === true) return [`${what} ${node.process.name} does not report it`];
  const last = receipts.at(-1);
  if (last === undefined) return [`${what} nobody said where Redis stood`];
  const isInRange = reports.some(
    ({ missing }) => missing && missing.from <= last.seq && last.seq <= missing.to,
  );
  const witness = world.nodes.find(({ process, heard }) => {
    const knew = heard.some(({ epoch, seq }) => epoch === last.epoch && seq >= last.seq);
    return process.isAlive && knew;
  });
  if (isInRange || witness === undefined) return [];
  return [`${what} no report has movement ${last.seq}, which ${witness.process.name} knew of`];
}

/** Who was told each time that nothing happened must find that nothing did. */
function mustHaveDoneNothing(
  { ledger }: World,
  { id, isDoubtful, outcome, told }: Asked,
): string[] {
  if (isDoubtful || outcome?.kind !== "refused") return [];
  const made = ledger.state.movements.filter(
    ({ requestId, type }) => requestId === id && type !== "EXPIRE",
  );
  return made.map(
    ({ seq, type }) => `${id} (${told}) was refused, and movement ${seq} is its ${type}`,
  );
}

function holdsThatEndedLate({ ledger, troubles }: World): string[] {
  const { movements, reservations } = ledger.state;
  return movements.flatMap(({ type, reservationId, at, seq }) => {
    if (type !== "EXPIRE" || reservationId === null) return [];
    const hold = reservations.get(reservationId);
    if (!hold || hold.expiresAt === null) return [];
    const { expiresAt } = hold;
    const createdAt = hold.createdAt - BEGINS_AT;
    const until = expiresAt - BEGINS_AT + SWEPT_MS_MAX;
    const isTroubled = troubles.some((it) => it.from < until && it.to > createdAt);
    if (isTroubled || at - expiresAt <= EXPIRED_MS_MAX) return [];
    return [`${reservationId} ended ${at - expiresAt} ms after it was due (movement ${seq})`];
  });
}
