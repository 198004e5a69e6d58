/** Confirm, cancel, extend and reassign over Redis: a command goes as an item of a batch, again where its script asks for that. */
import type {
  CancelOutcome,
  ConfirmCommand,
  ConfirmOutcome,
  EndCommand,
  ExtendCommand,
  ExtendOutcome,
  HoldCommand,
  HoldOutcome,
  ReassignCommand,
  ReassignOutcome,
} from "#inventory/ports";
import {
  cancelOutcome,
  confirmOutcome,
  extendOutcome,
  reassignOutcome,
  type NotYet,
} from "#redis/hold-outcomes";
import { changeLine, confirmText, extendText, linesText, reassignText } from "#redis/lines";
import type { PartitionQueues } from "#redis/partition-queues";

type Queues = PartitionQueues | null;

export function confirmHold(queues: Queues, command: ConfirmCommand): Promise<ConfirmOutcome> {
  const line = changeLine(command, confirmText(command));
  return change(queues, command, { verb: "confirm", line, ...countOf(command) }, confirmOutcome);
}

export function cancelHold(queues: Queues, command: EndCommand): Promise<CancelOutcome> {
  const line = changeLine(command, linesText(command));
  return change(queues, command, { verb: "cancel", line, ...countOf(command) }, cancelOutcome);
}

export function extendHold(queues: Queues, command: ExtendCommand): Promise<ExtendOutcome> {
  const line = changeLine(command, extendText(command));
  return change(queues, command, { verb: "extend", line, lines: 1 }, extendOutcome);
}

export function reassignHold(queues: Queues, command: ReassignCommand): Promise<ReassignOutcome> {
  const line = changeLine(command, reassignText(command));
  return change(queues, command, { verb: "reassign", line, lines: 1 }, reassignOutcome);
}

/** A whole hold counts once: how many lines it has is known to Redis alone. */
const countOf = ({ lines }: EndCommand) => ({ lines: lines?.length ?? 1 });

interface Item {
  readonly verb: "confirm" | "cancel" | "extend" | "reassign";
  readonly line: string;
  /** Products that it names. */
  readonly lines: number;
}

async function change<Outcome>(
  queues: Queues,
  command: HoldCommand,
  { verb, line, lines }: Item,
  read: (partition: number, owner: string, reply: string) => Outcome | NotYet,
): Promise<Outcome | Extract<HoldOutcome, { readonly kind: "unknown_reservation" }>> {
  if (queues === null) return { kind: "unknown_reservation" };
  const { partition, owner } = command.hold;
  for (;;) {
    const outcome = read(partition, owner, await queues.submit(verb, line, lines, command));
    if (outcome === "due") await queues.expireAll(command.deadline);
    else if (outcome !== "again") return outcome;
  }
}
