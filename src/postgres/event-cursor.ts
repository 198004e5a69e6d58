/** The cursor of the feed: a place for each partition, in their order, as text. */
import { Fault } from "#inventory/faults";
import type { EventPlace } from "#inventory/ports";

const PLACE = /^([0-9a-z]{1,11})\.([0-9a-z]{1,11})$/;
const RADIX = 36;

export function writeEventCursor(places: readonly EventPlace[]): string {
  const texts = places.map(({ seq, number }) => `${seq.toString(RADIX)}.${number.toString(RADIX)}`);
  return texts.join("_");
}

/** Rejects with `validation_failed` what is no cursor at all. */
export function readEventCursor(cursor: string): EventPlace[] {
  return cursor.split("_").map((text, partition) => {
    const [, seq = "", number = ""] = PLACE.exec(text) ?? [];
    const place = { partition, seq: parseInt(seq, RADIX), number: parseInt(number, RADIX) };
    if (!Number.isSafeInteger(place.seq) || !Number.isSafeInteger(place.number)) throw notOurs();
    return place;
  });
}

export const notOurs = (): Fault =>
  new Fault("validation_failed", "the cursor is not one that this feed answered", {
    errors: [{ path: "after", message: "must be a cursor that this feed answered" }],
  });
