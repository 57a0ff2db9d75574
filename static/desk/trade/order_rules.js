// What the ticket works out of strings: quantities from money or a share, how far an order goes into
// the book, and what is always asked about. Digits only; values and fees are the server's.
import {markOf} from "../facts.js";
import {addDec, cmpDec, decimalsOf, mulDec, percentOf, scaled, signOf, snapped, subDec, unscaled} from "../numbers.js";
import {ago} from "../times.js";
import {_} from "../words.js";

export const NEEDS_PRICE = new Set(["limit", "stop_limit", "take_profit_limit"]);
export const NEEDS_TRIGGER = new Set(["stop", "stop_limit", "take_profit", "take_profit_limit"]);
const DEFAULT_STEP = "0.00000001";
const MUCH_OF_FREE = 4n; // More than one in four of what is free is asked about.

// How often `price` goes into `amount`, rounded down to the step.
export function floorDiv(amount, price, step) {
  const size = step ?? DEFAULT_STEP;
  const places = decimalsOf(size);
  const both = Math.max(decimalsOf(amount), decimalsOf(price));
  if (signOf(price) <= 0 || signOf(amount) < 0) return "0";
  const whole = (scaled(amount, both) * 10n ** BigInt(places)) / scaled(price, both);
  return unscaled(whole - (whole % scaled(size, places)), places);
}

// The price in the middle, on the tick.
export function middle(bid, ask, step) {
  if (!bid || !ask) return null;
  const half = mulDec(addDec(bid, ask), "0.5");
  return step ? snapped(half, step) : half;
}

export const floorTo = (qty, step) => percentOf(qty, 100, step);

// Contracts or coins are bought with money where their value is a price times a quantity.
export const takesMoney = (rules) => rules.kind === "spot" || rules.kind === "linear";

// The quantity that was meant, in the unit that orders are in: {qty} or null where something is missing.
export function quantity({text, unit, side, price, rules, free}) {
  if (unit === "base") return text;
  const each = price && mulDec(price, rules.contract_size);
  if (unit === "quote") return each && floorDiv(text, each, rules.qty_step);
  if (signOf(subDec("100", text)) < 0) return null;
  const share = (amount) => mulDec(mulDec(amount, text), "0.01");
  if (rules.kind === "spot" && side === "sell") return free(rules.base) === null ? null : floorTo(share(free(rules.base)), rules.qty_step);
  const money = free(rules.money);
  return money === null || !each ? null : floorDiv(share(money), each, rules.qty_step);
}

// The last price of the book that a quantity would take: {price, isEnough}.
export function reached(levels, qty) {
  let left = qty;
  let price = null;
  for (const [each, there] of levels ?? []) {
    price = each;
    left = subDec(left, there);
    if (signOf(left) <= 0) return {price, isEnough: true};
  }
  return {price, isEnough: false};
}

// Whether a price is more than so many percent from another.
export function isAway(price, from, percent) {
  const away = subDec(price, from);
  const far = mulDec(signOf(away) < 0 ? subDec("0", away) : away, "100");
  return cmpDec(far, mulDec(from, percent)) > 0;
}

export function crosses({order_type: type, side, price}, bid, ask) {
  if (type === "market") return true;
  if (type !== "limit" || !price) return false;
  const against = side === "buy" ? ask : bid;
  return Boolean(against) && (side === "buy" ? cmpDec(price, against) >= 0 : cmpDec(price, against) <= 0);
}

const moreThanQuarter = (part, all) => {
  const places = Math.max(decimalsOf(part), decimalsOf(all));
  return scaled(part, places) * MUCH_OF_FREE > scaled(all, places);
};

// Why an order is asked about even in one-click mode, in words; none where it is not.
//   {payload, rules, effect, book, bid, ask, isOld, age, free, settings, account, isFirst}
export function reasons(given) {
  const {payload, rules, effect, bid, ask, settings, account} = given;
  const told = [];
  const takes = crosses(payload, bid, ask);
  if (takes) told.push(...intoTheBook(given));
  if (takes && given.isOld) told.push(Number.isFinite(given.age) ? _("The price is %(ago)s old.", {ago: ago(given.age)}) : _("No price is known."));
  const value = effect?.notional;
  if (value && settings.confirm_value && cmpDec(value, settings.confirm_value) > 0) {
    told.push(_("Its value is above your line of %(value)s %(money)s.", {value: settings.confirm_value, money: rules.money}));
  }
  if (takes && isMuch(given)) told.push(_("It takes more than 25 % of what is free."));
  if (given.isFirst && !markOf(account)) told.push(_("It is the first order of this session on a live account."));
  return told;
}

function isMuch({payload, rules, effect, free}) {
  const sells = rules.kind === "spot" && payload.side === "sell";
  const all = free(sells ? rules.base : rules.money);
  const part = sells ? payload.qty : effect?.notional;
  return Boolean(all && part) && moreThanQuarter(part, all);
}

function intoTheBook({payload, book, bid, ask, settings}) {
  const mid = middle(bid, ask, null);
  if (!mid) return [];
  const percent = settings.confirm_away_percent ?? "1";
  if (payload.order_type === "limit") {
    return isAway(payload.price, mid, percent) ? [_("Its price is more than %(percent)s % from the market.", {percent})] : [];
  }
  const {price, isEnough} = reached(payload.side === "buy" ? book?.asks : book?.bids, payload.qty);
  if (!isEnough) return [_("The book that is seen holds less than this quantity.")];
  return isAway(price, mid, percent) ? [_("It would reach %(price)s, more than %(percent)s % from the market.", {price, percent})] : [];
}
