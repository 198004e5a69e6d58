/** A reserve that names a campaign: mostly one that is there, and of products that it has. */
import type { RequestedLine, ReserveCommand } from "#inventory/hold-ports";
import { CampaignId } from "#inventory/campaigns";
import { campaignAt } from "#model/verbs/campaigns";
import type { Scene } from "#model/plan";

/** Every so many of them name none that there is, or ask for what they asked for anyway. */
const NOBODYS = 9;
const OTHERS = 2;

/** What of the command is another one for it; nothing where it names none. */
export function ofCampaign(
  scene: Scene,
  index: number | null,
  asked: readonly RequestedLine[],
  { seconds, adds }: { readonly seconds: number | null; readonly adds: boolean | null },
): Partial<ReserveCommand> {
  const [first] = asked;
  if (index === null || seconds === null || adds === true || !first) return {};
  const isAlone = scene.worlds.length === 1;
  const found = campaignAt(scene, index);
  const lines = asked.map((line) => ({ ...line, location: null }));
  if (!found || (isAlone && index % NOBODYS === NOBODYS - 1)) {
    return isAlone ? { campaignId: CampaignId.parse("p0-nobody00"), lines } : {};
  }
  const [, { campaignId, products }] = found;
  if (isAlone && index % OTHERS === OTHERS - 1) return { campaignId, lines };
  const own = products.map(({ productId }) => ({ ...first, productId, location: null }));
  return { campaignId, lines: own.slice(0, 1 + (index % 2)) };
}
