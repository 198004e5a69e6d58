/** What users of a shop do, one thing after the other, and what an administrator does meanwhile. */
import { randomId } from "#lib/ids";
import { codeIn, inventoryIn, inventoryOf, reservationIn } from "#test/caller";
import { acknowledge, ask, pick, reserve, type User } from "#test/user";

/** Below what there is at the start of any load. */
const SAFETY_STOCK_MAX = 30;

type Script = (user: User) => Promise<void>;

/** What a user does, and how often in comparison. */
const SCRIPTS: readonly (readonly [weight: number, script: Script])[] = [
  [5, reserveAndConfirm],
  [3, reserveAndCancel],
  [2, cartInParts],
  [2, extendAndCancel],
  [2, signIn],
  [1, abandon],
  [3, adjustWithKey],
  [3, adjustPlainly],
  [2, transferWithKey],
  [3, (user) => sell(user).then(() => undefined)],
  [1, amend],
  [4, rush],
  [4, look],
  [1, cleanUp],
];
const OF_NEW_PRODUCTS: typeof SCRIPTS = [[1, initializeAnother]];
/** How a hold ended that another one replaced, and what an order was sold, only the ledger knows. */
const OF_LEDGER: typeof SCRIPTS = [
  [2, changeOrder],
  [2, sellAndReturn],
];

/** Each as often as it weighs. */
export function deckOf(which: {
  readonly withoutLedger?: boolean;
  readonly withoutNewProducts?: boolean;
}): readonly Script[] {
  const scripts = [
    ...SCRIPTS,
    ...(which.withoutNewProducts === true ? [] : OF_NEW_PRODUCTS),
    ...(which.withoutLedger === true ? [] : OF_LEDGER),
  ];
  return scripts.flatMap(([weight, script]) => Array.from({ length: weight }, () => script));
}

/** With a key: once a part was confirmed, the state alone does not tell a repeated cancel. */
async function end(user: User, verb: "confirm" | "cancel", id: string, units: number) {
  const path = `/reservation/${id}/${verb}`;
  const request = { method: "POST", path, token: user.token, key: randomId(12) } as const;
  const answer = await ask(user, request, [200]);
  if (answer) acknowledge(user, answer, verb === "confirm" ? "SALE" : "RELEASE", units, id);
}

async function reserveAndConfirm(user: User): Promise<void> {
  const [productId, orderId] = [pick(user), randomId(8)];
  const hold = await reserve(user, productId, orderId, user.random.whole(1, 4));
  if (!hold) return;
  await end(user, "confirm", hold.reservationId, hold.quantity ?? 0);
  const { token } = user;
  const confirm = `/reservation/${hold.reservationId}/confirm`;
  await ask(user, { method: "POST", path: confirm, token }, [200]);
  const body = { quantity: 1, orderId };
  const path = `/product/${productId}/reserve`;
  const known = { about: hold.reservationId };
  const again = await ask(user, { method: "POST", path, token, body }, [409], known);
  if (again && codeIn(again) !== "order_already_confirmed") {
    user.load.strange.push(`POST ${path} of ${hold.reservationId}: 409 ${codeIn(again)}`);
  }
}

async function reserveAndCancel(user: User): Promise<void> {
  const hold = await reserve(user, pick(user), randomId(8), user.random.whole(1, 4));
  if (!hold) return;
  await end(user, "cancel", hold.reservationId, hold.quantity ?? 0);
  const path = `/reservation/${hold.reservationId}/confirm`;
  await ask(user, { method: "POST", path, token: user.token }, [409]);
}

/** The same order with the same quantity is the same hold; with another one it replaces it. */
async function changeOrder(user: User): Promise<void> {
  const { token, load } = user;
  const [productId, orderId] = [pick(user), randomId(8)];
  const first = await reserve(user, productId, orderId, 1);
  if (!first) return;
  const body = { quantity: 1, orderId };
  const path = `/product/${productId}/reserve`;
  const same = await ask(user, { method: "POST", path, token, body }, [201]);
  if (same && reservationIn(same).reservationId !== first.reservationId) {
    load.strange.push(`POST ${path} of ${first.reservationId}: 201 is another hold than that`);
  }
  const second = await reserve(user, productId, orderId, 3);
  if (!second) return;
  const old = `/reservation/${first.reservationId}/confirm`;
  await ask(user, { method: "POST", path: old, token }, [409]);
  await end(user, "confirm", second.reservationId, 3);
}

/** One line is bought, the other given back. */
async function cartInParts(user: User): Promise<void> {
  const { token } = user;
  const [one, two] = [pick(user), pick(user)];
  const items = [
    { productId: one, quantity: 2 },
    { productId: two, quantity: 1 },
  ];
  const body = { orderId: randomId(8), items };
  const answer = await ask(
    user,
    { method: "POST", path: "/reservations", token, body },
    [201, 409],
  );
  if (answer?.status !== 201) return;
  const { reservationId } = reservationIn(answer);
  acknowledge(user, answer, "RESERVE", 3, reservationId);
  const path = `/reservation/${reservationId}/confirm`;
  const lines = { lines: [{ productId: one, quantity: 2 }] };
  const part = { method: "POST", path, token, body: lines, key: randomId(12) } as const;
  const confirmed = await ask(user, part, [200]);
  if (confirmed) acknowledge(user, confirmed, "SALE", 2, reservationId);
  await end(user, "cancel", reservationId, 1);
}

async function extendAndCancel(user: User): Promise<void> {
  const hold = await reserve(user, pick(user), randomId(8), 1);
  if (!hold) return;
  const path = `/reservation/${hold.reservationId}/extend`;
  const body = { minutes: user.extendMinutes };
  const request = { method: "POST", path, token: user.token, body } as const;
  const answer = await ask(user, { ...request, key: randomId(12) }, [200]);
  if (answer) acknowledge(user, answer, "EXTEND", 0, hold.reservationId);
  await end(user, "cancel", hold.reservationId, 1);
}

/** What was held under one order is the other's, beside what that one holds: one cart of both. */
async function signIn(user: User): Promise<void> {
  const [productId, orderId] = [pick(user), randomId(8)];
  const guest = await reserve(user, productId, randomId(8), 2);
  if (!guest) return;
  const own = user.random.whole(0, 2) === 0 ? await reserve(user, productId, orderId, 1) : null;
  const path = `/reservation/${guest.reservationId}/owner`;
  const request = { method: "POST", path, token: user.admin, body: { orderId } } as const;
  const answer = await ask(user, { ...request, key: randomId(12) }, [200]);
  if (!answer) return;
  const { reservationId } = reservationIn(answer);
  acknowledge(user, answer, "RELEASE", 2, guest.reservationId);
  acknowledge(user, answer, "RESERVE", 2, reservationId);
  const verb = user.random.whole(0, 2) === 0 ? "confirm" : "cancel";
  await end(user, verb, reservationId, own ? 3 : 2);
}

async function abandon(user: User): Promise<void> {
  await reserve(user, pick(user), randomId(8), 1);
}

async function adjustWithKey(user: User): Promise<void> {
  const quantity = user.random.whole(1, 9);
  const path = `/product/${pick(user)}/stock`;
  const type = user.random.whole(0, 2) === 0 ? "RESTOCK" : "RETURN";
  const location = user.random.whole(0, 3) === 0 ? "annex" : "default";
  const body = { quantity, type, location, reference: randomId(8) };
  const request = { method: "PATCH", path, token: user.admin, body, key: randomId(12) } as const;
  const answer = await ask(user, request, [200]);
  if (!answer) return;
  acknowledge(user, answer, type, quantity);
  const again = await ask(user, request, [200]);
  if (again?.headers.get("idempotency-replayed") !== "true") {
    user.load.strange.push(`PATCH ${path} of ${answer.requestId}: 200 was not replayed`);
  }
  const other = { ...request, body: { ...body, quantity: quantity + 1 } };
  await ask(user, other, [422], { about: answer.requestId });
}

/** Its units leave one location and come to the other: two movements. */
async function transferWithKey(user: User): Promise<void> {
  const quantity = user.random.whole(1, 9);
  const [from, to] = user.random.whole(0, 2) === 0 ? ["default", "annex"] : ["annex", "default"];
  const path = `/product/${pick(user)}/transfer`;
  const body = { from, to, quantity };
  const request = { method: "POST", path, token: user.admin, body, key: randomId(12) } as const;
  const answer = await ask(user, request, [200, 409]);
  if (answer?.status === 200) acknowledge(user, answer, "TRANSFER", 2 * quantity);
}

/** Without a key a repeat would be a new operation: one attempt, and who hears nothing lets it be. */
async function adjustPlainly(user: User): Promise<void> {
  const path = `/product/${pick(user)}/stock`;
  const request = { method: "PATCH", path, token: user.admin, body: { quantity: -1 } } as const;
  const answer = await ask(user, request, [200, 409, 503, 504], {
    how: (caller) => caller.attempt(request),
  });
  if (answer?.status === 200) acknowledge(user, answer, "ADJUSTMENT", 1);
}

/** With a key, under which a repeat is no new sale. Answers whether there was enough. */
async function sell(user: User, productId = pick(user), orderId = randomId(8)): Promise<boolean> {
  const path = `/product/${productId}/sell`;
  const body = { quantity: 2, orderId };
  const request = { method: "POST", path, token: user.admin, body, key: randomId(12) } as const;
  const answer = await ask(user, request, [200, 409]);
  if (answer?.status !== 200) return false;
  acknowledge(user, answer, "SALE", 2);
  return true;
}

/** Half of it comes back to stock, the other half as scrap, and no more than that. */
async function sellAndReturn(user: User): Promise<void> {
  const [productId, orderId] = [pick(user), randomId(8)];
  if (!(await sell(user, productId, orderId))) return;
  const path = `/product/${productId}/return`;
  for (const disposition of ["restock", "scrap"]) {
    const body = { quantity: 1, orderId, disposition };
    const request = { method: "POST", path, token: user.admin, body, key: randomId(12) } as const;
    const answer = await ask(user, request, [200]);
    if (answer) acknowledge(user, answer, "RETURN", 1);
  }
  const body = { quantity: 1, orderId };
  await ask(user, { method: "POST", path, token: user.admin, body, key: randomId(12) }, [409]);
}

async function amend(user: User): Promise<void> {
  const path = `/product/${pick(user)}`;
  const body = {
    name: `name ${randomId(4)}`,
    lowStockThreshold: user.random.whole(0, 20),
    safetyStock: user.random.whole(0, SAFETY_STOCK_MAX),
  };
  const request = { method: "PATCH", path, token: user.admin, body, key: randomId(12) } as const;
  const answer = await ask(user, request, [200]);
  if (answer) acknowledge(user, answer, "ATTRIBUTE", 0);
}

/**
 * All want the last units, in a hold that they keep for a while or at once; who hears that there are
 * none brings some more. So nearly all that is free is taken, and much of it held, at any time.
 */
async function rush(user: User): Promise<void> {
  const { load, random, kept } = user;
  if (kept) {
    user.kept = null;
    const verb = random.whole(0, 2) === 0 ? "cancel" : "confirm";
    return end(user, verb, kept.reservationId, kept.quantity ?? 0);
  }
  if (random.whole(0, 2) === 0) {
    if (await sell(user, load.scarceId)) return;
  } else {
    user.kept = await reserve(user, load.scarceId, randomId(8), random.whole(1, 4));
    if (user.kept) return;
  }
  const path = `/product/${load.scarceId}/stock`;
  const quantity = random.whole(1, 4);
  const body = { quantity, type: "RESTOCK" };
  const request = { method: "PATCH", path, token: user.admin, body, key: randomId(12) } as const;
  const answer = await ask(user, request, [200]);
  if (answer) acknowledge(user, answer, "RESTOCK", quantity);
}

export async function initialize(
  user: User,
  productId: string,
  initialStock: number,
  safetyStock = 0,
): Promise<void> {
  const body = { productId, sku: `SKU-${productId}`, initialStock, safetyStock };
  const request = { method: "POST", path: "/initialize", token: user.admin, body } as const;
  const answer = await ask(user, { ...request, key: randomId(12) }, [201]);
  if (answer && inventoryIn(answer)) acknowledge(user, answer, "INITIAL", initialStock);
}

async function initializeAnother(user: User): Promise<void> {
  const productId = randomId(12);
  await initialize(user, productId, 5);
  const body = { productId, sku: `SKU-${productId}`, initialStock: 9 };
  const again = { method: "POST", path: "/initialize", token: user.admin, body } as const;
  await ask(user, again, [409], { about: productId });
}

/**
 * Counts are never negative (their schema says so), and add up. Of the scarce product nothing is
 * taken but what is above its safety stock, which never changes.
 */
async function look(user: User): Promise<void> {
  const { token, admin, load, random } = user;
  const productId = random.pick([...load.productIds, load.scarceId]);
  const read = await ask(user, { method: "GET", path: `/product/${productId}`, token }, [200]);
  if (read) {
    const { availableStock, reservedStock, totalStock, safetyStock } = inventoryOf(read);
    const free = totalStock - reservedStock - safetyStock;
    const expected = productId === load.scarceId ? free : Math.max(0, free);
    if (availableStock !== expected) {
      const sum = `${totalStock} on hand − ${reservedStock} held − ${safetyStock} safety`;
      load.strange.push(
        `${productId}: ${availableStock} available, but ${expected} is free: ${sum}`,
      );
    }
  }
  const items = load.productIds.map((id) => ({ productId: id, quantity: 1 }));
  const check = { method: "POST", path: "/check-availability", token, body: { items } } as const;
  await ask(user, check, [200]);
  await ask(user, { method: "GET", path: "/low-stock", token: admin }, [200]);
}

async function cleanUp(user: User): Promise<void> {
  await ask(user, { method: "POST", path: "/cleanup-expired", token: user.admin }, [200]);
}
