/** Products as JSON: an array, lines, or the reply of a system that lists them. */
import { jsonObjects } from "#import/json-objects";
import { plainRow } from "#import/plain";
import type { Source } from "#import/rows";

/** Rows of all files, in their order. */
export const json: Source = async function* (reading) {
  for (const file of reading.files) {
    for await (const object of jsonObjects(file, reading.onBytes)) {
      if (object.kind !== "object") yield object;
      else yield plainRow(object.at, object.value, reading.onIgnored);
    }
  }
};
