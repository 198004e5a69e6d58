/** Bugs of test/mutants that the simulation must find by itself, each in a process of its own. */
import { join } from "node:path";
import { z } from "zod";

const BUG = join(import.meta.dir, "bug.ts");

const Found = z.object({
  /** How many it took, or how many found nothing. */
  runs: z.int(),
  seed: z.int().nullable(),
  /** Of the last run; null: the bug was not found. */
  failure: z.string().nullable(),
});
export type Found = z.infer<typeof Found>;

/** By name; the first two are found within a few runs, and asked for every time. */
export const BUGS = [
  "two batches of a slot have one number",
  "an extended hold is not in the list of its new second",
  "a batch that is sent twice runs twice",
  "a batch without an answer is sent again under a new name",
  "a batch whose reply was lost counts as never sent",
  "a copy that arrives after its successor runs",
  "every caller of a batch hears the first one's answer",
  "the reply under an Idempotency-Key is not kept",
  "a process forgets how far it has seen a partition",
  "a drain goes on from a cursor that another one moved",
  "holds that came due during a rebuild never expire",
  "a hold is confirmed a second past its due time",
  "an extended hold expires at its old due time",
  "the longest life of a hold counts anew with each extend",
  "a cancelled unit comes back twice",
  "time goes back with the clock of the server",
  "a product that was refilled stays in the low set",
  "what expires still counts against its customer's limit",
  "a rebuild forgets what each customer has",
  "a later item of a batch does not see what an earlier one took for the same customer",
  "lines of a cart under one limit are asked one by one",
  "a limit that is removed leaves its counts",
  "the counts of a window stay for ever",
  "a limit over other products goes on with what it had counted",
  "a campaign's units are there for everybody",
  "a start that is done again brings units again",
  "an empty ring-fence stays in the record of its product",
  "no worker brings back what is left of a campaign",
  "while somebody waits, whoever asks takes what is free",
  "who was offered units stays in line, and is offered them again",
  "units that become free of a product that somebody waits for are not noted",
  "an offer does not ask what its customer may have",
  "to ask for another quantity gives another place",
  "a rebuild brings back who waits, and forgets that somebody does",
] as const;

/** Simulates with that bug from `first` on, until a run fails; rejects where the bug cannot be made. */
export async function simulateBug(bug: string, first: number, runsMax: number): Promise<Found> {
  const command = [process.execPath, BUG, bug, String(first), String(runsMax)];
  const child = Bun.spawn(command, { stdio: ["ignore", "pipe", "inherit"] });
  const text = await child.stdout.text();
  if ((await child.exited) !== 0) throw new Error(`${bug}: its process ended`);
  return Found.parse(JSON.parse(text));
}
