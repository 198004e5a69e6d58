/** Bugs in what thousands of listeners hear. */
import { testIn, type Mutant } from "./mutant.ts";

const http = testIn("http");
const core = testIn("inventory");
const once = core("event-feed", "hears all once and in order");

export const STREAM_BUGS: readonly Mutant[] = [
  {
    bug: "who joins hears what its own page had beyond the reader, and then again",
    file: "src/inventory/event-feed.ts",
    find: ".filter(({ place }) => isSeen(place, now.places))",
    replace: "",
    by: once,
  },
  {
    bug: "who joins misses what the reader kept since its last page",
    file: "src/inventory/event-feed.ts",
    find: "const all = [...read, ...rest].map(",
    replace: "const all = read.map(",
    by: once,
  },
  {
    bug: "who is ahead of the reader hears twice what it brought along",
    file: "src/inventory/event-feed.ts",
    find: "areSeen(start.places, now.places) && areSeen(this.#oldest, end.places)",
    replace: "areSeen(this.#oldest, end.places)",
    by: once,
  },
  {
    bug: "what waits for a reader that takes nothing is kept",
    file: "src/http/streams.ts",
    find: "if (-(this.#controller.desiredSize ?? 0) > STREAM_WAITING_BYTES_MAX) return this.#drop();",
    replace: "",
    by: http("event-streams", "loses its stream, and the others hear all"),
  },
  {
    bug: "a stream outlives its token",
    file: "src/http/streams.ts",
    find: "} catch {\n      this.end();",
    replace: "} catch {",
    by: http("event-streams", "ends when its token does"),
  },
];
