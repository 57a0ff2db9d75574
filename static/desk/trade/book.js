// The order book and the public trades. A click on a price fills the ticket's; it never sends.
import {h, replace} from "../dom.js";
import {market, priceDecimals, qtyDecimals} from "../markets.js";
import {cmpDec, shown, subDec} from "../numbers.js";
import {setQuery} from "../query.js";
import {orders} from "../store.js";
import {ago, clockTime} from "../times.js";
import {_} from "../words.js";
import {BOOK_DEPTH, feed} from "./feed.js";
import {refill, select} from "./forms.js";
import {edge, grouped, GROUPS, widthOf} from "./grouping.js";
import {here} from "./here.js";

const ROW_PX = 20;
const LEAST_ROWS = 3;
const MOST_ROWS = 30;

const prices = () => priceDecimals(here.accountId, here.symbol);
const qtys = () => qtyDecimals(here.accountId, here.symbol);

function rowOf(side, onPick) {
  const price = h("span", {class: `price side-${side}`});
  const qty = h("span", {class: "num"});
  const depth = h("i", {"aria-hidden": "true"});
  const node = h("button", {type: "button", class: `level ${side}`, tabindex: "-1", onclick: () => node.dataset.price && onPick(node.dataset.price)}, depth, price, qty);
  return {node, price, qty, depth};
}

export class Book {
  #sides = {sell: [], buy: []};

  constructor(place, onPick) {
    this.place = place;
    this.onPick = onPick;
    this.asks = h("div", {class: "asks"});
    this.bids = h("div", {class: "bids"});
    this.middle = h("div", {class: "middle"});
    this.levels = h("div", {class: "levels"}, this.asks, this.middle, this.bids);
    this.step = select([["1", ""]], "1", {id: "book-step", "aria-label": _("Price step of the book"), title: _("Price step of the book"), onchange: () => {
      setQuery({group: this.step.value === "1" ? null : this.step.value}, {quiet: true});
      this.#show();
    }});
    replace(place, h("h2", {}, _("Order book"), h("span", {class: "quiet"}, _("Price · Quantity")), this.step), this.levels);
    feed.addEventListener("book", () => this.#show());
    feed.addEventListener("anew", () => this.#show());
    orders.addEventListener("change", () => this.#show());
    document.addEventListener("markets", () => this.#show());
    new ResizeObserver(() => this.#show()).observe(this.levels);
    setInterval(() => this.place.classList.toggle("is-old", feed.isOld()), 500);
  }

  #show() {
    const count = Math.max(LEAST_ROWS, Math.min(MOST_ROWS, Math.floor((this.levels.clientHeight - 30) / 2 / ROW_PX)));
    const width = this.#width();
    const own = {sell: new Set(), buy: new Set()};
    for (const row of orders.rows.values()) if (here.has(row) && row.price) own[row.side].add(width ? edge(row.side, row.price, width) : row.price);
    const asks = this.#levels("sell", feed.book?.asks ?? [], width).slice(0, count);
    const bids = this.#levels("buy", feed.book?.bids ?? [], width).slice(0, count);
    const widest = Math.max(...[...asks, ...bids].map(([, qty]) => Number(qty)), 0);
    this.#fill("sell", this.asks, asks.reverse(), count, widest, own.sell);
    this.#fill("buy", this.bids, bids, count, widest, own.buy);
    const [best, under] = [feed.book?.asks[0]?.[0], feed.book?.bids[0]?.[0]];
    const spread = best && under ? _("Spread %(spread)s", {spread: shown(subDec(best, under), prices())}) : "";
    replace(this.middle, h("strong", {}, shown(feed.ticker?.last, prices())), h("span", {class: "quiet"}, spread));
  }

  // How wide a group is, null where every level stands for itself. The choice is in the link.
  #width() {
    const tick = market(here.accountId, here.symbol)?.price_step;
    const wanted = new URLSearchParams(location.search).get("group");
    const group = tick && GROUPS.includes(wanted) ? wanted : "1";
    refill(this.step, tick ? GROUPS.map((each) => [each, shown(widthOf(each, tick))]) : [["1", "—"]]);
    this.step.value = group;
    return group === "1" ? null : widthOf(group, tick);
  }

  #levels(side, levels, width) {
    return width ? grouped(levels, side, width, {isCut: levels.length >= BOOK_DEPTH}) : levels;
  }

  #fill(side, place, levels, count, widest, own) {
    const rows = this.#sides[side];
    while (rows.length < count) rows.push(rowOf(side, this.onPick));
    if (place.childElementCount !== count) replace(place, ...rows.slice(0, count).map((row) => row.node));
    // Asks stand on the middle: where there are few, the uppermost rows stay empty.
    const skip = side === "sell" ? count - levels.length : 0;
    rows.slice(0, count).forEach((row, at) => {
      const [price, qty] = levels[at - skip] ?? [];
      row.node.dataset.price = price ?? "";
      row.node.classList.toggle("own", own.has(price));
      row.price.textContent = price ? shown(price, prices()) : "";
      row.qty.textContent = qty ? shown(qty, qtys()) : "";
      row.depth.style.width = qty && widest ? `${Math.round((Number(qty) / widest) * 100)}%` : "0";
    });
  }
}

export class Tape {
  constructor(place, onPick) {
    this.list = h("div", {class: "tape-rows", tabindex: "0", role: "group", "aria-label": _("Public trades")});
    this.onPick = onPick;
    replace(place, h("h2", {}, _("Public trades")), this.list);
    for (const name of ["trades", "anew"]) feed.addEventListener(name, () => this.#show());
    document.addEventListener("zone", () => this.#show());
  }

  #show() {
    replace(this.list, ...feed.trades.map((trade) => h("button", {type: "button", class: "level", tabindex: "-1", onclick: () => this.onPick(trade.price)},
      h("span", {class: `price side-${trade.side}`}, shown(trade.price, prices())),
      h("span", {class: "num"}, shown(trade.amount, qtys())),
      h("span", {class: "quiet"}, clockTime(trade.timestamp)))));
  }
}

// The line above: last price, change, range, what is wrong with the feed.
export function showQuote(place) {
  const {ticker} = feed;
  const up = ticker?.change ? cmpDec(ticker.change, "0") : 0;
  const old = ticker && feed.isOld();
  const figure = (label, value, more) => h("div", {class: "figure"}, h("span", {class: "quiet"}, label), h("span", {class: "num"}, value), more);
  const age = old && feed.heardAt ? ago(feed.age()) : "";
  replace(place,
    h("strong", {class: `last ${up > 0 ? "gain" : up < 0 ? "loss" : ""}${old ? " old" : ""}`, id: "last-price"}, shown(ticker?.last, prices())),
    age ? h("span", {class: "tag warn"}, _("%(ago)s old", {ago: age})) : null,
    ticker ? figure(_("24 h"), `${up > 0 ? "▲ +" : up < 0 ? "▼ " : ""}${ticker.percentage ? shown(ticker.percentage) : "—"} %`) : null,
    figure(_("Bid"), shown(feed.book?.bids[0]?.[0] ?? ticker?.bid, prices())),
    figure(_("Ask"), shown(feed.book?.asks[0]?.[0] ?? ticker?.ask, prices())),
    ticker ? figure(_("High"), shown(ticker.high, prices())) : null,
    ticker ? figure(_("Low"), shown(ticker.low, prices())) : null,
    ticker?.baseVolume ? figure(_("Volume"), shown(ticker.baseVolume)) : null,
    feed.failure ? h("span", {class: "tag bad", title: feed.failure.code}, feed.failure.message) : null);
}
