// How a value is shown in a grid, in a card and in a dialog: always as nodes, never as HTML.
import {account, markOf, now, strategy} from "./facts.js";
import {h} from "./dom.js";
import {priceDecimals, qtyDecimals} from "./markets.js";
import {cmpDec, money, moneyOf, NOTHING, shown, signOf} from "./numbers.js";
import {term} from "./terms.js";
import {ago, dayAndTime, shownTime} from "./times.js";
import {_} from "./words.js";

const OLD_PRICE_MS = 8000;

export const SIDES = {buy: _("Buy"), sell: _("Sell")};

const text = (value) => (value === null || value === undefined || value === "" ? NOTHING : String(value));

function profit(value, symbol, old = false) {
  const sign = value === null || value === undefined ? 0 : signOf(value);
  const arrow = sign > 0 ? "▲" : sign < 0 ? "▼" : "";
  return h("span", {class: `${sign > 0 ? "gain" : sign < 0 ? "loss" : ""}${old ? " old" : ""}`, title: value === null ? "" : `${value} ${moneyOf(symbol)}`},
    arrow ? h("small", {class: "arrow", "aria-hidden": "true"}, arrow) : null, (sign > 0 ? "+" : "") + money(value));
}

export const isOld = (row) => Boolean(row.price_at) && now() - Date.parse(row.price_at) > OLD_PRICE_MS;

// Every kind of column: how it is shown, how it is ordered, how wide it is, whether it stands right.
export const KINDS = {
  text: {show: (value) => text(value), width: 130},
  id: {show: (value) => text(value), width: 62, right: true, compare: (a, b) => (a ?? 0) - (b ?? 0)},
  account: {
    show: (value) => {
      const found = account(value);
      const mark = markOf(found);
      return h("span", {class: mark ? "marked" : ""}, mark ? h("small", {class: "tag paper"}, mark) : null, h("span", {title: found?.label ?? ""}, found?.label ?? `#${value}`));
    },
    plain: (value) => account(value)?.label ?? `#${value}`, width: 168,
  },
  strategy: {
    show: (value) => (value === 0 ? NOTHING : strategy(value)?.name ?? `#${value}`),
    plain: (value) => strategy(value)?.name ?? "", width: 110,
  },
  symbol: {show: (value) => h("strong", {title: text(value)}, text(value)), width: 136},
  side: {
    show: (value) => h("span", {class: `side-${value}`}, SIDES[value] ?? text(value)), width: 82,
  },
  word: {show: (value) => (value === null || value === undefined ? NOTHING : term(value)), width: 112},
  status: {show: (value) => h("span", {class: `status s-${String(value).toLowerCase()}`}, term(value)), width: 124},
  qty: {show: (value, row) => shown(value, qtyDecimals(row.account_id, row.symbol)), width: 92, right: true, compare: cmpDec},
  price: {show: (value, row) => shown(value, priceDecimals(row.account_id, row.symbol)), width: 96, right: true, compare: cmpDec},
  average: {
    show: (value, row) => {
      const decimals = priceDecimals(row.account_id, row.symbol);
      return h("span", {title: text(value)}, decimals ? cut(value, decimals + 2) : shown(value));
    },
    width: 100, right: true, compare: cmpDec,
  },
  mark: {
    show: (value, row) => {
      const told = shown(value, priceDecimals(row.account_id, row.symbol));
      const old = isOld(row);
      return h("span", {class: old ? "old" : "", title: row.price_at ?? ""}, told, old ? h("small", {}, ` ${ago(now() - Date.parse(row.price_at))}`) : null);
    },
    width: 100, right: true, compare: cmpDec,
  },
  profit: {show: (value, row) => profit(value, row.symbol, false), width: 104, right: true, compare: cmpDec},
  floating: {show: (value, row) => profit(value, row.symbol, isOld(row)), width: 100, right: true, compare: cmpDec},
  money: {
    show: (value, row) => h("span", {title: value === null ? "" : `${value} ${moneyOf(row.symbol)}`}, money(value)), width: 96, right: true, compare: cmpDec,
  },
  decimal: {show: (value) => shown(value), width: 104, right: true, compare: cmpDec},
  time: {
    show: (value) => h("time", {title: value ?? "", datetime: value ?? ""}, value ? shownTime(value) : NOTHING),
    plain: (value) => (value ? Object.values(dayAndTime(value)).slice(0, 2).join(" ") : ""), width: 132,
  },
  flag: {show: (value) => (value ? "✓" : ""), width: 70},
  note: {show: (value) => text(value), width: 120, grows: true},
};

// At most so many decimals, padded; the last digit is rounded by digits.
function cut(value, decimals) {
  if (value === null || value === undefined) return NOTHING;
  const [whole, part = ""] = value.split(".");
  if (part.length <= decimals) return shown(value, decimals);
  const digits = String(BigInt(whole.replace("-", "") + part.slice(0, decimals)) + (part[decimals] >= "5" ? 1n : 0n)).padStart(decimals + 1, "0");
  const plain = `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
  return shown((value.startsWith("-") ? "-" : "") + plain, decimals);
}
