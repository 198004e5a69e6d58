/** The page of the registry: every instance and its state, live. Its files come from the gateway itself. */

export const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Services</title>
<link rel="stylesheet" href="/registry/page.css">
<main>
<h1>Services</h1>
<p id="state" role="status">Asking the gateway…</p>
<table>
<thead><tr><th scope="col">Service</th><th scope="col">Instance</th><th scope="col">Status</th><th scope="col">Heard of</th></tr></thead>
<tbody id="rows"></tbody>
</table>
</main>
<script src="/registry/page.js"></script>
</html>
`;

export const STYLE = `:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); overflow-wrap: anywhere; }
.UP::before { content: "● "; color: #1a7f37; }
.DOWN::before, .OUT_OF_SERVICE::before { content: "● "; color: #cf222e; }
`;

export const SCRIPT = `"use strict";
const state = document.getElementById("state");
const rows = document.getElementById("rows");
const cell = (text, name) => {
  const made = document.createElement("td");
  made.textContent = text;
  if (name) made.className = name;
  return made;
};
const ago = (at) => at === null ? "" : Math.max(0, Math.round((Date.now() - at) / 1000)) + " s ago";
async function look() {
  try {
    const { isHeard, services } = await (await fetch("/registry/instances")).json();
    const lines = services.flatMap(({ name, instances }) => instances.map((one) => {
      const row = document.createElement("tr");
      row.append(cell(name), cell(one.instanceId), cell(one.status, one.status), cell(ago(one.renewedAt)));
      return row;
    }));
    rows.replaceChildren(...lines);
    state.textContent = isHeard === null ? "There is no registry: services are where the configuration says."
      : isHeard ? lines.length + " instances, as the registry has them now."
      : "The registry does not answer: this is what it said last.";
  } catch {
    state.textContent = "The gateway does not answer.";
  }
}
look();
setInterval(look, 2000);
`;
