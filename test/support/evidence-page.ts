/** Writes docs/evidence.md anew in the form that it has now; what was seen stays as it is. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { rewritten } from "#test/evidence-document";
import { ROOT, textOf } from "#test/packaging";

const PAGE = "docs/evidence.md";
writeFileSync(join(ROOT, PAGE), rewritten(textOf(PAGE)));
