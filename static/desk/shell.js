// What surrounds every page: account chips, the state of the stream, the clock, a person's settings.
import {facts, markOf, now, rest} from "./facts.js";
import {h, one, replace, toast} from "./dom.js";
import {keycaps, showKeys} from "./key_list.js";
import {define, keysOf} from "./keys.js";
import {openPalette} from "./palette.js";
import {chosenAccounts, setQuery} from "./query.js";
import {keep} from "./settings.js";
import {stream} from "./stream.js";
import {ago, clockTime, setZone, zone} from "./times.js";
import {_} from "./words.js";

const CAUGHT_UP_MS = 6000;

// --- accounts ----------------------------------------------------------------------------------------
function showChips() {
  const place = one("#account-chips");
  if (!place) return;
  const chosen = new Set(chosenAccounts());
  const all = chosen.size === facts.accounts.length;
  const chip = (label, pressed, act, mark, status) => h("button", {
    type: "button", class: `chip ${mark ? "paper" : ""}`, "aria-pressed": String(pressed), onclick: act,
  }, label, mark ? h("small", {}, mark) : null, status === "blocked" ? h("span", {class: "blocked"}, _("blocked")) : null);
  const chips = facts.accounts.map((each) => chip(each.label, !all && chosen.has(each.id), () => {
    const next = all ? new Set() : new Set(chosen);
    if (!next.delete(each.id)) next.add(each.id);
    const some = next.size && next.size < facts.accounts.length;
    setQuery({accounts: some ? [...next].sort((a, b) => a - b).join(",") : null});
  }, markOf(each), each.status));
  const everything = chip(_("All accounts"), all, () => setQuery({accounts: null}));
  replace(place, facts.accounts.length > 1 ? everything : null, ...chips);
}

// --- the stream --------------------------------------------------------------------------------------
const STATES = {
  connecting: _("Connecting"), live: _("Live"), stale: _("No signal"),
  disconnected: _("Disconnected"), ended: _("Logged out"),
};
let caughtUp = null;

function showStream() {
  const pill = one("#stream-pill");
  if (!pill) return;
  pill.dataset.state = stream.state;
  one("span", pill).textContent = STATES[stream.state];
  pill.title = _("Last heard %(ago)s ago", {ago: ago(stream.age)});
  document.body.classList.toggle("not-live", stream.state !== "live" && stream.state !== "connecting");
  const bars = [];
  const since = clockTime(stream.silentSince ?? stream.heardAt);
  if (stream.state === "stale") {
    bars.push(h("div", {class: "bar warn"}, _("No signal since %(time)s. Prices may be old.", {time: since})));
  } else if (stream.state === "disconnected") {
    const rest_ = stream.until ? Math.max(0, Math.ceil((stream.until - Date.now()) / 1000)) : null;
    bars.push(h("div", {class: "bar bad"},
      _("No connection since %(time)s.", {time: since}), " ",
      rest_ === null ? _("Connecting…") : _("Next try in %(n)s s.", {n: rest_}),
      h("button", {type: "button", class: "button small", onclick: () => stream.now()}, _("Now"))));
  } else if (stream.state === "ended") {
    bars.push(h("div", {class: "bar bad"}, _("The log-in is over. What you have typed is still here."),
      h("a", {class: "button small", href: `/admin/login/?next=${encodeURIComponent(location.pathname)}`, target: "_blank"}, _("Log in")),
      h("button", {type: "button", class: "button small", onclick: () => stream.now()}, _("I have logged in"))));
  } else if (caughtUp) bars.push(h("div", {class: "bar good"}, caughtUp));
  const place = one("#bars");
  const text = bars.map((each) => each.textContent).join("");
  if (place.textContent !== text) replace(place, ...bars);
}

stream.addEventListener("state", showStream);
stream.addEventListener("caughtup", ({detail}) => {
  caughtUp = _("Caught up. Events missed meanwhile: %(n)s", {n: detail.events});
  showStream();
  setTimeout(() => {
    caughtUp = null;
    showStream();
  }, CAUGHT_UP_MS);
});
stream.addEventListener("expired", () => toast(_("You were away for longer than events are kept: everything was read anew."), {kind: "warn"}));
stream.addEventListener("rights", () => {
  showChips();
  toast(_("Your rights have changed. Open the page again for a new menu."), {kind: "warn"});
});

// --- clock and settings ------------------------------------------------------------------------------
function showClock() {
  const clock = one("#clock");
  one("time", clock).textContent = clockTime(now());
  one("span", clock).textContent = zone() === "utc" ? "UTC" : _("local");
}

function settings() {
  one("#clock").addEventListener("click", () => {
    setZone(zone() === "utc" ? "local" : "utc");
    showClock();
    keep({zone: zone()});
  });
  for (const select of document.querySelectorAll("[data-setting]")) {
    select.addEventListener("change", () => {
      document.documentElement.dataset[select.dataset.setting] = select.value;
      keep({[select.dataset.setting]: select.value});
      document.dispatchEvent(new CustomEvent("look"));
    });
  }
  one("#own-language").addEventListener("change", (event) => {
    one("[name=next]", event.target.form).value = location.pathname + location.search;
    event.target.form.submit();
  });
  one("#own-key")?.addEventListener("change", async (event) => {
    try {
      await rest("../session/key/", {method: "POST", body: {api_key_id: Number(event.target.value)}});
      location.reload();
    } catch (error) {
      toast(_("The key was not changed."), {kind: "bad", more: error.message});
    }
  });
  showOwnKeys();
  document.addEventListener("keys", showOwnKeys);
  one("#show-keys").addEventListener("click", showKeys);
  one("#open-palette").addEventListener("click", openPalette);
}

function showOwnKeys() {
  for (const place of document.querySelectorAll("[data-keys-for]")) replace(place, ...keycaps(keysOf(place.dataset.keysFor)));
}

function opens(button, panel, shownBy) {
  const set = (open) => {
    shownBy(open);
    button.setAttribute("aria-expanded", String(open));
  };
  const isOpen = () => button.getAttribute("aria-expanded") === "true";
  button.addEventListener("click", () => set(!isOpen()));
  document.addEventListener("pointerdown", (event) => {
    if (isOpen() && !panel.contains(event.target) && !button.contains(event.target)) set(false);
  });
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    set(false);
    button.focus();
  });
}

function navigation() {
  for (const link of document.querySelectorAll("[data-keys]")) {
    const {keys, keyName} = link.dataset;
    define(keyName, {keys, label: link.textContent.trim(), group: "go", act: () => link.click()});
  }
  // The choice of accounts goes along from page to page.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.(".side nav a");
    const accounts = new URLSearchParams(location.search).get("accounts");
    if (link && accounts) link.search = `?accounts=${accounts}`;
  }, true);
}

const own = one("#own-menu");
opens(one("#own-button"), own, (open) => (own.hidden = !open));
opens(one("#open-menu"), one("#side"), (open) => one("#side").classList.toggle("open", open));
settings();
navigation();
showChips();
document.addEventListener("query", showChips);
showClock();
setInterval(() => {
  showClock();
  if (stream.state !== "live") showStream();
}, 500);
one("#stream-pill")?.addEventListener("pointerenter", showStream);
if (one("#stream-pill")) stream.follow(facts.accounts.map((each) => each.id));
