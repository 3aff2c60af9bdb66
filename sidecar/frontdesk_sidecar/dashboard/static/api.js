// Talks to the sidecar: the stream of what happens, and what a person tells it to do.
// The key is sent as a header with each request, so no other site can have it sent.

const KEY = "frontdesk.key";
// There is something each second, or ten times as long as it takes to make it.
const SILENCE_MS = 20000;

export const key = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (value) => sessionStorage.setItem(KEY, value),
  clear: () => sessionStorage.removeItem(KEY),
};

function headers() {
  const given = key.get();
  return given ? { authorization: `Bearer ${given}` } : {};
}

/** Ask for an operation of `/admin`; throws an Error with what the sidecar says. */
export async function ask(operation, parameters = {}) {
  const answer = await fetch(`admin/${operation}`, {
    method: "POST",
    headers: { ...headers(), "content-type": "application/json" },
    body: JSON.stringify(parameters),
    cache: "no-store",
    credentials: "omit",
  });
  const told = await answer.json().catch(() => ({ error: `HTTP ${answer.status}` }));
  if (!answer.ok) throw new Error(told.error ?? `HTTP ${answer.status}`);
  return told;
}

/** Hear events until it ends; `hear` gets each name and its data. Gives the status of a refusal. */
async function listen(signal, alive, hear) {
  const answer = await fetch("dashboard/events", {
    headers: headers(), signal, cache: "no-store", credentials: "omit",
  });
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({}));
    return { status: answer.status, error: told.error ?? `HTTP ${answer.status}` };
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    alive();
    const { done, value } = await reader.read();
    if (done) return { status: 0, error: "" };
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const [first, second] = block.split("\n");
      hear(first.slice("event: ".length), JSON.parse(second.slice("data: ".length)));
    }
  }
}

/**
 * Keep listening while the page is seen. `tell` hears of the link: live, waiting (and why), or
 * refused.
 */
export function follow(hear, tell) {
  let control = null;
  let timer = 0;
  let silence = 0;
  let wait = 1000;

  async function start() {
    clearTimeout(timer);
    control?.abort();
    const own = new AbortController();
    control = own;
    let isSilent = false;
    // A network that went away ends no stream.
    const alive = () => {
      clearTimeout(silence);
      silence = setTimeout(() => { isSilent = true; own.abort(); }, SILENCE_MS);
    };
    let ended;
    try {
      alive();
      ended = await listen(own.signal, alive, (name, data) => {
        if (own !== control) return;
        wait = 1000;
        tell("live", "");
        hear(name, data);
      });
    } catch (error) {
      if (own.signal.aborted && !isSilent) return;
      ended = { status: 0, error: "" };
    }
    if (own !== control) return;
    clearTimeout(silence);
    if (ended.status === 401 || ended.status === 403) {
      tell("refused", ended.error, ended.status);
      return;
    }
    tell("waiting", ended.error);
    timer = setTimeout(start, wait);
    wait = Math.min(wait * 2, 15000);
  }

  function stop() {
    clearTimeout(timer);
    clearTimeout(silence);
    control?.abort();
    control = null;
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      stop();
      tell("resting", "");
    } else {
      start();
    }
  });
  start();
  return { again: start, stop };
}
