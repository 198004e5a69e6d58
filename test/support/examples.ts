/** What a request to a route of contracts B to E needs besides its path, to be answered 2xx. */
export interface Need {
  readonly query?: string;
  readonly body?: object;
}

const fastapi: Readonly<Record<string, Need>> = {
  "POST /inventory": { body: { product_id: "p2", name: "Lamp", quantity: 5, price: 9.99 } },
  "PUT /inventory/:product_id/reserve": { body: { quantity: 1 } },
  "PUT /inventory/:product_id/replenish": { body: { quantity: 1 } },
};

const event = {
  eventType: "stockUpdate",
  productId: "p1",
  quantity: 1,
  timestamp: "2025-01-01T00:00:00.000Z",
};
const order = { orderId: "order-1", quantity: 1 };
const nestjs: Readonly<Record<string, Need>> = {
  "POST /inventory/update-stock": { body: event },
  "POST /v1/api/inventory/update-stock": { body: event },
  "PUT /inventory/reserve-order/:productId": { body: order },
  "PUT /v1/api/inventory/reserve-order/:productId": { body: order },
  "PUT /inventory/cancel-reservation/:productId": { body: order },
  "PUT /v1/api/inventory/cancel-reservation/:productId": { body: order },
};

const eureka: Readonly<Record<string, Need>> = {
  "POST /api/inventory": { body: { productId: 2, quantity: 5 } },
  "PUT /api/inventory/:productId/quantity": { body: { quantity: 5 } },
  "POST /api/inventory/:productId/reserve": { body: { quantity: 1 } },
  "POST /api/inventory/:productId/release": { body: { quantity: 1 } },
  "POST /api/inventory/:productId/deduct": { body: { quantity: 1 } },
};

const inventory: Readonly<Record<string, Need>> = {
  "GET /api/inventory/product/:productId/waitlist": { query: "?orderId=order-1" },
};

const gateway: Readonly<Record<string, Need>> = {
  "GET /api/v1/inventory/check": { query: "?product_id=p1&quantity=1" },
};

/** By `METHOD path`; a route that needs nothing more is not here. */
export const NEEDS: Readonly<Record<string, Need>> = {
  ...inventory,
  ...fastapi,
  ...eureka,
  ...nestjs,
  ...gateway,
};
