// What is the matter, where it is stuck, and the targets.

import { byId, el, mark, say } from "./dom.js";
import { count, counted, moment, rate, size, span } from "./format.js";

const TITLES = { captured: "Captured", journal: "Journal", store: "Store", sap: "SAP" };
const STATES = { ok: "✓ fine", slow: "! slow", stuck: "✕ stuck here" };

export function showState(told) {
  const status = told.status;
  mark(byId("state"), "mood", told.mood);
  mark(byId("pill"), "mood", { fine: "fine", slowing: "attention" }[status.state] ?? "bad");
  say(byId("pill"), status.state);
  document.title = status.state === "fine" ? "frontdesk" : `(${status.state}) frontdesk`;
  showHeadlines(told.headlines);
  told.stations.forEach(showStation);
  showTargets(status.targets ?? []);
  showLatency(told.latency);
  showFooter(status);
}

function showHeadlines(headlines) {
  const place = byId("headlines");
  const same = place.children.length && place.dataset.shape === shape(headlines);
  if (!same) {
    place.dataset.shape = shape(headlines);
    place.replaceChildren(...headlines.flatMap((one) => [
      el("p", { class: "headline" }),
      ...one.notes.map((note) => el("p", { class: "note", "data-kind": note.split(":")[0] })),
    ]));
  }
  const texts = headlines.flatMap((one) => [one.text, ...one.notes]);
  texts.forEach((text, number) => {
    const node = place.children[number];
    // Ages and countdowns go on each second; a screen reader is told of the rest alone.
    if (settled(node.textContent) !== settled(text)) node.removeAttribute("aria-live");
    else node.setAttribute("aria-live", "off");
    say(node, capital(text));
  });
}

const settled = (text) => text.toLowerCase().replace(/\d+/g, "");
const shape = (headlines) => headlines.map((one) => one.notes.length).join(",");
const capital = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);

function showStation(station) {
  let node = byId(`station-${station.name}`);
  if (!node) {
    node = el("li", { id: `station-${station.name}`, class: "card" },
      el("h3", {}, TITLES[station.name] ?? station.name),
      ...["figure", "muted", "muted", "mark"].map((name) => el("p", { class: name })));
    byId("way").append(node);
  }
  mark(node, "state", station.state);
  const [, figure, first, second, verdict] = node.children;
  const [big, one, two] = words(station, station.facts);
  say(figure, big);
  say(first, one);
  say(second, two);
  say(verdict, STATES[station.state] + (station.why ? `: ${station.why}` : ""));
}

function words(station, facts) {
  switch (station.name) {
    case "captured":
      return [rate(station.minute), `${counted(station.hour, "login")} in the last hour`,
        `${count(facts.leftOut)} left out since the start`];
    case "journal":
      return [`${size(facts.lagBytes)} to read`, counted(facts.segments, "segment"), ""];
    case "store":
      return [`${count(facts.pending)} waiting`,
        facts.pending ? `the oldest for ${span(facts.oldest)}` : "nobody waits",
        `${size(facts.bytes)} on disk`];
    default:
      return [rate(station.minute), `${count(station.hour)} in the last hour`,
        `${count(facts.clean)} settled, ${count(facts.dead)} dead`];
  }
}

export function showTargets(targets) {
  byId("targets-section").hidden = targets.length === 0;
  for (const one of targets) {
    let node = byId(`target-${one.name}`);
    if (!node) {
      node = el("article", { id: `target-${one.name}`, class: "card target" },
        el("h3", {}, one.name), el("p", { class: "muted" }, one.sap),
        el("p"), el("p", { class: "muted" }), el("p", { class: "muted" }));
      byId("targets").append(node);
    }
    const gate = one.gate.state;
    mark(node, "gate", gate === "open" ? "ok" : ["throttled", "failing"].includes(gate) ? "slow" : "stuck");
    const [, , state, waits, sent] = node.children;
    const since = one.gate.since ? ` since ${moment(one.gate.since)}` : "";
    say(state, `${one.state}${since}${one.gate.text ? `: ${one.gate.text}` : ""}`);
    const customers = one.customers;
    const waiting = customers.pending + customers.leased;
    say(waits, `${count(waiting)} waiting${waiting ? `, the oldest for ${span(one.oldestPendingSeconds)}` : ""}; `
      + `${count(customers.clean)} settled, ${count(customers.dead)} dead`);
    say(sent, `${one.rate.customersPerSecond} customers/s, limit ${one.rate.limitPerSecond} requests/s, `
      + `at most ${one.rate.concurrency} of ${one.rate.concurrencyLimit} at once`);
  }
}

const RANGES = [["minutes5", "5 min"], ["hour", "hour"], ["day", "day"]];

function showLatency(latency) {
  const body = byId("latency").tBodies[0];
  if (!body.rows.length) {
    for (const [, title] of RANGES) {
      body.append(el("tr", {}, el("th", { scope: "row" }, title), ...[1, 2, 3, 4].map(() => el("td"))));
    }
  }
  RANGES.forEach(([name], number) => {
    const one = latency[name];
    const cells = body.rows[number].cells;
    ["p50", "p95", "p99"].forEach((share, place) => say(cells[place + 1], span(one[share])));
    say(cells[4], count(one.count));
  });
}

function showFooter(status) {
  const { journal, store } = status;
  const disk = store.diskFreeBytes === null ? "" : `, ${size(store.diskFreeBytes)} free on its disk`;
  say(byId("footer"), `frontdesk ${status.version}, Python ${status.python}, SQLite ${status.sqlite}, `
    + `process ${status.pid} since ${moment(status.startedAt)}. Journal ${journal.path}. `
    + `Store ${store.path}${disk}. Charts and latencies are kept in memory and begin with the process.`);
}
