/** What is sold in an empty shop outside production: what the inventory has as its samples, under their SKUs. */
import type { NewProduct, Products } from "#companions/products/store";

const SAMPLES: readonly Pick<NewProduct, "name" | "price" | "category" | "initialStock">[] = [
  { name: "Laptop", price: 999.99, category: "Electronics", initialStock: 50 },
  { name: "Mouse", price: 29.99, category: "Electronics", initialStock: 200 },
  { name: "Keyboard", price: 79.99, category: "Electronics", initialStock: 75 },
  { name: "Monitor", price: 299.99, category: "Electronics", initialStock: 30 },
];

/** Makes them where nothing was ever sold. */
export async function loadSampleProducts(products: Products): Promise<void> {
  const known = await products.list({ q: "", category: null, after: 0, limit: 1 });
  if (known.length > 0) return;
  for (const [i, sample] of SAMPLES.entries()) {
    await products.create({ ...sample, description: "", sku: `SAMPLE-${i + 1}` });
  }
}
