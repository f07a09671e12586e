// Puts the page together: what is told, what is asked for, and the keys.

import { Attempt } from "./attempt.js";
import { Chart } from "./chart.js";
import { element, figure, find, padded } from "./dom.js";
import { Rows } from "./rows.js";
import { follow } from "./stream.js";
import { Table } from "./table.js";

const FILTERS = ["text", "outcome", "kind", "by"];
const rows = new Rows();
const table = new Table(rows, (n) => open(n));
const chart = new Chart(rows, (n) => open(n));
const attempt = new Attempt(document.querySelector("main"), suggested, () => table.box.focus());
let head = null, ready = false, waiting = false;

function suggested(row) {
  const best = head?.kept.at(-1) ?? 0;
  return row.base || (best === row.n ? head.kept.at(-2) : best);
}

function select(n) {
  if (!n) return;
  table.select(n);
  chart.selected = n;
  chart.draw();
  if (attempt.isOpen) attempt.open(rows.all[n], false);
}

function open(n) {
  if (!rows.all[n]) return;
  select(n);
  attempt.open(rows.all[n]);
}

// However many messages come, the page is drawn once a frame.
function refresh() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    choices();
    filter();
    chart.draw();
  });
}

function filter() {
  for (const name of FILTERS) rows.wanted[name] = find(name).value;
  rows.filter();
  table.redraw();
  const count = rows.count;
  find("count").textContent = rows.shown.length === count ? `${count} attempts` : `${rows.shown.length} of ${count} attempts`;
}

function choices() {
  for (const [name, all] of [["outcome", "any decision"], ["kind", "any kind"], ["by", "any proposer"]]) {
    const box = find(name), values = rows.values(name), chosen = box.value;
    if (box.options.length === values.length + 1 && values.every((value, place) => box.options[place + 1].value === value)) continue;
    box.replaceChildren(new Option(all, ""), ...values.map((value) => new Option(value, value)));
    box.value = values.includes(chosen) ? chosen : "";
    box.parentElement.hidden = !values.length;
    table.box.classList.toggle(`no-${name}`, !values.length);
  }
}

function show() {
  find("tag").textContent = head.tag;
  find("run").textContent = `· ${head.state}`;
  find("answer").textContent = head.answer;
  find("needs").hidden = !head.needs.length;
  find("needs").querySelector("ul").replaceChildren(...head.needs.map((sentence) => element("li", "", sentence)));
  document.title = `${head.tag}: autoresearch`;
}

follow({
  link(live) {
    find("link").dataset.live = live ? "yes" : "no";
    find("link").textContent = live ? "connected" : "reconnecting";
  },
  reset() {
    rows.clear();
    ready = false;
    refresh();
  },
  head(told) {
    head = chart.head = told;
    table.noise = told.noise;
    show();
    refresh();
  },
  rows(told) {
    rows.take(told);
    if (ready) announce(told.at(-1));
    if (attempt.isOpen && told.some((row) => row.n === attempt.number)) attempt.refresh();
    refresh();
  },
  ready() {
    ready = true;
  },
});

function announce(row) {
  find("news").textContent = `attempt ${padded(row.n)}: ${row.outcome} ${figure(row.value)} ${row.title}`;
}

find("filters").addEventListener("submit", (event) => event.preventDefault());
find("filters").addEventListener("input", () => filter());

const MOVES = {
  j: () => table.beside(1), ArrowDown: () => table.beside(1), k: () => table.beside(-1), ArrowUp: () => table.beside(-1),
  PageDown: () => table.beside(table.page), PageUp: () => table.beside(-table.page),
  Home: () => table.beside(-Infinity), End: () => table.beside(Infinity),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("input, select");
  if (event.key === "Escape") escape(typing);
  else if (typing || event.target.matches("button")) return;
  else if (event.key === "/") find("text").focus();
  else if (event.key === "Enter") open(table.selected || table.beside(0));
  else if (MOVES[event.key] && (event.key.length === 1 || !event.target.closest("#view"))) select(MOVES[event.key]());
  else return;
  event.preventDefault();
});

function escape(typing) {
  if (typing && find("filters").contains(document.activeElement)) {
    document.activeElement.value = "";
    filter();
    table.box.focus();
  } else if (attempt.isOpen) attempt.close();
}
