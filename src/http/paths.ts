/** Every path of contract A, once: the router, the reserved words and the documents come from here. */
import { CART_SCOPE } from "#inventory/owner";

const BASE = "/api/inventory";

export const PATHS = {
  health: "/health",
  live: "/health/live",
  ready: "/health/ready",
  metrics: "/metrics",
  openapi: "/openapi.json",
  docsJson: "/docs-json",
  docs: "/docs",
  docsInit: "/docs/init.js",
  docsScript: "/docs/swagger-ui-bundle.js",
  docsStyle: "/docs/swagger-ui.css",
  initialize: `${BASE}/initialize`,
  product: `${BASE}/product/:productId`,
  sku: `${BASE}/sku/:sku`,
  products: `${BASE}/products`,
  checkAvailability: `${BASE}/check-availability`,
  stock: `${BASE}/product/:productId/stock`,
  transfer: `${BASE}/product/:productId/transfer`,
  reserve: `${BASE}/product/:productId/reserve`,
  sell: `${BASE}/product/:productId/sell`,
  return: `${BASE}/product/:productId/return`,
  waitlist: `${BASE}/product/:productId/waitlist`,
  leaveWaitlist: `${BASE}/product/:productId/waitlist/leave`,
  waitlistPlaces: `${BASE}/product/:productId/waitlist/places`,
  movements: `${BASE}/product/:productId/movements`,
  allMovements: `${BASE}/movements`,
  movementsExport: `${BASE}/movements/export`,
  reservations: `${BASE}/reservations`,
  reservation: `${BASE}/reservation/:reservationId`,
  confirm: `${BASE}/reservation/:reservationId/confirm`,
  cancel: `${BASE}/reservation/:reservationId/cancel`,
  extend: `${BASE}/reservation/:reservationId/extend`,
  reassign: `${BASE}/reservation/:reservationId/owner`,
  bulkInitialize: `${BASE}/bulk/initialize`,
  bulkAdjust: `${BASE}/bulk/adjust`,
  bulkConfirm: `${BASE}/bulk/confirm`,
  bulkCancel: `${BASE}/bulk/cancel`,
  lowStock: `${BASE}/low-stock`,
  counts: `${BASE}/counts`,
  countRuns: `${BASE}/counts/runs`,
  countRun: `${BASE}/counts/runs/:runId`,
  reorder: `${BASE}/reorder`,
  incoming: `${BASE}/incoming`,
  oneIncoming: `${BASE}/incoming/:incomingId`,
  cancelIncoming: `${BASE}/incoming/:incomingId/cancel`,
  receive: `${BASE}/incoming/:incomingId/receive`,
  locations: `${BASE}/locations`,
  location: `${BASE}/locations/:location`,
  limits: `${BASE}/limits`,
  limit: `${BASE}/limits/:limitId`,
  campaigns: `${BASE}/campaigns`,
  campaign: `${BASE}/campaigns/:campaignId`,
  stopCampaign: `${BASE}/campaigns/:campaignId/stop`,
  events: `${BASE}/events`,
  alerts: `${BASE}/alerts`,
  recoveryReports: `${BASE}/recovery-reports`,
  customerHolds: `${BASE}/customers/holds`,
  pseudonymize: `${BASE}/customers/:customerId/pseudonymize`,
  pseudonymization: `${BASE}/pseudonymizations/:pseudonymizationId`,
  cleanupExpired: `${BASE}/cleanup-expired`,
  reconcile: `${BASE}/reconcile`,
  reconcileRun: `${BASE}/reconcile/:runId`,
} as const;

/** Of a path of contract A, the part that no other contract's paths begin with. */
function headOf(path: string): string {
  const [word = ""] = path.startsWith(`${BASE}/`) ? path.slice(BASE.length + 1).split("/") : [];
  return word === "" ? path : `${BASE}/${word}`;
}

/** Heads of these paths, each once. */
export const headsOf = (paths: Iterable<string>): readonly string[] => [
  ...new Set(Array.from(paths, headOf)),
];

/** The words that stand in these paths, without the base and the parameters. */
export function wordsOf(paths: Iterable<string>): ReadonlySet<string> {
  const words = new Set<string>();
  for (const path of paths) {
    const own = path.startsWith(`${BASE}/`) ? path.slice(BASE.length) : path;
    for (const segment of own.split("/")) {
      if (segment !== "" && !segment.startsWith(":")) words.add(segment);
    }
  }
  return words;
}

/** No product and no SKU may be called one of these: another contract's path would mean two things. */
export const RESERVED_WORDS: ReadonlySet<string> = new Set([
  ...wordsOf(Object.values(PATHS)),
  CART_SCOPE,
]);
