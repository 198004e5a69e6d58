import { adjustRoute } from "#http/routes/adjust";
import { amendRoute } from "#http/routes/amend";
import {
  bulkAdjustRoute,
  bulkCancelRoute,
  bulkConfirmRoute,
  bulkInitializeRoute,
} from "#http/routes/bulk";
import { campaignRoutes } from "#http/routes/campaigns";
import { checkAvailabilityRoute } from "#http/routes/check-availability";
import { cleanupExpiredRoute } from "#http/routes/cleanup-expired";
import { countRunRoute, countRunsRoute, startCountRunRoute } from "#http/routes/count-runs";
import { countsRoute } from "#http/routes/counts";
import { docsRoutes } from "#http/routes/docs";
import { cancelRoute, confirmRoute, extendRoute } from "#http/routes/end-reservation";
import { alertsRoute, eventsRoute } from "#http/routes/events";
import { healthRoutes } from "#http/routes/health";
import { incomingRoutes } from "#http/routes/incoming";
import { initializeRoute } from "#http/routes/initialize";
import { customerHoldsRoute } from "#http/routes/customer-holds";
import { limitRoutes } from "#http/routes/limits";
import { amendLocationRoute, locationsRoute, registerLocationRoute } from "#http/routes/locations";
import { lowStockRoute } from "#http/routes/low-stock";
import { allMovementsRoute, movementsExportRoute } from "#http/routes/all-movements";
import { metricsRoute } from "#http/routes/metrics";
import { movementsRoute } from "#http/routes/movements";
import { productRoute, productsRoute, skuRoute } from "#http/routes/products";
import { pseudonymizationRoute, pseudonymizeRoute } from "#http/routes/pseudonymize";
import { reconcileRunRoute, reconcileRunsRoute, startReconcileRoute } from "#http/routes/reconcile";
import { reassignRoute } from "#http/routes/reassign";
import { reservationRoute, reservationsRoute } from "#http/routes/reservations";
import { recoveryReportsRoute } from "#http/routes/recovery-reports";
import { reorderRoute } from "#http/routes/reorder";
import { reserveCartRoute, reserveRoute } from "#http/routes/reserve";
import { returnRoute } from "#http/routes/return";
import type { Edge, Route } from "#http/routes/route";
import { transferRoute } from "#http/routes/transfer";
import { waitlistRoutes } from "#http/routes/waitlist";
import { sellRoute } from "#http/routes/sell";

/** What every process answers: whether it is well, what it counted, and what it serves. */
export function createStatusRoutes(edge: Edge): readonly Route[] {
  return [...healthRoutes(edge), metricsRoute(edge), ...docsRoutes(edge)];
}

/** Every route of contract A. */
export function createRoutes(edge: Edge): readonly Route[] {
  return [
    ...createStatusRoutes(edge),
    initializeRoute(edge),
    productRoute(edge),
    skuRoute(edge),
    productsRoute(edge),
    amendRoute(edge),
    checkAvailabilityRoute(edge),
    adjustRoute(edge),
    transferRoute(edge),
    reserveRoute(edge),
    reserveCartRoute(edge),
    sellRoute(edge),
    returnRoute(edge),
    ...waitlistRoutes(edge),
    reservationRoute(edge),
    reservationsRoute(edge),
    confirmRoute(edge),
    cancelRoute(edge),
    extendRoute(edge),
    reassignRoute(edge),
    bulkInitializeRoute(edge),
    bulkAdjustRoute(edge),
    bulkConfirmRoute(edge),
    bulkCancelRoute(edge),
    movementsRoute(edge),
    allMovementsRoute(edge),
    movementsExportRoute(edge),
    lowStockRoute(edge),
    countsRoute(edge),
    startCountRunRoute(edge),
    countRunsRoute(edge),
    countRunRoute(edge),
    reorderRoute(edge),
    ...incomingRoutes(edge),
    locationsRoute(edge),
    registerLocationRoute(edge),
    amendLocationRoute(edge),
    ...limitRoutes(edge),
    customerHoldsRoute(edge),
    ...campaignRoutes(edge),
    eventsRoute(edge),
    alertsRoute(edge),
    recoveryReportsRoute(edge),
    pseudonymizeRoute(edge),
    pseudonymizationRoute(edge),
    cleanupExpiredRoute(edge),
    startReconcileRoute(edge),
    reconcileRunRoute(edge),
    reconcileRunsRoute(edge),
  ];
}
