/** As much of the package as the tests use; it brings no types. */
declare module "eureka-js-client" {
  type Instance = Readonly<{
    instanceId: string;
    hostName: string;
    app: string;
    ipAddr: string;
    vipAddress: string;
    status?: string;
    port: Readonly<{ $: number; "@enabled": string }>;
    dataCenterInfo: Readonly<{ "@class": string; name: string }>;
  }>;

  export class Eureka {
    constructor(options: {
      instance?: Instance;
      eureka: {
        host: string;
        port: number;
        servicePath?: string;
        registerWithEureka?: boolean;
        heartbeatInterval?: number;
        registryFetchInterval?: number;
        maxRetries?: number;
        requestRetryDelay?: number;
      };
      shouldUseDelta?: boolean;
      logger?: Record<"debug" | "info" | "warn" | "error", (...told: unknown[]) => void>;
    });
    on(event: "error", listener: (error: Error) => void): void;
    start(done: (error: Error | null) => void): void;
    stop(done: (error: Error | null) => void): void;
    fetchRegistry(done: (error: Error | null) => void): void;
    getInstancesByAppId(name: string): readonly Instance[];
    getInstancesByVipAddress(address: string): readonly Instance[];
  }
}
