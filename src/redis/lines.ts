/** Commands as lines of a batch: tab-separated, in the order that each script's header names. */
import { HOLD_MINUTES_MAX } from "#inventory/model";
import type { SaleStep } from "#inventory/limit-ports";
import type { MovementContext, RegisteredLocation } from "#inventory/model";
import type {
  AmendLocationCommand,
  RegisterLocationCommand,
  TransferCommand,
} from "#inventory/location-ports";
import type {
  AdjustCommand,
  AmendCommand,
  ConfirmCommand,
  CountCommand,
  EndCommand,
  ExtendCommand,
  HoldCommand,
  InitializeCommand,
  Operation,
  ReassignCommand,
  ReserveCommand,
  ReturnCommand,
  SellCommand,
} from "#inventory/ports";
import type { JoinCommand, LeaveCommand } from "#inventory/waitlist-ports";
import { encodeLocation } from "#redis/location-record";

const jsonText = (text: string | null): string => (text === null ? "" : JSON.stringify(text));

/** Key and payload as every item has them, empty without a key; those of a second name follow the first. */
export const operationText = (operation: Operation | null): string =>
  operation
    ? `${operation.key}${operation.also?.key ?? ""}\t${operation.payload}${operation.also?.payload ?? ""}`
    : "\t";

export function reserveLine(command: ReserveCommand): string {
  let lines = "";
  for (const line of command.lines) {
    lines += `${line.productId}=${line.quantity}=${line.location ?? ""},`;
  }
  const seconds = command.holdSeconds ?? 0;
  if (seconds > HOLD_MINUTES_MAX * 60) throw new Error("a hold longer than any may be");
  const flags = `${command.mode === "best_effort" ? "b" : ""}${command.dryRun ? "d" : ""}${command.adds ? "a" : ""}${command.campaignId ? `/${command.campaignId}` : ""}`;
  return `${command.owner}\t${command.generation}\t${seconds}\t${flags}\t${lines}\t${operationText(command.operation)}\t${jsonText(command.customerId)}\t${jsonText(command.orderId)}\t${JSON.stringify(command.context)}`;
}

/** The argument of confirm: what an expired hold may become, and what it is about. */
export const confirmText = (command: ConfirmCommand): string =>
  `${command.reacquireAs ?? ""};${linesText(command)}`;

/** The argument of extend. */
export const extendText = (command: ExtendCommand): string =>
  `${command.holdSeconds};${command.holdSecondsMax};${command.extensionsMax}`;

/** Between two texts of JSON, where a tab would part the fields of the line: no JSON has it. */
const UNIT_SEPARATOR = "\x1f";

/** The argument of reassign. */
export const reassignText = ({ to, generation, holdSecondsMax }: ReassignCommand): string =>
  `${to.owner ?? ""};${generation};${holdSecondsMax};${jsonText(to.customerId)}${UNIT_SEPARATOR}${jsonText(to.orderId)}`;

/** What confirm and cancel are about; empty: all that is held. */
export const linesText = (command: EndCommand): string =>
  (command.lines ?? []).map((line) => `${line.productId}=${line.quantity}`).join(",");

export function adjustLine(command: AdjustCommand): string {
  return [
    command.productId,
    command.location ?? "",
    command.delta,
    command.type,
    command.expectedQuantity ?? "",
    command.expectedSeq ?? "",
    operationText(command.operation),
    JSON.stringify(command.context),
  ].join("\t");
}

export function sellLine(command: SellCommand): string {
  return [
    command.productId,
    command.location ?? "",
    command.quantity,
    command.expectedQuantity ?? "",
    jsonText(command.customerId),
    operationText(command.operation),
    JSON.stringify(command.context),
  ].join("\t");
}

export function returnLine(command: ReturnCommand): string {
  const { sales } = command;
  return [
    command.productId,
    command.location ?? "",
    command.quantity,
    command.disposition,
    command.owner,
    sales.seq,
    sales.sold,
    sales.returned,
    jsonText(sales.limit?.customerId ?? null),
    (sales.limit?.steps ?? []).map(stepText).join(""),
    operationText(command.operation),
    JSON.stringify(command.context),
  ].join("\t");
}

const stepText = ({ at, units, campaignId }: SaleStep): string =>
  `${at ?? ""}=${units}${campaignId === undefined ? "" : `~${campaignId}`};`;

export function transferLine(command: TransferCommand): string {
  return [
    command.productId,
    command.from,
    command.to,
    command.quantity,
    command.expectedQuantity ?? "",
    operationText(command.operation),
    JSON.stringify(command.context),
  ].join("\t");
}

export function countLine(command: CountCommand): string {
  return [
    command.productId,
    command.location ?? "",
    command.quantity,
    operationText(command.operation),
    JSON.stringify(command.context),
  ].join("\t");
}

/** Of confirm, cancel, extend and reassign; the argument is the verb's own. */
export function changeLine(command: HoldCommand, argument: string): string {
  const { owner, generation } = command.hold;
  const customer = jsonText(command.customerId);
  return `${owner}\t${generation ?? ""}\t${customer}\t${argument}\t${operationText(command.operation)}\t${JSON.stringify(command.context)}`;
}

export function initializeLine(command: InitializeCommand): string {
  return [
    command.productId,
    command.sku,
    command.name ?? "",
    command.price ?? "",
    command.lowStockThreshold,
    command.reorderPoint,
    command.reorderQuantity,
    command.safetyStock,
    command.maxPerCustomer ?? "",
    command.location,
    command.initialStock,
    operationText(command.operation),
    JSON.stringify(command.context),
  ].join("\t");
}

export function amendLine(command: AmendCommand): string {
  const changes = Object.entries(command.changes).map(([name, value]) => `${name}=${value ?? ""}`);
  return [
    command.productId,
    command.expectedSeq ?? "",
    operationText(command.operation),
    JSON.stringify(command.context),
    ...changes,
  ].join("\t");
}

export function registerLocationLine(command: RegisterLocationCommand): string {
  return [
    command.location,
    command.active ? 1 : 0,
    command.priority,
    JSON.stringify(command.name),
    JSON.stringify(command.address),
    operationText(command.operation),
    JSON.stringify(command.context),
  ].join("\t");
}

/** What is empty stays as it is. */
export function amendLocationLine({ changes, ...command }: AmendLocationCommand): string {
  const { active, priority, name, address } = changes;
  return [
    command.location,
    command.expectedVersion ?? "",
    active === undefined ? "" : Number(active),
    priority ?? "",
    name === undefined ? "" : JSON.stringify(name),
    address === undefined ? "" : JSON.stringify(address),
    operationText(command.operation),
    JSON.stringify(command.context),
  ].join("\t");
}

/** A record as partition 0 decided it, for another partition. */
export const copyLocationLine = (
  registered: RegisteredLocation,
  context: MovementContext,
): string => [registered.location, encodeLocation(registered), JSON.stringify(context)].join("\t");

export function joinLine(command: JoinCommand): string {
  if (command.holdSeconds > HOLD_MINUTES_MAX * 60) throw new Error("a hold longer than any may be");
  return [
    command.productId,
    command.owner,
    command.generation,
    command.quantity,
    command.holdSeconds,
    operationText(command.operation),
    jsonText(command.customerId),
    jsonText(command.orderId),
    JSON.stringify(command.context),
  ].join("\t");
}

export const leaveLine = ({ productId, owner, operation, context }: LeaveCommand): string =>
  [productId, owner, operationText(operation), JSON.stringify(context)].join("\t");
