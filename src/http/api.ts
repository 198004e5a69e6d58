/** Contract A as a type, for clients: what each call takes, and what its success answers. */
import type { Hono } from "hono";
import type { z } from "zod";
import type { EdgeEnv } from "#http/env";
import type { PATHS } from "#http/paths";
import type * as answers from "#http/wire/answers";
import type * as bodies from "#http/wire/bodies";
import type * as campaigns from "#http/wire/campaign-answers";
import type { CampaignBody } from "#http/wire/campaigns";
import type * as counted from "#http/wire/count-answers";
import type * as countRuns from "#http/wire/count-runs";
import type * as expected from "#http/wire/incoming-answers";
import type * as queries from "#http/wire/queries";
import type * as reported from "#http/wire/recovery-reports";
import type * as limited from "#http/wire/limit-answers";
import type * as compared from "#http/wire/reconcile";
import type * as waits from "#http/wire/waitlist";

export type {
  Alert,
  Event,
  Inventory,
  InventoryAt,
  LedgerMovement,
  Movement,
  ProblemBody,
  RegisteredLocation,
  Reservation,
  ShortLine,
} from "#http/wire/answers";
export type { Limit } from "#http/wire/limit-answers";
export type { Campaign } from "#http/wire/campaign-answers";
export type { PlaceInLine } from "#http/wire/waitlist";
export type { Incoming, ReorderItem } from "#http/wire/incoming-answers";

type Body<Schema extends z.ZodType> = { json: z.input<Schema> };
/** Of a call that needs none. */
type MayHaveBody<Schema extends z.ZodType> = { json?: z.input<Schema> };
type Query<Schema extends z.ZodType> = { query: z.input<Schema> };
type Product = { param: { productId: string } };
type Hold = { param: { reservationId: string } };
type Lot = { param: { incomingId: string } };
type Limit = { param: { limitId: string } };
type OneCampaign = { param: { campaignId: string } };
type Run = { param: { runId: string } };

/** A call as hono's client reads it; all statuses of success that it has. */
type Call<Input, Answer extends z.ZodType, Status extends number = 200> = {
  input: Input;
  output: z.output<Answer>;
  outputFormat: "json";
  status: Status;
};
/** A stream: `movementsOf` of the client reads it line by line. */
type TextCall<Input> = { input: Input; output: string; outputFormat: "text"; status: 200 };
/** Each row is read by itself: a wrong one is told by its number. */
type ManyCounts = { json: { counts: z.input<typeof bodies.CountItem>[] } };
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
    $get:
      | Call<Product & { query?: { include?: "incoming" } }, typeof answers.Inventory>
      | Call<Product & { query?: { include?: "incoming" } }, typeof answers.InventoryExpecting>;
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
  [PATHS.waitlist]: {
    $get: Call<Product & Query<typeof waits.WaiterQuery>, typeof waits.PlaceInLine>;
    $post:
      | Call<Product & Body<typeof waits.JoinBody>, typeof waits.Placed, 201>
      | Call<Product & Body<typeof waits.JoinBody>, typeof waits.Placed>;
  };
  [PATHS.leaveWaitlist]: {
    $post: Call<Product & Body<typeof waits.LeaveBody>, typeof waits.Placed>;
  };
  [PATHS.waitlistPlaces]: {
    $get: Call<Product & Query<typeof waits.PlacesQuery>, typeof waits.Places>;
  };
  [PATHS.movements]: {
    $get: Call<Product & Query<typeof queries.MovementsQuery>, typeof answers.Movements>;
  };
  [PATHS.allMovements]: {
    $get: Call<Query<typeof queries.AllMovementsQuery>, typeof answers.AllMovements>;
  };
  [PATHS.movementsExport]: { $get: TextCall<Query<typeof queries.MovementsExportQuery>> };
  [PATHS.reservations]: {
    $get: Call<Query<typeof queries.ReservationsQuery>, typeof answers.Reservations>;
    $post: Reserve<Body<typeof bodies.ReserveCartBody>>;
  };
  [PATHS.reservation]: { $get: Call<Hold, typeof answers.Reservation> };
  [PATHS.confirm]: { $post: Call<Hold & Body<typeof bodies.ConfirmBody>, typeof answers.Ended> };
  [PATHS.cancel]: { $post: Call<Hold & Body<typeof bodies.EndBody>, typeof answers.Ended> };
  [PATHS.extend]: { $post: Call<Hold & Body<typeof bodies.ExtendBody>, typeof answers.Ended> };
  [PATHS.reassign]: { $post: Call<Hold & Body<typeof bodies.OwnerBody>, typeof answers.Ended> };
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
  [PATHS.counts]: { $post: Call<Body<typeof bodies.CountsBody>, typeof counted.CountsAnswer> };
  [PATHS.countRuns]: {
    $get: Call<Query<typeof countRuns.CountRunsQuery>, typeof countRuns.CountRuns>;
    $post: Call<
      Query<typeof countRuns.CountRunQuery> & ManyCounts,
      typeof countRuns.CountRunAsked,
      202
    >;
  };
  [PATHS.countRun]: {
    $get: Call<Run & Query<typeof countRuns.CountRunErrorsQuery>, typeof countRuns.CountRun>;
  };
  [PATHS.reorder]: { $get: Call<Query<typeof queries.ReorderQuery>, typeof expected.Reorder> };
  [PATHS.incoming]: {
    $get: Call<Query<typeof queries.IncomingQuery>, typeof expected.IncomingList>;
    $post: Call<Body<typeof bodies.IncomingBody>, typeof expected.IncomingChanged, 201>;
  };
  [PATHS.oneIncoming]: {
    $patch: Call<Lot & Body<typeof bodies.AmendIncomingBody>, typeof expected.IncomingChanged>;
  };
  [PATHS.cancelIncoming]: {
    $post: Call<Lot & MayHaveBody<typeof bodies.EmptyBody>, typeof expected.IncomingChanged>;
  };
  [PATHS.receive]: {
    $post: Call<Lot & MayHaveBody<typeof bodies.ReceiveBody>, typeof answers.Received>;
  };
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
  [PATHS.limits]: { $get: Call<object, typeof limited.Limits> };
  [PATHS.limit]: {
    $get: Call<Limit, typeof limited.Limit>;
    $put:
      | Call<Limit & Body<typeof bodies.LimitBody>, typeof limited.LimitPut>
      | Call<Limit & Body<typeof bodies.LimitBody>, typeof limited.LimitPut, 201>;
    $delete: Call<Limit & MayHaveBody<typeof bodies.EmptyBody>, typeof limited.LimitPut>;
  };
  [PATHS.customerHolds]: {
    $get: Call<Query<typeof queries.CustomerHoldsQuery>, typeof limited.CustomerHoldsList>;
  };
  [PATHS.campaigns]: {
    $get: Call<object, typeof campaigns.Campaigns>;
    $post: Call<Body<typeof CampaignBody>, typeof campaigns.CampaignChanged, 201>;
  };
  [PATHS.campaign]: {
    $get: Call<OneCampaign, typeof campaigns.CampaignDetail>;
    $put: Call<OneCampaign & Body<typeof CampaignBody>, typeof campaigns.CampaignChanged>;
    $delete: Call<
      OneCampaign & MayHaveBody<typeof bodies.EmptyBody>,
      typeof campaigns.CampaignChanged
    >;
  };
  [PATHS.stopCampaign]: {
    $post: Call<
      OneCampaign & MayHaveBody<typeof bodies.EmptyBody>,
      typeof campaigns.CampaignChanged
    >;
  };
  [PATHS.events]: { $get: Call<Query<typeof queries.EventsQuery>, typeof answers.Events> };
  [PATHS.alerts]: { $get: Call<Query<typeof queries.AlertsQuery>, typeof answers.Alerts> };
  [PATHS.recoveryReports]: {
    $get: Call<Query<typeof reported.RecoveryReportsQuery>, typeof reported.RecoveryReports>;
  };
  [PATHS.pseudonymize]: {
    $post: Call<
      { param: { customerId: string } } & MayHaveBody<typeof bodies.EmptyBody>,
      typeof answers.PseudonymizationAsked,
      202
    >;
  };
  [PATHS.pseudonymization]: {
    $get: Call<{ param: { pseudonymizationId: string } }, typeof answers.Pseudonymization>;
  };
  [PATHS.reconcile]: {
    $get: Call<Query<typeof compared.RunsQuery>, typeof compared.ReconcileRuns>;
    $post: Call<Body<typeof compared.ReconcileBody>, typeof compared.ReconcileAsked, 202>;
  };
  [PATHS.reconcileRun]: { $get: Call<Run, typeof compared.ReconcileRun> };
  [PATHS.cleanupExpired]: { $post: Call<Body<typeof bodies.EmptyBody>, typeof answers.Cleaned> };
}

type InventoryPath = Extract<(typeof PATHS)[keyof typeof PATHS], `/api/inventory/${string}`>;

/** The type that hono's client is made from. It does not compile without every path of the API. */
export type InventoryApi = Hono<EdgeEnv, { [Path in InventoryPath | keyof Calls]: Calls[Path] }>;

/** The call of a product with `asOf`: its answer is another, so that it is a type of its own. */
export type InventoryAtApi = Hono<
  EdgeEnv,
  {
    [PATHS.product]: {
      $get: Call<Product & { query: { asOf: string } }, typeof answers.InventoryAt>;
    };
  }
>;
