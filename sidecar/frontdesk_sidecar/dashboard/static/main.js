// Puts the page together: one stream in, the parts out.

import { ask, follow, key } from "./api.js";
import { setUpCharts, showCharts } from "./charts.js";
import { setUpDead, showDead } from "./dead.js";
import { byId, confirmed, el, facts, mark, openDialog, say, toast } from "./dom.js";
import { showOutage, showState } from "./state.js";
import { setUpTrace, showTrace } from "./trace.js";

let mayAct = false;
let isPaused = false;
let at = Date.now();

const hear = {
  hello(told) {
    mayAct = told.mayAct;
    byId("pause").hidden = !mayAct;
    byId("key").hidden = !key.get();
    say(byId("key"), "Forget key");
    setUpDead(mayAct);
    showConfiguration(told.configuration);
  },
  snapshot(told) {
    if (told.error) {
      showOutage("no store", told.error);
      return;
    }
    at = told.at;
    const gates = (told.status.targets ?? [told.status]).map((one) => one.gate.state);
    isPaused = gates.some((gate) => gate === "hand");
    const isShut = gates.some((gate) => gate !== "open" && gate !== "hand");
    say(byId("pause"), isPaused ? "Send again" : isShut ? "Try now" : "Pause sending");
    byId("pause").classList.toggle("main", isPaused);
    byId("pause").dataset.action = isPaused || isShut ? "resume" : "pause";
    showState(told);
    showDead(told);
  },
  charts(told) { showCharts(told, at); },
  trace(told) { showTrace(told); },
};

const link = follow((name, data) => hear[name]?.(data), (state, why, status) => {
  const node = byId("link");
  mark(node, "live", state === "live" ? "yes" : "no");
  if (state === "live") say(node, "live");
  else if (state === "resting") say(node, "resting while nobody looks");
  else if (state === "waiting") {
    say(node, "trying again");
    showOutage("no answer", why ? `The sidecar does not tell how things stand: ${why}` : "The sidecar does not answer",
      "do: see whether it runs, by frontdesk status and the log of its service; web processes go on meanwhile");
  } else {
    say(node, why);
    mark(byId("pill"), "mood", "");
    say(byId("pill"), status === 401 ? "locked" : "refused");
    if (status === 401) askKey();
  }
});

function askKey() {
  const was = key.get();
  key.clear();
  byId("key").hidden = false;
  say(byId("key"), "Enter the key");
  const input = byId("key-input");
  input.value = "";
  say(byId("key-error"), was ? "This key is not the right one." : "");
  if (byId("ask-key").open) return;
  openDialog(byId("ask-key"), () => {
    key.set(input.value.trim());
    input.value = "";
    link.again();
  });
}

byId("key").addEventListener("click", () => {
  if (!key.get()) {
    askKey();
    return;
  }
  key.clear();
  location.reload();
});

byId("pause").addEventListener("click", () => {
  const operation = byId("pause").dataset.action;
  const go = async () => {
    try {
      await ask(operation);
      toast({ pause: "Paused: nothing is sent", resume: isPaused ? "Sending again" : "It tries now" }[operation]);
    } catch (error) {
      toast(`Not done: ${error.message}`);
    }
  };
  if (operation === "pause") {
    confirmed("Send nothing more to SAP until somebody resumes? Logins are still taken in, nothing is lost.", "Pause", go);
  } else {
    go();
  }
});

function showConfiguration(sections) {
  byId("configuration").replaceChildren(...sections.map((one) => el("details", { class: "card" },
    el("summary", {}, `[${one.section}]`), facts(one.settings))));
}

setUpCharts();
setUpTrace();
