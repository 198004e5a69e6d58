/**
 * The chain of hashes over a partition's movements: each link is a hash of the link before it and of
 * what the row says. All hashes are SHA-256, here as hex.
 */
import { createCipheriv, hash, randomBytes } from "node:crypto";

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

const SALT_BYTES = 16;
const SALT_HEX_DIGITS = 2 * SALT_BYTES;
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
 * The salts of movements that follow each other, which the key of their partition leads to: a row that
 * was lost and is put back has the salt that it had. A key that was replaced leads to none any more.
 * The key stream of AES in counter mode, whose counter is partition and seq: one call for a batch.
 */
function saltsFrom(key: string, { partition, seq }: Linked, count: number): string {
  const counter = Buffer.alloc(SALT_BYTES);
  counter.writeUInt32BE(partition, 0);
  counter.writeBigUInt64BE(BigInt(seq), 8);
  const stream = createCipheriv("aes-256-ctr", Buffer.from(key, "hex"), counter);
  return stream.update(Buffer.alloc(count * SALT_BYTES)).toString("hex");
}

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

/** The links of movements that follow each other, and each other's. `key` is that of the partition. */
export function linksOf(key: string, previous: string, rows: readonly Linked[]): Link[] {
  const [first] = rows;
  const salts = first && rows.some(isPersonal) ? saltsFrom(key, first, rows.length) : "";
  let chain = previous;
  return rows.map((row, i) => {
    if (!isPersonal(row)) {
      chain = linkOf(chain, row, null);
      return { chain, commitment: null, salt: null };
    }
    const salt = salts.slice(i * SALT_HEX_DIGITS, (i + 1) * SALT_HEX_DIGITS);
    const commitment = commitmentOf(row, salt);
    chain = linkOf(chain, row, commitment);
    return { chain, commitment, salt };
  });
}

/** The customers that a row names. */
export const personsOf = ({
  customerId,
  actor,
}: Pick<Linked, "customerId" | "actor">): string[] => [
  ...(customerId === null ? [] : [customerId]),
  ...(isCustomer(actor) ? [actor.slice(CUSTOMER.length)] : []),
];

/** The link that says which movements bear a pseudonym since; `seqs` with commas between them. */
export const pseudonymLinkOf = (previous: string, seqs: string, pseudonym: string): string =>
  hash("sha256", `${previous} ${seqs} ${pseudonym}`);

/** What of a movement that was set aside is of persons, and the rest of its payload. */
export interface AsidePayload {
  readonly personal: string;
  /** The customers it names. */
  readonly persons: readonly string[];
  readonly rest: string;
}

const PERSONAL_FIELDS: ReadonlySet<string> = new Set(["customerId", "actor"]);

/** Takes a payload apart, whatever it is: `customerId` and actors that are customers are of persons. */
export function asideOf(payload: string): AsidePayload {
  const personal: string[] = [];
  const persons: string[] = [];
  const rest: unknown = JSON.parse(payload, (name, value: unknown) => {
    if (typeof value !== "string" || !PERSONAL_FIELDS.has(name)) return value;
    if (name === "actor" && !isCustomer(value)) return value;
    personal.push(value);
    persons.push(name === "actor" ? value.slice(CUSTOMER.length) : value);
    return name === "actor" ? CUSTOMER : "";
  });
  return { personal: JSON.stringify(personal), persons, rest: JSON.stringify(rest) };
}

/** What is of persons in a payload, hashed with the salt. */
export const asideCommitmentOf = (
  { personal }: Pick<AsidePayload, "personal">,
  salt: string,
): string => hash("sha256", JSON.stringify([salt, personal]));

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
  const salt = randomBytes(SALT_BYTES).toString("hex");
  const parts = asideOf(payload);
  const commitment = asideCommitmentOf(parts, salt);
  return { chain: asideLinkOf(previous, seq, parts, commitment), commitment, salt };
}
