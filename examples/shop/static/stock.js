// Keeps the stock levels on the page fresh while somebody looks at it.
const shown = document.querySelectorAll("[data-stock]");
let stream = null;

function show(event) {
  const levels = JSON.parse(event.data);
  for (const element of shown) element.textContent = levels[element.dataset.stock] ?? "";
}

function follow() {
  stream?.close();
  stream = null;
  if (document.hidden || shown.length === 0) return;
  stream = new EventSource("/stock/stream");
  stream.addEventListener("stock", show);
}

document.addEventListener("visibilitychange", follow);
// A page kept for the back button must not keep a connection.
addEventListener("pagehide", () => stream?.close());
addEventListener("pageshow", follow);
