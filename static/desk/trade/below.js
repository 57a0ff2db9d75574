// Below the chart: positions, orders and newest deals of the account, of this market or of all.
import {KINDS} from "../cells.js";
import {h, replace} from "../dom.js";
import {facts, may, rest} from "../facts.js";
import {Grid} from "../grid.js";
import {openDeal, openOrder, openPosition} from "../monitor/details.js";
import {cancelOrders} from "../monitor/order_acts.js";
import {closeBy, candidates, closePosition, editStops} from "../monitor/position_acts.js";
import {moneyOf} from "../numbers.js";
import {deals, orders, positions} from "../store.js";
import {stream} from "../stream.js";
import {term} from "../terms.js";
import {_} from "../words.js";
import {here} from "./here.js";

const DEALS_SHOWN = 200;
const mayClose = (row) => may(row.account_id, "can_close_position");
const mayTrade = (row) => may(row.account_id, "can_trade");
export const mayCancel = (row) => mayTrade(row) || mayClose(row);
const fresh = (row) => positions.get(row.id) ?? row;

const stop = (name) => (value, row) => {
  const told = KINDS.price.show(value, row);
  if (!mayTrade(row)) return told;
  return h("button", {type: "button", class: "cell-link", tabindex: "-1", "aria-label": _("Change the stops"), onclick: (event) => {
    event.stopPropagation();
    editStops(fresh(row), {prefill: {[name]: value ?? ""}});
  }}, value === null ? "+" : told);
};
KINDS.trade_loss = {...KINDS.price, show: stop("stop_loss"), width: 84};
KINDS.trade_gain = {...KINDS.price, show: stop("stop_gain"), width: 84};

const POSITIONS = [
  {field: "id", width: 44, title: _("ID"), kind: "id"}, {field: "symbol", width: 92, title: _("Symbol"), kind: "symbol"}, {field: "side", width: 82, title: _("Side"), kind: "side"},
  {field: "qty", width: 88, title: _("Quantity"), kind: "qty"}, {field: "avg_price", width: 106, title: _("Average"), kind: "average"}, {field: "mark_price", width: 88, title: _("Price"), kind: "mark"},
  {field: "floating_profit", width: 88, title: _("Floating"), kind: "floating"}, {field: "profit", title: _("Realised"), kind: "profit", extra: true},
  {field: "stop_loss", width: 92, title: _("Stop loss"), kind: "trade_loss"}, {field: "stop_gain", width: 106, title: _("Take profit"), kind: "trade_gain"},
  {field: "strategy_id", title: _("Strategy"), kind: "strategy", extra: true}, {field: "opened_at", title: _("Opened"), kind: "time", extra: true},
];
const ORDERS = [
  {field: "id", width: 44, title: _("ID"), kind: "id"}, {field: "symbol", width: 92, title: _("Symbol"), kind: "symbol"}, {field: "side", width: 82, title: _("Side"), kind: "side"},
  {field: "order_type", title: _("Type"), kind: "word", width: 84}, {field: "qty", width: 88, title: _("Quantity"), kind: "qty"}, {field: "filled_qty", width: 80, title: _("Filled"), kind: "qty"},
  {field: "price", width: 88, title: _("Price"), kind: "price"}, {field: "trigger_price", width: 84, title: _("Trigger"), kind: "price"}, {field: "status", width: 118, title: _("Status"), kind: "status"},
  {field: "created_at", title: _("Created"), kind: "time", extra: true}, {field: "strategy_id", title: _("Strategy"), kind: "strategy", extra: true}, {field: "note", title: _("Note"), kind: "note", extra: true},
];
const DEALS = [
  {field: "id", width: 44, title: _("ID"), kind: "id"}, {field: "executed_at", width: 96, title: _("Time"), kind: "time"}, {field: "symbol", width: 92, title: _("Symbol"), kind: "symbol"},
  {field: "side", width: 82, title: _("Side"), kind: "side"}, {field: "entry", title: _("Entry"), kind: "word", width: 72}, {field: "qty", width: 88, title: _("Quantity"), kind: "qty"}, {field: "price", title: _("Price"), kind: "price"},
  {field: "profit", width: 78, title: _("Profit"), kind: "profit"}, {field: "fee", width: 90, title: _("Fee"), kind: "decimal"}, {field: "position_id", width: 78, title: _("Position"), kind: "id"}, {field: "order_id", title: _("Order"), kind: "id"},
];

const line = (...cells) => h("div", {class: "line"}, ...cells);
const stack = (...nodes) => nodes.reduce((made, node) => (made.append(node), made), document.createDocumentFragment());

function positionCard(row) {
  return stack(
    line(h("span", {class: "big"}, row.symbol), h("span", {class: "big num"}, KINDS.floating.show(row.floating_profit, row), h("small", {}, ` ${moneyOf(row.symbol)}`))),
    line(h("span", {}, KINDS.side.show(row.side), " ", KINDS.qty.show(row.qty, row), " @ ", KINDS.average.show(row.avg_price, row)), h("span", {}, KINDS.mark.show(row.mark_price, row))),
    h("div", {class: "acts"},
      mayTrade(row) ? h("button", {type: "button", class: "button", onclick: () => editStops(fresh(row))}, _("Stops")) : "",
      mayClose(row) ? h("button", {type: "button", class: "button danger", onclick: () => closePosition(fresh(row))}, _("Close")) : ""));
}

function orderCard(row) {
  return stack(
    line(h("span", {class: "big"}, row.symbol), h("span", {class: "num"}, KINDS.status.show(row.status))),
    line(h("span", {}, KINDS.side.show(row.side), " ", KINDS.qty.show(row.qty, row), " ", term(row.order_type)), h("span", {class: "num"}, KINDS.price.show(row.price ?? row.trigger_price, row))),
    h("div", {class: "acts"}, mayCancel(row) ? h("button", {type: "button", class: "button danger", onclick: () => cancelOrders([row])}, _("Cancel the order")) : ""));
}

const dealCard = (row) => stack(
  line(h("span", {class: "big"}, row.symbol), h("span", {class: "num"}, KINDS.profit.show(row.profit, row))),
  line(h("span", {}, KINDS.side.show(row.side), " ", KINDS.qty.show(row.qty, row), " @ ", KINDS.price.show(row.price, row)), h("span", {class: "quiet"}, KINDS.time.show(row.executed_at))));

export class Below {
  current = "positions";
  all = false;

  constructor(place, {onOrder, onDeals}) {
    this.onDeals = onDeals;
    const make = (name, label, columns, more) => {
      const node = h("div", {class: "below-grid", hidden: name !== this.current});
      return {name, label, node, grid: () => new Grid(node, {name: `trade-${name}`, label, columns, sortable: true, sort: {column: "id", dir: "desc"}, ...more})};
    };
    this.parts = [
      make("positions", _("Positions"), POSITIONS, {onOpen: (row) => openPosition(row.id), acts: (row) => this.#positionActs(row), actsWidth: 150, card: positionCard, rowClass: (row, classes) => classes.toggle("closing", row.state === "close_requested")}),
      make("orders", _("Orders"), ORDERS, {onOpen: (row) => openOrder(row.id), acts: (row) => this.#orderActs(row, onOrder), actsWidth: 112, card: orderCard, select: true}),
      make("deals", _("Deals"), DEALS, {onOpen: openDeal, card: dealCard}),
    ];
    this.tabs = h("div", {class: "tabs", role: "tablist", "aria-label": _("This account")});
    this.head = h("div", {class: "below-head"}, this.tabs, this.chosen = h("span", {class: "head-acts"}), h("span", {class: "grow"}),
      h("label", {class: "quiet switch"}, h("input", {type: "checkbox", id: "all-symbols", onchange: (event) => {
        this.all = event.target.checked;
        this.showAll();
      }}), _("All symbols")));
    replace(place, this.head, ...this.parts.map((part) => part.node));
    for (const part of this.parts) part.grid = part.grid();
    this.grids = Object.fromEntries(this.parts.map((part) => [part.name, part.grid]));
    this.#tabs();
    this.grids.orders.addEventListener("selection", () => this.#selection());
    this.#live(positions, this.grids.positions);
    this.#live(orders, this.grids.orders);
    this.#live(deals, this.grids.deals);
    stream.addEventListener("caughtup", () => this.showAll());
    stream.addEventListener("state", () => this.#counts());
  }

  wanted(row) {
    return row.account_id === here.accountId && (this.all || row.symbol === here.symbol);
  }

  show(name) {
    this.current = name;
    for (const part of this.parts) part.node.hidden = part.name !== name;
    this.#tabs();
    this.#selection();
  }

  // The keys' focus goes to the rows.
  enter() {
    const grid = this.grids[this.current];
    const row = grid.current ?? grid.rows().sort((a, b) => b.id - a.id)[0];
    if (row) grid.focusRow(row.id);
  }

  showAll() {
    for (const [name, table] of [["positions", positions], ["orders", orders]]) this.grids[name].show([...table.rows.values()].filter((row) => this.wanted(row)));
    this.#history();
    this.#counts();
  }

  // The newest deals of before the page was opened; those made since are told by the stream.
  async #history() {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    if (!here.accountId || !here.symbol) return;
    const query = new URLSearchParams({account_ids: here.accountId, limit: DEALS_SHOWN});
    if (!this.all) query.set("symbol", here.symbol);
    try {
      const {items} = await rest(`oms/deals?${query}`);
      if (turn !== this.turn) return;
      const rows = new Map([...items, ...[...deals.rows.values()].filter((row) => this.wanted(row))].map((row) => [row.id, row]));
      this.grids.deals.show([...rows.values()].sort((a, b) => b.id - a.id));
    } catch (error) {
      this.grids.deals.say(h("p", {}, error.message), h("button", {type: "button", class: "button", onclick: () => this.#history()}, _("Try again")));
      return;
    }
    this.#counts();
    this.onDeals(this.grids.deals.rows());
  }

  #live(table, grid) {
    table.addEventListener("change", ({detail}) => {
      grid.put(detail.put.filter((row) => this.wanted(row)));
      grid.drop([...detail.gone, ...detail.put.filter((row) => !this.wanted(row)).map((row) => row.id)]);
      this.#counts();
      if (table === deals) this.onDeals(grid.rows());
    });
  }

  #positionActs(row) {
    const waits = row.state === "close_requested" ? _("It is being closed.") : null;
    if (!mayClose(row)) return [];
    return [
      ...(candidates(row).length ? [{label: _("By"), name: "close-by", act: () => closeBy(fresh(row))}] : []),
      {label: "½", name: "half", why: waits ?? _("Close half"), act: () => closePosition(fresh(row), {percent: 50})},
      {label: _("Close"), name: "close", why: waits, act: () => closePosition(fresh(row))},
    ];
  }

  #orderActs(row, onOrder) {
    return [
      ...(mayTrade(row) ? [{label: _("Change"), name: "change", act: () => onOrder(orders.get(row.id) ?? row)}] : []),
      ...(mayCancel(row) ? [{label: "✕", name: "cancel", why: _("Cancel the order"), act: () => cancelOrders([orders.get(row.id) ?? row])}] : []),
    ];
  }

  #selection() {
    const ids = this.current === "orders" ? this.grids.orders.selected() : [];
    replace(this.chosen, ids.length ? h("button", {type: "button", class: "button small danger", id: "cancel-chosen", onclick: () => this.cancelChosen()}, _("Cancel selected: %(n)s", {n: ids.length})) : null);
  }

  cancelChosen() {
    const {orders: grid} = this.grids;
    cancelOrders(grid.selected().map((id) => orders.get(id)).filter((row) => row && mayCancel(row)));
  }

  cancelShown() {
    cancelOrders(this.grids.orders.rows().filter(mayCancel));
  }

  #tabs() {
    const made = this.parts.map(({name, label}) => h("button", {type: "button", role: "tab", dataset: {below: name}, "aria-selected": String(name === this.current), tabindex: name === this.current ? "0" : "-1",
      onclick: () => this.show(name), onkeydown: (event) => this.#key(event)}, label, " ", h("small", {})));
    replace(this.tabs, ...made);
    this.#counts();
  }

  #key(event) {
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (!step) return;
    event.preventDefault();
    const at = this.parts.findIndex((part) => part.name === this.current);
    this.show(this.parts[(at + step + this.parts.length) % this.parts.length].name);
    this.tabs.querySelector("[aria-selected=true]").focus();
  }

  #counts() {
    const place = here.account ? `${here.account.label}${this.all ? "" : ` · ${here.symbol ?? ""}`}` : facts.user.name;
    const empty = {positions: _("No open positions on %(accounts)s.", {accounts: place}), orders: _("No open orders on %(accounts)s.", {accounts: place}), deals: _("No deals on %(accounts)s.", {accounts: place})};
    for (const {name, grid} of this.parts) {
      const count = grid?.rows?.().length ?? 0;
      const tab = this.tabs.querySelector(`[data-below=${name}] small`);
      if (tab) tab.textContent = name === "deals" && count >= DEALS_SHOWN ? "" : String(count);
      if (grid?.say) grid.say(...(count || stream.state === "connecting" ? [] : [h("p", {}, empty[name])]));
    }
  }
}
