import type { CampaignId } from "#inventory/campaigns";
import { commandBase, type Caller, type Deps, type RequestContext } from "#inventory/context";
import { Fault } from "#inventory/faults";
import { holdSeconds } from "#inventory/hold-seconds";
import { QUANTITY_MAX, type CustomerId, type OrderId, type ProductId } from "#inventory/model";
import { ownerOf, type Scope } from "#inventory/owner";
import type { RequestedLine, ReserveCommand, ReserveMode, ReserveOutcome } from "#inventory/ports";

export interface ReserveInput {
  /** null: a standing hold that is the product's own. */
  readonly orderId: OrderId | null;
  /** Whom a service or an admin acts for; customers act for themselves and name nobody. */
  readonly customerId: CustomerId | null;
  /** The product, or `cart`: a later call with the same scope means the same hold. */
  readonly scope: Scope;
  readonly lines: readonly RequestedLine[];
  /** null: as configured. */
  readonly expirationMinutes: number | null;
  /** What a cart that cannot be had whole gets; all or nothing unless said. */
  readonly mode?: ReserveMode | undefined;
  /** Decide and answer, and change nothing. */
  readonly dryRun?: boolean | undefined;
  /** A hold that is never due; for services and admins. */
  readonly standing?: boolean | undefined;
  /** Adds to the owner's live hold instead of replacing it. */
  readonly adds?: boolean | undefined;
  /** Whose units it shall be of: its ring-fences alone, and as long as it says. */
  readonly campaign?: CampaignId | undefined;
}

/**
 * Takes a hold on one product or a whole cart. Products named twice are summed before the check.
 * Rejects with `role_required` and `validation_failed`, besides the store's Faults.
 */
export async function reserve(
  deps: Deps,
  ctx: RequestContext,
  input: ReserveInput,
): Promise<ReserveOutcome> {
  const customerId = customerOf(ctx.caller, input.customerId);
  return deps.store.reserve({
    ...commandBase(ctx),
    owner: ownerOf(customerId, input.orderId, input.scope),
    generation: deps.newGeneration(),
    customerId,
    orderId: input.orderId,
    lines: distinct(input.lines),
    holdSeconds: secondsOf(deps, ctx, input),
    mode: input.mode ?? "all_or_nothing",
    dryRun: input.dryRun ?? false,
    adds: input.adds ?? false,
    ...campaignOf(input),
  });
}

/** A campaign says where its units are, and its holds end. */
function campaignOf({
  campaign,
  standing = false,
  lines,
}: ReserveInput): Pick<ReserveCommand, "campaignId"> {
  if (campaign === undefined) return {};
  if (standing) throw refusal("standing", "goes without campaign");
  const at = lines.findIndex(({ location }) => location !== null);
  if (at === -1) return { campaignId: campaign };
  throw refusal(lines.length === 1 ? "location" : `items[${at}].location`, "goes without campaign");
}

/** null for a standing hold, which customers may not have: it would keep stock for ever. */
function secondsOf(deps: Deps, { caller }: RequestContext, input: ReserveInput): number | null {
  const { standing = false, expirationMinutes } = input;
  if (!standing) {
    const minutes = expirationMinutes ?? deps.policy.reservationMinutes;
    return holdSeconds(deps.policy, minutes, "expirationMinutes");
  }
  requireStanding(caller);
  if (expirationMinutes === null) return null;
  throw refusal("expirationMinutes", "must not be given for a standing hold");
}

/** Rejects with `role_required` when a customer is about to touch a standing hold. */
export function requireStanding(caller: Caller): void {
  if (caller.role !== "customer") return;
  throw new Fault("role_required", "standing holds are for services and admins");
}

/** Rejects when a customer names a customer, be it itself: it has no say in it. */
export function customerOf(caller: Caller, named: CustomerId | null): CustomerId | null {
  if (caller.role !== "customer") return named;
  if (named === null) return caller.subject;
  throw new Fault("role_required", "customerId is for services and admins");
}

function distinct(lines: readonly RequestedLine[]): readonly RequestedLine[] {
  if (lines.length === 1) return lines;
  const sums = new Map<ProductId, RequestedLine>();
  for (const [index, line] of lines.entries()) {
    const earlier = sums.get(line.productId);
    const quantity = line.quantity + (earlier?.quantity ?? 0);
    if (earlier !== undefined && earlier.location !== line.location) {
      throw refusal(`items[${index}].location`, "must be the same wherever a product is repeated");
    }
    if (quantity > QUANTITY_MAX) {
      throw refusal(`items[${index}].quantity`, `must not sum up to more than ${QUANTITY_MAX}`);
    }
    sums.set(line.productId, { ...line, quantity });
  }
  return [...sums.values()];
}

function refusal(path: string, message: string): Fault {
  return new Fault("validation_failed", `${path} ${message}`, { errors: [{ path, message }] });
}
