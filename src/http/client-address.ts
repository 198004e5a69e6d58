/** Whose request it is, by network address: the peer, or whom trusted proxies name. */
import { BlockList, isIP } from "node:net";

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

/** An address, and the bits that all of its network share. */
export interface Network {
  readonly address: string;
  readonly prefix: number;
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
  const [head = "", tail] = address.split("%")[0]?.split("::") ?? [];
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => "0");
  const groups = [...first, ...(tail === undefined ? [] : zeros), ...last];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":");
}

/** An IPv4 address is often told as a part of IPv6; some name the port behind it. */
function plain(address: string): string {
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(address)?.[1] ?? address;
  const withoutPort = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(bare)?.[1] ?? bare;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(withoutPort)?.[1];
  return mapped ?? withoutPort;
}

const familyOf = (address: string): "ipv4" | "ipv6" => (isIP(address) === 6 ? "ipv6" : "ipv4");
