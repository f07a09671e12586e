// The chart: every attempt's value in order, the best so far as a staircase. Drawn whole, at most once a frame.

import { figure, find, padded } from "./dom.js";
import { errorOf } from "./rows.js";

const WORST_SHOWN = 0.9; // of the discarded values: the rest is at the edge of the chart
const EDGE = { left: 64, right: 12, top: 8, bottom: 22 };
const NEAR = 24;

export class Chart {
  head = null;
  selected = 0;
  pointed = null;

  constructor(rows, open) {
    this.rows = rows;
    this.canvas = find("chart");
    this.legend = find("legend");
    this.waiting = false;
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.canvas.addEventListener("pointermove", (event) => this.tell((this.pointed = this.near(event))));
    this.canvas.addEventListener("pointerleave", () => this.tell((this.pointed = null)));
    this.canvas.addEventListener("click", (event) => {
      const row = this.near(event);
      if (row) open(row.n);
    });
  }

  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.paint();
    });
  }

  paint() {
    const { canvas } = this, ratio = devicePixelRatio || 1, box = canvas.getBoundingClientRect();
    canvas.width = Math.round(box.width * ratio);
    canvas.height = Math.round(box.height * ratio);
    this.width = box.width;
    this.height = box.height;
    this.pen = canvas.getContext("2d");
    this.pen.scale(ratio, ratio);
    this.pen.font = "12px system-ui, sans-serif";
    this.colours = getComputedStyle(document.documentElement);
    this.kept = this.head ? this.head.kept.map((n) => this.rows.all[n]).filter((row) => row && row.value !== null) : [];
    this.most = Math.max(this.rows.all.length - 1, 1);
    [this.low, this.high] = this.limits();
    this.worse = this.head?.lower === false ? this.height - EDGE.bottom : EDGE.top; // the worse edge
    this.axes();
    this.points();
    this.staircase();
    this.chosen();
    this.tell(this.pointed);
  }

  colour(name) {
    return this.colours.getPropertyValue(`--${name}`).trim();
  }

  x(n) {
    return EDGE.left + ((n - 0.5) / this.most) * (this.width - EDGE.left - EDGE.right);
  }

  y(value) {
    const share = (value - this.low) / (this.high - this.low);
    return this.height - EDGE.bottom - Math.min(Math.max(share, 0), 1) * (this.height - EDGE.top - EDGE.bottom);
  }

  // Every keep with its bar, and nine in ten of the rest; the worse edge has room for what failed.
  limits() {
    const sign = this.head?.lower === false ? -1 : 1;
    const others = this.rows.all.filter((row) => row && row.value !== null && row.outcome !== "keep" && row.outcome !== "hold");
    const losses = Float64Array.from(others, (row) => sign * row.value).sort();
    const shown = [...losses.subarray(0, Math.max(Math.round(losses.length * WORST_SHOWN), 1))];
    let best = shown[0] ?? Infinity, worst = shown.at(-1) ?? -Infinity;
    for (const row of this.kept) {
      const error = errorOf(row, this.head.noise);
      best = Math.min(best, sign * row.value - error);
      worst = Math.max(worst, sign * row.value + error);
    }
    if (best > worst) [best, worst] = [0, 1];
    const room = worst - best || Math.abs(worst) || 1;
    const ends = [sign * (best - 0.08 * room), sign * (worst + 0.16 * room)];
    return [Math.min(...ends), Math.max(...ends)];
  }

  axes() {
    const { pen } = this, room = this.high - this.low;
    const power = 10 ** Math.floor(Math.log10(room / 3)), step = [1, 2, 5, 10].find((part) => room / (part * power) <= 5) * power;
    const digits = Math.max(0, Math.min(8, -Math.floor(Math.log10(step) + 1e-9)));
    pen.strokeStyle = this.colour("line");
    pen.fillStyle = this.colour("quiet");
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (let value = Math.ceil(this.low / step) * step; value <= this.high; value += step) {
      const y = Math.round(this.y(value)) + 0.5;
      this.line(EDGE.left, y, this.width - EDGE.right, y);
      pen.fillText(value.toFixed(digits), EDGE.left - 6, y);
    }
    pen.textAlign = "center";
    pen.textBaseline = "alphabetic";
    const along = Math.max(1, 10 ** Math.floor(Math.log10(this.most / 4)));
    const each = [1, 2, 5, 10].map((part) => part * along).find((part) => this.most / part <= 8);
    for (let n = each; n <= this.most; n += each) pen.fillText(String(n), Math.min(this.x(n), this.width - 20), this.height - 6);
  }

  line(x, y, toX, toY) {
    this.pen.beginPath();
    this.pen.moveTo(x, y);
    this.pen.lineTo(toX, toY);
    this.pen.stroke();
  }

  // By colour: to change it takes longer than to draw a point.
  points() {
    const { pen, worse } = this, size = this.most > 1000 ? 2 : 5;
    const groups = { point: [], failed: [], held: [], focus: [] };
    for (const row of this.rows.all) if (row && row.outcome !== "keep") groups[colourOf(row)]?.push(row);
    for (const [name, group] of Object.entries(groups)) {
      pen.fillStyle = this.colour(name);
      for (const row of group) {
        const x = this.x(row.n);
        if (row.value === null) pen.fillRect(x - size / 4, worse - 4, size / 2, 8);
        else pen.fillRect(x - size / 2, this.y(row.value) - size / 2, size, size);
      }
    }
  }

  staircase() {
    const { pen, kept } = this;
    if (!kept.length) return;
    pen.strokeStyle = pen.fillStyle = this.colour("kept");
    pen.lineWidth = 2;
    pen.beginPath();
    let y = this.y(kept[0].value);
    for (const row of kept) {
      pen.lineTo(this.x(row.n), y);
      y = this.y(row.value);
      pen.lineTo(this.x(row.n), y);
    }
    pen.lineTo(this.width - EDGE.right, y);
    pen.stroke();
    pen.lineWidth = 1;
    const size = this.most > 1000 ? 3 : 7;
    for (const row of kept) {
      const x = this.x(row.n), error = errorOf(row, this.head.noise);
      pen.fillRect(x - size / 2, this.y(row.value) - size / 2, size, size);
      if (error && kept.length <= 200) this.line(x, this.y(row.value - error), x, this.y(row.value + error));
    }
  }

  chosen() {
    const row = this.rows.all[this.selected];
    if (!row) return;
    this.pen.strokeStyle = this.colour("focus");
    const x = Math.round(this.x(row.n)) + 0.5;
    this.line(x, EDGE.top, x, this.height - EDGE.bottom);
  }

  // The attempt nearest to the pointer, by its number and then by its value.
  near(event) {
    const box = this.canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    const each = (this.width - EDGE.left - EDGE.right) / this.most, middle = (x - EDGE.left) / each + 0.5;
    const reach = Math.ceil(NEAR / each);
    let best = null, least = Infinity;
    for (let n = Math.max(1, Math.floor(middle - reach)); n <= middle + reach; n++) {
      const row = this.rows.all[n];
      if (!row) continue;
      const height = row.value === null ? this.worse : this.y(row.value);
      const far = (this.x(n) - x) ** 2 + ((height - y) / 2) ** 2;
      if (far < least) [best, least] = [row, far];
    }
    return best;
  }

  tell(row) {
    const better = this.head?.lower === false ? "higher" : "lower";
    const none = this.rows.all.length ? "Green: the best so far. Grey: discarded. Red: no value." : "No attempt yet.";
    const told = row ? `${padded(row.n)} ${row.outcome} ${figure(row.value)} ${row.title}`
      : `${this.head?.metric ?? ""}, ${better} is better. ${none}`;
    if (this.legend.textContent !== told) this.legend.textContent = told;
  }
}

// None for an attempt that has no value yet.
function colourOf(row) {
  if (row.value === null) return row.outcome === "open" || row.outcome === "not run" ? "" : "failed";
  return { hold: "held", open: "focus" }[row.outcome] ?? "point";
}
