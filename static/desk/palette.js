// The palette: what can be gone to or done from here, found by its words and chosen by keys. Pages are
// those of the menu, accounts and markets those that the session may read, acts what is bound on the
// page (keys.js) and has something to be done to. It opens and fills; it never sends.
import {h, one, replace} from "./dom.js";
import {account, facts, markOf, rest} from "./facts.js";
import {keycaps, showKeys} from "./key_list.js";
import {actions, bind} from "./keys.js";
import {chosenAccounts, setQuery} from "./query.js";
import {_} from "./words.js";

const ASK_AFTER_MS = 150;
const MARKETS = 12;
const MOST_ACCOUNTS = 6;
const MARKET_LETTERS = 2;

let openMarket = null;

// What the page does with a market that is chosen; elsewhere it opens on the page Trade.
export function openMarketsBy(act) {
  openMarket = act;
}

const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

// Those that have every word, in their order; first those that begin with what is written.
function matching(entries, written) {
  const words = plain(written).split(/\s+/).filter(Boolean);
  const told = (entry) => plain(`${entry.label} ${entry.more ?? ""}`);
  const found = entries.filter((entry) => words.every((word) => told(entry).includes(word)));
  const begins = (entry) => Number(!plain(entry.label).startsWith(words.join(" ")));
  return words.length ? found.sort((a, b) => begins(a) - begins(b)) : found;
}

const acts = () => actions()
  .filter(({group, name}) => group !== "go" && name !== "palette")
  .map(({label, keys, about, act}) => ({label, keys, more: about(), go: act}))
  .filter(({more}) => more !== null)
  .sort((a, b) => Number(!a.more) - Number(!b.more)); // First what is done to something.

const pages = () => actions().filter(({group}) => group === "go").map(({label, keys, act}) => ({label, keys, go: act}));

function accounts() {
  const chips = one("#account-chips");
  const each = facts.accounts.map((its) => ({
    label: its.label, more: [its.exchange_id, markOf(its)].filter(Boolean).join(" · "), go: () => {
      if (chips) setQuery({accounts: String(its.id)});
      else one(`#trade-accounts [data-account="${its.id}"]`)?.click();
    },
  }));
  return chips && facts.accounts.length > 1 ? [{label: _("All accounts"), go: () => setQuery({accounts: null})}, ...each] : each;
}

// The server lists markets one account at a time.
async function markets(written, signal) {
  if (written.length < MARKET_LETTERS || !(openMarket || tradeLink())) return [];
  const asked = openMarket ? [openMarket.accountId()].filter(Boolean) : chosenAccounts().slice(0, MOST_ACCOUNTS);
  const found = await Promise.all(asked.map((id) => rest(`oms/symbols?${new URLSearchParams({account_ids: id, active: "true", q: written.toUpperCase(), limit: MARKETS})}`, {signal})));
  const begins = ({symbol}) => Number(!symbol.startsWith(written.toUpperCase()));
  return found.flatMap(({items}) => items).sort((a, b) => begins(a) - begins(b)).map((row) => ({label: row.symbol, more: account(row.account_id)?.label, go: () => (openMarket ? openMarket.open(row.symbol) : toTrade(row))}));
}

const tradeLink = () => one("[data-key-name=go-trade]");

function toTrade(row) {
  const address = tradeLink().getAttribute("href");
  location.assign(`${address}?${new URLSearchParams({account: row.account_id, symbol: row.symbol})}`);
}

export function openPalette() {
  let shown = [];
  let at = 0;
  let asking = null;
  let timer = null;
  let found = [];
  const known = [[_("Acts"), acts()], [_("Pages"), pages()], [_("Accounts"), accounts()]];
  const list = h("div", {class: "palette-list", id: "palette-list", role: "listbox", "aria-label": _("What can be chosen")});
  const nothing = h("p", {class: "quiet", role: "status"});
  const field = h("input", {type: "search", id: "palette-field", role: "combobox", "aria-controls": "palette-list", "aria-expanded": "true", "aria-autocomplete": "list", "aria-label": _("Find a page, an account, a market, an act"), placeholder: _("Find a page, an account, a market, an act"), autocomplete: "off", spellcheck: "false"});
  const dialog = h("dialog", {id: "palette", class: "palette", "aria-label": _("Find and do")}, h("div", {class: "inside"}, field, list, nothing));

  function choose(entry) {
    dialog.close();
    entry?.go();
  }

  function point() {
    for (const [place, option] of list.querySelectorAll("[role=option]").entries()) option.setAttribute("aria-selected", String(place === at));
    field.setAttribute("aria-activedescendant", shown.length ? `palette-${at}` : "");
    one("[aria-selected=true]", list)?.scrollIntoView({block: "nearest"});
  }

  function draw() {
    const parts = [...known.map(([label, entries]) => [label, matching(entries, field.value)]), [_("Markets"), found]].filter(([, entries]) => entries.length);
    shown = parts.flatMap(([, entries]) => entries);
    at = Math.min(at, Math.max(0, shown.length - 1));
    replace(list, ...parts.map(([label, entries], place) => h("div", {role: "group", "aria-labelledby": `palette-part-${place}`},
      h("div", {class: "palette-part", id: `palette-part-${place}`, role: "presentation"}, label),
      ...entries.map((entry) => h("div", {role: "option", id: `palette-${shown.indexOf(entry)}`, class: "option", onclick: () => choose(entry)},
        h("span", {}, entry.label), h("small", {class: "quiet"}, entry.more ?? ""), h("span", {}, ...(entry.keys ? keycaps(entry.keys) : [])))))));
    nothing.textContent = shown.length ? "" : _("Nothing of that name.");
    point();
  }

  async function ask() {
    asking?.abort();
    asking = new AbortController();
    try {
      found = await markets(field.value.trim(), asking.signal);
      draw();
    } catch (error) {
      if (error.name !== "AbortError") nothing.textContent = error.message;
    }
  }

  field.addEventListener("input", () => {
    at = 0;
    found = [];
    draw();
    clearTimeout(timer);
    timer = setTimeout(ask, ASK_AFTER_MS);
  });
  field.addEventListener("keydown", (event) => {
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
    if (step && shown.length) {
      event.preventDefault();
      at = (at + step + shown.length) % shown.length;
      point();
    } else if (event.key === "Enter" && !event.repeat) {
      event.preventDefault();
      choose(shown[at]);
    } else if (event.key === "Escape") {
      event.preventDefault(); // A search field would first be emptied.
      dialog.close();
    }
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    asking?.abort();
    clearTimeout(timer);
    dialog.remove();
  });
  draw();
  one("#layers").append(dialog);
  dialog.showModal();
  field.focus();
}

bind("palette", openPalette);
bind("keys", showKeys);
