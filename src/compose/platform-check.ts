/** `platform check`: whether the services of a shop that runs work, and work together. */
import { z } from "zod";
import type { Config } from "#config";
import { callOut, type Call } from "#lib/call-out";

const ANSWER_MS_MAX = 5_000;
const ANSWER_BYTES_MAX = 4 * 1024 * 1024;
/** A product's item follows by itself. */
const FOLLOWS_MS_MAX = 15_000;
const LOOK_EVERY_MS = 100;

const Made = z.looseObject({ id: z.union([z.int(), z.string()]) });
const Listed = z.object({
  applications: z.object({ application: z.array(z.looseObject({ name: z.string() })) }),
});
const Item = z.looseObject({ quantity: z.number(), reserved: z.number() });

/** What a check found wrong. */
class CheckFailed extends Error {}

interface Checked {
  readonly what: string;
  /** null: it is as it should be. */
  readonly problem: string | null;
}

/** Runs all checks, also where one fails; answers the exit code. */
export async function runPlatformCheck(
  config: Config,
  print: (line: string) => void,
): Promise<number> {
  const found: Checked[] = [];
  for (const [what, check] of checksOf(config)) {
    const problem = await check().then(
      () => null,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    found.push({ what, problem });
    print(problem === null ? `✓ ${what}` : `✗ ${what}: ${problem}`);
  }
  const failed = found.filter(({ problem }) => problem !== null).length;
  print(`${found.length - failed} of ${found.length} checks passed`);
  return failed === 0 ? 0 : 1;
}

function checksOf(config: Config): readonly (readonly [string, () => Promise<void>])[] {
  const registry = `http://localhost:${config.registryPort}`;
  const gateway = `http://localhost:${config.gatewayPort}`;
  const products = `${gateway}/api/products`;
  const inventory = `${gateway}/api/inventory`;
  let id: string | null = null;
  const made = (): string => {
    if (id === null) throw new CheckFailed("there is no product to look at");
    return id;
  };
  return [
    [
      "the registry is up",
      async () => void (await ask({ method: "GET", url: `${registry}/health` })),
    ],
    [
      "services have registered",
      async () => {
        const { body } = await ask({ method: "GET", url: `${registry}/eureka/v2/apps` });
        const names = new Set(Listed.parse(body).applications.application.map(({ name }) => name));
        for (const name of ["INVENTORY-SERVICE", "PRODUCT-SERVICE", "USER-SERVICE"]) {
          if (!names.has(name)) throw new CheckFailed(`${name} has not`);
        }
      },
    ],
    [
      "the gateway finds them",
      async () => void (await ask({ method: "GET", url: `${gateway}/registry/instances` })),
    ],
    ["products are listed", async () => void (await ask({ method: "GET", url: products }))],
    [
      "a product is made",
      async () => {
        const body = {
          name: "Checked",
          description: "made by a check",
          price: 1.5,
          category: "Checks",
        };
        const answer = await ask({
          method: "POST",
          url: products,
          body: { ...body, initialStock: 10 },
        });
        id = String(Made.parse(answer.body).id);
      },
    ],
    [
      "the product is read",
      async () => void (await ask({ method: "GET", url: `${products}/${made()}` })),
    ],
    [
      "its inventory item follows by itself",
      async () => {
        const url = `${inventory}/${made()}`;
        const end = performance.now() + FOLLOWS_MS_MAX;
        for (;;) {
          const item = await ask({ method: "GET", url }).catch(() => null);
          if (item !== null) return mustBe(item.body, 10, 0);
          if (performance.now() > end) throw new CheckFailed("it did not");
          await Bun.sleep(LOOK_EVERY_MS);
        }
      },
    ],
    [
      "units of it are reserved and released",
      async () => {
        const url = `${inventory}/${made()}`;
        await ask({ method: "POST", url: `${url}/reserve`, body: { quantity: 3 } });
        mustBe((await ask({ method: "GET", url })).body, 10, 3);
        await ask({ method: "POST", url: `${url}/release`, body: { quantity: 3 } });
        mustBe((await ask({ method: "GET", url })).body, 10, 0);
      },
    ],
    [
      "more than there is is refused, and the product goes",
      async () => {
        const body = { quantity: 11 };
        const url = `${inventory}/${made()}/reserve`;
        const refused = await callOut({ method: "POST", url, body, ...BOUNDS });
        if (refused.status !== 400) throw new CheckFailed(`it was answered ${refused.status}`);
        await ask({ method: "DELETE", url: `${products}/${made()}` });
      },
    ],
  ];
}

const BOUNDS = { withinMs: ANSWER_MS_MAX, bytesMax: ANSWER_BYTES_MAX };

/** An answer of success; what else comes is a check that failed. */
async function ask(call: Pick<Call, "method" | "url" | "body">): Promise<{ body: unknown }> {
  const { status, text } = await callOut({ ...call, ...BOUNDS });
  if (status >= 300)
    throw new CheckFailed(`${call.method} ${call.url} was answered ${status}: ${text}`);
  return { body: text === "" ? null : JSON.parse(text) };
}

function mustBe(body: unknown, quantity: number, reserved: number): void {
  const item = Item.parse(body);
  if (item.quantity === quantity && item.reserved === reserved) return;
  throw new CheckFailed(
    `${item.quantity} and ${item.reserved} reserved, not ${quantity} and ${reserved}`,
  );
}
