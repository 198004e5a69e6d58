import { requestId as newRequestId } from "#lib/ids";

/** What may go back into a header and into every log as it came. */
const SANE = /^[A-Za-z0-9][A-Za-z0-9._:@+/=-]{0,127}$/;

/** The caller's own name for its request if it is a sane one, else a new one. */
export function requestIdOf(header: string | undefined): string {
  return header !== undefined && SANE.test(header) ? header : newRequestId();
}
