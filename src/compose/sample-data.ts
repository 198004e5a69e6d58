/** Products for an empty store outside production, so that every call has something to answer. */
import { Fault } from "#inventory/faults";
import { DEFAULT_ATTRIBUTES, DEFAULT_LOCATION, Location, ProductId, Sku } from "#inventory/model";
import type { Position, StockStore } from "#inventory/ports";
import type { Clock } from "#lib/clock";

/** All samples together are made within this time, or the start says so. */
const LOAD_MS_MAX = 10_000;

interface Sample {
  readonly productId: string;
  readonly name: string;
  readonly units: number;
  readonly price?: number;
  readonly location?: string;
}

/** The samples of the services whose contracts Holdfast speaks. */
const SAMPLES: readonly Sample[] = [
  { productId: "PROD001", name: "Wireless Headphones", units: 50, price: 79.99 },
  { productId: "PROD002", name: "USB-C Charger", units: 100, price: 29.99 },
  { productId: "PROD003", name: "Bluetooth Speaker", units: 30, price: 149.99 },
  { productId: "PROD004", name: "Laptop Stand", units: 25, price: 49.99 },
  { productId: "PROD005", name: "Webcam 1080p", units: 40, price: 89.99 },
  { productId: "1", name: "Laptop", units: 50, price: 999.99, location: "Warehouse A" },
  { productId: "2", name: "Mouse", units: 200, price: 29.99, location: "Warehouse B" },
  { productId: "3", name: "Keyboard", units: 75, price: 79.99, location: "Warehouse A" },
  { productId: "4", name: "Monitor", units: 30, price: 299.99, location: "Warehouse C" },
  { productId: "123", name: "Sample product", units: 5 },
];

/** None of a store that is fenced: something happened there, and it is to be rebuilt. */
async function positionsOf(store: StockStore, deadline: number): Promise<readonly Position[]> {
  try {
    return await store.positions(deadline);
  } catch (error) {
    if (error instanceof Fault && error.code === "partition_fenced") return [];
    throw error;
  }
}

/** Fills a store in which nothing ever happened; answers how many products it made. */
export async function loadSampleData(store: StockStore, clock: Clock): Promise<number> {
  const deadline = clock.now() + LOAD_MS_MAX;
  const positions = await positionsOf(store, deadline);
  const isEmpty = positions.length > 0 && positions.every(({ seq }) => seq === 0);
  if (!isEmpty) return 0;
  const outcomes = await Promise.all(
    SAMPLES.map((sample) =>
      store.initialize({
        ...DEFAULT_ATTRIBUTES,
        productId: ProductId.parse(sample.productId),
        sku: Sku.parse(`SAMPLE-${sample.productId}`),
        name: sample.name,
        price: sample.price ?? null,
        location: Location.parse(sample.location ?? DEFAULT_LOCATION),
        initialStock: sample.units,
        context: { actor: "system:sample-data" },
        operation: null,
        deadline,
      }),
    ),
  );
  return outcomes.filter((outcome) => outcome.kind === "initialized").length;
}
