// Open positions: live, with their stops, to be protected and closed.
import {account, facts, may} from "../facts.js";
import {h, one, replace} from "../dom.js";
import {clearFilters, exportButton, filtered, filters, sideFilter, STRATEGY, toFilters} from "../filters.js";
import {Grid} from "../grid.js";
import {KINDS} from "../cells.js";
import {bind} from "../keys.js";
import {addDec, money, moneyOf, signOf} from "../numbers.js";
import {chosenAccounts} from "../query.js";
import {positions} from "../store.js";
import {stream} from "../stream.js";
import {viewsButton} from "../views.js";
import {_} from "../words.js";
import {openPosition} from "./details.js";
import {breakEven, candidates, closeBy, closePosition, closeSeveral, editStops, named} from "./position_acts.js";

const mayClose = (row) => may(row.account_id, "can_close_position");
const mayTrade = (row) => may(row.account_id, "can_trade");

// A stop as a button: it is where one is set.
function stop(name) {
  return (value, row) => {
    const told = KINDS.price.show(value, row);
    if (!mayTrade(row)) return told;
    return h("button", {type: "button", class: "cell-link", tabindex: "-1", "aria-label": _("Change the stops"), onclick: (event) => {
      event.stopPropagation();
      editStops(row, {prefill: {[name]: value ?? ""}});
    }}, value === null ? "+" : told);
  };
}
KINDS.stop_loss = {...KINDS.price, show: stop("stop_loss"), width: 92};
KINDS.stop_gain = {...KINDS.price, show: stop("stop_gain"), width: 100};
KINDS.trailing = {
  show: (value, row) => (value ? `${value.percent ? `${value.percent} %` : value.amount}${value.stop_price ? ` → ${KINDS.price.show(value.stop_price, row)}` : ""}` : "—"),
  width: 110, right: true,
};
KINDS.protection = {
  show: (value) => h("span", {}, protectionIn(value)), width: 120,
};

function protectionIn(value) {
  if (!value) return "—";
  const states = [...new Set(["stop_loss", "stop_gain"].map((name) => value[name]?.state).filter(Boolean))];
  const told = {watched: _("by the OMS"), resting: _("at the exchange")};
  const text = states.map((each) => told[each] ?? each.replaceAll("_", " ")).join(", ");
  return value.warning ? `${text} ⚠` : text || "—";
}

const COLUMNS = [
  {field: "id", title: _("ID"), kind: "id"},
  {field: "account_id", title: _("Account"), kind: "account"},
  {field: "symbol", title: _("Symbol"), kind: "symbol"},
  {field: "side", title: _("Side"), kind: "side"},
  {field: "qty", title: _("Quantity"), kind: "qty"},
  {field: "avg_price", title: _("Average"), kind: "average"},
  {field: "mark_price", title: _("Price"), kind: "mark"},
  {field: "floating_profit", title: _("Floating"), kind: "floating"},
  {field: "profit", title: _("Realised"), kind: "profit"},
  {field: "stop_loss", title: _("Stop loss"), kind: "stop_loss"},
  {field: "stop_gain", title: _("Take profit"), kind: "stop_gain"},
  {field: "trailing", title: _("Trailing"), kind: "trailing", extra: true, sortable: false},
  {field: "protection", title: _("Stops rest"), kind: "protection", extra: true, sortable: false},
  {field: "fees", title: _("Fees"), kind: "money", extra: true},
  {field: "strategy_id", title: _("Strategy"), kind: "strategy"},
  {field: "reason", title: _("Reason"), kind: "word", extra: true},
  {field: "state", title: _("State"), kind: "word", extra: true},
  {field: "ticket", title: _("Ticket"), kind: "id", extra: true},
  {field: "opened_at", title: _("Opened"), kind: "time"},
  {field: "comment", title: _("Comment"), kind: "note"},
];

const grid = new Grid("#grid", {
  name: "positions", label: _("Open positions"), columns: COLUMNS, sortable: true, select: facts.accounts.some((each) => may(each.id, "can_close_position")),
  actsWidth: 156,
  sort: sortIn(),
  onOpen: (row) => openPosition(row.id),
  acts: actsOf,
  card: cardOf,
  rowClass: (row, classes) => classes.toggle("closing", row.state === "close_requested"),
});

function sortIn() {
  const text = new URLSearchParams(location.search).get("sort") ?? "-id";
  const field = text.replace(/^-/, "");
  const known = COLUMNS.some((each) => each.field === field);
  return {column: known ? field : "id", dir: text.startsWith("-") ? "desc" : "asc"};
}

function actsOf(row) {
  const acts = [];
  const waits = row.state === "close_requested" ? _("It is being closed.") : null;
  if (mayClose(row) && candidates(row).length) acts.push({label: _("By"), name: "close-by", act: () => closeBy(positions.get(row.id) ?? row)});
  if (mayClose(row)) {
    acts.push({label: "½", name: "half", why: waits ?? _("Close half"), act: () => closePosition(positions.get(row.id) ?? row, {percent: 50})});
    acts.push({label: _("Close"), name: "close", why: waits, act: () => closePosition(positions.get(row.id) ?? row)});
  }
  return acts;
}

function cardOf(row) {
  const mark = KINDS.account.show(row.account_id);
  return [
    h("div", {class: "line"}, h("span", {class: "big"}, row.symbol), h("span", {class: "big num"}, KINDS.floating.show(row.floating_profit, row), h("small", {}, ` ${moneyOf(row.symbol)}`))),
    h("div", {class: "line"}, h("span", {}, KINDS.side.show(row.side), " ", KINDS.qty.show(row.qty, row), " @ ", KINDS.average.show(row.avg_price, row)), h("span", {}, KINDS.mark.show(row.mark_price, row))),
    h("div", {class: "line quiet"}, mark, h("span", {}, row.stop_loss ? `SL ${KINDS.price.show(row.stop_loss, row)}` : _("no stop"))),
    h("div", {class: "acts"},
      mayTrade(row) ? h("button", {type: "button", class: "button", onclick: () => editStops(positions.get(row.id) ?? row)}, _("Stops")) : null,
      mayClose(row) ? h("button", {type: "button", class: "button danger", onclick: () => closePosition(positions.get(row.id) ?? row)}, _("Close")) : null),
  ].map((each) => each) .reduce((node, each) => (node.append(each), node), document.createDocumentFragment());
}

// --- which rows the link selects -----------------------------------------------------------------
const symbols = () => [...new Set([...positions.rows.values()].map((row) => row.symbol))].sort().map((each) => [each, each]);
const redrawFilters = filters([
  {name: "symbol", label: _("Symbol"), options: symbols}, sideFilter, STRATEGY,
]);

function wanted(row, chosen, given) {
  return chosen.has(row.account_id)
    && (!given.symbol || row.symbol === given.symbol)
    && (!given.side || row.side === given.side)
    && (!given.strategy || row.strategy_id === Number(given.strategy));
}

function matching() {
  const chosen = new Set(chosenAccounts());
  const given = filtered();
  return [...positions.rows.values()].filter((row) => wanted(row, chosen, given));
}

function showAll() {
  grid.show(matching());
  around();
}

positions.addEventListener("change", ({detail}) => {
  const chosen = new Set(chosenAccounts());
  const given = filtered();
  const inside = detail.put.filter((row) => wanted(row, chosen, given));
  const outside = detail.put.filter((row) => !wanted(row, chosen, given)).map((row) => row.id);
  const news = inside.some((row) => !grid.row(row.id)) || detail.gone.length;
  grid.put(inside);
  grid.drop([...detail.gone, ...outside]);
  if (news) redrawFilters();
  around();
});

// --- count, totals, what stands where nothing is -----------------------------------------------------
let aroundTimer = null;
function around() {
  aroundTimer ??= setTimeout(() => {
    aroundTimer = null;
    const rows = grid.rows();
    const all = positions.rows.size;
    one("#count").textContent = rows.length === all ? String(all) : _("%(n)s of %(all)s", {n: rows.length, all});
    totals(rows);
    nothing(rows.length, all);
  }, 200);
}

function totals(rows) {
  const sums = new Map();
  for (const row of rows) {
    const name = moneyOf(row.symbol);
    const sum = sums.get(name) ?? {floating: null, realised: "0", unknown: 0};
    if (row.floating_profit === null) sum.unknown += 1;
    else sum.floating = addDec(sum.floating ?? "0", row.floating_profit);
    if (row.profit !== null) sum.realised = addDec(sum.realised, row.profit);
    sums.set(name, sum);
  }
  // A sum of nothing that is known is unknown too, and no zero.
  const figure = (text) => text === null ? h("dd", {}, "—") : h("dd", {class: signOf(text) > 0 ? "gain" : signOf(text) < 0 ? "loss" : "", title: text}, (signOf(text) > 0 ? "+" : "") + money(text));
  replace(one("#totals"), ...[...sums].sort().map(([name, sum]) => h("dl", {},
    h("dt", {}, name), h("dt", {}, _("floating")), figure(sum.floating),
    sum.unknown ? h("dd", {class: "quiet"}, _("(without price: %(n)s)", {n: sum.unknown})) : null,
    h("dt", {}, _("realised")), figure(sum.realised))));
}

function nothing(count, all) {
  if (count || stream.state === "connecting") return grid.say();
  if (all && Object.keys(filtered()).length) {
    return grid.say(h("p", {}, _("0 of %(all)s match.", {all})), h("button", {type: "button", class: "button", onclick: clearFilters}, _("Clear filters")));
  }
  if (!facts.accounts.length) return grid.say(h("p", {}, _("The key that you act through reads no account.")));
  const names = chosenAccounts().map((id) => account(id).label).join(", ");
  grid.say(h("p", {}, _("No open positions on %(accounts)s.", {accounts: names})));
}

// --- several at once -----------------------------------------------------------------------------
grid.addEventListener("selection", () => {
  const ids = grid.selected();
  const bar = one("#chosen");
  bar.hidden = !ids.length;
  if (!ids.length) return;
  const rows = () => grid.selected().map((id) => grid.row(id)).filter(Boolean);
  replace(bar, h("strong", {}, _("Selected: %(n)s", {n: ids.length})),
    h("button", {type: "button", class: "button small danger", id: "close-selected", onclick: () => closeSeveral(rows().filter(mayClose))}, _("Close selected")),
    h("button", {type: "button", class: "button small", onclick: () => grid.select([])}, _("Select none")));
});
grid.addEventListener("sorted", ({detail}) => {
  const query = new URLSearchParams(location.search);
  if (detail === "-id") query.delete("sort");
  else query.set("sort", detail);
  history.replaceState(null, "", `${location.pathname}${query.size ? `?${query}` : ""}`);
});

// --- keys ----------------------------------------------------------------------------------------
// What a key or the palette means is the row that was stood on last.
function onCurrent(name, allowed, act) {
  const row = () => (grid.current && allowed(grid.current) ? positions.get(grid.current.id) ?? grid.current : null);
  bind(name, () => row() && act(row()), {about: () => row() && named(row())});
}
onCurrent("close", mayClose, (row) => closePosition(row));
onCurrent("close-half", mayClose, (row) => closePosition(row, {percent: 50}));
onCurrent("stops", mayTrade, (row) => editStops(row));
onCurrent("break-even", mayTrade, breakEven);
bind("filters", toFilters);

replace(one("#head-acts"), viewsButton(grid), grid.columnsButton(), exportButton("positions/open"));
document.addEventListener("query", showAll);
stream.addEventListener("state", around);
showAll();
