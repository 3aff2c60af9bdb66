// Dead letters by reason: look, retry, discard, export.

import { ask } from "./api.js";
import { byId, confirmed, el, facts, mark, say, toast } from "./dom.js";
import { count, counted, moment } from "./format.js";

const LISTED = 20;
const MOST = 1000; // of one answer
const AGAIN_MS = 15000;
const BEHIND_MS = 900;
const SAPS = /^(odata|http|token)\b/; // others are our own, such as a mapping that gives nothing
const groups = new Map();
let mayAct = false;
let known = "";
let asked = 0;
let under = false;
let listed = 0;

export function setUpDead(may) {
  mayAct = may;
  known = "";
  const place = byId("dead-all");
  if (may && !place.children.length) {
    place.append(
      button("Retry all", () => act("dead.retry", { all: true }, "all")),
      button("Export all", () => download({}, "all")),
      button("Discard all…", () => discard({ all: true }, "all dead letters"), "danger"));
  }
  place.hidden = true;
}

/** Of each snapshot; the letters are asked for when their numbers changed, or some time passed. */
export function showDead(told) {
  const dead = told.status.dead;
  const total = Object.values(dead).reduce((sum, number) => sum + number, 0);
  say(byId("dead-count"), count(total));
  mark(byId("dead-count"), "some", total ? "yes" : "no");
  byId("dead-all").hidden = !mayAct || !total;
  if (!mayAct) {
    showReasons(dead, told.reasons);
    return;
  }
  const numbers = JSON.stringify(dead);
  const age = Date.now() - asked;
  // One letter may go and another come between two snapshots: then the list alone is behind.
  const isBehind = total !== listed && age > BEHIND_MS;
  if (!under && (numbers !== known || isBehind || (total && age > AGAIN_MS))) {
    known = numbers;
    refresh();
  }
}

/** Without the key: how many there are and what it means. */
function showReasons(dead, reasons) {
  const shape = JSON.stringify(dead);
  if (shape === known) return;
  known = shape;
  const rows = Object.entries(dead).map(([code, number]) => el("article", { class: "card group" },
    el("div", { class: "head" }, el("div", { class: "what" }, title(code, number), ...meaning(reasons[code])))));
  byId("dead").replaceChildren(...(rows.length ? rows : [none()]), ...(rows.length ? [el("p", { class: "muted" },
    "To look at them here, retry or discard them, set http.key in the sidecar's settings and open this page with it; "
    + "frontdesk dead does the same in a terminal.")] : []));
}

const none = () => el("p", { class: "muted", id: "no-dead" }, "None: no customer waits for somebody to decide.");
const title = (code, number) => el("div", {}, el("h3", { class: "code" }, code), el("span", { class: "muted" }, ` ${counted(number, "letter")}`));
const meaning = (reason) => (reason
  ? [el("p", {}, reason.means), ...(reason.todo ? [el("p", { class: "muted" }, `Do: ${reason.todo}`)] : [])] : []);

async function refresh() {
  under = true;
  asked = Date.now();
  try {
    const told = await ask("dead.list", { limit: 200 });
    place(told);
    await Promise.all([...groups.values()].filter((group) => group.open).map((group) => group.load()));
  } catch (error) {
    toast(`Dead letters: ${error.message}`);
  } finally {
    under = false;
  }
}

function place(told) {
  listed = told.total;
  const codes = Object.entries(told.codes).sort((one, other) => other[1] - one[1] || (one[0] < other[0] ? -1 : 1));
  for (const code of [...groups.keys()]) {
    if (!(code in told.codes)) {
      groups.get(code).node.remove();
      groups.delete(code);
    }
  }
  const list = byId("dead");
  list.querySelector("#no-dead")?.remove();
  for (const [code, number] of codes) {
    if (!groups.has(code)) {
      groups.set(code, new Group(code));
      list.append(groups.get(code).node);
    }
    const latest = told.letters.find((letter) => letter.code === code);
    groups.get(code).update(number, told.advice[code] ?? "", latest?.text ?? "");
  }
  if (!codes.length) list.replaceChildren(none());
}

class Group {
  constructor(code) {
    this.code = code;
    this.open = false;
    this.rows = new Map();
    this.number = el("span", { class: "muted" });
    this.text = el("p", {});
    this.advice = el("p", { class: "muted" });
    this.toggle = button("Look", () => this.flip());
    this.toggle.setAttribute("aria-expanded", "false");
    this.list = el("ul", { class: "letters", hidden: true, "aria-label": `Dead letters, ${code}` });
    this.listed = LISTED;
    this.told = el("span");
    this.more = el("p", { class: "more muted", hidden: true }, this.told, " ", button("Show more", () => {
      this.listed = Math.min(this.listed * 4, MOST);
      return this.load();
    }));
    const named = (label, action, kind) => {
      const node = button(label, action, kind);
      node.setAttribute("aria-label", `${label} group ${code}`);
      return node;
    };
    this.node = el("article", { class: "card group", "data-code": code },
      el("div", { class: "head" },
        el("div", { class: "what" }, el("h3", { class: "code" }, code), " ", this.number, this.text, this.advice),
        el("span", { class: "actions" }, this.toggle,
          named("Retry", () => act("dead.retry", { reason: code }, `reason ${code}`)),
          named("Export", () => download({ reason: code }, code)),
          named("Discard…", () => discard({ reason: code }, `all dead letters of ${code}`), "danger"))),
      this.list, this.more);
  }

  update(number, advice, text) {
    this.total = number;
    say(this.number, counted(number, "letter"));
    say(this.advice, advice);
    if (text) say(this.text, SAPS.test(this.code) ? `SAP says: ${text}` : text);
  }

  async flip() {
    this.open = !this.open;
    this.list.hidden = !this.open;
    this.toggle.setAttribute("aria-expanded", String(this.open));
    say(this.toggle, this.open ? "Close" : "Look");
    if (this.open) await this.load();
    else this.more.hidden = true;
  }

  async load() {
    const told = await ask("dead.list", { reason: this.code, limit: this.listed });
    const letters = new Map(told.letters.map((letter) => [letter.id, letter]));
    const focused = this.list.contains(document.activeElement);
    for (const [id, node] of this.rows) {
      if (!letters.has(id)) {
        node.remove();
        this.rows.delete(id);
      }
    }
    for (const [id, letter] of letters) {
      if (!this.rows.has(id)) this.rows.set(id, row(letter));
      this.list.append(this.rows.get(id));
    }
    if (focused && !this.list.contains(document.activeElement)) {
      (this.list.querySelector("button") ?? this.toggle).focus();
    }
    this.more.hidden = told.total <= letters.size;
    say(this.told, `The latest ${letters.size} of ${count(told.total)}.`);
    this.more.lastChild.hidden = this.listed === MOST;
  }
}

function row(letter) {
  const details = el("details", {}, el("summary", {},
    `${letter.customer} · number ${letter.id} · ${counted(letter.attempts, "try").replace("trys", "tries")} · `,
    el("time", {}, moment(letter.diedAt)), letter.target === "default" ? "" : ` · ${letter.target}`));
  details.append(el("div", { class: "steps" },
    el("div", {}, el("h4", {}, "last tries"), facts(letter.history.map((one) => [moment(one.at),
      `${one.code}${one.text ? `: ${one.text}` : ""}${one.integrationMessageId ? ` (integrationMessageId ${one.integrationMessageId})` : ""}`]))),
    el("div", {}, el("h4", {}, "customer, masked"), facts([
      ["user id", letter.userId], ["event", letter.event], ...Object.entries(letter.traits)]))));
  const act_ = (label, action, kind) => {
    const node = button(label, action, kind);
    node.setAttribute("aria-label", `${label} letter ${letter.id}`);
    return node;
  };
  const key = { key: String(letter.id) };
  return el("li", { "data-letter": letter.id }, details, el("span", { class: "actions" },
    act_("Retry", () => act("dead.retry", key, `letter ${letter.id}`)),
    act_("Discard…", () => discard(key, `dead letter ${letter.id}`), "danger")));
}

function button(label, action, kind = "") {
  return el("button", { type: "button", class: kind || null, onclick: action }, label);
}

async function act(operation, parameters, what) {
  try {
    const told = await ask(operation, parameters);
    toast(`${counted(told.retried, "dead letter")} of ${what}: tried again now`);
  } catch (error) {
    toast(`Not done: ${error.message}`);
  }
  await refresh();
}

function discard(parameters, what) {
  confirmed(`Delete ${what} for good? What is known of these customers goes with them.`, "Discard", async () => {
    let number = 0;
    try {
      for (let more = true; more;) {
        const told = await ask("dead.discard", parameters);
        number += told.discarded;
        more = told.more;
        if (more) toast(`${count(number)} discarded, going on…`);
      }
      toast(`${counted(number, "dead letter")} discarded`);
    } catch (error) {
      toast(`Not done: ${error.message}`);
    }
    await refresh();
  });
}

/** One JSON document a line, as `frontdesk dead export` writes it; masked. */
async function download(parameters, name) {
  const lines = [];
  try {
    for (let after = null; ;) {
      const told = await ask("dead.export", { ...parameters, ...(after ? { after } : {}) });
      for (const letter of told.letters) lines.push(`${JSON.stringify(letter)}\n`);
      after = told.next;
      if (after) toast(`${count(lines.length)} exported, going on…`);
      if (!after) break;
    }
  } catch (error) {
    toast(`Not exported: ${error.message}`);
    return;
  }
  const link = el("a", { download: `dead-${name.replace(/[^A-Za-z0-9_-]+/g, "-")}.ndjson` });
  link.href = URL.createObjectURL(new Blob(lines, { type: "application/x-ndjson" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  toast(`${counted(lines.length, "dead letter")} exported, masked`);
}
