/** What a count of some earlier instant asks of the ledger. */
import type { Location, MovementType, ProductId } from "#inventory/model";

/** A level at an instant, which is epoch milliseconds by Redis's clock. */
export interface LevelThen {
  readonly productId: ProductId;
  readonly location: Location;
  readonly at: number;
}

/** Units that came (or, below zero, left) in movements of one type. */
export interface Moved {
  readonly type: MovementType;
  readonly quantity: number;
}

/** A count that the ledger has. */
export interface EarlierCount {
  readonly seq: number;
  readonly reason: string;
  readonly onHandBefore: number;
  readonly onHandAfter: number;
  readonly reservedAfter: number;
  /** What had moved when it was decided. */
  readonly moved: readonly Moved[];
}

export interface LevelSince {
  /** The last movement that the ledger has of the partition: as of which all of this is. */
  readonly seq: number;
  readonly onHand: number;
  /** What moved physically after the instant, counts apart: they say what was there, not what moved. */
  readonly moved: readonly Moved[];
  /** seq of the last count of the level, of whatever instant; 0 where there is none. */
  readonly lastCount: number;
  /** The last count of that very instant; null where there is none. */
  readonly same: EarlierCount | null;
  /** Whether a count of a later instant is known. */
  readonly hasLater: boolean;
  /** Whether the movements of that time are still in the ledger. */
  readonly kept: boolean;
  /** Whether a movement of the product is in quarantine: then nothing of it is sure. */
  readonly unsure: boolean;
}
