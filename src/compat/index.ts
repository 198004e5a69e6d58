/** The contracts of the systems that this one replaces; without its line and folder one is gone. */
import { eureka } from "#compat/eureka/router";
import { fastapi } from "#compat/fastapi/router";
import { gateway } from "#compat/gateway/router";
import { nestjs } from "#compat/nestjs/router";
import type { Contract } from "#http/contract";

export const compat: readonly Contract[] = [
  fastapi,
  eureka,
  nestjs,
  gateway,
  //
];
