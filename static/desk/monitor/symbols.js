// The markets of one account, with what orders may be there.
import {account, facts, may, rest} from "../facts.js";
import {h, one, replace} from "../dom.js";
import {filtered, filters} from "../filters.js";
import {Grid} from "../grid.js";
import {KINDS} from "../cells.js";
import {shown} from "../numbers.js";
import {chosenAccounts} from "../query.js";
import {_} from "../words.js";

const AT_ONCE = 1000;
const TRADE = document.querySelector("[data-key-name=go-trade]")?.getAttribute("href");

KINDS.percent = {show: (value) => (value === null ? "—" : `${shown(percent(value))} %`), width: 84, right: true, compare: KINDS.decimal.compare};
KINDS.words = {show: (value) => value.map((each) => KINDS.word.show(each)).join(", "), width: 260};

// A rate as percent, by its digits.
function percent(rate) {
  const [whole, part = ""] = rate.split(".");
  const digits = part.padEnd(2, "0");
  const text = `${whole}${digits.slice(0, 2)}`.replace(/^0+(?=\d)/, "");
  const rest_ = digits.slice(2).replace(/0+$/, "");
  return rest_ ? `${text}.${rest_}` : text;
}

const COLUMNS = [
  {field: "symbol", title: _("Symbol"), kind: "symbol", width: 150},
  {field: "kind", title: _("Kind"), kind: "word", width: 80},
  {field: "last_price", title: _("Price"), kind: "own_price"},
  {field: "price_step", title: _("Price step"), kind: "decimal"},
  {field: "qty_step", title: _("Quantity step"), kind: "decimal"},
  {field: "min_qty", title: _("Least quantity"), kind: "decimal"},
  {field: "max_qty", title: _("Most quantity"), kind: "decimal", extra: true},
  {field: "max_market_qty", title: _("Most at market"), kind: "decimal", extra: true},
  {field: "min_notional", title: _("Least value"), kind: "decimal"},
  {field: "contract_size", title: _("Contract"), kind: "decimal", extra: true},
  {field: "taker_rate", title: _("Taker fee"), kind: "percent"},
  {field: "maker_rate", title: _("Maker fee"), kind: "percent"},
  {field: "money", title: _("Money"), kind: "text", width: 74},
  {field: "active", title: _("Open"), kind: "flag"},
  {field: "market_id", title: _("Name at the exchange"), kind: "text", extra: true},
  {field: "order_types", title: _("Types of orders"), kind: "words", sortable: false},
  {field: "times_in_force", title: _("Lasts"), kind: "words", extra: true, sortable: false},
];
KINDS.own_price = {...KINDS.decimal, show: (value, row) => shown(value, (row.price_step?.split(".")[1] ?? "").length)};

const grid = new Grid("#grid", {
  name: "symbols", label: _("Symbols"), columns: COLUMNS, sortable: true, sort: {column: "symbol", dir: "asc"}, onOpen: trade,
  acts: TRADE && ((row) => (may(row.account_id, "can_trade") && row.active ? [{label: _("Trade"), name: "trade", act: () => trade(row)}] : [])),
  actsWidth: 84,
  card: (row) => {
    const node = document.createDocumentFragment();
    node.append(h("div", {class: "line"}, h("span", {class: "big"}, row.symbol), KINDS.own_price.show(row.last_price, row)),
      h("div", {class: "line quiet"}, h("span", {}, `${_("Least value")} ${shown(row.min_notional)} ${row.money}`), h("span", {}, `${_("Quantity step")} ${shown(row.qty_step)}`)));
    return node;
  },
});
const bar = h("div", {class: "loading-bar"});
one("#grid").before(bar);

filters([
  {name: "on", label: _("Account"), options: () => facts.accounts.map((each) => [String(each.id), each.label])},
  {name: "q", label: _("Symbol")},
  {name: "active", label: _("Open"), options: [["true", _("yes")], ["false", _("no")]]},
]);

const chosen = () => Number(filtered().on ?? chosenAccounts()[0] ?? facts.accounts[0]?.id);

function trade(row) {
  if (TRADE) location.href = `${TRADE}?account=${row.account_id}&symbol=${encodeURIComponent(row.symbol)}`;
}

let loading = null;
async function load() {
  loading?.abort();
  loading = new AbortController();
  const mine = loading;
  const id = chosen();
  if (!id) return grid.say(h("p", {}, _("The key that you act through reads no account.")));
  bar.classList.add("on");
  const rows = [];
  try {
    let cursor = null;
    do {
      const query = new URLSearchParams({account_ids: id, limit: AT_ONCE});
      const {q, active} = filtered();
      if (q) query.set("q", q);
      if (active) query.set("active", active);
      if (cursor) query.set("cursor", cursor);
      const page = await rest(`oms/symbols?${query}`, {signal: mine.signal});
      rows.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor);
    // A grid's rows have an id.
    grid.show(rows.map((row) => ({...row, id: row.symbol})));
    one("#count").textContent = `${account(id).label} · ${rows.length}`;
    grid.say(...(rows.length ? [] : [h("p", {}, _("No market matches."))]));
  } catch (error) {
    if (error.name === "AbortError") return;
    grid.say(h("p", {class: "told bad"}, error.message), h("small", {class: "quiet"}, error.code), h("button", {type: "button", class: "button", onclick: load}, _("Try again")));
  } finally {
    if (mine === loading) bar.classList.remove("on");
  }
}

document.addEventListener("query", load);
replace(one("#head-acts"), grid.columnsButton());
load();
