/** The product and the reservation of the ports' double as contract A words them. */
import { RESERVATION_ID } from "#test/ports-double";

export const INVENTORY = {
  productId: "p1",
  sku: "SKU-1",
  name: null,
  price: null,
  availableStock: 47,
  reservedStock: 3,
  totalStock: 50,
  safetyStock: 0,
  location: "Warehouse A",
  locations: [{ location: "Warehouse A", onHand: 50, reserved: 3, active: true, priority: 100 }],
  lowStockThreshold: 10,
  reorderPoint: 20,
  reorderQuantity: 50,
  maxPerCustomer: null,
  status: "in_stock",
  lastRestocked: null,
  createdAt: "2025-01-01T00:00:00.000Z",
  updatedAt: "2025-01-01T00:00:00.000Z",
  version: 7,
};

/** As the double's `shortLine` of a product that 5 were asked of and 2 could be had. */
export const SHORT_LINE = {
  productId: "p1",
  requested: 5,
  available: 2,
  largestQuantity: 2,
  locations: [{ location: "Warehouse A", available: 2 }],
  nextHoldEndsAt: "2025-01-01T00:15:00.000Z",
};

export const RESERVATION = {
  reservationId: RESERVATION_ID,
  orderId: "order-1",
  customerId: "carol",
  productId: "p1",
  quantity: 3,
  lines: [
    {
      productId: "p1",
      quantity: 3,
      confirmed: 0,
      cancelled: 0,
      allocations: [{ location: "Warehouse A", quantity: 3 }],
    },
  ],
  status: "ACTIVE",
  createdAt: "2025-01-01T00:00:00.000Z",
  expiresAt: "2025-01-01T00:15:00.000Z",
};
