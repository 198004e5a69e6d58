/** Fields that bodies of answers share. */
import { z } from "zod";

/** ISO 8601, UTC, with milliseconds. */
export const Time = z.iso.datetime({ precision: 3 });
export const Units = z.int().min(0);
