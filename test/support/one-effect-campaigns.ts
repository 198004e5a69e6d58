/** Cases of the routes for campaigns: what each changes is a record. */
import { z } from "zod";
import { randomId } from "#lib/ids";
import { deliver, type Operation } from "#test/one-effect";
import type { Case, World } from "#test/one-effect-cases";

const Made = z.object({ campaign: z.object({ campaignId: z.string() }) });
const HOUR_MS = 3_600_000;

/** By `METHOD path`. */
export const campaignCases = (base: string): readonly [string, Case][] => [
  [`POST ${base}/campaigns`, plan],
  [`PUT ${base}/campaigns/:campaignId`, planAnew],
  [`POST ${base}/campaigns/:campaignId/stop`, stop],
  [`DELETE ${base}/campaigns/:campaignId`, (world) => end(world, "DELETE", "")],
];

const effects: Operation["effects"] = () => [{ type: "RECORD", units: 0 }];

const bodyOf = ({ to, products }: World) => {
  const startsAt = Date.now() + HOUR_MS;
  return {
    name: `campaign ${randomId(6)}`,
    location: "default",
    startsAt: new Date(startsAt).toISOString(),
    endsAt: new Date(startsAt + HOUR_MS).toISOString(),
    products: [{ productId: to.random.pick(products), quantity: 3 }],
  };
};

/** Followed by its removal: there may be so many campaigns and no more. */
function plan(world: World): Operation {
  const request = { method: "POST", path: "/campaigns", token: world.admin } as const;
  return {
    request: { ...request, body: bodyOf(world), key: randomId(12) },
    effects,
    successor: (answer) => ending(world, "DELETE", pathIn(answer)),
  };
}

const pathIn = ({ body }: { readonly body: unknown }): string =>
  `/campaigns/${Made.parse(body).campaign.campaignId}`;

async function planned(world: World): Promise<string> {
  const request = { method: "POST", path: "/campaigns", token: world.admin } as const;
  const made = { request: { ...request, body: bodyOf(world), key: randomId(12) }, effects };
  return pathIn(await deliver(world.to, made));
}

async function planAnew(world: World): Promise<Operation> {
  const path = await planned(world);
  const request = { method: "PUT", path, token: world.admin, body: bodyOf(world) } as const;
  return {
    request: { ...request, key: randomId(12) },
    effects,
    successor: () => ending(world, "DELETE", path),
  };
}

async function end(world: World, method: "POST" | "DELETE", word: string): Promise<Operation> {
  return ending(world, method, `${await planned(world)}${word}`);
}

/** That it was stopped, and that it is over. */
async function stop(world: World): Promise<Operation> {
  const stopping = await end(world, "POST", "/stop");
  return { ...stopping, effects: () => [{ type: "RECORD", units: 0, movements: 2 }] };
}

const ending = ({ admin }: World, method: "POST" | "DELETE", path: string): Operation => {
  return { request: { method, path, token: admin, body: {}, key: randomId(12) }, effects };
};
