/** Contract A as a type, for clients: what each call takes, and what its success answers. */
import type { Hono } from "hono";
import type { z } from "zod";
import type { EdgeEnv } from "#http/env";
import type { PATHS } from "#http/paths";
import type * as bodies from "#http/wire/bodies";
import type {
  inventoryOf,
  locationOf,
  movementOf,
  reservationOf,
  shortLineOf,
} from "#http/wire/objects";
import type * as queries from "#http/wire/queries";
import type { CheckOutcome } from "#inventory/check";
import type { Disposition } from "#inventory/model";

export type Inventory = ReturnType<typeof inventoryOf>;
export type Reservation = ReturnType<typeof reservationOf>;
export type Movement = ReturnType<typeof movementOf>;
export type ApiLocation = ReturnType<typeof locationOf>;
export type Shortage = ReturnType<typeof shortLineOf>;

/** Every answer of a failed call (RFC 9457); `code` is stable, the members depend on it. */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly message: string;
  readonly requestId: string;
  readonly retryable: boolean;
  readonly [member: string]: unknown;
}

type Body<Schema extends z.ZodType> = { json: z.input<Schema> };
type Query<Schema extends z.ZodType> = { query: z.input<Schema> };
type Product = { param: { productId: string } };
type Hold = { param: { reservationId: string } };

/** A call as hono's client reads it; all statuses of success that it has. */
type Call<Input, Output, Status extends number = 200> = {
  input: Input;
  output: Output;
  outputFormat: "json";
  status: Status;
};
type Page<Item> = { items: readonly Item[]; nextCursor: string | null };
type Changed = { message: string; inventory: Inventory };
type Held = { message: string; reservation: Reservation };
type Reserved = Held & { shortages?: readonly Shortage[] };
type Possible = {
  message: string;
  dryRun: true;
  lines: readonly { productId: string; quantity: number }[];
  shortages?: readonly Shortage[];
};
type Sold = {
  productId: string;
  quantity: number;
  orderId: string | null;
  customerId: string | null;
  allocations: readonly { location: string; quantity: number }[];
};
type Returned = {
  productId: string;
  orderId: string;
  quantity: number;
  disposition: Disposition;
  sold: number;
  returned: number;
  returnable: number;
};
/** Each result is what the item's own call would have answered, a problem included. */
type Bulk = {
  results: readonly { index: number; status: number; replayed?: true; [member: string]: unknown }[];
  succeeded: number;
  failed: number;
};
type Health = { status: string; service: string; timestamp: string };

interface Calls {
  [PATHS.health]: { $get: Call<object, Health> };
  [PATHS.live]: { $get: Call<object, Health> };
  [PATHS.ready]: { $get: Call<object, Health & { reasons: readonly string[] }> };
  [PATHS.initialize]: { $post: Call<Body<typeof bodies.InitializeBody>, Changed, 201> };
  [PATHS.product]: {
    $get: Call<Product, Inventory>;
    $patch: Call<Product & Body<typeof bodies.AmendBody>, Changed>;
  };
  [PATHS.sku]: { $get: Call<{ param: { sku: string } }, Inventory> };
  [PATHS.products]: { $get: Call<Query<typeof queries.ProductsQuery>, Page<Inventory>> };
  [PATHS.checkAvailability]: { $post: Call<Body<typeof bodies.CheckBody>, CheckOutcome> };
  [PATHS.stock]: { $patch: Call<Product & Body<typeof bodies.AdjustBody>, Changed> };
  [PATHS.transfer]: { $post: Call<Product & Body<typeof bodies.TransferBody>, Changed> };
  [PATHS.reserve]: {
    $post:
      | Call<Product & Body<typeof bodies.ReserveBody>, Reserved, 201>
      | Call<Product & Body<typeof bodies.ReserveBody>, Possible>;
  };
  [PATHS.sell]: {
    $post: Call<Product & Body<typeof bodies.SellBody>, Changed & { sold: Sold }>;
  };
  [PATHS.return]: {
    $post: Call<Product & Body<typeof bodies.ReturnBody>, Changed & { returned: Returned }>;
  };
  [PATHS.movements]: {
    $get: Call<Product & Query<typeof queries.MovementsQuery>, { movements: readonly Movement[] }>;
  };
  [PATHS.reservations]: {
    $get: Call<Query<typeof queries.ReservationsQuery>, Page<Reservation>>;
    $post:
      | Call<Body<typeof bodies.ReserveCartBody>, Reserved, 201>
      | Call<Body<typeof bodies.ReserveCartBody>, Possible>;
  };
  [PATHS.reservation]: { $get: Call<Hold, Reservation> };
  [PATHS.confirm]: { $post: Call<Hold & Body<typeof bodies.ConfirmBody>, Held> };
  [PATHS.cancel]: { $post: Call<Hold & Body<typeof bodies.EndBody>, Held> };
  [PATHS.extend]: { $post: Call<Hold & Body<typeof bodies.ExtendBody>, Held> };
  [PATHS.bulkInitialize]: { $post: Call<Body<typeof bodies.BulkInitializeBody>, Bulk> };
  [PATHS.bulkAdjust]: { $post: Call<Body<typeof bodies.BulkAdjustBody>, Bulk> };
  [PATHS.bulkConfirm]: { $post: Call<Body<typeof bodies.BulkConfirmBody>, Bulk> };
  [PATHS.bulkCancel]: { $post: Call<Body<typeof bodies.BulkCancelBody>, Bulk> };
  [PATHS.lowStock]: {
    $get: Call<Query<typeof queries.LowStockQuery>, { items: readonly Inventory[]; count: number }>;
  };
  [PATHS.locations]: {
    $get: Call<object, { locations: readonly ApiLocation[] }>;
    $post: Call<Body<typeof bodies.RegisterLocationBody>, ApiLocation, 201>;
  };
  [PATHS.location]: {
    $patch: Call<
      { param: { location: string } } & Body<typeof bodies.AmendLocationBody>,
      ApiLocation
    >;
  };
  [PATHS.cleanupExpired]: {
    $post: Call<Body<typeof bodies.EmptyBody>, { message: string; cleaned: number; more: boolean }>;
  };
}

/** The type that hono's client is made from. */
export type InventoryApi = Hono<EdgeEnv, { [Path in keyof Calls]: Calls[Path] }>;
