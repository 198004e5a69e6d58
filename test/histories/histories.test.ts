/**
 * Short histories of a few hot products, recorded over lines that misbehave, and explained. How long a
 * read may show a hold as live that is due has no bound here: that is held in test/faults.
 */
import { expect, test } from "bun:test";
import { evidence } from "#test/evidence";
import { Random } from "#test/random";
import { counted, seed as seedOfRun, seedOf } from "#test/scale";
import { until } from "#test/until";
import { startBed, type Bed, type Made, type Victim } from "./bed";
import { checkBeside } from "./checker";
import { runClient, type World } from "./clients";
import type { State, Terms } from "./state";
import type { Operation } from "./operations";
import { Recorder } from "./recorder";
import { complaint } from "./report";
import { goingBack } from "./sessions";

const HISTORIES = counted(30, 1_000);
const TEST_MS_MAX = counted(120_000, 2 * 3_600_000);
const CLIENTS = 7;
/** Of each client. */
const STEPS = 9;
const PRODUCTS = 3;
const UNITS_MIN = 3;
const UNITS_MAX = 9;
/** Of what one customer may have of the first product, in every other history. */
const LIMIT_MAX = 4;
const LIMIT_EVERY = 2;
/** Histories in which a campaign has units of the second product aside: as many as there may be campaigns. */
const CAMPAIGN_EVERY = counted(3, 11);
/** One history in so many loses something while it is recorded; which, in turn. */
const KILL_EVERY = 8;
const VICTIMS: readonly Victim[] = ["api", "redis", "api"];
/** Attempts before it. */
const KILLED_AFTER_MAX = 30;
/** What was killed may take so long to come back. */
const READ_MS_MAX = 20_000;
const SEEDS = 2 ** 31;
const JUMP_MS_MAX = 61_000;

const seed = seedOfRun();
/** One history alone, on fresh servers. */
const ONLY = "HOLDFAST_TEST_HISTORY";
const only = process.env[ONLY] ?? "";
const numbers =
  only === "" ? Array.from({ length: HISTORIES }, (_, number) => number) : [seedOf(only, ONLY)];
console.log(`histories: seed ${seed}`);

test(
  "every history of a product can be explained: linearizable, whatever is lost or late, and though an API or Redis is killed",
  async () => {
    await using bed = await startBed();
    const seen = {
      operations: 0,
      unknown: 0,
      failed: 0,
      states: 0,
      jumps: 0,
      kills: 0,
      above: 0,
      aside: 0,
    };
    let statesMax = 0;
    for (const number of numbers) {
      const victim = victimOf(number);
      const recorded = await record(bed, number, victim);
      const { recorder, initial } = recorded;
      const said = [...recorder.strange];
      for (const [productId, operations] of recorder.operations) {
        const verdict = await checkBeside({
          initial: stateOf(initial, productId),
          operations,
          clock: bed.clock,
        });
        said.push(...goingBack(operations), ...complaint(verdict, productId));
        seen.operations += operations.length;
        seen.unknown += operations.filter(({ answer }) => answer === null).length;
        seen.states += verdict.states;
        seen.above += operations.filter(({ answer }) => answer?.kind === "above_limit").length;
        seen.aside += operations.filter(isOfCampaign).length;
        statesMax = Math.max(statesMax, verdict.states);
      }
      seen.failed += recorder.failed;
      seen.jumps += bed.clock.jumps;
      seen.kills += victim === null ? 0 : 1;
      if (said.length > 0) throw new Error([...said, howToRepeat(number)].join("\n"));
    }
    await bed.whole();
    if (only !== "") return;
    const { above, aside, ...others } = seen;
    for (const count of [seen.operations, seen.unknown, seen.jumps, seen.kills, above, aside]) {
      expect(count).toBeGreaterThan(0);
    }
    evidence(
      "every history of a product can be explained",
      {
        histories: HISTORIES,
        seed,
        ...others,
        "refused by limits": above,
        "reserved of campaigns": aside,
        "states of one (max)": statesMax,
        ...bed.faults(),
      },
      { trials: HISTORIES },
    );
  },
  TEST_MS_MAX,
);

const isOfCampaign = ({ command, answer }: Operation): boolean =>
  command.verb === "reserve" && command.isOfCampaign === true && answer?.kind === "hold";

function victimOf(number: number): Victim | null {
  if (number % KILL_EVERY !== KILL_EVERY - 1) return null;
  return VICTIMS[Math.floor(number / KILL_EVERY) % VICTIMS.length] ?? null;
}

/** One history of a few new products; what its clients do is drawn from the seed and its number. */
async function record(bed: Bed, number: number, victim: Victim | null) {
  const { clock, token, urls } = bed;
  const random = new Random(seed + number);
  const recorder = new Recorder();
  const name = `history-${number}`;
  const productIds = Array.from({ length: PRODUCTS }, (_, i) => `${name}-${i}`);
  const made = new Map<string, Made>();
  clock.begin();
  for (const [i, productId] of productIds.entries()) {
    const units = random.whole(UNITS_MIN, UNITS_MAX + 1);
    made.set(productId, await bed.make(productId, units, termsOf(random, number, i)));
  }
  const campaigns = new Map(
    [...made].flatMap(([productId, { campaign }]) =>
      campaign === null ? [] : [[productId, campaign] as const],
    ),
  );
  const jump: World["jump"] = (to) => {
    if (to === null) clock.ahead(random.whole(0, JUMP_MS_MAX));
    else clock.to(to);
  };
  const world: World = { recorder, urls, token, name, productIds, campaigns, holds: [], jump };
  const lines = new Random(random.whole(0, SEEDS));
  await bed.during(recorder, lines, async () => {
    const clients = Array.from({ length: CLIENTS }, (_, i) =>
      runClient(world, new Random(random.whole(0, SEEDS)), `c${i}`, STEPS),
    );
    if (victim !== null) {
      const attempts = random.whole(1, KILLED_AFTER_MAX);
      await until(() => recorder.attempts >= attempts, {
        withinMs: TEST_MS_MAX,
        what: `${attempts} requests were sent`,
      });
      await bed.kill(victim);
    }
    await Promise.all(clients);
  });
  for (const productId of productIds) await readAtLast(bed, recorder, productId);
  for (const [productId, one] of made) await bed.unmake(productId, one);
  return { recorder, initial: new Map([...made].map(([id, one]) => [id, one.initial] as const)) };
}

/** Of each product by its number: the first has a limit, the second a campaign. */
function termsOf(random: Random, number: number, product: number): Terms {
  if (product === 0 && number % LIMIT_EVERY === 0) return { limit: random.whole(1, LIMIT_MAX + 1) };
  if (product === 1 && number % CAMPAIGN_EVERY === 0) return { fence: random.whole(1, UNITS_MIN) };
  return {};
}

/** By whichever process is up: what came late is seen by somebody. */
async function readAtLast({ urls, token }: Bed, recorder: Recorder, productId: string) {
  const request = { method: "GET", path: `/product/${productId}`, token } as const;
  const part = { productId, orderId: null, item: null, command: { verb: "read" } } as const;
  const attempt = { client: "the last", request, parts: [part] };
  const isRead = async (url: string) => (await recorder.send(url, attempt))?.length === 1;
  await until(async () => (await isRead(urls[0] ?? "")) || (await isRead(urls[1] ?? "")), {
    withinMs: READ_MS_MAX,
    what: `somebody answers for ${productId}`,
  });
}

function stateOf(initial: ReadonlyMap<string, State>, productId: string): State {
  const state = initial.get(productId);
  if (!state) throw new Error(`${productId} was never made`);
  return state;
}

const howToRepeat = (number: number): string =>
  `history ${number}; to ask the same again, of fresh servers:\n` +
  `${ONLY}=${number} HOLDFAST_TEST_SEED=${seed} bun run test histories/histories`;
