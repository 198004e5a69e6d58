/**
 * The ledger by itself, at one moment: its sequence has no gap, each movement of a level begins
 * where the one before it ended, and the snapshot is where they end.
 */
import type {
  ChainLink,
  LedgerLevel,
  LedgerSnapshot,
  LostChange,
} from "#inventory/ledger-snapshot";
import { Breaks, countsOf, levelName } from "#workers/reconcile/breaks";
import { isAskedFor, settle, type Comparison } from "#workers/reconcile/comparison";

/** Movements of one statement: some 100 ms of PostgreSQL. */
const PART_MOVEMENTS = 50_000;
const PAGE_LEVELS = 5_000;
/** Gaps of one statement; those of a part beyond them are told at once, whatever happened round them. */
const GAPS_MAX = 1_000;
/** Of the gaps between two movements so many tell whether there is but one. */
const GAPS_FEW = 2;

/** Movements where none can be that are named of a partition. */
const STRAYS_MAX = 100;
const NOWHERE = {
  productId: null,
  location: null,
  reservationId: null,
  redis: null,
  ledger: null,
} as const;

/** Where the movements of a level have led to. */
interface Folded {
  readonly partition: number;
  readonly onHand: number;
  readonly reserved: number;
  readonly seq: number;
}

interface Gap {
  readonly partition: number;
  readonly seq: number;
  readonly changes: LostChange[];
}

/** Of nothing yet. */
const EMPTY = { onHand: 0, reserved: 0, seq: 0 };

type Counts = Pick<Folded, "onHand" | "reserved">;
const changeOf = (
  { productId, location }: { readonly productId: string; readonly location: string },
  before: Counts,
  after: Counts,
): LostChange => ({
  productId,
  location,
  onHandBefore: before.onHand,
  onHandAfter: after.onHand,
  reservedBefore: before.reserved,
  reservedAfter: after.reserved,
});

/** Answers the products whose counts in the ledger cannot be believed: nothing is held against them. */
export async function checkHistory(run: Comparison): Promise<ReadonlySet<string>> {
  return await run.ledger.atOneMoment(async (snapshot) => {
    const history = new History(run, snapshot);
    await history.open();
    await history.tellStrays();
    await (run.scope.kind === "products"
      ? history.walkProducts(run.scope.productIds)
      : history.walkPartitions());
    await history.compareLevels();
    await history.settleGaps();
    await history.breaks.settle();
    return history.doubtful;
  });
}

class History {
  readonly #run: Comparison;
  readonly #snapshot: LedgerSnapshot;
  readonly #folded = new Map<string, Folded>();
  /** Missing numbers, each with what one level did across it; null: more than one thing may be. */
  readonly #gaps = new Map<string, Gap>();
  #until = 0;
  readonly breaks: Breaks;
  readonly doubtful = new Set<string>();

  constructor(run: Comparison, snapshot: LedgerSnapshot) {
    this.#run = run;
    this.#snapshot = snapshot;
    this.breaks = new Breaks(run);
    for (const { productId } of run.quarantine) {
      if (productId !== null) this.doubtful.add(productId);
    }
  }

  /** Begins where movements were put away, with what they left. */
  async open(): Promise<void> {
    const { until, levels } = await this.#snapshot.openings();
    this.#until = until;
    for (const level of levels) {
      if (!this.#isWanted(level.productId)) continue;
      const partition = this.#run.stock.partitionOf(level.productId);
      const { onHand, reserved, seq } = level;
      this.#folded.set(levelName(level), { partition, onHand, reserved, seq });
    }
  }

  /** A movement beyond the cursor stands in the way of the one that will have its number. */
  async tellStrays(): Promise<void> {
    for (const partition of this.#run.partitions) {
      const cursor = this.#snapshot.cursors.get(partition) ?? 0;
      for (const seq of await this.#snapshot.strays(partition, STRAYS_MAX)) {
        const cause =
          seq > cursor
            ? `movement ${seq} is beyond the last one, ${cursor}`
            : `movement ${seq} is where all movements were put away`;
        const found = { ...NOWHERE, kind: "stray_movement" as const, partition, cause };
        await settle(this.#run, { found, repair: null });
      }
    }
  }

  async walkPartitions(): Promise<void> {
    const { partitions, findings, advance } = this.#run;
    const cursors = this.#snapshot.cursors;
    const total = partitions.reduce((sum, number) => sum + (cursors.get(number) ?? 0), 0);
    let done = 0;
    for (const partition of partitions) {
      const cursor = cursors.get(partition) ?? 0;
      for (let after = this.#until; after < cursor; after += PART_MOVEMENTS) {
        const upTo = Math.min(after + PART_MOVEMENTS, cursor);
        const missing = await this.#noteGaps(partition, after, upTo);
        for (const link of await this.#snapshot.links(partition, after, upTo)) {
          await this.#follow(partition, link);
        }
        findings.looked("movements", upTo - after - missing);
        done += upTo - after;
        await advance("history", done / total);
      }
    }
  }

  /** Answers how many numbers of that part are missing. */
  async #noteGaps(partition: number, after: number, upTo: number): Promise<number> {
    const first = await this.#snapshot.gaps(partition, after, upTo, GAPS_MAX);
    for (const seq of first) this.#gapAt(partition, seq);
    let count = first.length;
    for (let page = first; page.length === GAPS_MAX;) {
      page = await this.#snapshot.gaps(partition, page.at(-1) ?? upTo, upTo, GAPS_MAX);
      for (const seq of page) await this.#tellGap({ partition, seq, changes: [] });
      count += page.length;
    }
    return count;
  }

  #gapAt(partition: number, seq: number): Gap {
    const name = `${partition} ${seq}`;
    const gap = this.#gaps.get(name) ?? { partition, seq, changes: [] };
    this.#gaps.set(name, gap);
    return gap;
  }

  async walkProducts(productIds: readonly string[]): Promise<void> {
    for (const productId of productIds) {
      const partition = this.#run.stock.partitionOf(productId);
      for (const location of await this.#snapshot.locationsOf(productId)) {
        await this.#walkLevel(partition, { productId, location });
      }
      await this.#run.advance("history", 0);
    }
  }

  async #walkLevel(partition: number, level: Pick<ChainLink, "productId" | "location">) {
    const upTo = this.#snapshot.cursors.get(partition) ?? 0;
    for (let after = 0; ;) {
      const links = await this.#snapshot.linksOf(level, after, PART_MOVEMENTS, upTo);
      for (const link of links) await this.#follow(partition, link);
      const last = links.at(-1);
      if (last === undefined) return;
      this.#run.findings.looked("movements", links.length);
      after = last.seq;
    }
  }

  async compareLevels(): Promise<void> {
    let after = { productId: "", location: "" };
    for (;;) {
      await this.#run.goOn();
      const page = await this.#snapshot.levels(after, PAGE_LEVELS);
      for (const level of page) {
        const name = levelName(level);
        const folded = this.#folded.get(name);
        this.#folded.delete(name);
        if (this.#isWanted(level.productId)) await this.#compareLevel(level, folded);
      }
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE_LEVELS) break;
      after = last;
    }
    for (const [name, folded] of this.#folded) {
      const [productId = "", location = ""] = name.split("\t");
      await this.#snapshotDiffers({ productId, location }, null, folded);
    }
  }

  #isWanted(productId: string): boolean {
    const { scope, stock, partitions } = this.#run;
    if (scope.kind === "products") return isAskedFor(this.#run, productId);
    return scope.kind === "all" || partitions.includes(stock.partitionOf(productId));
  }

  async #compareLevel(level: LedgerLevel, folded: Folded | undefined): Promise<void> {
    this.#run.findings.looked("levels", 1);
    const partition = this.#run.stock.partitionOf(level.productId);
    const end = folded ?? { ...EMPTY, partition };
    const isSame =
      end.onHand === level.onHand && end.reserved === level.reserved && end.seq === level.seq;
    if (isSame) return;
    // Its last movement is missing: it is the one that is right.
    const lost = await this.#lostIn(partition, level.seq - 1, level.seq);
    if (lost.length > 0) return this.#explain(partition, lost, changeOf(level, end, level));
    await this.#snapshotDiffers(level, level, end);
  }

  async #snapshotDiffers(
    { productId, location }: { readonly productId: string; readonly location: string },
    level: LedgerLevel | null,
    folded: Folded,
  ): Promise<void> {
    this.doubtful.add(productId);
    const stands = level === null ? "nothing" : countsOf(level);
    const found = {
      kind: "snapshot" as const,
      partition: folded.partition,
      productId,
      location,
      reservationId: null,
      redis: null,
      ledger: level === null ? null : countsOf(level),
      cause: `the movements end at ${countsOf(folded)}, the snapshot has ${stands}`,
    };
    const { partition, onHand, reserved } = folded;
    const shall = { partition, productId, location, onHand, reserved };
    await settle(this.#run, { found, repair: { side: "level", level: shall, found: level } });
  }

  /** Tells of every missing number, now that all that happened round it is known. */
  async settleGaps(): Promise<void> {
    const gaps = [...this.#gaps.values()];
    // In their order: a movement's link in the chain is made of the one before it.
    gaps.sort((one, other) => one.partition - other.partition || one.seq - other.seq);
    for (const gap of gaps) await this.#tellGap(gap);
  }

  async #tellGap({ partition, seq, changes }: Gap): Promise<void> {
    const [change = null, ...more] = changes;
    const found = {
      ...NOWHERE,
      kind: "missing_movement" as const,
      partition,
      cause: `movement ${seq} is neither in the ledger nor in quarantine`,
    };
    // Of some products alone nobody can tell whether another one changed across it too.
    const isCertain = more.length === 0 && this.#run.scope.kind !== "products";
    const repair = { side: "movement" as const, partition, seq, change: isCertain ? change : null };
    await settle(this.#run, { found, repair });
  }

  /** Some of the missing numbers of that range, if there are any. */
  async #lostIn(partition: number, after: number, upTo: number): Promise<readonly number[]> {
    // What was put away is not missing.
    const from = Math.max(after, this.#until);
    if (from >= upTo) return [];
    // A walk over a partition has met them all by itself.
    if (this.#run.scope.kind === "products") await this.#noteGaps(partition, from, upTo);
    return await this.#snapshot.gaps(partition, from, upTo, GAPS_FEW);
  }

  /** What a level did while a number is missing is what that movement did, if there is but one. */
  #explain(partition: number, lost: readonly number[], change: LostChange): void {
    for (const seq of lost) {
      const { changes } = this.#gapAt(partition, seq);
      changes.push(change);
      if (lost.length > 1) changes.push(change);
    }
  }

  async #follow(partition: number, link: ChainLink): Promise<void> {
    const name = levelName(link);
    const before = link.previous ?? this.#folded.get(name) ?? EMPTY;
    this.#folded.set(name, {
      partition,
      onHand: link.onHandAfter,
      reserved: link.reservedAfter,
      seq: link.seq,
    });
    const isWhole = before.onHand === link.onHandBefore && before.reserved === link.reservedBefore;
    if (isWhole || (await this.#isExplained(partition, before, link))) return;
    const begins = { onHand: link.onHandBefore, reserved: link.reservedBefore };
    const change = changeOf(link, before, begins);
    const own = { partition, seq: link.seq, after: before.seq, change };
    await this.breaks.met(own, link.explains);
  }

  /** By a movement between the two that is missing, or in quarantine: that one is told of by itself. */
  async #isExplained(
    partition: number,
    before: Omit<Folded, "partition">,
    link: ChainLink,
  ): Promise<boolean> {
    const after = before.seq;
    const isAside = this.#run.quarantine.some(
      (aside) =>
        aside.partition === partition &&
        aside.seq > after &&
        aside.seq < link.seq &&
        (!aside.isTold || aside.productId === link.productId),
    );
    if (isAside) return true;
    const lost = await this.#lostIn(partition, after, link.seq);
    const { onHandBefore: onHand, reservedBefore: reserved } = link;
    this.#explain(partition, lost, changeOf(link, before, { onHand, reserved }));
    return lost.length > 0;
  }
}
