// Small charts, drawn as SVG. Arrow keys and the pointer read single values.

import { byId, el, say } from "./dom.js";
import { count, moment, span } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 300;
const HEIGHT = 90;

const CHARTS = [
  { title: "Logins taken in", kind: "bars", series: [["messages", "logins", "accent"]] },
  {
    title: "Outcomes", kind: "bars", series: [
      ["delivered", "delivered", "fine"], ["unchanged", "unchanged", "grey"],
      ["throttled", "throttled", "blue"], ["transient", "transient", "slow"],
      ["setup", "setup", "purple"], ["rejected", "rejected", "bad"],
    ],
  },
  { title: "Waiting for SAP", kind: "line", series: [["pending", "customers", "accent"]] },
  { title: "Oldest waiting", kind: "line", format: span, series: [["oldest", "age", "slow"]] },
  {
    title: "Time to SAP", kind: "line", format: span, least: 0.1,
    series: [["p95", "p95", "slow"], ["p50", "p50", "accent"]], each: "latencyEach",
  },
  { title: "New dead letters", kind: "bars", series: [["dead", "died", "bad"]] },
];

let data = null;
let range = "minutes";
const drawn = [];

export function setUpCharts() {
  for (const chart of CHARTS) drawn.push(new Chart(chart));
  byId("range").addEventListener("change", (event) => {
    range = event.target.value;
    draw();
  });
}

export function showCharts(told, at) {
  data = { told, at };
  draw();
}

function draw() {
  if (data) for (const chart of drawn) chart.draw(data.told[range], data.at);
}

class Chart {
  constructor(chart) {
    this.chart = chart;
    this.at = null;
    this.format = chart.format ?? count;
    this.output = el("output");
    this.svg = document.createElementNS(SVG, "svg");
    this.node = el("figure", { class: "card chart" },
      el("h3", {}, chart.title, this.output), this.svg,
      el("div", { class: "axis", "aria-hidden": "true" }, el("span"), el("span"), el("span")));
    this.node.style.margin = "0";
    if (chart.series.length > 1) {
      this.node.append(el("ul", { class: "legend", "aria-hidden": "true" },
        ...chart.series.map(([, title, ink]) => el("li", { class: `ink-${ink}` }, el("b", {}, title)))));
    }
    this.prepare();
    byId("charts").append(this.node);
  }

  prepare() {
    const { svg } = this;
    for (const [name, value] of Object.entries({
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", tabindex: "0",
    })) svg.setAttribute(name, value);
    this.paths = this.chart.series.map(([, , ink]) => {
      const names = this.chart.kind === "bars" ? ["bars"] : ["area", "line"];
      return names.map((name) => this.shape("path", `${name} ink-${ink}`));
    });
    this.shape("path", "base line").setAttribute("d", `M0 ${HEIGHT - 0.5}H${WIDTH}`);
    this.cursor = this.shape("path", "cursor line");
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      this.read(Math.floor((event.clientX - box.left) / box.width * this.length));
    });
    for (const name of ["pointerleave", "blur"]) svg.addEventListener(name, () => this.read(null));
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      this.read((this.at ?? this.length) + step);
    });
  }

  shape(name, className) {
    const node = document.createElementNS(SVG, name);
    node.setAttribute("class", className);
    this.svg.append(node);
    return node;
  }

  draw(part, now) {
    this.now = now;
    this.each = part[this.chart.each] ?? part.each;
    this.values = this.chart.series.map(([series]) => part[series]);
    this.length = this.values[0].length;
    const stacked = this.chart.kind === "bars";
    const tops = this.values[0].map((_, place) => this.values.reduce(
      (most, values) => (stacked ? most + (values[place] ?? 0) : Math.max(most, values[place] ?? 0)), 0));
    this.top = Math.max(this.chart.least ?? 1, ...tops);
    if (stacked) this.drawBars();
    else this.drawLines();
    const [from, most, to] = this.node.querySelector(".axis").children;
    say(from, `${span(this.each * this.length)} ago`);
    say(most, `highest ${this.format(Math.max(0, ...tops))}${stacked ? ` in ${span(this.each)}` : ""}`);
    say(to, "now");
    this.svg.setAttribute("aria-label", this.summary());
    this.read(this.at);
  }

  drawBars() {
    const step = WIDTH / this.length;
    const base = new Array(this.length).fill(0);
    this.values.forEach((values, number) => {
      let path = "";
      values.forEach((value, place) => {
        if (!value) return;
        const height = Math.max(1.5, value / this.top * (HEIGHT - 4));
        const y = HEIGHT - base[place] - height;
        path += `M${(place * step + 0.3).toFixed(2)} ${y.toFixed(2)}h${(step - 0.6).toFixed(2)}v${height.toFixed(2)}h${(0.6 - step).toFixed(2)}z`;
        base[place] += height;
      });
      this.paths[number][0].setAttribute("d", path);
    });
  }

  drawLines() {
    const step = WIDTH / this.length;
    this.values.forEach((values, number) => {
      let line = "";
      let area = "";
      let last = null;
      values.forEach((value, place) => {
        if (value === null) return;
        const x = ((place + 0.5) * step).toFixed(2);
        const y = (HEIGHT - 1 - value / this.top * (HEIGHT - 6)).toFixed(2);
        // A reading a minute leaves gaps of seconds: what was before goes on.
        line += `${last === null ? "M" : "L"}${x} ${y}`;
        area += `${last === null ? `M${x} ${HEIGHT}L` : "L"}${x} ${y}`;
        last = x;
      });
      if (last !== null) {
        area += `L${last} ${HEIGHT}z`;
        line += line.includes("L") ? "h.01" : `h${step / 2}h${-step}`; // one alone is to be seen too
      }
      this.paths[number][0].setAttribute("d", area);
      this.paths[number][1].setAttribute("d", line);
    });
  }

  /** Show the values at a place; of none the last ones. */
  read(place) {
    if (!this.values) return;
    this.at = place === null ? null : Math.max(0, Math.min(this.length - 1, place));
    const x = this.at === null ? -9 : (this.at + 0.5) * WIDTH / this.length;
    this.cursor.setAttribute("d", `M${x} 0V${HEIGHT}`);
    say(this.output, this.at === null ? this.latest() : this.told(this.at));
  }

  told(place) {
    const when = moment(this.now - (this.length - 1 - place) * this.each * 1000);
    const parts = this.chart.series.map(([, title], number) => [title, this.values[number][place]]);
    const some = parts.filter(([, value]) => value !== null && (value > 0 || parts.length === 1));
    const told = some.map(([title, value]) => (parts.length > 1 ? `${this.format(value)} ${title}` : this.format(value)));
    return `${when}: ${told.join(", ") || "none"}`;
  }

  latest() {
    if (this.chart.kind === "bars") {
      const sum = this.values.flat().reduce((total, value) => total + (value ?? 0), 0);
      return `${count(sum)} in ${span(this.each * this.length)}`;
    }
    const known = this.chart.series.map(([, title], number) => [title, this.values[number].findLast((value) => value !== null)])
      .filter(([, value]) => value !== undefined);
    return known.map(([title, value]) => (this.chart.series.length > 1 ? `${title} ${this.format(value)}` : `now ${this.format(value)}`))
      .join(", ") || "nothing yet";
  }

  summary() {
    const parts = this.chart.series.map(([, title], number) => {
      const known = this.values[number].filter((value) => value !== null);
      if (this.chart.kind === "bars") return `${title} ${count(known.reduce((sum, value) => sum + value, 0))}`;
      return known.length ? `${title} now ${this.format(known[known.length - 1])}, at most ${this.format(Math.max(...known))}` : "";
    });
    return `${this.chart.title}, last ${span(this.each * this.length)}: ${parts.filter(Boolean).join("; ") || "nothing yet"}.`
      + " Arrow keys read single values.";
  }
}
