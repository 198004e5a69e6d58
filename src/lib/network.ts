/** A network address, and the bits from its left that all of its network share. */
export interface Network {
  readonly address: string;
  readonly prefix: number;
}
