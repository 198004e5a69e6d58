/** What a foreman and its processes tell each other, and how. */
import { z } from "zod";
import { Counts } from "#lib/metrics-together";

/** To one of its processes. */
export const Order = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("begin"),
    /** In place of the environment, so that all have the same, however late they start. */
    settings: z.record(z.string(), z.string()),
    sharing: z.enum(["first", "further"]),
    connectionsMax: z.int(),
  }),
  z.object({ kind: z.literal("stop"), reason: z.string() }),
  /** Whether it goes on: it answers that it is here. */
  z.object({ kind: z.literal("call") }),
  /** What has it counted? */
  z.object({ kind: z.literal("count"), question: z.int() }),
  /** What all have counted, as it asked. */
  z.object({
    kind: z.literal("total"),
    question: z.int(),
    contentType: z.string(),
    body: z.string(),
  }),
]);
export type Order = z.output<typeof Order>;

/** To the foreman. */
export const Report = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("serving"), url: z.string(), port: z.int() }),
  z.object({ kind: z.literal("here") }),
  z.object({ kind: z.literal("counted"), question: z.int(), counts: Counts }),
  /** What have all counted? */
  z.object({ kind: z.literal("total"), question: z.int() }),
]);
export type Report = z.output<typeof Report>;

/** Questions that wait for their answer; who is not answered in time hears `null`. */
export interface Questions<Answer> {
  ask(send: (question: number) => void): Promise<Answer | null>;
  answer(question: number, answer: Answer | null): void;
}

export function createQuestions<Answer>(msMax: number): Questions<Answer> {
  const waiting = new Map<number, (answer: Answer | null) => void>();
  let asked = 0;
  const answer = (question: number, given: Answer | null): void => {
    waiting.get(question)?.(given);
    waiting.delete(question);
  };
  return {
    answer,
    ask: (send) => {
      const question = (asked += 1);
      const { promise, resolve } = Promise.withResolvers<Answer | null>();
      const timer = setTimeout(answer, msMax, question, null);
      waiting.set(question, (given) => {
        clearTimeout(timer);
        resolve(given);
      });
      send(question);
      return promise;
    },
  };
}
