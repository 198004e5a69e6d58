/** Contract A as a type, for clients: what each call takes, and what its success answers. */
import type { Hono } from "hono";
import type { z } from "zod";
import type { EdgeEnv } from "#http/env";
import type { PATHS } from "#http/paths";
import type * as answers from "#http/wire/answers";
import type * as bodies from "#http/wire/bodies";
import type * as queries from "#http/wire/queries";

export type {
  Inventory,
  LedgerMovement,
  Movement,
  ProblemBody,
  RegisteredLocation,
  Reservation,
  ShortLine,
} from "#http/wire/answers";

type Body<Schema extends z.ZodType> = { json: z.input<Schema> };
type Query<Schema extends z.ZodType> = { query: z.input<Schema> };
type Product = { param: { productId: string } };
type Hold = { param: { reservationId: string } };

/** A call as hono's client reads it; all statuses of success that it has. */
type Call<Input, Answer extends z.ZodType, Status extends number = 200> = {
  input: Input;
  output: z.output<Answer>;
  outputFormat: "json";
  status: Status;
};
/** 201 for what is held, 200 for what a dry run says. */
type Reserve<Input> =
  Call<Input, typeof answers.Reserved, 201> | Call<Input, typeof answers.Reservable>;

interface Calls {
  [PATHS.health]: { $get: Call<object, typeof answers.Alive> };
  [PATHS.live]: { $get: Call<object, typeof answers.Alive> };
  [PATHS.ready]: { $get: Call<object, typeof answers.Ready> };
  [PATHS.initialize]: {
    $post: Call<Body<typeof bodies.InitializeBody>, typeof answers.Changed, 201>;
  };
  [PATHS.product]: {
    $get: Call<Product, typeof answers.Inventory>;
    $patch: Call<Product & Body<typeof bodies.AmendBody>, typeof answers.Changed>;
  };
  [PATHS.sku]: { $get: Call<{ param: { sku: string } }, typeof answers.Inventory> };
  [PATHS.products]: {
    $get: Call<Query<typeof queries.ProductsQuery>, typeof answers.Products>;
  };
  [PATHS.checkAvailability]: {
    $post: Call<Body<typeof bodies.CheckBody>, typeof answers.Availability>;
  };
  [PATHS.stock]: { $patch: Call<Product & Body<typeof bodies.AdjustBody>, typeof answers.Changed> };
  [PATHS.transfer]: {
    $post: Call<Product & Body<typeof bodies.TransferBody>, typeof answers.Changed>;
  };
  [PATHS.reserve]: { $post: Reserve<Product & Body<typeof bodies.ReserveBody>> };
  [PATHS.sell]: { $post: Call<Product & Body<typeof bodies.SellBody>, typeof answers.Sold> };
  [PATHS.return]: {
    $post: Call<Product & Body<typeof bodies.ReturnBody>, typeof answers.Returned>;
  };
  [PATHS.movements]: {
    $get: Call<Product & Query<typeof queries.MovementsQuery>, typeof answers.Movements>;
  };
  [PATHS.allMovements]: {
    $get: Call<Query<typeof queries.AllMovementsQuery>, typeof answers.AllMovements>;
  };
  [PATHS.reservations]: {
    $get: Call<Query<typeof queries.ReservationsQuery>, typeof answers.Reservations>;
    $post: Reserve<Body<typeof bodies.ReserveCartBody>>;
  };
  [PATHS.reservation]: { $get: Call<Hold, typeof answers.Reservation> };
  [PATHS.confirm]: { $post: Call<Hold & Body<typeof bodies.ConfirmBody>, typeof answers.Ended> };
  [PATHS.cancel]: { $post: Call<Hold & Body<typeof bodies.EndBody>, typeof answers.Ended> };
  [PATHS.extend]: { $post: Call<Hold & Body<typeof bodies.ExtendBody>, typeof answers.Ended> };
  [PATHS.bulkInitialize]: {
    $post: Call<Body<typeof bodies.BulkInitializeBody>, typeof answers.BulkChanged>;
  };
  [PATHS.bulkAdjust]: {
    $post: Call<Body<typeof bodies.BulkAdjustBody>, typeof answers.BulkChanged>;
  };
  [PATHS.bulkConfirm]: {
    $post: Call<Body<typeof bodies.BulkConfirmBody>, typeof answers.BulkEnded>;
  };
  [PATHS.bulkCancel]: {
    $post: Call<Body<typeof bodies.BulkCancelBody>, typeof answers.BulkEnded>;
  };
  [PATHS.lowStock]: { $get: Call<Query<typeof queries.LowStockQuery>, typeof answers.LowStock> };
  [PATHS.locations]: {
    $get: Call<object, typeof answers.Locations>;
    $post: Call<Body<typeof bodies.RegisterLocationBody>, typeof answers.RegisteredLocation, 201>;
  };
  [PATHS.location]: {
    $patch: Call<
      { param: { location: string } } & Body<typeof bodies.AmendLocationBody>,
      typeof answers.RegisteredLocation
    >;
  };
  [PATHS.cleanupExpired]: { $post: Call<Body<typeof bodies.EmptyBody>, typeof answers.Cleaned> };
}

/** The type that hono's client is made from. */
export type InventoryApi = Hono<EdgeEnv, { [Path in keyof Calls]: Calls[Path] }>;
