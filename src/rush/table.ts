/** The end of a rush: what was told beside what is written down, line by line. */
import type { Ledger, Status } from "#rush/ledger";
import type { Told, Unknown } from "#rush/told";

/** Of what differs, so many are named in a line. */
const NAMED_MAX = 5;

export interface Books {
  readonly units: number;
  readonly told: Told;
  readonly ledger: Ledger;
  readonly reservations: ReadonlyMap<string, Status>;
  readonly product: { readonly availableStock: number; readonly reservedStock: number };
}

/** null: that book says nothing of it. */
export interface Row {
  readonly name: string;
  readonly told: number;
  /** What nobody could be told, and the ledger says. */
  readonly settled: number;
  readonly movements: number | null;
  readonly reservations: number | null;
  readonly product: number | null;
  readonly isRight: boolean;
  /** Some of what differs, or was not to be. */
  readonly differing: readonly string[];
}

export interface Settled extends Unknown {
  /** What the ledger says became of it. */
  readonly was: string;
}

export interface Table {
  readonly rows: readonly Row[];
  readonly unknown: readonly Settled[];
}

const ENDS = ["expired", "cancelled", "sold"] as const;
const NAMES = ["held", ...ENDS] as const;
type Name = (typeof NAMES)[number];
const STATUS_OF = { expired: "EXPIRED", cancelled: "CANCELLED", sold: "CONFIRMED" } as const;

/** Each sum as often as somebody keeps it; a line is right where all of them are equal. */
export function tableOf(books: Books): Table {
  const { told, ledger, reservations, units, product } = books;
  const unsure = new Set(told.unknown.map(({ orderId }) => orderId));
  const settled = settledOf(books, unsure);
  const known = (name: Name): Set<string> => new Set([...told[name].keys(), ...settled[name]]);
  const held = known("held");
  const countOf = (status: Status): number =>
    [...reservations.values()].filter((one) => one === status).length;
  const row = (name: Name, found: number): Row => {
    const theirs = ledger[name].map(({ reservationId }) => reservationId);
    const ours = known(name);
    const differing = differences(ours, theirs);
    return {
      name,
      told: told[name].size,
      settled: settled[name].size,
      movements: theirs.length,
      reservations: found,
      product: null,
      isRight: differing.length === 0 && found === ours.size,
      differing: differing.slice(0, NAMED_MAX),
    };
  };
  const ended = new Set(ENDS.flatMap((name) => [...known(name)]));
  const sold = known("sold").size;
  const rows: Row[] = [
    row("held", [...held].filter((id) => reservations.has(id)).length),
    refusedRow(books, unsure),
    waitingRow(books, unsure),
    ...ENDS.map((name) => row(name, countOf(STATUS_OF[name]))),
    plain("still held", [...held].filter((id) => !ended.has(id)).length, {
      movements: ledger.reserved,
      reservations: countOf("ACTIVE"),
      product: product.reservedStock,
    }),
    plain("left", units - sold, {
      movements: ledger.onHand - ledger.reserved,
      reservations: null,
      product: product.availableStock,
    }),
    oversoldRow(books, sold),
    strangeRow(told),
  ];
  return { rows, unknown: told.unknown.map((one) => ({ ...one, was: fateOf(one, ledger) })) };
}

/** What the ledger has of orders of which somebody could not be told: it is believed for those alone. */
function settledOf({ told, ledger }: Books, unsure: ReadonlySet<string>) {
  const of = (name: Name): Set<string> => {
    const entries = ledger[name].filter(
      ({ reservationId, orderId }) =>
        orderId !== null && unsure.has(orderId) && !told[name].has(reservationId),
    );
    return new Set(entries.map(({ reservationId }) => reservationId));
  };
  return { held: of("held"), expired: of("expired"), cancelled: of("cancelled"), sold: of("sold") };
}

/** Orders that never had a unit. Of who could not be told, the ledger knows whether they had. */
function refusedRow({ told, ledger }: Books, unsure: ReadonlySet<string>): Row {
  const had = new Set(ledger.held.map(({ orderId }) => orderId));
  const refused = [...told.orders].filter(([, { isRefused, isHeld }]) => isRefused && !isHeld);
  const without = [...told.orders.keys()].filter((orderId) => !had.has(orderId));
  const toldSure = new Set(refused.map(([orderId]) => orderId));
  const differing = [
    ...[...toldSure].filter((orderId) => had.has(orderId) && !unsure.has(orderId)),
    ...without.filter((orderId) => !toldSure.has(orderId) && !unsure.has(orderId)),
  ];
  return {
    name: "refused",
    told: told.refused,
    settled: without.length - told.refused,
    movements: without.length,
    reservations: null,
    product: null,
    isRight: differing.length === 0,
    differing: differing.slice(0, NAMED_MAX),
  };
}

/** Orders that stood in the line. Who could not be told may have. */
function waitingRow({ told, ledger }: Books, unsure: ReadonlySet<string>): Row {
  const theirs = ledger.waiting.filter((orderId) => !unsure.has(orderId));
  const ours = [...told.waiting].filter((orderId) => !unsure.has(orderId));
  const differing = differences(new Set(ours), theirs);
  const settled = ledger.waiting.filter((id) => unsure.has(id) && !told.waiting.has(id));
  return {
    name: "waitlisted",
    told: told.waiting.size,
    settled: settled.length,
    movements: ledger.waiting.length,
    reservations: null,
    product: null,
    isRight: differing.length === 0,
    differing: differing.slice(0, NAMED_MAX),
  };
}

/** Beyond what there was, by what was told and by what each movement left behind it. */
function oversoldRow({ units, ledger }: Books, soldCount: number): Row {
  const told = Math.max(0, soldCount - units);
  const movements = Math.max(0, ledger.sold.length - units, -ledger.leastFree);
  return {
    ...plain("oversold", told, { movements, reservations: null, product: null }),
    isRight: told === 0 && movements === 0,
  };
}

/** Answers that no rush should hear, whatever the sums say. */
function strangeRow({ strange }: Told): Row {
  const all = [...strange.values()];
  const count = all.reduce((sum, one) => sum + one.count, 0);
  return {
    ...plain("strange answers", count, { movements: null, reservations: null, product: null }),
    isRight: count === 0,
    differing: all.slice(0, NAMED_MAX).map((one) => `${one.answer} (${one.count} times)`),
  };
}

function plain(
  name: string,
  told: number,
  sums: Pick<Row, "movements" | "reservations" | "product">,
): Row {
  const all = Object.values(sums).filter((sum) => sum !== null);
  const isRight = all.every((sum) => sum === told);
  return { name, told, settled: 0, ...sums, isRight, differing: [] };
}

/** What only one of the two has, or the second has more than once. */
function differences(ours: ReadonlySet<string>, theirs: readonly string[]): string[] {
  const seen = new Set<string>();
  const twice = theirs.filter((id) => seen.has(id) || !seen.add(id));
  return [
    ...[...ours].filter((id) => !seen.has(id)),
    ...[...seen].filter((id) => !ours.has(id)),
    ...twice,
  ];
}

/** What became of it, for who could not be told. */
function fateOf({ orderId, reservationId }: Unknown, ledger: Ledger): string {
  const happened = NAMES.filter((name) =>
    ledger[name].some((entry) =>
      reservationId === null
        ? entry.orderId === orderId
        : entry.reservationId === reservationId || entry.orderId === orderId,
    ),
  );
  return happened.length === 0 ? "nothing was held" : happened.join(", then ");
}
