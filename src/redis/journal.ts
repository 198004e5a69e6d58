/** The journal: one stream entry a batch. Twin of what lua/lib/batch.lua appends. */
import type { Redis } from "ioredis";
import { z } from "zod";
import { STOCK_ALERTS, type Crossing } from "#inventory/event-ports";
import { RECORD_KINDS, type KeptRecord } from "#inventory/drain-ports";
import { Fault } from "#inventory/faults";
import {
  MOVEMENT_TYPES,
  type CustomerId,
  type Location,
  type Movement,
  type OrderId,
  type ProductId,
  type Reservation,
} from "#inventory/model";
import type { JournaledLocation } from "#inventory/location-ports";
import type { Cursor, Journal, JournalEntry } from "#inventory/ports";
import { asking, BLOCK_MS_MAX } from "#redis/client";
import { decodeHold } from "#redis/hold-record";
import { journalKey, metaKey } from "#redis/keys";
import { decodeLocation } from "#redis/location-record";
import { decodeProductJson } from "#redis/product-record";
import { fieldAt, isOneOf, recorded, recordedCount, recordedFields } from "#redis/recorded";
import { loadScript, runScript } from "#redis/script";

const settleScript = loadScript("journal/settle.lua");

/** One entry as ioredis gives it: id, then field and value by turns. */
const Entries = z.array(z.tuple([z.string(), z.array(z.string())]));
const StreamReply = z.array(z.tuple([z.string(), Entries])).nullable();

export interface JournalOptions {
  /** For commands. */
  readonly redis: Redis;
  /** For blocking reads, its own connection for each partition. */
  readonly blocking: (partition: number) => Redis;
  readonly partitions: number;
  /** The store whose ledger this is: the journal of another is never read nor trimmed. */
  readonly storeId: string;
  /** Movements that stay in the journal behind the ledger's cursor. */
  readonly keepEntries: number;
}

export function createJournal(options: JournalOptions): Journal {
  return {
    partitions: options.partitions,
    async read(partition, after, entriesMax, waitMsMax) {
      const block = Math.max(1, Math.min(waitMsMax, BLOCK_MS_MAX));
      const from = `${after.epoch}-${after.seq}`;
      const redis = options.blocking(partition);
      const key = journalKey(partition);
      const reply: unknown = await asking(async () => {
        const [storeId, fence] = await redis.hmget(metaKey(partition), "storeId", "fence");
        if (storeId !== options.storeId || fence !== null) throw strange(partition);
        return await redis.xread("COUNT", entriesMax, "BLOCK", block, "STREAMS", key, from);
      });
      const streams = StreamReply.parse(byPairs(reply));
      return decodeEntries(partition, streams?.[0]?.[1] ?? []);
    },
    async settle(partition: number, { epoch, seq }: Cursor, how: "located" | "appended") {
      const args = [options.storeId, String(epoch), String(seq), String(options.keepEntries), how];
      const key = metaKey(partition);
      const reply = await asking(() => runScript(options.redis, settleScript, key, args));
      if (reply !== "settled") throw strange(partition);
    },
  };
}

const strange = (partition: number): Fault =>
  new Fault(
    "partition_fenced",
    `Redis does not hold what the ledger of partition ${partition} has`,
  );

/** RESP3 answers a map of streams, RESP2 a list of pairs. */
function byPairs(reply: unknown): unknown {
  if (reply instanceof Map) return [...reply];
  if (reply !== null && typeof reply === "object" && !Array.isArray(reply)) {
    return Object.entries(reply);
  }
  return reply;
}

/** Reads entries as ioredis gives them. */
export function decodeEntries(partition: number, reply: unknown): JournalEntry[] {
  return Entries.parse(reply).map(([id, fields]) => decodeEntry(partition, id, fields));
}

/** Reads one entry; throws when it is not what our scripts append. */
export function decodeEntry(
  partition: number,
  id: string,
  fields: readonly string[],
): JournalEntry {
  const [epoch, seq] = id.split("-");
  const texts = new Map<string, string>();
  for (let i = 0; i + 1 < fields.length; i += 2) {
    texts.set(fieldAt(fields, i, "name"), fieldAt(fields, i + 1, "value"));
  }
  const head = {
    partition,
    epoch: recordedCount(epoch, "epoch"),
    at: recordedCount(texts.get("at"), "at"),
  };
  const last = recordedCount(seq, "seq");
  const holds = linesOf(texts.get("holds")).map((line) => decodeHoldLine(partition, line));
  const byId = new Map<string, Reservation>(holds.map((hold) => [hold.reservationId, hold]));
  return {
    epoch: head.epoch,
    seq: last,
    movements: linesOf(texts.get("movements")).map((line) => decodeMovement(head, line, byId)),
    reservations: holds,
    products: linesOf(texts.get("products")).map(decodeProductJson),
    locations: linesOf(texts.get("locations")).map(decodeLocationLine),
    operations: linesOf(texts.get("operations")).map((line) => {
      const tab = line.indexOf("\t");
      return { key: line.slice(0, tab), text: line.slice(tab + 1), seq: last };
    }),
    crossings: linesOf(texts.get("crossings")).map((line) => decodeCrossing(head.at, line)),
    records: linesOf(texts.get("records")).map(decodeRecord),
  };
}

const linesOf = (text: string | undefined): string[] => (text ? text.split("\n") : []);

function decodeHoldLine(partition: number, line: string): Reservation {
  const tab = line.indexOf("\t");
  return decodeHold(partition, line.slice(0, tab), line.slice(tab + 1));
}

/** seq, location, then its record. */
function decodeLocationLine(line: string): JournaledLocation {
  const [, seq, location = "", record = ""] = /^(\d+)\t([^\t]+)\t(.*)$/s.exec(line) ?? [];
  const registered = decodeLocation(recorded<Location>(location), record);
  return { ...registered, seq: recordedCount(seq, "seq") };
}

/** seq, grade, product, what is available. */
function decodeCrossing(at: number, line: string): Crossing {
  const fields = line.split("\t");
  const kind = fieldAt(fields, 1, "grade");
  if (!isOneOf(STOCK_ALERTS, kind)) throw new Error(`unknown grade ${kind}`);
  return {
    seq: recordedCount(fields[0], "seq"),
    kind,
    productId: recorded<ProductId>(fieldAt(fields, 2, "product")),
    units: recordedCount(fields[3], "units"),
    at,
  };
}

/** seq, kind, id, then its text; an empty one says that it is gone. */
function decodeRecord(line: string): KeptRecord {
  const [, seq, kind = "", id = "", text = ""] =
    /^(\d+)\t([^\t]+)\t([^\t]+)\t(.*)$/s.exec(line) ?? [];
  if (!isOneOf(RECORD_KINDS, kind)) throw new Error(`unknown kind of record ${kind}`);
  return { kind, id, text: text === "" ? null : text, seq: recordedCount(seq, "seq") };
}

/** Order and customer: of its hold, from that one's line in the same entry; else of its context. */
function decodeMovement(
  head: { readonly partition: number; readonly epoch: number; readonly at: number },
  line: string,
  holds: ReadonlyMap<string, Reservation>,
): Movement {
  const fields = line.split("\t");
  const type = fieldAt(fields, 1, "type");
  if (!isOneOf(MOVEMENT_TYPES, type)) throw new Error(`unknown movement type ${type}`);
  const holdName = fieldAt(fields, 8, "hold");
  const hold = holds.get(`p${head.partition}-${holdName}`);
  if (holdName !== "" && !hold) throw new Error("a movement's hold is not in its entry");
  const context = recordedFields(JSON.parse(fieldAt(fields, 9, "context")), "a context");
  if (context["actor"] === undefined) throw new Error("a movement lacks its actor");
  return {
    ...head,
    seq: recordedCount(fields[0], "seq"),
    type,
    productId: recorded<ProductId>(fieldAt(fields, 2, "product")) || null,
    location: recorded<Location>(fieldAt(fields, 3, "location")),
    onHandBefore: recordedCount(fields[4], "onHand before"),
    onHandAfter: recordedCount(fields[5], "onHand after"),
    reservedBefore: recordedCount(fields[6], "reserved before"),
    reservedAfter: recordedCount(fields[7], "reserved after"),
    reservationId: hold?.reservationId ?? null,
    orderId: hold ? hold.orderId : optional<OrderId>(context["orderId"]),
    customerId: hold ? hold.customerId : optional<CustomerId>(context["customerId"]),
    actor: context["actor"],
    reason: context["reason"] ?? null,
    reference: context["reference"] ?? null,
    requestId: context["requestId"] ?? null,
  };
}

/** A field of a context that may be missing. */
const optional = <Brand extends string>(text: string | undefined): Brand | null =>
  text === undefined ? null : recorded<Brand>(text);
