/** A registered location's record, format 1, and the rules of all. Twin: lua/lib/locations.lua. */
import {
  DEFAULT_RULE,
  type Location,
  type LocationRule,
  type RegisteredLocation,
} from "#inventory/model";
import { fieldAt, recordedCount } from "#redis/recorded";

const FIELDS = 8;

/** Location → its rule, of those that are not as one that nobody registered is. */
export type LocationRules = ReadonlyMap<string, LocationRule>;
export const NO_RULES: LocationRules = new Map();

/** Reads what `meta` has in `locations`, and a product of an answer in `rules`. */
export function decodeRules(text: string): LocationRules {
  if (text === "") return NO_RULES;
  const rules = new Map<string, LocationRule>();
  for (const line of text.slice(1).split("\n")) {
    const [location = "", active, priority] = line.split("=");
    rules.set(location, {
      active: isActive(active),
      priority: recordedCount(priority, "priority"),
    });
  }
  return rules;
}

/** What `meta` has of these locations. Twin: put_location in lua/lib/locations.lua. */
export function encodeRules(locations: readonly RegisteredLocation[]): string {
  return locations
    .filter(({ active, priority }) => !active || priority !== DEFAULT_RULE.priority)
    .map(({ location, active, priority }) => `\n${location}=${active ? 1 : 0}=${priority}`)
    .join("");
}

/** Reads a record; throws on any other format. */
export function decodeLocation(location: Location, text: string): RegisteredLocation {
  const fields = text.split("\t");
  if (fields.length !== FIELDS || fields[0] !== "1") throw new Error("not a location of format 1");
  return {
    location,
    active: isActive(fields[1]),
    priority: recordedCount(fields[2], "priority"),
    createdAt: recordedCount(fields[3], "created"),
    updatedAt: recordedCount(fields[4], "updated"),
    version: recordedCount(fields[5], "version"),
    name: textOf(fieldAt(fields, 6, "name")),
    address: textOf(fieldAt(fields, 7, "address")),
  };
}

export function encodeLocation(registered: RegisteredLocation): string {
  return [
    1,
    registered.active ? 1 : 0,
    registered.priority,
    registered.createdAt,
    registered.updatedAt,
    registered.version,
    JSON.stringify(registered.name),
    JSON.stringify(registered.address),
  ].join("\t");
}

function isActive(text: string | undefined): boolean {
  if (text !== "0" && text !== "1") throw new Error("active is neither 0 nor 1");
  return text === "1";
}

/** Texts of callers are kept as JSON, so that no separator of ours can stand in them. */
function textOf(json: string): string | null {
  const text: unknown = JSON.parse(json);
  if (text !== null && typeof text !== "string") throw new Error("neither a JSON string nor null");
  return text;
}
