// Trade: chart, book, ticket and what the account has, of one market of one account.
import {h, one, replace, toast} from "../dom.js";
import {may} from "../facts.js";
import {bind} from "../keys.js";
import {market} from "../markets.js";
import {cancelOrders, inShort} from "../monitor/order_acts.js";
import {breakEven, closePosition, editStops, named} from "../monitor/position_acts.js";
import {decimalsOf} from "../numbers.js";
import {openMarketsBy} from "../palette.js";
import {orders, positions} from "../store.js";
import {stream} from "../stream.js";
import {_} from "../words.js";
import {standing} from "./account.js";
import {Below, mayCancel} from "./below.js";
import {Book, showQuote, Tape} from "./book.js";
import {PriceChart} from "./chart.js";
import {feed} from "./feed.js";
import {here, TIMEFRAMES} from "./here.js";
import {askMove, linesHere} from "./lines.js";
import {firstSymbol, showAccounts, symbolPicker} from "./picker.js";
import {Ticket} from "./ticket.js";

const CANDLES = 500;
const VIEWS = [["chart", _("Chart")], ["book", _("Book")], ["ticket", _("Ticket")], ["below", _("Account")]];
const MARKET_CHANGED = ["accountId", "symbol"];

const page = one("#trade");
const picker = symbolPicker();
const quote = h("div", {class: "quote"});
replace(one("#market"), picker.button, quote);

const ticket = new Ticket(one("#ticket"));
const pick = (price) => {
  ticket.setPrice(price);
};
new Book(one("#book"), pick);
new Tape(one("#tape"), pick);

// --- the chart -----------------------------------------------------------------------------------
let older = {busy: false, done: false};
const chart = new PriceChart(one("#chart"), {
  onDrop: (line, price) => askMove(chart, line, price),
  onPick: pick,
  onOlder: (before) => loadOlder(before),
});
chart.onDress = () => drawLines();

const below = new Below(one("#below"), {
  onOrder: (row) => toTicket("change", row),
  onDeals: (rows) => chart.setMarks(rows.filter((row) => here.has(row) && row.kind === "fill")),
});

function toTicket(tab, row) {
  if (row.symbol !== here.symbol) here.choose({symbol: row.symbol});
  view("ticket");
  ticket.show(tab, {focus: true})?.pick(row);
}

let drawing = null;
function drawLines() {
  drawing ??= requestAnimationFrame(() => {
    drawing = null;
    chart.setLines(here.symbol ? linesHere() : []);
  });
}

async function candles(args) {
  const {accountId, symbol, timeframe} = here;
  const told = await stream.ask("ccxt/call", {account_id: accountId, func: "fetchOHLCV", args: [symbol, timeframe, ...args]});
  return here.accountId === accountId && here.symbol === symbol && here.timeframe === timeframe ? told.result : null;
}

async function loadCandles() {
  if (!here.symbol || stream.state !== "live") return;
  chart.clear();
  older = {busy: true, done: false};
  one("#chart-panel").setAttribute("aria-busy", "true");
  try {
    const rows = await candles([null, CANDLES]);
    if (!rows) return;
    chart.setCandles(rows, TIMEFRAMES[here.timeframe]);
    one("#chart").dataset.bars = String(rows.length);
    one("#chart-panel").removeAttribute("aria-busy");
    drawLines();
    below.onDeals(below.grids.deals.rows());
    older = {busy: false, done: false};
  } catch (error) {
    one("#chart-panel").removeAttribute("aria-busy");
    if (error.code) toast(_("The candles were not loaded."), {kind: "bad", more: error.message});
  }
}

async function loadOlder(before) {
  if (older.busy || older.done) return;
  older.busy = true;
  try {
    const rows = await candles([before - CANDLES * TIMEFRAMES[here.timeframe] * 1000, CANDLES]);
    if (rows) older.done = !chart.addOlder(rows);
  } catch {
    older.done = true; // What is there stays; another timeframe asks again.
  }
  older.busy = false;
}

feed.addEventListener("candles", ({detail}) => chart.put(detail));
feed.addEventListener("ticker", () => chart.tickTo(feed.ticker.last, feed.ticker.timestamp));
orders.addEventListener("change", drawLines);
positions.addEventListener("change", drawLines);

const timeframes = h("div", {class: "segments small", role: "group", "aria-label": _("Timeframe")}, ...Object.keys(TIMEFRAMES).map((each) => h("button", {type: "button", class: "segment", dataset: {tf: each}, onclick: () => here.choose({timeframe: each})}, each)));
const latest = h("button", {type: "button", class: "button small", onclick: () => chart.chart.timeScale().scrollToRealTime()}, _("Latest"));
replace(one("#chart-head"), timeframes, h("span", {class: "grow"}), latest);

// --- which market --------------------------------------------------------------------------------
function showMarket() {
  const rules = here.symbol ? market(here.accountId, here.symbol) : null;
  const decimals = rules?.price_step ? decimalsOf(rules.price_step) : decimalsOf(feed.ticker?.last ?? "0.01");
  chart.setMarket({decimals, step: rules?.price_step ?? null});
  showQuote(quote);
  drawLines();
}

async function follow() {
  showAccounts();
  for (const each of timeframes.children) each.setAttribute("aria-pressed", String(each.dataset.tf === here.timeframe));
  document.title = `${here.symbol ?? _("Trade")} · ccxt-position`;
  if (!here.accountId) {
    replace(page, h("div", {class: "empty-page"}, h("p", {}, _("The key that you act through reads no account."))));
    return;
  }
  if (!here.symbol) {
    try {
      const symbol = await firstSymbol();
      if (symbol && !here.symbol) here.choose({symbol});
    } catch (error) {
      toast(_("The markets were not loaded."), {kind: "bad", more: error.message});
    }
    return;
  }
  market(here.accountId, here.symbol);
  feed.follow();
  showMarket();
  loadCandles();
  below.showAll();
}

let shownSymbol = here.symbol;
here.addEventListener("here", ({detail}) => {
  if (MARKET_CHANGED.some((name) => detail.has(name))) {
    one("#drag-bar").dispatchEvent(new CustomEvent("replaced"));
    chart.clear();
    // Where the page chose the market itself, what a link or somebody quick has filled in stays.
    ticket.anew({clears: Boolean(shownSymbol)});
    shownSymbol = here.symbol;
  }
  follow();
});
document.addEventListener("markets", showMarket);
for (const name of ["ticker", "book", "failed", "anew"]) feed.addEventListener(name, () => showQuote(quote));
setInterval(() => showQuote(quote), 1000);
stream.addEventListener("state", () => {
  if (stream.state === "live" && one("#chart").dataset.bars === undefined) loadCandles();
});
stream.addEventListener("caughtup", loadCandles);
stream.addEventListener("rights", () => {
  showAccounts();
  ticket.anew();
});

// --- narrow: one part at a time --------------------------------------------------------------------
function view(name) {
  page.dataset.view = name;
  for (const each of one("#views").children) {
    each.setAttribute("aria-selected", String(each.dataset.name === name));
    each.tabIndex = each.dataset.name === name ? 0 : -1;
  }
}
replace(one("#views"), ...VIEWS.map(([name, label]) => h("button", {type: "button", role: "tab", dataset: {name}, onclick: () => view(name)}, label)));
view("chart");

// --- keys ----------------------------------------------------------------------------------------
const mayTicket = (name) => (ticket.allowed().some(([each]) => each === name) ? here.symbol ?? "" : null);
function toOrder(name, act) {
  bind(name, () => {
    view("ticket");
    const form = ticket.show("order");
    if (form) act(form);
  }, {about: () => mayTicket("order")});
}
// The position that a key means: the focused row, else the only one of this market.
function position() {
  const own = [...positions.rows.values()].filter((row) => here.has(row));
  const focused = below.grids.positions.current;
  return (focused && positions.get(focused.id)) ?? (own.length === 1 ? own[0] : null);
}
function onPosition(name, right, act) {
  const may_ = (row) => row && may(row.account_id, right);
  bind(name, () => {
    const row = position();
    if (may_(row)) act(row);
    else if (!row) toast(_("Choose a position first: j and k walk through the rows."), {kind: "warn"});
  }, {about: () => (may_(position()) ? named(position()) : null)});
}
toOrder("new-order", (form) => form.qty.input.focus());
toOrder("buy", (form) => form.setSide("buy"));
toOrder("sell", (form) => form.setSide("sell"));
toOrder("market", (form) => form.setType("market"));
toOrder("limit", (form) => form.setType("limit"));
bind("choose-market", () => picker.open());
onPosition("close", "can_close_position", (row) => closePosition(row));
onPosition("close-half", "can_close_position", (row) => closePosition(row, {percent: 50}));
onPosition("stops", "can_trade", (row) => editStops(row));
onPosition("break-even", "can_trade", breakEven);
const orderRow = () => {
  const row = below.grids.orders.current && orders.get(below.grids.orders.current.id);
  return row && mayCancel(row) ? row : null;
};
bind("cancel", () => {
  if (below.grids.orders.selected().length) below.cancelChosen();
  else if (orderRow()) cancelOrders([orderRow()]);
}, {about: () => orderRow() && inShort(orderRow())});
bind("cancel-shown", () => below.cancelShown(), {about: () => (below.grids.orders.rows().some(mayCancel) ? String(below.grids.orders.rows().filter(mayCancel).length) : null)});
for (const key of ["j", "k"]) addEventListener("keydown", (event) => enterRows(event, key));
function enterRows(event, key) {
  if (event.key !== key || event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || one("dialog[open]") || event.target.closest?.("input, select, textarea")) return;
  event.preventDefault();
  below.enter();
}
// In fields too: what is filled is sent from there.
bind("send", () => ticket.show("order")?.send(), {about: () => mayTicket("order")});
openMarketsBy({accountId: () => here.accountId, open: (symbol) => here.choose({symbol})});

standing.follow();
ticket.order.fromLink();
follow();
