/** The cursor of the feed: a place for each partition, in their order, as text. */
import type { EventPlace, LedgerEvent } from "#inventory/event-ports";
import { Fault } from "#inventory/faults";

const PLACE = /^([0-9a-z]{1,11})\.([0-9a-z]{1,11})$/;
const RADIX = 36;

export function writeEventCursor(places: readonly EventPlace[]): string {
  return places.map(textOf).join("_");
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

/** Where an event stands. */
export function placeOf(event: LedgerEvent): EventPlace {
  if (event.kind === "movement") {
    const { partition, seq } = event.movement;
    return { partition, seq, number: 0 };
  }
  const { partition, seq, number } = event.alert;
  return { partition, seq, number };
}

/** Whether who stands at these places has seen what stands there. */
export function isSeen(place: EventPlace, places: readonly EventPlace[]): boolean {
  const { seq, number } = places[place.partition] ?? { seq: 0, number: 0 };
  return place.seq < seq || (place.seq === seq && place.number <= number);
}

/** Whether who stands at `further` has seen all that one at `places` has. */
export const areSeen = (places: readonly EventPlace[], further: readonly EventPlace[]): boolean =>
  places.every((place) => isSeen(place, further));

/** An event, and the cursor of who has heard it and all before it. */
export interface HeardEvent {
  readonly event: LedgerEvent;
  readonly place: EventPlace;
  readonly cursor: string;
}

/** These events, heard in this order by one who stood at `places` before. */
export function heardFrom(
  places: readonly EventPlace[],
  events: readonly LedgerEvent[],
): readonly HeardEvent[] {
  const texts = places.map(textOf);
  return events.map((event) => {
    const place = placeOf(event);
    texts[place.partition] = textOf(place);
    return { event, place, cursor: texts.join("_") };
  });
}

const textOf = ({ seq, number }: EventPlace): string =>
  `${seq.toString(RADIX)}.${number.toString(RADIX)}`;
