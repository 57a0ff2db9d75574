// How a position stands, which limits of market and risk desk an order is measured by, what holds an
// account back: in words.
import {shown} from "../numbers.js";
import {_} from "../words.js";
import {qtyOf} from "./lines.js";

const SIDES = {buy: _("Long"), sell: _("Short")};
const SCOPES = {strategy: _("strategy"), key: _("key")};
const LIMITS = {
  max_order_qty: _("Quantity of an order"), max_order_notional: _("Value of an order"), max_open_orders: _("Open orders"),
  max_net_qty: _("Net quantity"), max_gross_qty: _("Gross quantity"), max_net_notional: _("Net value"), max_gross_notional: _("Gross value"),
  max_daily_loss: _("Loss of a day"), max_daily_turnover: _("Turnover of a day"), max_orders: _("Orders in a while"), price_collar_percent: _("Away from the price"),
};

export const standingInWords = (its) => (its?.side ? `${SIDES[its.side]} ${qtyOf(its.qty)}` : _("flat"));

// [label, "0.5 of 2", isOver] for every limit that is set on the account, or on the strategy or the key
// that the order is given by. What the check says of a limit that refuses stands there; else what the
// order takes of it, where that is one figure.
export function limitRows({risk, effect, qty, error, strategyId, keyId}) {
  const taken = {max_order_qty: qty, max_order_notional: effect?.notional};
  const own = (risk?.limits_by ?? []).filter(({scope, id}) => id === {strategy: strategyId, key: keyId}[scope]);
  const refused = error?.details?.rule ? error.details : null;
  const isRefused = (name, scope) => refused?.rule === name && refused.scope === scope;
  return [{scope: "account", ...risk?.limits}, ...own].flatMap((limits) => Object.entries(LIMITS)
    .filter(([name]) => limits[name] !== null && limits[name] !== undefined)
    .map(([name, label]) => {
      const over = isRefused(name, limits.scope);
      const isShare = name.endsWith("percent"); // What is refused by it is a price and no share.
      const part = over && !isShare ? refused.value : taken[name];
      const unit = isShare ? " %" : "";
      const all = `${shown(String(limits[name]))}${unit}`;
      const where = limits.scope === "account" ? label : `${label} (${SCOPES[limits.scope]})`;
      return [where, part !== undefined && part !== null ? _("%(part)s of %(all)s", {part: shown(String(part)), all}) : _("up to %(all)s", {all}), over];
    }));
}

const told = (...parts) => parts.filter(Boolean).join(" · ");
export const range = (least, most) => (least || most ? `${shown(least)} … ${shown(most)}` : "");

// The market's rules for prices and for quantities.
export function priceLimits(rules) {
  const tick = rules.price_step ? _("tick %(step)s", {step: shown(rules.price_step)}) : rules.price_digits ? _("%(n)s digits", {n: rules.price_digits}) : "";
  return told(tick, range(rules.min_price, rules.max_price));
}

export function qtyLimits(rules, type) {
  const [least, most] = type === "market" ? [rules.min_market_qty ?? rules.min_qty, rules.max_market_qty ?? rules.max_qty] : [rules.min_qty, rules.max_qty];
  return told(rules.qty_step && _("step %(step)s", {step: shown(rules.qty_step)}), range(least, most),
    rules.min_notional && _("value from %(value)s %(money)s", {value: shown(rules.min_notional), money: rules.money}));
}

// What holds openings back on an account, and who said why where that is known; "" where nothing does.
export function heldInWords(account, {risk, said}) {
  const why = [
    (risk?.status ?? account?.status) === "blocked" && _("The account is blocked."),
    risk?.kill_switches.length && _("A kill switch is pulled: %(comment)s", {comment: risk.kill_switches[0].comment}),
    risk && risk.status === "active" && !risk.allow_new_positions && _("New positions are blocked."),
    risk && risk.state !== "active" && _("The account is held back: %(state)s", {state: risk.state}),
  ].find(Boolean);
  return why ? [why, said?.comment && [said.by, said.comment].filter(Boolean).join(": ")].filter(Boolean).join(" ") : "";
}
