/** `rush`: finds the service or starts one, storms it, and says what came of it. */
import { isOfThisMachine, signedToken, tokenInFile, type Wanting } from "#compose/admin-token";
import { mustBeReady, askReadiness, startOwnService } from "#compose/own-service";
import { urlOfThisMachine } from "#compose/port";
import { Refusal } from "#compose/refusal";
import { createClient, HoldfastProblem, HoldfastUnanswered } from "#client/client";
import type { Config } from "#config";
import { printable } from "#lib/printable";
import { KINDS } from "#rush/kinds";
import { LedgerAway, productOf } from "#rush/ledger";
import type { RushCommand } from "#rush/options";
import { HOLD_MINUTES, PATIENCE_MS, type Plan } from "#rush/plan";
import { createTelling, type Telling } from "#rush/progress";
import { newProductId, runRush, ServiceAway, type Rush } from "#rush/run";
import { closingText, looksText, numberText, reportOf } from "#rush/words";

const WANTING: Wanting = { command: "rush", how: "--token-file FILE" };
const SEED_END = 2 ** 31;
const STOPPING = ["SIGINT", "SIGTERM"] as const;
/** Of a look at what is left: the line does not wait for it. */
const LOOK_MS_MAX = 2_000;

/** Rejects with a Refusal when a sum differs, or when it could not be done. */
export async function runRushCommand(command: RushCommand, config: Config): Promise<void> {
  const url = command.url ?? urlOfThisMachine(config);
  mustBeMeant(command, config, url);
  const { stderr } = process;
  const columns = stderr.isTTY ? stderr.columns : null;
  using telling = createTelling({ columns, write: (text) => void stderr.write(text) });
  const { signal, reason } = stopping();
  const plan = planOf(command);
  try {
    const { rush, isServed } = await stormed({ command, config, url, plan, telling, signal });
    const text = `${closingText(rush)}\n${looksText(rush, url, isServed)}`;
    process.stdout.write(command.json ? `${JSON.stringify(reportOf(rush))}\n` : text);
    mustBeRight(rush);
  } catch (error) {
    throw worded(error, plan.productId, reason());
  }
}

/** Nothing here may become a storm of somebody's shop by mistake. */
function mustBeMeant(command: RushCommand, config: Config, url: string): void {
  if (command.againstProduction) return;
  const why = [
    ...(config.production ? ["the settings are those of production"] : []),
    ...(isOfThisMachine(url) ? [] : [`${url} is not of this machine`]),
    ...(command.tokenFile === null ? [] : ["--token-file is for a service with another key"]),
  ];
  if (why.length === 0) return;
  throw new Refusal(
    `nothing was begun: ${why.join(", and ")}; --against-production if it is meant`,
  );
}

function planOf({ shoppers, units, seconds, seed }: RushCommand): Plan {
  return {
    productId: newProductId(),
    shoppers,
    units,
    seconds,
    seed: seed ?? Math.floor(Math.random() * SEED_END),
    kinds: KINDS,
    holdMinutes: HOLD_MINUTES,
    patienceMs: PATIENCE_MS,
  };
}

/** Aborts at the first signal to stop; the second ends the process as it would without us. */
function stopping() {
  const controller = new AbortController();
  let reason: string | null = null;
  for (const name of STOPPING) {
    process.once(name, () => {
      reason = name;
      controller.abort(new Refusal(`stopped by ${name}`));
    });
  }
  return { signal: controller.signal, reason: () => reason };
}

interface Storming {
  readonly command: RushCommand;
  readonly config: Config;
  readonly url: string;
  readonly plan: Plan;
  readonly telling: Telling;
  readonly signal: AbortSignal;
}

interface Stormed {
  readonly rush: Rush;
  /** Whether the service is still there. */
  readonly isServed: boolean;
}

/** With a service that is there, or one that ends with the storm. */
async function stormed(storming: Storming): Promise<Stormed> {
  const { command, config, url, plan, telling, signal } = storming;
  await using stack = new AsyncDisposableStack();
  const mayStart = command.url === null && !config.production;
  const isServed = !mayStart || (await askReadiness(url)) !== "silent";
  if (!isServed) {
    telling.say(`no service runs at ${url}: starting one ...`);
    const service = stack.use(await startOwnService(url, signal));
    stack.defer(() => telling.say("ending the service that was started for this ..."));
    telling.say(`it runs as process ${service.pid}, and ends with this`);
  }
  await mustBeReady(url);
  const { token, from } = await tokenOf(storming);
  const { shoppers, units, seconds, seed, productId, holdMinutes } = plan;
  const [many, few] = [numberText(shoppers), numberText(units)];
  telling.say(
    `${many} shoppers come within ${seconds} s to ${few} units of ${productId} (seed ${seed})`,
  );
  telling.say(`holds last ${holdMinutes} min; what expires is sold again`);
  const looker = createClient({ url, token, deadlineMs: LOOK_MS_MAX });
  const left = async (): Promise<number> =>
    (await productOf({ client: looker, productId, signal })).availableStock;
  try {
    const rush = await runRush({
      url,
      token,
      plan,
      signal,
      onStorm: (storm, line) => telling.follow(storm, line, left),
      say: (line) => {
        telling.stop();
        telling.say(line);
      },
    });
    return { rush, isServed };
  } catch (error) {
    // Before the service ends: there is nothing left to tell of.
    telling.stop();
    if (!isRefusedToken(error)) throw error;
    const why = `${url} does not let this token in (${error.status}): ${error.message}`;
    throw new Refusal(`${why}\nThe token: ${from}`, { cause: error });
  }
}

async function tokenOf({ command, config, url }: Storming) {
  if (command.tokenFile !== null) return tokenInFile(command.tokenFile);
  if (config.production || !isOfThisMachine(url)) {
    throw new Refusal(`rush needs the token of an admin: ${WANTING.how}`);
  }
  return await signedToken(config, WANTING);
}

const isRefusedToken = (error: unknown): error is HoldfastProblem =>
  error instanceof HoldfastProblem && (error.status === 401 || error.status === 403);

/** What a person can do something about, with the product's name. */
function worded(error: unknown, productId: string, stoppedBy: string | null): unknown {
  if (stoppedBy !== null) {
    const message = `stopped by ${stoppedBy}: nothing was compared; what ${productId} holds expires`;
    return new Refusal(message, { cause: error });
  }
  if (error instanceof HoldfastProblem) {
    const message = printable(`${error.code}: ${error.message}`);
    return new Refusal(`the rush of ${productId} could not go on: ${message}`, { cause: error });
  }
  if (
    error instanceof HoldfastUnanswered ||
    error instanceof LedgerAway ||
    error instanceof ServiceAway
  ) {
    const { message } = error;
    return new Refusal(`the rush of ${productId} could not go on: ${message}`, { cause: error });
  }
  return error;
}

function mustBeRight({ table, isRight, plan }: Rush): void {
  if (isRight) return;
  const wrong = table.rows.filter((row) => !row.isRight).map(({ name }) => name);
  throw new Refusal(
    `${plan.productId}: what was told and what is written differ: ${wrong.join(", ")}`,
  );
}
