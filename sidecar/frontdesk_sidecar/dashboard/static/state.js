// What is the matter, where it is stuck, and the targets.

import { byId, el, mark, say } from "./dom.js";
import { count, counted, moment, rate, size, span } from "./format.js";

const TITLES = { captured: "Captured", journal: "Journal", store: "Store", sap: "SAP" };
const STATES = { ok: "✓ fine", quiet: "– nothing heard", slow: "! look", stuck: "✕ stuck here" };
const MOODS = { attention: "needs a look", bad: "needs you" };
// `slowing` is said of a SAP that is slow, down or asks for silence; what customers do is wait.
const WORDS = { slowing: "waiting" };
const HOUR_MS = 3600e3;

let shownAt = 0;

export function showState(told) {
  const status = told.status;
  const outcome = { fine: "fine", slowing: "attention" }[status.state] ?? "bad";
  // Fine is what needs nobody: sending goes on while dead letters wait, or the journal is unread.
  const hides = outcome === "fine" && told.mood !== "fine";
  // Nor is it known to be, when nobody ever said anything.
  const [captured, journal] = told.stations;
  const isSilent = outcome === "fine" && told.mood === "fine" && journal.state === "quiet" && !captured.hour;
  shownAt = told.at;
  if (isSilent) showPill("silent", "nothing heard", "");
  else showPill(hides ? told.mood : outcome, hides ? MOODS[told.mood] : WORDS[status.state] ?? status.state, told.mood);
  showHeadlines(told.headlines, told.at);
  const started = moment(status.startedAt, { second: false });
  const lately = told.at - new Date(status.startedAt) < HOUR_MS ? `since ${started}` : "in the last hour";
  for (const one of told.stations) showStation(one, lately, told.at);
  showTargets(status.targets ?? []);
  showLatency(told.latency, told.at - new Date(status.startedAt), started);
  showFooter(status);
}

/** Nothing is known of how things stand: what is shown is from before, and says so. `texts`: a headline and notes. */
export function showOutage(word, ...texts) {
  document.body.dataset.outage = "yes";
  showPill("bad", word, "bad");
  const from = shownAt ? [`What is below is from ${moment(shownAt)}.`] : [];
  fill([{ text: texts[0], notes: [...from, ...texts.slice(1)], of: null }], Date.now());
}

function showPill(outcome, word, mood) {
  mark(byId("state"), "mood", mood);
  mark(byId("pill"), "mood", outcome);
  say(byId("pill"), word);
  document.title = outcome === "fine" ? "frontdesk" : `(${word}) frontdesk`;
}

function showHeadlines(headlines, at) {
  delete document.body.dataset.outage;
  fill(headlines, at);
}

function fill(headlines, at) {
  const place = byId("headlines");
  if (place.dataset.shape !== shape(headlines)) {
    place.dataset.shape = shape(headlines);
    place.replaceChildren(...headlines.flatMap((one) => [
      el("p", { class: "headline" }, el("span"), one.of ? el("a", { href: `#${one.of}-title`, class: "jump" }, "look at them") : null),
      ...one.notes.map((note) => el("p", { class: "note", "data-kind": note.split(":")[0] }, el("span"))),
    ]));
  }
  // Below is where a terminal has it; here a link leads there.
  const texts = headlines.flatMap((one) => [one.of ? one.text.replace(", see below", "") : one.text, ...one.notes]);
  texts.forEach((text, number) => {
    const row = place.children[number];
    const node = row.firstChild;
    // Ages and countdowns go on each second; a screen reader is told of the rest alone.
    if (settled(node.textContent) !== settled(text)) row.removeAttribute("aria-live");
    else row.setAttribute("aria-live", "off");
    say(node, capital(local(text, at)));
  });
}

const settled = (text) => text.toLowerCase().replace(/\d+/g, "").replace(/ utc/g, "");
const shape = (headlines) => headlines.map((one) => `${one.of}${one.notes.length}`).join(",");
const NAMED = /^\S+: (paused|waiting|silent|when)/; // a target's name stays as it is
const capital = (text) => (NAMED.test(text) ? text : text.slice(0, 1).toUpperCase() + text.slice(1));

/** The sidecar tells times in UTC; all others on the page are this browser's. */
function local(text, at) {
  const today = new Date(at).toISOString().slice(0, 10);
  return text.replace(/(?:(\d{4}-\d\d-\d\d) )?(\d\d:\d\d)(:\d\d)? UTC/g,
    (all, day, minute, second) => moment(`${day ?? today}T${minute}${second ?? ":00"}Z`, { second: Boolean(second) }));
}

function showStation(station, lately, at) {
  let node = byId(`station-${station.name}`);
  if (!node) {
    node = el("li", { id: `station-${station.name}`, class: "card" },
      el("h3", {}, TITLES[station.name] ?? station.name),
      ...["figure", "muted", "muted", "mark"].map((name) => el("p", { class: name })));
    byId("way").append(node);
  }
  mark(node, "state", station.state);
  const [, figure, first, second, verdict] = node.children;
  const [big, one, two] = words(station, station.facts, lately, at);
  say(figure, big);
  say(first, one);
  say(second, two);
  say(verdict, STATES[station.state] + (station.why ? `: ${station.why}` : ""));
}

function words(station, facts, lately, at) {
  switch (station.name) {
    case "captured":
      return [rate(station.minute), `${counted(station.hour, "login")} ${lately}`,
        facts.leftOut ? `${counted(facts.leftOut, "attempt")} that were no login` : ""];
    case "journal":
      return [`${size(facts.lagBytes)} to read`, facts.lastLineAt ? `heard ${ago(facts.lastLineAt, at)}` : "", ""];
    case "store":
      return [`${count(facts.pending)} waiting`,
        facts.pending ? `the oldest for ${span(facts.oldest)}` : "nobody waits",
        `${size(facts.bytes)} on disk`];
    default:
      return [!facts.sends ? (station.state === "stuck" ? "stopped" : "waiting") : rate(station.minute + facts.unchangedMinute),
        `${count(station.hour)} sent ${facts.unchangedHour ? `and ${count(facts.unchangedHour)} unchanged ` : ""}${lately}`,
        `${count(facts.clean)} up to date, ${counted(facts.dead, "dead letter")}`];
  }
}

function ago(moment_, at) {
  const seconds = Math.max(0, (at - new Date(moment_)) / 1000);
  return seconds < 60 ? "just now" : `${span(seconds)} ago`;
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
    say(state, `${WORDS[one.state] ?? one.state}${since}${one.gate.text ? `: ${one.gate.text}` : ""}`);
    const customers = one.customers;
    const waiting = customers.pending + customers.leased;
    say(waits, `${count(waiting)} waiting${waiting ? `, the oldest for ${span(one.oldestPendingSeconds)}` : ""}; `
      + `${count(customers.clean)} up to date, ${count(customers.dead)} dead`);
    say(sent, `${one.rate.customersPerSecond} customers/s, limit ${one.rate.limitPerSecond} requests/s, `
      + `at most ${one.rate.concurrency} of ${one.rate.concurrencyLimit} at once`);
  }
}

const RANGES = [["minutes5", "5 min", 300e3], ["hour", "hour", HOUR_MS], ["day", "day", 24 * HOUR_MS]];

function showLatency(latency, age, started) {
  const body = byId("latency").tBodies[0];
  if (!body.rows.length) {
    for (const [, title] of RANGES) {
      body.append(el("tr", {}, el("th", { scope: "row" }, title, " ", el("small")), ...[1, 2, 3, 4].map(() => el("td"))));
    }
  }
  RANGES.forEach(([name, , length], number) => {
    const one = latency[name];
    const cells = body.rows[number].cells;
    say(cells[0].lastChild, age < length ? `since ${started}` : "");
    ["p50", "p95", "p99"].forEach((share, place) => say(cells[place + 1], span(one[share])));
    say(cells[4], count(one.count));
  });
}

function showFooter(status) {
  const { journal, store } = status;
  const disk = store.diskFreeBytes === null ? "" : `, ${size(store.diskFreeBytes)} free on its disk`;
  say(byId("footer"), `frontdesk ${status.version}, Python ${status.python}, SQLite ${status.sqlite}, `
    + `process ${status.pid} since ${moment(status.startedAt)}. Journal ${journal.path}. `
    + `Store ${store.path}${disk}. Charts and latencies are kept in memory and begin with the process. `
    + `Times are those of this browser (${Intl.DateTimeFormat().resolvedOptions().timeZone}).`);
}
