import { describe, expect, test } from "bun:test";
import { freePort } from "#embedded/free-port";
import { createLog } from "#lib/log";
import { instanceIdOf, instanceOf, placeOf, SERVICE } from "#registry/instance";
import { keepRegistered, type RegistrationOptions } from "#registry/registration";
import { startEurekaRegistry, startSilentServer } from "#test/eureka-registry";
import { until } from "#test/until";

const PLACE = { host: "stock.test", port: 3002 };
const ID = "stock.test:inventory-service:3002";
const APP = "/eureka/v2/apps/INVENTORY-SERVICE";
const WITHIN_MS = 10_000;
/** Far beyond the bound of a stop, far below the longest wait for one answer. */
const STOP_MS_MAX = 1_500;

/** A registration in a hurry, with what it said and told. */
function hurried(options: Partial<RegistrationOptions> & Pick<RegistrationOptions, "registries">) {
  const lines: string[] = [];
  const states: boolean[] = [];
  const log = createLog({ level: "debug", format: "text", write: (line) => void lines.push(line) });
  const onChange = (isRegistered: boolean) => void states.push(isRegistered);
  const pace = { renewEveryMs: 20, retryMsMin: 10, random: () => 0 };
  const registration = keepRegistered({ place: PLACE, log, onChange, ...pace, ...options });
  return {
    lines,
    states,
    registration,
    [Symbol.asyncDispose]: () => registration.leave(),
  };
}

const met = (what: string, condition: () => boolean) =>
  until(condition, { withinMs: WITHIN_MS, what });

describe("an instance", () => {
  test("is called <host>:inventory-service:<port>", () => {
    expect(instanceIdOf(PLACE)).toBe(ID);
  });

  test("is where the configuration says, else where it listens, if others can be sent there", () => {
    const none = { advertiseHost: undefined, advertisePort: undefined, port: 3002 };
    expect(placeOf({ ...none, host: "10.0.0.7" })).toEqual({ host: "10.0.0.7", port: 3002 });
    for (const host of ["0.0.0.0", "::"]) {
      const place = placeOf({ ...none, host });
      expect(place.host).not.toBe(host);
      expect(place.host.length).toBeGreaterThan(0);
    }
    const said = { advertiseHost: "stock.test", advertisePort: 80, host: "0.0.0.0", port: 3002 };
    expect(placeOf(said)).toEqual({ host: "stock.test", port: 80 });
  });

  test("has an address, and URLs that can be followed, also by IPv6", () => {
    expect(instanceOf({ host: "::1", port: 3002 }, 30)).toMatchObject({
      hostName: "::1",
      ipAddr: "::1",
      healthCheckUrl: "http://[::1]:3002/health/ready",
    });
    expect(instanceOf(PLACE, 30).ipAddr).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  });
});

describe("a service", () => {
  test("registers, renews, and is gone when it leaves", async () => {
    await using registry = startEurekaRegistry();
    await using service = hurried({ registries: [registry.url] });
    await met("it renewed three times", () => registry.count("PUT", 200) >= 3);
    expect(registry.instances(SERVICE)).toEqual([
      expect.objectContaining({ instanceId: ID, status: "UP", hostName: "stock.test" }),
    ]);
    await service.registration.leave();
    expect(registry.instances(SERVICE)).toEqual([]);
    const asked = registry.calls.map(({ method, path, status }) => `${method} ${path} ${status}`);
    expect(asked[0]).toBe(`POST ${APP} 204`);
    expect(asked.at(-1)).toBe(`DELETE ${APP}/${ID} 200`);
    expect(new Set(asked.slice(1, -1))).toEqual(new Set([`PUT ${APP}/${ID} 200`]));
    expect(service.states).toEqual([true, false]);
  });

  test("that left does not come back", async () => {
    await using registry = startEurekaRegistry();
    await using service = hurried({ registries: [registry.url] });
    await met("it is registered", () => registry.instances(SERVICE).length === 1);
    await service.registration.leave();
    const asked = () => registry.calls.filter(({ path }) => path.includes(ID)).length;
    const before = asked();
    // For as long as another one in the same hurry needs for some renewals.
    const place = { host: "other.test", port: 3002 };
    const renewals = registry.count("PUT", 200);
    await using other = hurried({ registries: [registry.url], place });
    await met(
      "the other renewed",
      () => other.states.length > 0 && registry.count("PUT", 200) > renewals + 5,
    );
    expect(asked()).toBe(before);
    expect(registry.instances(SERVICE)).toHaveLength(1);
  });

  test("keeps its lease for as long as it renews, and no longer", async () => {
    let now = 0;
    await using registry = startEurekaRegistry({ now: () => now });
    await using service = hurried({ registries: [registry.url] });
    for (now of [60_000, 120_000, 180_000]) {
      const renewals = registry.count("PUT", 200);
      await met("it renewed", () => registry.count("PUT", 200) > renewals + 1);
      expect(registry.instances(SERVICE)).toHaveLength(1);
    }
    registry.refuse(503);
    now += 90_000;
    expect(registry.instances(SERVICE)).toEqual([]);
    await service.registration.leave();
  });

  test("that the registry forgot registers again", async () => {
    await using registry = startEurekaRegistry();
    await using service = hurried({ registries: [registry.url] });
    await met("it is registered", () => registry.instances(SERVICE).length === 1);
    registry.forget();
    await met("it is registered again", () => registry.instances(SERVICE).length === 1);
    expect(registry.count("PUT", 404)).toBeGreaterThan(0);
    await met("it says so", () => service.lines.join("").includes("registered again"));
    expect(service.states).toEqual([true, true]);
  });

  test("registers when a registry that was away comes up, and says each change once", async () => {
    const port = freePort();
    await using service = hurried({ registries: [`http://127.0.0.1:${port}`] });
    await met("it failed three times", () => service.states.length >= 3);
    await using registry = startEurekaRegistry({ port });
    await met("it is registered", () => service.states.at(-1) === true);
    expect(registry.instances(SERVICE)).toHaveLength(1);
    const said = service.lines.map((line) => line.slice(13, 60));
    expect(said).toEqual([
      expect.stringMatching(/^warn {2}no registry can be told/),
      expect.stringMatching(/^info {2}registered registry=/),
    ]);
  });

  test("that lost its registry says so, and registers again when it is back", async () => {
    await using registry = startEurekaRegistry();
    await using service = hurried({ registries: [registry.url] });
    await met("it is registered", () => service.states.at(-1) === true);
    registry.refuse(500);
    await met("it knows", () => service.states.at(-1) === false);
    expect(service.lines.at(-1)).toContain("was answered 500");
    registry.refuse(null);
    await met("it is registered again", () => service.states.at(-1) === true);
  });

  test("does not take a web server that welcomes everything for a registry", async () => {
    await using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
    await using service = hurried({ registries: [`http://127.0.0.1:${server.port}`] });
    await met("it has an answer", () => service.states.length > 0);
    expect(service.states[0]).toBe(false);
    expect(service.lines[0]).toContain("POST was answered 200");
  });

  test("that could not renew takes itself off a registry that is back when it leaves", async () => {
    await using registry = startEurekaRegistry();
    await using service = hurried({ registries: [registry.url] });
    await met("it is registered", () => service.states.at(-1) === true);
    registry.refuse(503);
    await met("it knows", () => service.states.at(-1) === false);
    const left = service.registration.leave();
    registry.refuse(null);
    await left;
    expect(registry.instances(SERVICE)).toEqual([]);
  });

  test("finds another registry when the first is away", async () => {
    await using registry = startEurekaRegistry();
    await using service = hurried({ registries: ["http://127.0.0.1:1", registry.url] });
    await met("it is registered", () => registry.instances(SERVICE).length === 1);
    await met("it renews there", () => registry.count("PUT", 200) > 0);
    expect(service.states).toEqual([true]);
  });

  test("does not ask again before an answer came, and leaves at once, of a silent registry", async () => {
    using silent = startSilentServer();
    await using service = hurried({ registries: [silent.url] });
    await met("it asks", () => silent.connections() > 0);
    const startedAt = performance.now();
    await service.registration.leave();
    expect(performance.now() - startedAt).toBeLessThan(STOP_MS_MAX);
    // One to register and one to leave, for the first may have been heard.
    expect(silent.connections()).toBe(2);
    expect(service.lines.join("")).toContain("a registry was not told of the stop");
  });
});

describe("EUREKA_URL", () => {
  test.each(["", "/", "/eureka", "/eureka/", "/eureka/v2", "/eureka/v2/"])(
    "may end in what people write there: %j",
    async (ending) => {
      await using registry = startEurekaRegistry();
      await using service = hurried({ registries: [`${registry.url}${ending}`] });
      await met("it is registered", () => service.states.length > 0);
      expect(registry.calls[0]).toMatchObject({ method: "POST", path: APP, status: 204 });
    },
  );

  test("may be of a server that knows /eureka/apps alone, as Spring's", async () => {
    await using registry = startEurekaRegistry({ bases: ["/eureka"] });
    await using service = hurried({ registries: [registry.url] });
    await met("it renews", () => registry.count("PUT", 200) > 0);
    expect(service.lines).toHaveLength(1);
    await service.registration.leave();
    expect(registry.calls.at(-1)).toMatchObject({ method: "DELETE", status: 200 });
    expect(registry.count("DELETE", 404)).toBe(0);
  });

  test("may have a name and password, which no line of the log has", async () => {
    await using registry = startEurekaRegistry();
    const url = registry.url.replace("//", "//user:s%40cret@");
    await using service = hurried({ registries: [url] });
    await met("it renews", () => registry.count("PUT", 200) > 0);
    await service.registration.leave();
    const authorizations = new Set(registry.calls.map(({ authorization }) => authorization));
    expect(authorizations).toEqual(new Set([`Basic ${btoa("user:s@cret")}`]));
    expect(service.lines.join("")).not.toContain("cret");
  });
});
