// The map of the rows that each layer and head keeps, beside dense attention's, which keeps all.

import { getJson } from "./api.js";
import { number, percent } from "./numbers.js";

const byId = id => document.getElementById(id);
let shown = "", rows = [], tokens = 0;

/** Begins: the table is filled only while it is open. */
export function watchTable() {
  byId("rows-details").addEventListener("toggle", showTable);
}

/** Shows the rows that a conversation keeps; asks the server where its numbers have changed. */
export async function showRows(length, capacity, isPreview) {
  const wanted = `rows?tokens=${length}&capacity=${capacity}`;
  if (wanted === shown) return;
  shown = wanted;
  let read;
  try {
    read = await getJson(`moa/${wanted}`);
  } catch (failure) {
    shown = "";
    throw failure;
  }
  if (shown !== wanted) return;
  [rows, tokens] = [read.rows, read.tokens];
  byId("rows-of").textContent = isPreview
    ? `Of each layer (down) and key-value head (across), for the longest text, ${number(tokens)} tokens.`
    : `Of each layer (down) and key-value head (across), for this conversation's ${number(tokens)} tokens.`;
  draw(byId("rows"), (layer, head) => rows[layer][head] / tokens);
  draw(byId("dense"), () => 1);
  const all = rows.flat(), kept = all.reduce((sum, count) => sum + count, 0), dense = all.length * tokens;
  byId("rows-sum").textContent = `${number(kept)} of ${number(dense)} rows: ${percent(kept / dense)} of dense attention's.`;
  byId("rows").setAttribute("aria-label",
    `${number(rows.length)} layers of ${number(rows[0].length)} heads keep from ${number(all.reduce((a, b) => Math.min(a, b)))} to ${number(all.reduce((a, b) => Math.max(a, b)))} rows each; dense attention keeps ${number(tokens)}.`);
  showTable();
}

function draw(svg, shareOf) {
  const layers = rows.length, heads = rows[0].length;
  svg.setAttribute("viewBox", `0 0 ${heads * 10} ${layers * 10}`);
  svg.setAttribute("preserveAspectRatio", "none");
  while (svg.children.length > layers * heads) svg.lastElementChild.remove();
  for (let i = 0; i < layers * heads; i++) {
    const [layer, head] = [Math.floor(i / heads), i % heads];
    const cell = svg.children[i] ?? svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "rect"));
    cell.setAttribute("x", head * 10 + 0.5);
    cell.setAttribute("y", layer * 10 + 0.5);
    cell.setAttribute("width", 9);
    cell.setAttribute("height", 9);
    cell.setAttribute("fill-opacity", shareOf(layer, head).toFixed(3));
  }
}

function showTable() {
  const table = byId("rows-table");
  if (!byId("rows-details").open || rows.length === 0) return;
  const caption = table.createCaption();
  caption.textContent = `Rows kept of ${number(tokens)} tokens; dense attention keeps ${number(tokens)} everywhere`;
  const head = document.createElement("tr");
  head.append(cell("th", "Layer", "col"), ...rows[0].map((_, index) => cell("th", `Head ${index + 1}`, "col")));
  table.replaceChildren(caption, head, ...rows.map((layer, index) => {
    const row = document.createElement("tr");
    row.append(cell("th", `${index + 1}`, "row"), ...layer.map(count => cell("td", number(count))));
    return row;
  }));
}

function cell(tag, text, scope) {
  const element = document.createElement(tag);
  element.textContent = text;
  if (scope) element.scope = scope;
  return element;
}
