import { expect, test } from "bun:test";
import { ProductId } from "#inventory/model";
import { Versions } from "./versions.ts";

const product = ProductId.parse("product-1");
const receiptOf = (epoch: number) => [{ partition: 0, epoch, seq: 9 }];

test("the newest version that was told of counts, whichever answer came last", () => {
  const versions = new Versions();
  expect(versions.of(product)).toBe(0);
  versions.tell([{ product, seq: 7 }], receiptOf(1));
  versions.tell([{ product, seq: 5 }], receiptOf(1));
  expect(versions.of(product)).toBe(7);
});

test("what a Redis acknowledged that lost it counts no more, also where its answer comes later", () => {
  const versions = new Versions();
  versions.tell([{ product, seq: 7 }], receiptOf(1));
  versions.lose(1);
  expect([versions.of(product), versions.losses]).toEqual([0, 1]);
  versions.tell([{ product, seq: 8 }], receiptOf(1));
  versions.tell([{ product, seq: 8 }], []);
  expect(versions.of(product)).toBe(0);
  versions.tell([{ product, seq: 4 }], receiptOf(2));
  expect(versions.of(product)).toBe(4);
});
