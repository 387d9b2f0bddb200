// What makes the page live. Without it everything can be read and done as well; a reload shows what is new.
"use strict";

(() => {
  const live = document.getElementById("live");
  const lines = document.getElementById("lines");
  const address = (lines && lines.dataset.events) || document.body.dataset.events;
  const MOST_LINES = 5000;
  let source = null, asked = false, busy = false;

  const say = (state, text) => { live.dataset.state = state; live.textContent = text; };

  // ---- parts that are looked up again ----

  // Somebody types there, or has opened a form: it stays as it is.
  const inUse = (part) => part.querySelector("details[open]") !== null ||
    (part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select"));

  // The focus goes back to the same link or button.
  const keepFocus = (part, swap) => {
    const at = part.contains(document.activeElement) ? document.activeElement : null;
    const all = "a, button, summary", index = at ? [...part.querySelectorAll(all)].indexOf(at) : -1;
    swap();
    if (index >= 0) { const again = part.querySelectorAll(all)[index]; if (again) again.focus({ preventScroll: true }); }
  };

  const put = (fresh) => {
    for (const part of document.querySelectorAll("[data-live]")) {
      const other = fresh.getElementById(part.id);
      if (!other || inUse(part) || part.innerHTML === other.innerHTML) continue;
      keepFocus(part, () => { part.className = other.className; part.replaceChildren(...other.childNodes); });
    }
    const foot = fresh.querySelector("footer time"), ours = document.querySelector("footer time");
    if (foot && ours) ours.replaceWith(foot);
  };

  // At most each second, and less often where the answer takes long: who only looks must not be a burden.
  const refresh = async () => {
    if (busy) { asked = true; return; }
    busy = true;
    const began = performance.now();
    try {
      const url = new URL(location.href);
      url.searchParams.delete("done");
      const answer = await fetch(url, { headers: { Accept: "text/html" } });
      if (answer.ok) put(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch { /* the events say that the connection is gone */ }
    setTimeout(() => { busy = false; if (asked) { asked = false; refresh(); } }, Math.max(1000, 9 * (performance.now() - began)));
  };

  // ---- the log of a run ----

  const element = (name, kind, text) => {
    const made = document.createElement(name);
    if (kind) made.className = kind;
    made.textContent = text;
    return made;
  };

  const lineOf = (line) => {
    const row = element("span", "line " + line.stream, "");
    if (line.at) row.append(element("time", "", line.at.slice(11, 19) + " "));
    row.append(line.text + "\n");
    return row;
  };

  const add = (list) => {
    const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
    lines.append(...list.map(lineOf));
    while (lines.childElementCount > MOST_LINES) lines.firstElementChild.remove();
    if (atEnd) lines.scrollTop = lines.scrollHeight;
    const none = document.getElementById("nolines");
    if (none) none.remove();
  };

  // ---- events ----

  const connect = () => {
    if (source || !address) return;
    source = new EventSource(address);
    source.onopen = () => say("on", "live");
    source.onerror = () => say("lost", "not connected, trying again");
    source.addEventListener("change", refresh);
    if (!lines) return;
    source.addEventListener("lines", (event) => add(JSON.parse(event.data)));
    source.addEventListener("over", () => { disconnect(); say("off", "the run is over"); refresh(); });
  };

  const disconnect = () => { if (source) source.close(); source = null; };

  // A browser has few connections to a server: a page that nobody sees gives its back.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { if (!lines) disconnect(); } else { connect(); refresh(); }
  });

  document.addEventListener("submit", (event) => {
    const question = event.submitter && event.submitter.dataset.ask;
    if (question && !confirm(question)) event.preventDefault();
  });

  // What runs gets older without being asked about.
  const span = (s) => s < 60 ? Math.floor(s) + " s" : s < 3600 ? Math.floor(s / 60) + " min " + Math.floor(s % 60) + " s"
    : Math.floor(s / 3600) + " h " + Math.floor(s % 3600 / 60) + " min";
  setInterval(() => {
    for (const one of document.querySelectorAll("[data-since]")) one.textContent = span(Math.max(0, (Date.now() - Date.parse(one.dataset.since)) / 1000));
  }, 1000);

  if (lines) lines.scrollTop = lines.scrollHeight;
  connect();
})();
