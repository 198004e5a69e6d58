/** The commands of a run that Redis answered, and what it held in the end: record.ts tells, a test reads. */
import { z } from "zod";

const Recording = z.object({
  commands: z.array(
    z.object({
      /** By the clock of the server (epoch ms). */
      at: z.number(),
      runId: z.string(),
      words: z.array(z.string()),
      reply: z.unknown(),
    }),
  ),
  /** Each key with what it holds, as `reply` words it. */
  keys: z.record(z.string(), z.unknown()),
});
export type Recording = z.infer<typeof Recording>;
export const Recordings = z.array(Recording);

/** In the place of what an error says. */
export const AN_ERROR = "an error";
