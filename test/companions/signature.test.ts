/** Signed calls between payment and orders. */
import { describe, expect, test } from "bun:test";
import { mustBeSigned, signedHeaders, TOLERANCE_SECONDS } from "#companions/shell/signature";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const NOW = 1_614_265_330_000;
const CALL = { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", body: '{"test": 2432232314}' };
const signed = signedHeaders(CALL, [SECRET], NOW);
const check = (
  headers: Readonly<Record<string, string>>,
  secrets: readonly string[] = [SECRET],
  { body = CALL.body, now = NOW } = {},
) => mustBeSigned(new Headers(headers), body, secrets, now);

test("a call is signed as Standard Webhooks has it", () => {
  expect(signed).toEqual({
    "webhook-id": CALL.id,
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  });
  check(signed);
});

test("a secret of no particular form is its own bytes", () => {
  const secret = "q8Zt4mVw1xRk7pLc3nHs9yBd5gJf2aUe";
  check(signedHeaders(CALL, [secret], NOW), [secret]);
});

test("while a secret changes, each side may have the new one first", () => {
  const changing = [OTHER, SECRET];
  check(signed, changing);
  check(signedHeaders(CALL, changing, NOW), [SECRET]);
  check(signedHeaders(CALL, changing, NOW), changing);
  check(signedHeaders(CALL, changing, NOW), [OTHER]);
  check(signedHeaders(CALL, [OTHER], NOW), changing);
});

describe("refused is", () => {
  const ms = TOLERANCE_SECONDS * 1_000;
  const { "webhook-signature": signature } = signed;
  test.each<[what: string, call: () => void]>([
    ["no header at all", () => check({})],
    ["no signature", () => check({ ...signed, "webhook-signature": "" })],
    ["another secret's", () => check(signed, [OTHER])],
    ["one of no secret", () => check(signed, [])],
    ["another body", () => check(signed, [SECRET], { body: `${CALL.body} ` })],
    ["another name", () => check({ ...signed, "webhook-id": "msg_2" })],
    ["another time", () => check({ ...signed, "webhook-timestamp": "1614265331" })],
    ["no time", () => check({ ...signed, "webhook-timestamp": "now" })],
    ["one that is too old", () => check(signed, [SECRET], { now: NOW + ms + 1_000 })],
    ["one of the future", () => check(signed, [SECRET], { now: NOW - ms - 1_000 })],
    [
      "one of another version",
      () => check({ ...signed, "webhook-signature": `${signature}`.replace("v1,", "v1a,") }),
    ],
    ["a part of it", () => check({ ...signed, "webhook-signature": `${signature}`.slice(0, -8) })],
  ])("%s", (_what, call) => {
    expect(call).toThrow(expect.objectContaining({ status: 401 }));
  });

  test("nothing that is within the tolerance", () => {
    check(signed, [SECRET], { now: NOW + ms });
    check(signed, [SECRET], { now: NOW - ms });
  });
});
