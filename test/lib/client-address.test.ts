/** Which address a request counts for: nobody chooses his own. */
import { describe, expect, test } from "bun:test";
import { addressOf, countedAs, TrustedProxies } from "#lib/client-address";

const trusted = new TrustedProxies([
  { address: "10.0.0.0", prefix: 8 },
  { address: "192.0.2.7", prefix: 32 },
  { address: "fd00::", prefix: 8 },
]);

describe("the address that a request came from", () => {
  test.each([
    // Whoever is no proxy of ours says what he likes.
    ["203.0.113.9", "198.51.100.1", "203.0.113.9"],
    ["203.0.113.9", undefined, "203.0.113.9"],
    ["10.1.2.3", undefined, "10.1.2.3"],
    ["10.1.2.3", "198.51.100.1", "198.51.100.1"],
    // What stands further left than the first stranger anybody may have written.
    ["10.1.2.3", "1.1.1.1, 198.51.100.1", "198.51.100.1"],
    ["10.1.2.3", "1.1.1.1,198.51.100.1, 192.0.2.7", "198.51.100.1"],
    ["192.0.2.7", "198.51.100.1, 10.9.9.9,10.8.8.8", "198.51.100.1"],
    ["192.0.2.8", "198.51.100.1", "192.0.2.8"],
    // All of them are ours: the first one is the client.
    ["10.1.2.3", "10.0.0.1, 10.0.0.2", "10.0.0.1"],
    // What is no address ends it where it is known.
    ["10.1.2.3", "unknown", "10.1.2.3"],
    ["10.1.2.3", "198.51.100.1, _hidden, 10.0.0.2", "10.0.0.2"],
    ["10.1.2.3", "", "10.1.2.3"],
    ["10.1.2.3", "198.51.100.1:4711", "198.51.100.1"],
    ["10.1.2.3", "[2001:db8::1]:4711", "2001:db8::1"],
    ["::ffff:10.1.2.3", "198.51.100.1", "198.51.100.1"],
    ["fd12::1", "2001:db8::5", "2001:db8::5"],
    ["10.1.2.3", "::ffff:c633:6401", "198.51.100.1"],
    ["10.1.2.3", "0:0:0:0:0:ffff:198.51.100.1", "198.51.100.1"],
    ["10.1.2.3", `${"9.9.9.9,".repeat(40)}${"10.0.0.1,".repeat(31)}10.0.0.2`, "10.0.0.1"],
  ])("of %p with X-Forwarded-For %p is %p", (peer, header, address) => {
    expect(addressOf(peer, header, trusted)).toBe(address);
  });
});

test.each([
  ["198.51.100.1", "198.51.100.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["2001:db8:1:2::9", "2001:db8:1:2"],
  ["2001:0DB8:0001:0002:ffff::", "2001:db8:1:2"],
  ["2001:db8::1", "2001:db8:0:0"],
  ["::1", "0:0:0:0"],
  ["fe80::1%eth0", "fe80:0:0:0"],
  ["64:ff9b::198.51.100.1", "198.51.100.1"],
  ["64:ff9b::c633:6402", "198.51.100.2"],
])("%p is counted as %p", (address, counted) => {
  expect(countedAs(address)).toBe(counted);
});
