/** The lines of products over Redis: who waits for what, and what is offered to them. */
import { z } from "zod";
import type { ProductId } from "#inventory/model";
import type {
  InLine,
  JoinCommand,
  JoinOutcome,
  LeaveCommand,
  LeaveOutcome,
  LinePage,
  NotInLine,
  Offered,
  OfferResult,
  OfferTo,
  PlaceOutcome,
  Waiter,
  WaitingOwner,
  Waitlist,
} from "#inventory/waitlist-ports";
import { cut, unknownWord, unwrapReplay } from "#redis/answer";
import { decodeHold } from "#redis/hold-record";
import { shortLines } from "#redis/hold-outcomes";
import { joinLine, leaveLine } from "#redis/lines";
import type { PartitionQueues } from "#redis/partition-queues";
import { recorded, recordedCount } from "#redis/recorded";
import type { RedisStockStore } from "#redis/stock-store";
import { decodeWaiter } from "#redis/waiting-record";

export interface WaitlistOptions {
  readonly store: Pick<RedisStockStore, "partitionOf" | "queuesOf">;
  /** A hold is due in that second (epoch, Redis's clock). */
  readonly onDue: (partition: number, second: number) => void;
}

/** Units may be due that nobody released: expire has to run before the stock can decide. */
const DUE = "due";

/** Owner and record by turns. */
const Line = z.array(z.string());

export function createWaitlist({ store, onDue }: WaitlistOptions): Waitlist {
  const queuesOf = (partition: number): PartitionQueues => {
    const queues = store.queuesOf(partition);
    if (queues === null) throw new Error(`there is no partition ${partition}`);
    return queues;
  };
  const routeOf = (productId: ProductId) => {
    const partition = store.partitionOf(productId);
    return { partition, queues: queuesOf(partition) };
  };
  return {
    async join(command: JoinCommand): Promise<JoinOutcome> {
      const { partition, queues } = routeOf(command.productId);
      for (;;) {
        const reply = await queues.submit("join", joinLine(command), 1, command);
        if (reply !== DUE) return joinOutcome(partition, command, reply);
        await queues.expireAll(command.deadline);
      }
    },
    async leave(command: LeaveCommand): Promise<LeaveOutcome> {
      const { partition, queues } = routeOf(command.productId);
      const reply = await queues.submit("leave", leaveLine(command), 1, command);
      return leaveOutcome(partition, command, reply);
    },
    async place(of: WaitingOwner, deadline: number): Promise<PlaceOutcome> {
      const { partition, queues } = routeOf(of.productId);
      const line = `${of.productId}\t${of.owner}`;
      const { word, rest } = cut(await queues.submit("place", line, 1, { deadline }));
      return word === "unknown" ? { kind: "unknown_product" } : standing(partition, of, word, rest);
    },
    async line({ productId, after, limit }, deadline): Promise<LinePage | null> {
      const { partition, queues } = routeOf(productId);
      const item = `${productId}\t${after}\t${limit}`;
      const { word, rest } = cut(await queues.submit("line", item, limit, { deadline }));
      if (word === "unknown") return null;
      if (word !== "line") throw unknownWord(word);
      const { word: waiting, rest: told } = cut(rest);
      const texts = Line.parse(JSON.parse(told));
      const waiters = texts.flatMap((owner, i): Waiter[] => {
        const text = texts[i + 1];
        return i % 2 === 1 || text === undefined
          ? []
          : [decodeWaiter(partition, { productId, owner }, text)];
      });
      return { waiting: recordedCount(waiting, "waiting"), waiters };
    },
    async offer(partition: number, to: OfferTo, deadline: number): Promise<OfferResult> {
      const queues = queuesOf(partition);
      for (;;) {
        const reply = await queues.submit("offer", String(to), 1, { deadline });
        if (reply !== DUE) {
          const result = offerResult(reply);
          for (const second of result.dueSeconds) onDue(partition, second);
          return result;
        }
        await queues.expireAll(deadline);
      }
    },
  };
}

function joinOutcome(partition: number, command: JoinCommand, reply: string): JoinOutcome {
  const { word, rest, replayed } = unwrapReplay(reply);
  switch (word) {
    case "joined":
    case "changed":
    case "waiting":
      return { ...inLine(partition, command, rest), replayed };
    case "confirmed":
      return {
        kind: "already_confirmed",
        reservation: decodeHold(partition, command.owner, rest),
      };
    case "held":
      return { kind: "offered", reservation: decodeHold(partition, command.owner, rest) };
    case "available":
      return { kind: "available", quantity: recordedCount(rest, "available") };
    case "above_quota":
      return { kind: "above_quota", lines: shortLines(rest) };
    case "unknown":
      return { kind: "unknown_product" };
    case "line_full":
    case "too_many_places":
    case "key_reused":
      return { kind: word };
    default:
      throw unknownWord(word);
  }
}

function leaveOutcome(partition: number, of: WaitingOwner, reply: string): LeaveOutcome {
  const { word, rest, replayed } = unwrapReplay(reply);
  switch (word) {
    case "left":
      return { kind: "left", waiting: recordedCount(rest, "waiting"), replayed };
    case "absent":
      return { kind: "absent", waiting: recordedCount(rest, "waiting") };
    case "held":
      return { kind: "offered", reservation: decodeHold(partition, of.owner, rest) };
    case "unknown":
      return { kind: "unknown_product" };
    case "key_reused":
      return { kind: word };
    default:
      throw unknownWord(word);
  }
}

function standing(
  partition: number,
  of: WaitingOwner,
  word: string,
  rest: string,
): InLine | Offered | NotInLine {
  switch (word) {
    case "waiting":
      return inLine(partition, of, rest);
    case "held":
      return { kind: "offered", reservation: decodeHold(partition, of.owner, rest) };
    case "absent":
      return { kind: "absent", waiting: recordedCount(rest, "waiting") };
    default:
      throw unknownWord(word);
  }
}

/** `position`, `waiting`, and the record of the place. */
function inLine(partition: number, of: WaitingOwner, text: string): InLine {
  const { word: position, rest } = cut(text);
  const { word: waiting, rest: record } = cut(rest);
  return {
    kind: "waiting",
    position: recordedCount(position, "position"),
    waiting: recordedCount(waiting, "waiting"),
    waiter: decodeWaiter(partition, of, record),
  };
}

function offerResult(reply: string): OfferResult {
  const [word = "", offered, left, more, due = "", damaged = "", waited] = reply.split("\t");
  if (word !== "offered" && word !== "idle") throw unknownWord(word);
  const parts = (text: string): string[] => (text === "" ? [] : text.split(","));
  return {
    offered: recordedCount(offered, "offered"),
    left: recordedCount(left, "left"),
    more: more === "1",
    dueSeconds: [...new Set(parts(due))].map((second) => recordedCount(second, "due second")),
    damaged: parts(damaged).map((id) => recorded<ProductId>(id)),
    waited: recordedCount(waited, "waited"),
  };
}
