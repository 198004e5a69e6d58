/**
 * Many wait for one product while its units come back by cancel and by restock, processes die and Redis loses
 * what it had: each unit is offered once, in line, and nobody else ever has one.
 */
import { expect, test } from "bun:test";
import { z } from "zod";
import { randomId } from "#lib/ids";
import { audit } from "#test/audit";
import { codeIn, reservationIn, type Answer, type Request } from "#test/caller";
import { installationOfFile } from "#test/installation-of-file";
import { reported } from "#test/lost";
import { counted } from "#test/scale";
import { until } from "#test/until";

const UNITS = 20;
/** So many wait at least while units come back, and so many are enough. */
const WAITING_MIN = 40;
const WAITING_ENOUGH = 120;
/** Of each blow, that many times over. */
const ROUNDS = counted(1, 10);
/** Offers before and after each blow, so that it falls among them. */
const OFFERS_MIN = 8;
const OFFERS_MS_MAX = 40_000;
const TEST_MS_MAX = counted(180_000, 2 * 60 * 60_000);

const BLOWS = ["api", "redis", "worker", "redis is emptied"] as const;
type Blow = (typeof BLOWS)[number];

const { all, redis, sql } = await installationOfFile();

const Page = z.object({ items: z.array(z.object({ reservationId: z.string() })) });
const PlaceOf = z.object({ waiting: z.int() });

/** Under a key, again until an answer is certain. */
const ask = (request: Omit<Request, "token" | "key">): Promise<Answer> =>
  all.caller.call({ ...request, token: all.admin, key: randomId(12) });

/** One product, all units of which are held, and who waits for them. */
class Line {
  readonly productId = `waited-${randomId(8)}`;
  readonly #path = `/product/${this.productId}`;
  readonly strange: string[] = [];
  rivals = 0;
  #joined = 0;
  #isOver = false;
  #loops: Promise<void>[] = [];

  async begin(): Promise<void> {
    const { productId } = this;
    const body = { productId, sku: `SKU-${productId}`, initialStock: UNITS };
    await ask({ method: "POST", path: "/initialize", body });
    const held = await ask({
      method: "POST",
      path: `${this.#path}/reserve`,
      body: { quantity: UNITS, orderId: "first", expirationMinutes: 1_400 },
    });
    while ((await this.#waiting()) < WAITING_MIN) await this.#join();
    const { reservationId } = reservationIn(held);
    await ask({ method: "POST", path: `/reservation/${reservationId}/cancel`, body: {} });
    this.#loops = [this.#joinMore(), this.#giveBack(), this.#want()];
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
  }

  /** By the ledger: the holds that were offered, in the order in which they were. */
  async offered(): Promise<readonly string[]> {
    const rows = await sql`SELECT reservation_id FROM movements
      WHERE product_id = ${this.productId} AND type = 'RESERVE' AND reason = 'offered'
      ORDER BY seq`;
    return rows.map((row) => String(row["reservation_id"]));
  }

  /** Orders in the order in which they joined, or were offered something. */
  async orders(reason: "joined" | "offered"): Promise<readonly string[]> {
    const rows = await sql`SELECT order_id FROM movements
      WHERE reference = ${`waiting:${this.productId}`} AND type = 'RECORD' AND reason = ${reason}
      ORDER BY seq`;
    return rows.map((row) => String(row["order_id"]));
  }

  async more(count: number): Promise<void> {
    const goal = (await this.offered()).length + count;
    await until(async () => (await this.offered()).length >= goal, {
      withinMs: OFFERS_MS_MAX,
      what: `${count} more offers`,
    });
  }

  async #waiting(): Promise<number> {
    const path = `${this.#path}/waitlist?orderId=nobody`;
    const answer = await all.caller.call({ method: "GET", path, token: all.admin });
    return PlaceOf.parse(answer.body).waiting;
  }

  async #join(): Promise<void> {
    this.#joined += 1;
    const body = { quantity: 1, orderId: `w${this.#joined}`, expirationMinutes: 1_400 };
    const answer = await ask({ method: "POST", path: `${this.#path}/waitlist`, body });
    if (answer.status !== 201) this.strange.push(`to join was answered ${answer.status}`);
  }

  async #joinMore(): Promise<void> {
    while (!this.#isOver) {
      if ((await this.#waiting()) < WAITING_ENOUGH) {
        await Promise.all(Array.from({ length: 10 }, () => this.#join()));
      }
    }
  }

  /** By the ledger, which has what there was. */
  async #live(): Promise<readonly string[]> {
    const { body } = await ask({ method: "GET", path: "/reservations?status=ACTIVE&limit=200" });
    return Page.parse(body).items.map(({ reservationId }) => reservationId);
  }

  /** Of what was offered a half is cancelled, and a half is sold and comes again. */
  async #giveBack(): Promise<void> {
    const done = new Set<string>();
    while (!this.#isOver) {
      if ((await this.#waiting()) < WAITING_MIN) continue;
      const ids = (await this.#live()).filter((id) => !done.has(id));
      for (const [i, id] of ids.entries()) {
        done.add(id);
        const verb = i % 2 === 0 ? "cancel" : "confirm";
        const { status } = await ask({
          method: "POST",
          path: `/reservation/${id}/${verb}`,
          body: {},
        });
        // One that was lost is not there any more.
        if (verb === "cancel" || status !== 200) continue;
        await ask({
          method: "PATCH",
          path: `${this.#path}/stock`,
          body: { quantity: 1, type: "RESTOCK" },
        });
      }
    }
  }

  /** Somebody waits all the while, so that nobody else is given any. */
  async #want(): Promise<void> {
    while (!this.#isOver) {
      const body = { quantity: 1, orderId: `rival-${randomId(8)}` };
      const answer = await ask({ method: "POST", path: `${this.#path}/reserve`, body });
      this.rivals += 1;
      const code = answer.status === 409 ? codeIn(answer) : String(answer.status);
      if (code !== "waitlist") this.strange.push(`a rival was answered ${code}`);
    }
  }
}

async function strike(blow: Blow): Promise<void> {
  if (blow === "redis is emptied") {
    const { rebuilds } = await reported(sql);
    await redis.flushall();
    await until(async () => (await reported(sql)).rebuilds > rebuilds, {
      withinMs: OFFERS_MS_MAX,
      what: "the partition is rebuilt",
    });
    return;
  }
  await all[blow].kill();
  await all[blow].restart();
}

test(
  "units that come back while processes die and Redis is rebuilt: each is offered once, in line, and to nobody else",
  async () => {
    const line = new Line();
    await line.begin();
    await line.more(OFFERS_MIN);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const blow of BLOWS) {
        await strike(blow);
        await line.more(OFFERS_MIN);
      }
    }
    await line.end();
    expect(line.strange).toEqual([]);
    expect(line.rivals).toBeGreaterThan(0);
    // What was told is held against the ledger by the loads of other files.
    await audit({ ...all.servers, acknowledged: [] }).catch((error: unknown) =>
      expect(String(error)).toContain("no acknowledged were audited"),
    );
    const [joined, orders, holds] = await Promise.all([
      line.orders("joined"),
      line.orders("offered"),
      line.offered(),
    ]);
    // Nobody leaves: who was offered something is who joined first.
    expect(orders).toEqual(joined.slice(0, orders.length));
    expect(new Set(orders).size).toBe(orders.length);
    expect(new Set(holds).size).toBe(holds.length);
    expect(holds).toHaveLength(orders.length);
    console.log({
      offers: holds.length,
      joined: joined.length,
      rivals: line.rivals,
      blows: BLOWS.length,
    });
  },
  TEST_MS_MAX,
);
