// What orders and positions of the market draw into its chart, and what a line that was dragged asks
// for: a bar says what would change, Enter does it, Escape puts the line back.
import {asResult, check, draft, give, inWords, tellResult} from "../act.js";
import {h, one, replace} from "../dom.js";
import {may} from "../facts.js";
import {priceDecimals, qtyDecimals} from "../markets.js";
import {shown} from "../numbers.js";
import {orders, positions} from "../store.js";
import {term} from "../terms.js";
import {_} from "../words.js";
import {colours} from "./colours.js";
import {here} from "./here.js";

const LEGS = new Set(["stop_loss", "take_profit"]);
const SIDE = {buy: _("Long"), sell: _("Short")};
const ACTS = {buy: _("Buy"), sell: _("Sell")};

export const priceOf = (text) => shown(text, priceDecimals(here.accountId, here.symbol));
export const qtyOf = (text) => shown(text, qtyDecimals(here.accountId, here.symbol));

function ofPosition(row, its) {
  const trades = may(row.account_id, "can_trade") && row.state === "open";
  const stop = (field, name, colour) => row[field] && {
    id: `p${row.id}.${field}`, price: row[field], title: `${name} ${row.id}`, colour, style: "dashed", drags: trades,
    name: `${name} ${row.id}`, command: "position_change", payload: (price) => ({position_id: row.id, [field]: price}),
  };
  return [
    row.avg_price && {id: `p${row.id}`, price: row.avg_price, colour: row.side === "buy" ? its.gain : its.loss, style: "solid",
      title: `${row.id} ${SIDE[row.side]} ${qtyOf(row.qty)} @ ${row.avg_price}`},
    stop("stop_loss", "SL", its.loss), stop("stop_gain", "TP", its.gain),
    row.trailing?.stop_price && {id: `p${row.id}.trailing`, price: row.trailing.stop_price, title: `TSL ${row.id}`, colour: its.loss, style: "dotted"},
  ].filter(Boolean);
}

// The legs that keep a position's stops at the exchange are shown as its stops.
function ofOrder(row, its) {
  if (LEGS.has(row.group_role)) return [];
  const trades = may(row.account_id, "can_trade") && row.status !== "UNKNOWN";
  const line = (field, change) => row[field] && {
    id: `o${row.id}.${field}`, price: row[field], colour: its.accent, style: "dotted", drags: trades,
    title: `${ACTS[row.side]} ${qtyOf(row.qty)} ${term(row.order_type)}`,
    name: _("Order %(id)s", {id: row.id}), command: "change_order", payload: (price) => ({order_id: row.id, [change]: price}),
  };
  return [line("price", "new_price"), line("trigger_price", "new_trigger_price")].filter(Boolean);
}

export function linesHere() {
  const its = colours();
  return [
    ...[...positions.rows.values()].filter((row) => here.has(row)).flatMap((row) => ofPosition(row, its)),
    ...[...orders.rows.values()].filter((row) => here.has(row)).flatMap((row) => ofOrder(row, its)),
  ];
}

// The bar of one dragged line. The command has its request_id from here on: a second click, a held
// Enter and a retry are the same command.
export function askMove(chart, line, price) {
  const bar = one("#drag-bar");
  const asked = draft(line.command, line.payload(price), {account_id: here.accountId});
  const error = h("span", {class: "field-error", role: "alert"});
  let done = false;
  const end = () => {
    done = true;
    bar.hidden = true;
    replace(bar);
    chart.move(line.id, null);
    document.removeEventListener("keydown", escape, true);
  };
  const escape = (event) => {
    if (event.key !== "Escape" || one("dialog[open]")) return;
    event.stopPropagation();
    end();
  };
  const set = h("button", {type: "button", class: "button small main", id: "drag-set", onclick: go, onkeydown: (event) => event.repeat && event.preventDefault()}, _("Set"), " ⏎");
  async function go() {
    if (set.disabled) return;
    set.disabled = true;
    error.textContent = "";
    try {
      const result = await give(asked);
      if (done) return;
      if (result.ok) {
        tellResult(result, _("%(line)s: %(price)s", {line: line.name, price: priceOf(price)}));
        return end();
      }
      error.textContent = inWords(result.error).text;
    } catch (thrown) {
      error.textContent = inWords(asResult(thrown).error).text;
    }
    set.disabled = false;
  }
  // One at a time: another line that was moved before goes back.
  bar.dispatchEvent(new CustomEvent("replaced"));
  bar.addEventListener("replaced", () => done || end(), {once: true});
  replace(bar, h("span", {}, h("strong", {}, line.name), ` ${priceOf(line.price)} → `, h("strong", {}, priceOf(price))), error,
    set, h("button", {type: "button", class: "button small", onclick: end}, _("Cancel")));
  bar.hidden = false;
  document.addEventListener("keydown", escape, true);
  set.focus();
  check(asked).then((result) => {
    if (!done && !result.ok) error.textContent = inWords(result.error).text;
  }).catch(() => {});
}
