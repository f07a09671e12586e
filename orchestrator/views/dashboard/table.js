// The table: only the rows that can be seen are in the page, however many there are.

import { element, figure, find, padded } from "./dom.js";
import { errorOf } from "./rows.js";

const BESIDE = 6;
const DECIDED = new Set(["keep", "discard", "hold", "open", "repeat"]);

export class Table {
  noise = null;
  selected = 0;

  constructor(rows, open) {
    this.rows = rows;
    this.box = find("table");
    this.body = find("rows");
    this.heading = this.box.querySelector(".heading");
    this.drawn = new Map();
    this.box.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.redraw()).observe(this.box);
    this.body.addEventListener("click", (event) => {
      const line = event.target.closest(".row");
      if (line) open(Number(line.dataset.n));
    });
  }

  // After the rows or the noise changed: what stands at the top of the window stays where it is.
  redraw() {
    const root = getComputedStyle(document.documentElement), { anchor } = this;
    this.height = parseFloat(root.getPropertyValue("--row")) * parseFloat(root.fontSize);
    this.body.style.height = `${this.rows.shown.length * this.height}px`;
    this.box.setAttribute("aria-rowcount", this.rows.shown.length + 1);
    const place = anchor && this.box.scrollTop > 0 ? this.rows.place(anchor.n) : -1;
    if (place >= 0) this.box.scrollTop = place * this.height + anchor.beyond;
    for (const line of this.drawn.values()) line.remove();
    this.drawn.clear();
    this.draw();
  }

  draw() {
    const { shown } = this.rows, top = this.box.scrollTop;
    const first = Math.max(Math.floor(top / this.height) - BESIDE, 0);
    const last = Math.min(Math.ceil((top + this.box.clientHeight) / this.height) + BESIDE, shown.length);
    const wanted = new Set();
    for (let place = first; place < last; place++) wanted.add(shown[place].n);
    for (const [n, line] of this.drawn) if (!wanted.has(n)) { line.remove(); this.drawn.delete(n); }
    for (let place = first; place < last; place++) this.put(shown[place], place);
    const above = shown[Math.floor(top / this.height)];
    this.anchor = above && { n: above.n, beyond: top % this.height };
    this.mark();
  }

  put(row, place) {
    if (this.drawn.has(row.n)) return;
    const line = this.line(row);
    line.style.top = `${place * this.height}px`;
    line.setAttribute("aria-rowindex", place + 2);
    this.drawn.set(row.n, line);
    this.body.append(line);
  }

  line(row) {
    const failed = DECIDED.has(row.outcome) || row.outcome === "not run" ? "" : " failed";
    const line = element("div", `row ${DECIDED.has(row.outcome) ? row.outcome : ""}${failed}`);
    line.id = `row-${row.n}`;
    line.dataset.n = row.n;
    line.setAttribute("role", "row");
    const value = element("span", "value", figure(row.value)), error = errorOf(row, this.noise);
    if (row.value !== null && error) value.append(element("span", "error", ` ± ${figure(error)}`));
    if (row.value !== null && !row.verified) value.append(element("span", "error", " self-reported"));
    const title = element("span", "title", row.title);
    if (row.why) title.append(element("span", "why", ` — ${row.why}`));
    const cells = [element("span", "n", padded(row.n)), value, element("span", "outcome", row.outcome),
      element("span", "seconds", row.seconds ? row.seconds.toFixed(1) : ""), element("span", "by", row.by),
      element("span", "kind", row.kind), title];
    for (const cell of cells) cell.setAttribute("role", "gridcell");
    line.append(...cells);
    return line;
  }

  mark() {
    for (const [n, line] of this.drawn) line.setAttribute("aria-selected", n === this.selected);
    if (this.drawn.has(this.selected)) this.box.setAttribute("aria-activedescendant", `row-${this.selected}`);
    else this.box.removeAttribute("aria-activedescendant");
  }

  select(n) {
    this.selected = n;
    const place = this.rows.place(n), room = this.box.clientHeight - this.heading.offsetHeight;
    if (place >= 0) {
      const top = place * this.height;
      if (top < this.box.scrollTop) this.box.scrollTop = top;
      else if (top + this.height > this.box.scrollTop + room) this.box.scrollTop = top + this.height - room;
    }
    this.draw();
  }

  // The row so many places from the selected one; the first when none is.
  beside(step) {
    const { shown } = this.rows, place = this.rows.place(this.selected);
    const wanted = place < 0 ? 0 : Math.min(Math.max(place + step, 0), shown.length - 1);
    return shown[wanted]?.n ?? 0;
  }

  get page() {
    return Math.max(Math.floor(this.box.clientHeight / this.height) - 1, 1);
  }
}
