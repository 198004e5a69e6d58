/** What stands beside the figures of docs/evidence.md: the promise of a row, and what is counted. */

/** README's promises that a guarantee is part of, by how the guarantee begins. */
const PROMISES: readonly (readonly [begins: string, promises: string])[] = [
  ["a mixed load", "P1 P5"],
  ["BullMQ's data are wiped", "P6"],
  ["every history of a product", "P1 P2"],
  ["the checker of histories", "P1 P2"],
  ["kill -9 of", "P1 P3 P4"],
  ["one effect", "P2"],
  ["Redis has no room to write", "P3 P7"],
  ["Redis is out of memory", "P6 P7"],
  ["Redis's clock jumps", "P6"],
  ["the clocks of api and worker", "P6"],
  ["the scripts against a model", "P1 P2 P5"],
  ["the worker is killed", "P6"],
  ["api to Redis", "P2 P7"],
  ["worker to PostgreSQL", "P5"],
  ["Redis stands still", "P2 P7"],
  ["PostgreSQL stands still", "P5 P7"],
  ["the worker stands still", "P5"],
  ["the api stands still", "P2"],
  ["five contracts race", "P1"],
  ["a rush", "P1 P2 P6"],
  ["a whole shop", "P1 P2"],
  ["Redis's files are cut", "P3 P4"],
  ["a bit of Redis's files", "P4"],
  ["Redis goes back", "P4"],
  ["holds due in the same second", "P6"],
  ["PostgreSQL is away", "P5"],
  ["followers of the feed", "P4"],
  ["whatever is sent", "P7"],
  ["an installation", "P1 P2 P3 P4 P5 P6 P7"],
  ["this version takes over", "P4"],
  ["Any order of events", "P1 P2 P4 P6"],
  // What they prove is the tests, whichever promise those hold.
  ["seeded bug", "tests"],
];

export const promisesOf = (guarantee: string): readonly string[] =>
  PROMISES.find(([begins]) => guarantee.startsWith(begins))?.[1].split(" ") ?? [];

/** Names of figures as rows have them, and what each counts. A name stands for what begins with it. */
export const FIGURES: readonly (readonly [name: string, counts: string])[] = [
  ["acknowledged", "requests that were answered with success"],
  ["after at most (ms)", "from when Redis was full until the last hold that came due was released"],
  [
    "all of one kill's after (ms, max)",
    "from when they were asked for until all units taken by touch were had",
  ],
  ["api off (s)", "the api's clock against Redis's"],
  ["bare", "operations without any key, sent once: the batch's name alone tells their copies"],
  ["commands", "calls of the store's verbs, each compared with the model"],
  ["confirmed at their end", "holds confirmed within their last second"],
  ["crossing", "products told to have come to that grade of stock"],
  [
    "days",
    "times that 200 customers of a shop wanted the last 20 units, from sign-in to the books",
  ],
  ["deliveries", "requests sent, with all copies of an operation"],
  ["each at least", "the answer or change that was seen least often, this often"],
  ["expired after the jump (ms)", "from the jump until every hold that it made due had ended"],
  ["failed", "requests of those histories that were refused for the time being"],
  ["for (s)", "how long the load lasted"],
  ["histories", "runs of several callers on a product, each checked as a whole"],
  ["holds expired meanwhile", "holds that ended while Redis took nothing more"],
  ["holds", "reservations that were made"],
  [
    "http",
    "requests between caller and api that were harmed: drop (never sent), delay (late), lose (done, " +
      "without an answer), half (done, half an answer), hold (done after their repeat), copy (sent twice)",
  ],
  ["in", "where the bug was put; `by`: the test that failed"],
  ["jumps", "times that the clock of the scripts was moved ahead"],
  ["keys wiped", "keys of BullMQ that were deleted"],
  ["kills", "processes ended by SIGKILL under load"],
  ["late answers", "requests told to come again, or that nobody knew, where nothing was broken"],
  ["late at Redis", "batches that reached Redis after their repeat or a successor"],
  ["movements audited", "rows of the ledger, each added up to the stock"],
  ["movements", "rows of the ledger that the operations made"],
  ["notNow", "attempts that were told to come again"],
  ["orders", "orders of a shop, each with its stock held, sold or given back"],
  [
    "operations",
    "changes that a caller wanted, however often they were sent; of histories and the simulation " +
      "reads too, and beside `statuses` the calls of the API",
  ],
  ["overtaken", "of what was late, batches that Redis refused for a successor's sake"],
  ["rate", "of the falsified histories, how many were refused"],
  ["redis", "the same between api and Redis; silence: nothing more goes either way"],
  ["refused with 503", "requests told that nothing was done"],
  [
    "refused",
    "requests told that nothing was done; of the checker: falsified histories that it refused",
  ],
  ["released after (ms", "from its due second until a hold's units were free"],
  ["replayed", "repeats that heard the first answer"],
  ["requests", "HTTP requests that were answered"],
  [
    "restarted after the kill (ms",
    "from then until what was killed was ready again: others may serve before, or connect later",
  ],
  ["rounds", "times that the whole was done anew"],
  [
    "runs",
    "sequences of commands, each on an empty Redis; of the simulation: one system each, from its seed on",
  ],
  ["seconds", "how long it took"],
  ["seed", "where chance began"],
  ["sent again", "batches that were given up too early, and whose copies both ran"],
  [
    "served again (ms",
    "from the end of the fault until a change was answered with success; beside `whole again`, from the kill",
  ],
  ["served after the kill (ms", "from then until a change was answered with success"],
  ["short holds", "holds of a second or two, so that some end while they are confirmed"],
  ["sold after they expired", "confirms that came late and found units"],
  ["sold", "holds that were confirmed"],
  ["spoiled", "histories in which one answer was falsified"],
  ["states of one (max)", "orders that the checker looked at for one history"],
  ["states", "orders that the checker looked at"],
  ["fault ", "calls that were refused with that code"],
  [
    "location/",
    "by script and word: items that this script answered with this word; (whole): batches",
  ],
  [
    "stock/",
    "by script and word: items that this script answered with this word; (whole): batches",
  ],
  ["taken by touch", "units of expired holds that callers got while no worker ran"],
  ["the next wake-ups after (ms", "from its due second until the worker was awake again"],
  ["times", "times that the fault was made"],
  ["trials", "times that the same was tried anew, which `fails at most` counts"],
  ["unanswered", "attempts whose answer never came"],
  ["unknown with 504", "requests told that the outcome is not known"],
  ["unknown", "operations whose caller never learnt the outcome"],
  ["way", "how Redis was kept from writing"],
  ["whole again (ms", "older rows: from the kill until what was killed was ready again"],
  ["words", "answers and changes that had to be seen"],
  ["worker off (s)", "the worker's clock against Redis's"],
  ["after (ms", "from its due second until the movement that ended the hold"],
  [
    "after its torn end was cut off",
    "files whose last entry was half written: Redis loaded what is before it",
  ],
  ["after redis-check-aof", "files that Redis's own tool had to cut before Redis loaded them"],
  ["acknowledged meanwhile", "requests that were answered with success while the fault lasted"],
  ["alerts", "of the events, crossings of a product's bounds"],
  [
    "and after a trouble",
    "ends of holds that were judged by the sweep's time, for something was wrong before",
  ],
  ["before", "the commit that this version took over from"],
  ["begun empty", "times that Redis could load nothing and began without data"],
  ["bits", "bits that were turned, one at a time"],
  ["a second", "runs, each second; the aim is 200 on two cores at rest"],
  ["changed something or read it", "requests that were answered with success"],
  ["checks that held", "laws looked at after the faults, none of them broken"],
  ["confirmed in time", "holds that were confirmed within their last second"],
  ["cuts", "places at which the file was cut, each by itself"],
  ["drained after (ms)", "from the end of the fault until the ledger had all movements"],
  [
    "ends of holds judged in calm",
    "held against the second after their due time, for nothing was wrong",
  ],
  ["events", "entries of the feed; of the simulation: turns of its scheduler"],
  ["faults", "times that something was broken under load"],
  ["forks", "times that Redis went back to an older state and then sold on"],
  ["from seed", "where chance began"],
  ["it", "how PostgreSQL was away"],
  ["kinds", "different faults among them"],
  ["ledger complete (ms", "from the end of the fault until the ledger had all movements"],
  ["loaded by itself", "files that Redis loaded as they were"],
  ["looks at Redis", "times that its whole data were held against the laws in the middle of a run"],
  ["minutes", "how long the load lasted"],
  [
    "of it in records of holds that ended",
    "turned bits that only a repeat of a hold that ended can hear",
  ],
  [
    "nothing late after (ms",
    "from the end of the fault until the last hold was due that ended more than a second later",
  ],
  ["outages", "times that the way was cut or silent"],
  ["places that ended with an offer", "units that were free, offered to the first in line"],
  ["packages", "whose packages that commit ran on"],
  ["pages", "answers that the followers of the feed asked for"],
  ["races", "last units that callers of all contracts wanted at once"],
  ["rebuilds", "times that Redis was written anew from the ledger"],
  ["rebuilt from the ledger", "times that Redis was written anew"],
  ["refused by limits", "reserves that a customer's limit refused"],
  ["reserved of campaigns", "holds that were had of the units that a campaign had aside"],
  ["refused as expired", "confirms that came after the due time"],
  ["released", "holds that ended by expiry"],
  ["repeat", "the command that does the same again"],
  ["reported as lost", "acknowledged operations that Redis had lost, each named in a report"],
  [
    "series of",
    "measurements over the whole time whose trend was judged, each a process or a store",
  ],
  ["sold after it went back", "operations acknowledged by the Redis that had lost others"],
  ["stalls", "times that it was stopped, and went on"],
  ["statuses", "HTTP statuses that were answered"],
  ["too short to judge", "measurements that had too few points for a trend"],
  ["units taken of campaigns", "holds that were had of the units that a campaign had aside"],
  ["units taken under limits", "what customers took, each held against a limit with a name"],
  ["verify found nothing", "turned bits that are in no data"],
  [
    "not comparable for verify and mended by a restore",
    "turned bits after which `verify` says that it cannot compare: what it reads has no meaning",
  ],
  ["told by verify and mended by a restore", "turned bits that `verify` named"],
  ["with live holds", "of those looks, how many saw holds that lived"],
  ["eureka: ", "by contract and call: changes that were done; of a race: units that it won"],
  ["fastapi: ", "by contract and call: changes that were done; of a race: units that it won"],
  ["inventory: ", "by contract and call: changes that were done; of a race: units that it won"],
  ["nestjs: ", "by contract and call: changes that were done; of a race: units that it won"],
];

/** Their names in a row's text; a comma within brackets is part of a name. */
const piecesOf = (figures: string): string[] => figures.split(/, (?![^(]*\))/);

const entryOf = (piece: string) =>
  FIGURES.filter(([name]) => piece.startsWith(name)).toSorted(
    ([one], [other]) => other.length - one.length,
  )[0];

/** What those rows count: an entry of each name that they have, and the names that have none. */
export function wordsOf(rows: readonly string[]): {
  readonly used: readonly (readonly [name: string, counts: string])[];
  readonly strange: readonly string[];
} {
  const pieces = rows.flatMap((row) => (row.startsWith("in ") ? [row] : piecesOf(row)));
  const entries = new Set(pieces.map(entryOf));
  return {
    used: FIGURES.filter((entry) => entries.has(entry)).toSorted(([one], [other]) =>
      one.localeCompare(other),
    ),
    strange: pieces.filter((piece) => entryOf(piece) === undefined),
  };
}
