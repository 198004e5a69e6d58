/** A reader of server-sent events, as a browser's EventSource is: it notes ids, and comes back. */
import { z } from "zod";

/** What one dispatched. */
export interface Told {
  readonly id: string;
  readonly data: string;
}

export interface StreamReader {
  readonly status: number;
  /** All that was dispatched so far. */
  readonly told: readonly Told[];
  /** Of the last id that was sent, with or without data. */
  lastId(): string;
  /** Milliseconds that it was told to wait before it comes back; null: it was told nothing. */
  retryMs(): number | null;
  /** Comments and other blocks without data. */
  beats(): number;
  /** Resolves when the answer has ended, as a whole or cut. */
  readonly ended: Promise<"whole" | "cut">;
  close(): void;
}

export interface ReadOptions {
  readonly token?: string;
  readonly lastId?: string;
}

/** Opens one; rejects when there is no answer. */
export async function readStream(
  url: string,
  { token, lastId = "" }: ReadOptions = {},
): Promise<StreamReader> {
  const controller = new AbortController();
  const response = await fetch(url, {
    headers: {
      accept: "text/event-stream",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(lastId === "" ? {} : { "last-event-id": lastId }),
    },
    signal: controller.signal,
  });
  const told: Told[] = [];
  const state = { id: lastId, retry: z.int().nullable().parse(null), beats: 0 };
  const block = (text: string): void => {
    const lines = text.split("\n").map((line) => {
      const colon = line.indexOf(":");
      return { field: line.slice(0, colon), value: line.slice(colon + 1).replace(/^ /, "") };
    });
    for (const { field, value } of lines) {
      if (field === "id") state.id = value;
      if (field === "retry") state.retry = Number(value);
    }
    const data = lines.filter(({ field }) => field === "data").map(({ value }) => value);
    if (data.length > 0) told.push({ id: state.id, data: data.join("\n") });
    else state.beats += 1;
  };
  const read = async (): Promise<"whole" | "cut"> => {
    const decoder = new TextDecoder();
    let rest = "";
    try {
      for await (const part of response.body ?? []) {
        const blocks = (rest + decoder.decode(part, { stream: true })).split("\n\n");
        // What is not ended by an empty line is no event.
        rest = blocks.pop() ?? "";
        for (const text of blocks) block(text);
      }
      return "whole";
    } catch {
      return "cut";
    }
  };
  return {
    status: response.status,
    told,
    lastId: () => state.id,
    retryMs: () => state.retry,
    beats: () => state.beats,
    ended: read(),
    close: () => controller.abort(),
  };
}
