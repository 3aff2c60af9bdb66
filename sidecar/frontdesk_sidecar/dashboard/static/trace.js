// Recent deliveries: event, traits, payload, answer. All of it comes masked.

import { byId, el, facts, say, shown } from "./dom.js";
import { count, moment, span } from "./format.js";

const MOST = 50;
const FEW = 12; // as in parts.css
const NEXT = {
  settled: "", retry: "tried again", again: "tried again when sending goes on", dead: "now a dead letter",
};
let held = false;
let unseen = 0;
let waiting = [];

export function setUpTrace() {
  byId("trace-all").addEventListener("click", () => {
    const isAll = byId("trace").classList.toggle("all");
    say(byId("trace-all"), isAll ? `Show the latest ${FEW}` : `Show all ${MOST}`);
  });
  byId("hold").addEventListener("click", () => {
    held = !held;
    byId("hold").setAttribute("aria-pressed", String(held));
    if (!held) flush();
  });
  byId("failures").addEventListener("change", (event) => {
    byId("trace").classList.toggle("only-failures", event.target.checked);
    byId("hold").focus({ preventScroll: true });
    event.target.focus({ preventScroll: true });
  });
}

export function showTrace(told) {
  unseen += told.unseen;
  waiting = [...waiting, ...told.list].slice(-MOST);
  if (!held) flush();
}

function flush() {
  const list = byId("trace");
  const open = list.contains(document.activeElement) ? document.activeElement : null;
  list.prepend(...waiting.map(row).reverse());
  waiting = [];
  const rows = [...list.children];
  for (const old of rows.slice(MOST)) {
    if (!open || !old.contains(open)) old.remove();
  }
  const more = unseen ? ` ${count(unseen)} more were delivered meanwhile: at most ten fine and ten failed ones a second are noted.` : "";
  byId("trace-all").hidden = rows.length <= FEW;
  byId("trace-note").textContent = (rows.length ? "" : "Nothing was delivered since this page is open. ")
    + `Noted while this page is open, values masked.${more}`;
}

function row(one) {
  const isUnchanged = one.outcome === "unchanged";
  const [told, took] = isUnchanged ? ["→ unchanged, SAP has it", ""] : [`→ ${one.outcome}`, span(one.seconds)];
  const details = el("details", {},
    el("summary", {},
      el("time", {}, moment(one.at)), " ",
      ...[["", one.event || "no event"], ["", one.customer], ["", told], ["code", isUnchanged ? "" : one.code], ["muted", took]]
        .flatMap(([kind, text]) => [el("span", { class: kind || null }, text), " "])));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(steps(one));
  });
  return el("li", { "data-outcome": one.outcome, class: "fresh" }, details);
}

function steps(one) {
  const step = (title, content) => el("div", {}, el("h3", {}, title), content);
  const place = [["event", one.event], ["at", one.timestamp ?? "–"], ["user id", one.userId], ["site", one.site]];
  const sent = one.payload === null ? el("p", {}, "nothing was sent") : facts(Object.entries(one.payload));
  const after = NEXT[one.next] + (one.dueAt ? ` at ${moment(one.dueAt)}` : "");
  const answer = [
    ["outcome", one.outcome], ["code", one.code], ["try", one.attempts], ...(one.outcome === "unchanged" ? [] : [["took", span(one.seconds)]]),
    ...(one.text ? [["told", one.text]] : []), ...(one.advice ? [["means", one.advice]] : []),
    ...(after ? [["then", after]] : []), ...(one.messageId ? [["message id", one.messageId]] : []),
  ];
  const title = one.outcome === "unchanged" ? "3 · payload, as SAP has it already" : "3 · payload for SAP, masked";
  return el("div", { class: "steps" },
    step("1 · event", facts(place.filter(([, value]) => shown(value) !== "–"))),
    step("2 · traits, masked", facts(Object.entries(one.traits))),
    step(title, sent), step("4 · answer", facts(answer)));
}
