// One attempt from close by: its story, diff and log, and another beside it. Asked for when it is opened.

import { element, find, padded } from "./dom.js";

const TABS = ["story", "diff", "log", "compare"];

export class Attempt {
  number = 0;
  tab = "story";

  constructor(main, suggest, closed) {
    this.main = main;
    this.box = find("attempt");
    this.view = find("view");
    this.suggest = suggest;
    this.closed = closed;
    find("close").addEventListener("click", () => this.close());
    for (const name of TABS) find(`tab-${name}`).addEventListener("click", () => this.show(name));
    find("tabs").addEventListener("keydown", (event) => this.turn(event));
    find("with").addEventListener("submit", (event) => {
      event.preventDefault();
      this.compare();
    });
  }

  get isOpen() {
    return !this.box.hidden;
  }

  async open(row, focus = true) {
    const other = this.number !== row.n;
    this.number = row.n;
    this.box.hidden = false;
    this.main.classList.add("open");
    find("name").textContent = `${padded(row.n)} ${row.title}`;
    if (other) {
      this.told = null;
      this.view.replaceChildren(element("p", "quiet", "…"));
      find("other").value = this.suggest(row) || "";
    }
    if (focus) find("name").focus();
    await this.refresh();
  }

  // Ask again; what comes late, for another attempt, is left out.
  async refresh() {
    const number = this.number, told = await asked(`/attempts/${number}`);
    if (number !== this.number) return;
    this.told = told;
    if (this.tab !== "compare") this.fill();
    else if (!this.view.querySelector("table")) await this.compare();
  }

  close() {
    this.box.hidden = true;
    this.main.classList.remove("open");
    this.number = 0;
    this.closed();
  }

  show(name) {
    this.tab = name;
    for (const each of TABS) {
      const tab = find(`tab-${each}`);
      tab.setAttribute("aria-selected", each === name);
      tab.tabIndex = each === name ? 0 : -1;
    }
    this.view.setAttribute("aria-labelledby", `tab-${name}`);
    find("with").hidden = name !== "compare";
    this.view.scrollTop = 0;
    if (name === "compare") this.compare();
    else this.fill();
  }

  turn(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    this.show(TABS[(TABS.indexOf(this.tab) + step + TABS.length) % TABS.length]);
    find(`tab-${this.tab}`).focus();
  }

  fill() {
    if (!this.told) return;
    if (this.told.problem) this.view.replaceChildren(element("p", "", this.told.problem));
    else this.view.replaceChildren(...{ story, diff: (told) => [diff(told.diff)], log }[this.tab](this.told));
  }

  async compare() {
    const number = this.number, other = Number(find("other").value);
    if (!other || other === number) {
      this.view.replaceChildren(element("p", "quiet", "Name another attempt."));
      return;
    }
    const told = await asked(`/compare/${other}/${number}`);
    if (number !== this.number || this.tab !== "compare") return;
    this.view.replaceChildren(...(told.problem ? [element("p", "", told.problem)] : compared(told)));
  }
}

async function asked(path) {
  try {
    const answer = await fetch(path);
    return answer.ok ? await answer.json() : { problem: (await answer.text()).slice(0, 200) };
  } catch {
    return { problem: "The server does not answer." };
  }
}

function story(told) {
  return told.sections.flatMap((section) => [element("h3", "", section.name), element("pre", "", section.lines.join("\n"))]);
}

function diff(lines) {
  const box = element("pre", "diff");
  if (!lines.length) box.append(element("span", "place", "no change"));
  for (const [kind, text] of lines) box.append(element("span", kind, text));
  return box;
}

function log(told) {
  const written = told.logs.filter((each) => each.text);
  if (!written.length) return [element("p", "quiet", "Nothing was printed.")];
  return written.flatMap((each) => [element("h3", "", `run ${each.run}`), element("pre", "log", each.text)]);
}

function compared(told) {
  const [before, after] = told.numbers.map(padded);
  const alike = told.alike ? `; ${told.alike} others are alike` : "";
  const parts = [table(["", before, after], told.facts)];
  if (told.settings.length) parts.push(element("h3", "", `settings that differ${alike}`), table(["", before, after], told.settings));
  parts.push(element("h3", "", `diff from ${before} to ${after}`), diff(told.diff));
  return parts;
}

function table(heading, lines) {
  const made = element("table");
  const top = made.createTHead().insertRow();
  for (const text of heading) {
    const cell = element("th", "", text);
    cell.scope = "col";
    top.append(cell);
  }
  const body = made.createTBody();
  for (const [name, before, after] of lines) {
    const line = body.insertRow();
    if (before !== after) line.className = "unlike";
    const head = element("th", "", name);
    head.scope = "row";
    line.append(head, element("td", "", before), element("td", "", after));
  }
  return made;
}
