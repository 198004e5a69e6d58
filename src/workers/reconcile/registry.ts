/** Each partition's copy of the registry of locations against the ledger's. */
import type { RegisteredLocation } from "#inventory/model";
import type { StoredRegistry } from "#inventory/reconcile-sides";
import { LOOKS_MAX, settle, type Comparison } from "#workers/reconcile/comparison";

/** Between two looks: a change is copied from partition 0 to the others meanwhile. */
const LOOK_MS = 100;
/** Locations that a difference names. */
const NAMED_MAX = 10;

export async function checkRegistry(run: Comparison): Promise<void> {
  if (run.scope.kind === "products") return;
  for (const partition of run.partitions) await checkCopy(run, partition);
}

async function checkCopy(run: Comparison, partition: number): Promise<void> {
  for (let look = 1; ; look += 1) {
    const { at, found } = await run.stock.registry(partition);
    await run.follow(partition, at.seq);
    const wanted = await run.ledger.registry();
    const differing = differingOf(found, wanted);
    if (differing.length === 0 && found.isRuled) return;
    if (look < LOOKS_MAX) {
      await Bun.sleep(LOOK_MS);
      continue;
    }
    const [location = null] = differing;
    const names = differing.slice(0, NAMED_MAX).join(", ");
    const cause =
      location === null ? "the rules are not those of its records" : `differs: ${names}`;
    const told = (one: RegisteredLocation | null | undefined) => one && JSON.stringify(one);
    const record = location === null ? undefined : found.records.get(location);
    const row = wanted.find((one) => one.location === location);
    // A change of it that PostgreSQL refused is in Redis alone, and right.
    const aside = await run.ledger.quarantine();
    const isDoubtful = aside.some(({ productId }) => productId === null);
    await settle(run, {
      found: {
        kind: "location",
        partition,
        productId: null,
        location,
        reservationId: null,
        redis: record === undefined ? null : (told(record.location) ?? record.text),
        ledger: told(row) ?? null,
        cause,
      },
      repair: isDoubtful ? null : { side: "registry", partition, found, wanted },
    });
    return;
  }
}

function differingOf(found: StoredRegistry, wanted: readonly RegisteredLocation[]): string[] {
  const rows = new Map<string, RegisteredLocation>(wanted.map((row) => [row.location, row]));
  const names = [...new Set([...found.records.keys(), ...rows.keys()])];
  return names.filter((name) => {
    const [record, row] = [found.records.get(name)?.location, rows.get(name)];
    return record === undefined || record === null || !Bun.deepEquals(record, row);
  });
}
