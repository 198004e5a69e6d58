/** Whose request it is, by network address: the peer, or whom trusted proxies name. */
import { BlockList, isIP } from "node:net";
import type { Network } from "#lib/network";

/** Proxies in a row that are looked through; a longer header is somebody's play. */
const HOPS_MAX = 32;

/** Addresses of proxies of ours, as single ones or as networks (`10.0.0.0/8`). */
export class TrustedProxies {
  readonly #list = new BlockList();

  constructor(networks: readonly Network[]) {
    for (const { address, prefix } of networks) {
      this.#list.addSubnet(address, prefix, familyOf(address));
    }
  }

  has(address: string): boolean {
    return isIP(address) !== 0 && this.#list.check(address, familyOf(address));
  }
}

/**
 * The address that a request came from. Each proxy adds the address of its own peer at the right of
 * `X-Forwarded-For`, so it is read from there, as long as the one before is trusted; what stands
 * further left anybody may have written. What is no address ends it: then it is the last one known.
 */
export function addressOf(
  peer: string,
  forwardedFor: string | undefined,
  trusted: TrustedProxies,
): string {
  let address = plain(peer);
  if (forwardedFor === undefined || !trusted.has(address)) return address;
  const named = forwardedFor.split(",");
  for (let hop = 1; hop <= Math.min(named.length, HOPS_MAX); hop += 1) {
    const before = plain((named[named.length - hop] ?? "").trim());
    if (isIP(before) === 0) break;
    address = before;
    if (!trusted.has(address)) break;
  }
  return address;
}

/**
 * What is counted as one: an IPv4 address, and of IPv6 the first 64 bits, which is the least that
 * one customer of a provider has.
 */
export function countedAs(address: string): string {
  if (isIP(address) !== 6) return address;
  const groups = groupsOf(address);
  const isTranslated = groups.slice(0, 6).join(":") === NAT64;
  return isTranslated ? ipv4Of(groups) : groups.slice(0, 4).join(":");
}

/** The first 96 bits of IPv4 addresses that are told as IPv6: of the system, and of NAT64 (RFC 6052). */
const MAPPED = "0:0:0:0:0:ffff";
const NAT64 = "64:ff9b:0:0:0:0";

/** As IPv4 where it is that, without the port that some name behind it. */
function plain(address: string): string {
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(address)?.[1] ?? address;
  const withoutPort = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(bare)?.[1] ?? bare;
  if (isIP(withoutPort) !== 6) return withoutPort;
  const groups = groupsOf(withoutPort);
  return groups.slice(0, 6).join(":") === MAPPED ? ipv4Of(groups) : withoutPort;
}

/** The eight groups of a valid IPv6 address, in hex without leading zeros. */
function groupsOf(address: string): readonly string[] {
  const [text = ""] = address.split("%");
  const dotted = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const bytes = dotted?.slice(1).map(Number) ?? [];
  const [first = 0, second = 0, third = 0, fourth = 0] = bytes;
  const last = [first * 256 + second, third * 256 + fourth].map((group) => group.toString(16));
  const hex = dotted === null ? text : `${text.slice(0, dotted.index)}${last.join(":")}`;
  const [head = "", tail] = hex.split("::");
  const before = head === "" ? [] : head.split(":");
  const behind = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - behind.length) }, () => "0");
  const all = [...before, ...(tail === undefined ? [] : zeros), ...behind];
  return all.map((group) => Number.parseInt(group, 16).toString(16));
}

function ipv4Of(groups: readonly string[]): string {
  const numbers = groups.slice(6).map((group) => Number.parseInt(group, 16));
  return numbers.map((number) => `${Math.floor(number / 256)}.${number % 256}`).join(".");
}

const familyOf = (address: string): "ipv4" | "ipv6" => (isIP(address) === 6 ? "ipv6" : "ipv4");
