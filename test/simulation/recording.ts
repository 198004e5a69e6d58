/** What Redis answered in a run, and what it held in the end: record.ts tells, a test reads. */
import { z } from "zod";

const Key = { key: z.string(), livesMs: z.number().nullable() };

/** A key, with the milliseconds that it has left; null: it has no end. */
const Held = z.discriminatedUnion("type", [
  z.object({ ...Key, type: z.literal("string"), value: z.string() }),
  z.object({ ...Key, type: z.literal("hash"), value: z.record(z.string(), z.string()) }),
  z.object({ ...Key, type: z.literal("list"), value: z.array(z.string()) }),
  z.object({ ...Key, type: z.literal("zset"), value: z.record(z.string(), z.number()) }),
  z.object({
    ...Key,
    type: z.literal("stream"),
    value: z.array(z.tuple([z.string(), z.array(z.string())])),
    /** The highest id that it ever had. */
    last: z.string(),
  }),
]);
export type Held = z.infer<typeof Held>;

const Command = z.object({
  kind: z.literal("command"),
  /** By the clock of the server (epoch ms). */
  at: z.number(),
  runId: z.string(),
  words: z.array(z.string()),
  reply: z.unknown(),
});
/** The server ended, and began again with these keys instead of those that it had. */
const Loss = z.object({ kind: z.literal("loss"), found: z.array(Held) });

const Recording = z.object({
  steps: z.array(z.discriminatedUnion("kind", [Command, Loss])),
  /** In the end, each value as `reply` words it. */
  keys: z.array(Held),
});
export type Recording = z.infer<typeof Recording>;
export const Recordings = z.array(Recording);

/** In the place of what an error says. */
export const AN_ERROR = "an error";
