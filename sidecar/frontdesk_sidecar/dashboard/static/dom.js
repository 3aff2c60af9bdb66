// Small helpers. Text goes in as text, never as markup.

export const byId = (id) => document.getElementById(id);

/** An element with attributes (`on…` are listeners) and children; texts become text nodes. */
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Change a text only when it is another one: a screen reader would hear it again. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function mark(node, name, value) {
  if (node.dataset[name] !== value) node.dataset[name] = value;
}

/** Rows of a definition list from `[name, value]`. */
export function facts(rows) {
  const list = el("dl");
  for (const [name, value] of rows) {
    list.append(el("dt", {}, name), el("dd", {}, shown(value)));
  }
  return list;
}

/** A JSON value as a person reads it. */
export function shown(value) {
  if (value === null || value === undefined || value === "") return "–";
  return typeof value === "object" ? JSON.stringify(value, null, 1) : String(value);
}

let toastTimer = 0;
export function toast(text) {
  const node = byId("toast");
  node.textContent = text;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { node.textContent = ""; }, 6000);
}

/** Open a dialog; `submit` may give false, or a promise of it, to keep it open. */
export function openDialog(dialog, submit) {
  const form = dialog.querySelector("form");
  const close = () => dialog.close();
  const onSubmit = async (event) => {
    event.preventDefault();
    if ((await submit()) !== false) dialog.close();
  };
  const buttons = dialog.querySelectorAll("[data-close]");
  form.addEventListener("submit", onSubmit);
  for (const button of buttons) button.addEventListener("click", close);
  dialog.addEventListener("close", () => {
    form.removeEventListener("submit", onSubmit);
    for (const button of buttons) button.removeEventListener("click", close);
  }, { once: true });
  dialog.showModal();
}

/** Ask before what cannot be undone; then do it. */
export function confirmed(text, yes, action) {
  byId("confirm-text").textContent = text;
  byId("confirm-yes").textContent = yes;
  openDialog(byId("confirm"), () => { action(); });
}
