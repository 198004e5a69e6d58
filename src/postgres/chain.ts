/**
 * The chain of hashes over a partition's movements: each link is a hash of the link before it and of
 * what the row says. All hashes are SHA-256, here as hex.
 */
import { hash, randomBytes } from "node:crypto";

/** A movement as a link has it: plain values, whatever is wrong with them. */
export interface Linked {
  readonly partition: number;
  readonly seq: number;
  readonly epoch: number;
  readonly type: string;
  readonly productId: string | null;
  readonly location: string;
  readonly onHandBefore: number;
  readonly onHandAfter: number;
  readonly reservedBefore: number;
  readonly reservedAfter: number;
  readonly reservationId: string | null;
  readonly orderId: string | null;
  readonly customerId: string | null;
  readonly actor: string;
  readonly reason: string | null;
  readonly reference: string | null;
  readonly requestId: string | null;
  readonly at: number;
}

/** What a row keeps of the chain. Commitment and salt are null where no person is named. */
export interface Link {
  readonly chain: string;
  readonly commitment: string | null;
  readonly salt: string | null;
}

const SALT_HEX_DIGITS = 32;
/** Actors that are customers; what follows is the customer's id. */
const CUSTOMER = "customer:";

const isCustomer = (actor: string): boolean => actor.startsWith(CUSTOMER);

/** Whether a row names a person. */
export const isPersonal = ({ customerId, actor }: Pick<Linked, "customerId" | "actor">): boolean =>
  customerId !== null || isCustomer(actor);

/** What stands before the first link of a chain that begins with that movement. */
export function originOf(partition: number, firstSeq: number): string {
  return hash("sha256", JSON.stringify(["holdfast chain 1", partition, firstSeq]));
}

/**
 * The salt of a movement, which the key of its partition leads to: a row that was lost and is put back
 * has the salt that it had. A key that was replaced leads to none any more.
 */
export const saltOf = (key: string, partition: number, seq: number): string =>
  hash("sha256", `holdfast salt 1 ${key} ${partition} ${seq}`).slice(0, SALT_HEX_DIGITS);

/** What is of a person, hashed with the salt. */
export function commitmentOf(row: Pick<Linked, "customerId" | "actor">, salt: string): string {
  const { customerId, actor } = row;
  return hash("sha256", JSON.stringify([salt, customerId, isCustomer(actor) ? actor : null]));
}

/** The link of a movement. */
export function linkOf(previous: string, row: Linked, commitment: string | null): string {
  const { partition, seq, epoch, type, productId, location, actor, at } = row;
  const text = JSON.stringify([
    previous,
    partition,
    seq,
    epoch,
    type,
    productId,
    location,
    row.onHandBefore,
    row.onHandAfter,
    row.reservedBefore,
    row.reservedAfter,
    row.reservationId,
    row.orderId,
    isCustomer(actor) ? CUSTOMER : actor,
    row.reason,
    row.reference,
    row.requestId,
    at,
    commitment,
  ]);
  return hash("sha256", text);
}

/** The link of a movement with all that its row keeps of it. `key` is that of the partition. */
export function linkWith(key: string, previous: string, row: Linked): Link {
  if (!isPersonal(row)) return { chain: linkOf(previous, row, null), commitment: null, salt: null };
  const salt = saltOf(key, row.partition, row.seq);
  const commitment = commitmentOf(row, salt);
  return { chain: linkOf(previous, row, commitment), commitment, salt };
}

/** The links of movements that follow each other, and each other's. */
export function linksOf(key: string, previous: string, rows: readonly Linked[]): Link[] {
  let chain = previous;
  return rows.map((row) => {
    const link = linkWith(key, chain, row);
    chain = link.chain;
    return link;
  });
}

/** What of a movement that was set aside is of persons, and the rest of its payload. */
export interface AsidePayload {
  readonly personal: string;
  readonly rest: string;
}

const PERSONAL_FIELDS: ReadonlySet<string> = new Set(["customerId", "actor"]);

/** Takes a payload apart, whatever it is: `customerId` and actors that are customers are of persons. */
export function asideOf(payload: string): AsidePayload {
  const personal: string[] = [];
  const rest: unknown = JSON.parse(payload, (name, value: unknown) => {
    if (typeof value !== "string" || !PERSONAL_FIELDS.has(name)) return value;
    if (name === "actor" && !isCustomer(value)) return value;
    personal.push(value);
    return name === "actor" ? CUSTOMER : "";
  });
  return { personal: JSON.stringify(personal), rest: JSON.stringify(rest) };
}

/** What is of persons in a payload, hashed with the salt. */
export const asideCommitmentOf = ({ personal }: AsidePayload, salt: string): string =>
  hash("sha256", JSON.stringify([salt, personal]));

/** The link of a movement that was set aside. */
export function asideLinkOf(
  previous: string,
  seq: number,
  { rest }: Pick<AsidePayload, "rest">,
  commitment: string,
): string {
  const text = JSON.stringify([previous, seq, "aside", hash("sha256", rest), commitment]);
  return hash("sha256", text);
}

/** The same with a salt of its own. */
export function asideLink(previous: string, seq: number, payload: string): Link {
  const salt = randomBytes(SALT_HEX_DIGITS / 2).toString("hex");
  const parts = asideOf(payload);
  const commitment = asideCommitmentOf(parts, salt);
  return { chain: asideLinkOf(previous, seq, parts, commitment), commitment, salt };
}
