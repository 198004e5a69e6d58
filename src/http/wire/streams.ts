/** What streams answer: texts of server-sent events, whose data is JSON. */
import { z } from "zod";

/** Each event with the cursor behind it as `id`. */
export const EventStream = z.string().meta({ contentMediaType: "text/event-stream" });
