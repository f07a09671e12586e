// Every attempt that the page was told of, and those of them that the filters let through.

export class Rows {
  all = [];
  shown = [];
  wanted = { text: "", outcome: "", kind: "", by: "" };

  clear() {
    this.all = [];
    this.shown = [];
  }

  take(rows) {
    for (const row of rows) {
      row.searched = `${row.n} ${row.title}\n${row.why}\n${row.by}\n${row.kind}\n${row.outcome}`.toLowerCase();
      this.all[row.n] = row;
    }
  }

  // The newest first.
  filter() {
    const { text, outcome, kind, by } = this.wanted;
    const words = text.toLowerCase();
    this.shown = [];
    for (let n = this.all.length - 1; n > 0; n--) {
      const row = this.all[n];
      if (row && (!outcome || row.outcome === outcome) && (!kind || row.kind === kind) && (!by || row.by === by)
          && (!words || row.searched.includes(words))) this.shown.push(row);
    }
  }

  place(n) {
    let low = 0, high = this.shown.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1, found = this.shown[middle].n;
      if (found === n) return middle;
      if (found > n) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  values(name) {
    const found = new Set();
    for (const row of this.all) if (row?.[name]) found.add(row[name]);
    return [...found].sort();
  }

  get count() {
    return this.all.reduce((count) => count + 1, 0);
  }
}

export function errorOf(row, noise) {
  return row.value === null ? 0 : Math.max(noise === null ? 0 : noise / Math.sqrt(row.runs || 1), row.stderr);
}
