/**
 * The registry of locations. Each partition has all of it, so that its scripts need no other: a
 * change is decided in partition 0, and its whole record is then copied to the others. A copy that
 * is not newer changes nothing, so whoever hears of a record may copy it again.
 */
import { Fault } from "#inventory/faults";
import type { Location, RegisteredLocation } from "#inventory/model";
import type {
  AmendLocationCommand,
  AmendLocationOutcome,
  RegisterLocationCommand,
  RegisterLocationOutcome,
} from "#inventory/location-ports";
import type { CommandBase } from "#inventory/ports";
import { unknownOutcome } from "#redis/batch-sender";
import { locationsKey, metaKey } from "#redis/keys";
import { amendLocationLine, copyLocationLine, registerLocationLine } from "#redis/lines";
import { decodeLocation } from "#redis/location-record";
import { amendLocationOutcome, registerLocationOutcome } from "#redis/outcomes";
import type { Partition } from "#redis/partition";
import type { PartitionQueues } from "#redis/partition-queues";
import type { Reads } from "#redis/reads";
import { recorded, recordedFields } from "#redis/recorded";

interface Route {
  readonly partition: Partition;
  readonly queues: PartitionQueues;
}

export class Locations {
  readonly #routes: readonly Route[];
  readonly #reads: Reads;

  constructor(routes: readonly Route[], reads: Reads) {
    this.#routes = routes;
    this.#reads = reads;
  }

  async register(command: RegisterLocationCommand): Promise<RegisterLocationOutcome> {
    const line = registerLocationLine(command);
    const reply = await this.#first().queues.submit("registerLocation", line, 1, command);
    const outcome = registerLocationOutcome(command.location, reply);
    if ("registered" in outcome) await this.#copy(outcome.registered, command);
    return outcome;
  }

  async amend(command: AmendLocationCommand): Promise<AmendLocationOutcome> {
    const line = amendLocationLine(command);
    const reply = await this.#first().queues.submit("amendLocation", line, 1, command);
    const outcome = amendLocationOutcome(command.location, reply);
    if ("registered" in outcome) await this.#copy(outcome.registered, command);
    return outcome;
  }

  async list(deadline: number): Promise<readonly RegisteredLocation[]> {
    const { partition } = this.#first();
    const key = locationsKey(partition.number);
    const lookup = { partition, command: "HGETALL" as const, key, count: 1 };
    const fields = recordedFields((await this.#reads.read(lookup, deadline)).value, key);
    return Object.entries(fields).map(([location, text]) =>
      decodeLocation(recorded<Location>(location), text),
    );
  }

  async hasInactive(deadline: number): Promise<boolean> {
    const { partition } = this.#first();
    const key = metaKey(partition.number);
    const lookup = { partition, command: "META" as const, key, count: 1 };
    const { rules } = (await this.#reads.read(lookup, deadline)).meta;
    return [...rules.values()].some(({ active }) => !active);
  }

  /** Refusals carry the record too: a repeat finds it there, and brings it where it is missing. */
  async #copy(registered: RegisteredLocation, command: CommandBase): Promise<void> {
    const line = copyLocationLine(registered, command.context);
    try {
      await Promise.all(
        this.#routes.slice(1).map(({ queues }) => queues.submit("copyLocation", line, 1, command)),
      );
    } catch (error) {
      // Partition 0 has decided: it is not as if nothing had happened.
      throw error instanceof Fault ? unknownOutcome() : error;
    }
  }

  #first(): Route {
    const [first] = this.#routes;
    if (!first) throw new Error("a store has at least one partition");
    return first;
  }
}
