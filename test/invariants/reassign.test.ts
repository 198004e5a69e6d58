/**
 * Every unit there is is held, and all holds change hands all the time, while processes die and Redis loses
 * what it had: whoever looks finds no unit free, and at the end each unit is held by somebody, and sold once.
 */
import { expect, test } from "bun:test";
import { z } from "zod";
import { randomId } from "#lib/ids";
import { audit } from "#test/audit";
import { codeIn, inventoryOf, reservationIn, type Request } from "#test/caller";
import { installationOfFile } from "#test/installation-of-file";
import { reported } from "#test/lost";
import { Random } from "#test/random";
import { counted, seed as seedOfRun } from "#test/scale";
import { until } from "#test/until";

const UNITS = 40;
const WALKERS = 6;
/** Of each blow, that many times over. */
const ROUNDS = counted(1, 25);
/** Before and after each blow, so that it falls among them. */
const CHANGES_MIN = 60;
const CHANGES_MS_MAX = 30_000;
const TEST_MS_MAX = counted(120_000, 2 * 60 * 60_000);

const BLOWS = ["api", "redis", "worker", "redis is emptied"] as const;
type Blow = (typeof BLOWS)[number];

const { all, redis, sql } = await installationOfFile();

const Page = z.object({ items: z.array(z.object({ reservationId: z.string() })) });

/** One product, all units of which are held, one each. */
class Crowd {
  readonly productId = `held-${randomId(8)}`;
  readonly #random = new Random(seedOfRun());
  /** Ids that somebody was told of; one that was lost leaves it when somebody asks for it. */
  readonly #known = new Set<string>();
  readonly #codes = new Map<string, number>();
  readonly seen = new Set<number>();
  readonly strange: string[] = [];
  changes = 0;
  looks = 0;
  #isOver = false;
  #loops: Promise<void>[] = [];

  async begin(): Promise<void> {
    const { productId } = this;
    const body = { productId, sku: `SKU-${productId}`, initialStock: UNITS };
    await this.#ask({ method: "POST", path: "/initialize", body });
    for (let i = 0; i < UNITS; i += 1) {
      const answer = await this.#reserve(randomId(12));
      this.#known.add(reservationIn(answer).reservationId);
    }
    const walkers = Array.from({ length: WALKERS }, () => this.#walk());
    this.#loops = [...walkers, this.#look(), this.#want()];
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
  }

  more(count: number): Promise<unknown> {
    const goal = this.changes + count;
    return until(() => this.changes >= goal, {
      withinMs: CHANGES_MS_MAX,
      what: `${count} more holds changed hands`,
    });
  }

  get refusals(): Record<string, number> {
    return Object.fromEntries(this.#codes);
  }

  /** By the ledger, which has what there was. */
  async live(): Promise<readonly string[]> {
    const path = "/reservations?status=ACTIVE&limit=200";
    const { body } = await this.#ask({ method: "GET", path });
    return Page.parse(body).items.map(({ reservationId }) => reservationId);
  }

  confirm(reservationId: string) {
    return this.#ask({ method: "POST", path: `/reservation/${reservationId}/confirm`, body: {} });
  }

  /** Under a key, again until an answer is certain. */
  #ask(request: Omit<Request, "token" | "key">) {
    return all.caller.call({ ...request, token: all.admin, key: randomId(12) });
  }

  #reserve(orderId: string) {
    const path = `/product/${this.productId}/reserve`;
    const body = { quantity: 1, orderId, expirationMinutes: 1_400 };
    return this.#ask({ method: "POST", path, body });
  }

  /** To an owner of its own, or to one of few, where it meets others. */
  async #walk(): Promise<void> {
    while (!this.#isOver) {
      const ids = [...this.#known];
      const id = ids.length === 0 ? undefined : this.#random.pick(ids);
      if (id === undefined) {
        for (const one of await this.live()) this.#known.add(one);
        continue;
      }
      const orderId =
        this.#random.next() < 0.3 ? `shared-${this.#random.whole(0, 20)}` : randomId(12);
      const answer = await this.#ask({
        method: "POST",
        path: `/reservation/${id}/owner`,
        body: { orderId },
      });
      this.#known.delete(id);
      if (answer.status === 200) {
        this.#known.add(reservationIn(answer).reservationId);
        this.changes += 1;
      } else {
        const code = codeIn(answer);
        this.#codes.set(code, (this.#codes.get(code) ?? 0) + 1);
      }
    }
  }

  async #look(): Promise<void> {
    const request = {
      method: "GET",
      path: `/product/${this.productId}`,
      token: all.admin,
    } as const;
    while (!this.#isOver) {
      const answer = await all.caller.attempt(request);
      if (answer?.status !== 200) continue;
      this.seen.add(inventoryOf(answer).availableStock);
      this.looks += 1;
    }
  }

  async #want(): Promise<void> {
    while (!this.#isOver) {
      const answer = await this.#reserve(randomId(12));
      if (answer.status !== 409) this.strange.push(`a rival was answered ${answer.status}`);
    }
  }
}

async function strike(blow: Blow): Promise<void> {
  if (blow === "redis is emptied") {
    const { rebuilds } = await reported(sql);
    await redis.flushall();
    await until(async () => (await reported(sql)).rebuilds > rebuilds, {
      withinMs: CHANGES_MS_MAX,
      what: "the partition is rebuilt",
    });
    return;
  }
  await all[blow].kill();
  await all[blow].restart();
}

test(
  "holds that change hands while processes die and Redis is rebuilt: no unit is ever seen free, each is sold once",
  async () => {
    const crowd = new Crowd();
    await crowd.begin();
    await crowd.more(CHANGES_MIN);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const blow of BLOWS) {
        await strike(blow);
        await crowd.more(CHANGES_MIN);
      }
    }
    await crowd.end();
    expect(crowd.strange).toEqual([]);
    expect([...crowd.seen]).toEqual([0]);
    expect(crowd.looks).toBeGreaterThan(0);
    let sold = 0;
    for (const id of await crowd.live()) {
      const answer = await crowd.confirm(id);
      expect(answer.status).toBe(200);
      const [line] = reservationIn(answer).lines;
      sold += line?.confirmed ?? 0;
    }
    expect(sold).toBe(UNITS);
    expect(await crowd.live()).toEqual([]);
    // What was told is held against the ledger by the loads of other files.
    await audit({ ...all.servers, acknowledged: [] }).catch((error: unknown) =>
      expect(String(error)).toContain("no acknowledged were audited"),
    );
    const { changes, looks, refusals } = crowd;
    console.log({ changes, looks, blows: ROUNDS * BLOWS.length, refusals });
  },
  TEST_MS_MAX,
);
