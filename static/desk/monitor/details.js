// The drawer: an order, a deal or a position with all that belongs to it, from who asked for it to what
// the exchange literally said.
import {accountName} from "../act.js";
import {KINDS, SIDES} from "../cells.js";
import {h, icon, one, replace} from "../dom.js";
import {rest} from "../facts.js";
import {moneyOf, shown} from "../numbers.js";
import {term} from "../terms.js";
import {dayAndTime} from "../times.js";
import {_} from "../words.js";

let drawer = null;
let before = null;

function open(title, fill) {
  close();
  before = document.activeElement;
  const body = h("div", {class: "drawer-body"}, h("section", {}, h("div", {class: "skeleton"}, ...Array.from({length: 5}, () => h("i")))));
  drawer = h("aside", {class: "drawer", role: "dialog", "aria-label": title, tabindex: "-1", onkeydown: (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
    }
  }}, h("header", {}, h("h2", {}, title), h("span", {class: "grow"}), h("button", {type: "button", class: "icon-button", "aria-label": _("Close"), onclick: close}, icon("close"))), body);
  one("#layers").append(drawer);
  drawer.focus();
  const mine = drawer;
  fill().then((nodes) => mine === drawer && replace(body, ...nodes), (error) => mine === drawer && replace(body, h("section", {},
    h("p", {class: "told bad"}, error.message), h("small", {class: "quiet"}, [error.code, error.requestId].filter(Boolean).join(" · ")))));
}

function close() {
  drawer?.remove();
  drawer = null;
  if (before?.isConnected) before.focus();
}

export const openOrder = (id) => open(_("Order %(id)s", {id}), () => orderStory(id));
export const openPosition = (id) => open(_("Position %(id)s", {id}), () => positionStory(id));
export const openDeal = (row) => open(_("Deal %(id)s", {id: row.id}), async () => [dealFacts(row), ...(row.order_id ? await orderStory(row.order_id) : await positionStory(row.position_id))]);

// --- parts ---------------------------------------------------------------------------------------
const section = (title, ...nodes) => h("section", {}, h("h3", {}, title), ...nodes);
const when = (text) => {
  const {day, time, exact} = dayAndTime(text);
  return h("time", {title: exact, datetime: exact}, h("span", {}, day), " ", time);
};
const facts_ = (pairs) => h("dl", {class: "facts"}, ...pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
  .flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
const link = (text, act) => h("button", {type: "button", class: "as-link", onclick: act}, text);

function table(heads, rows) {
  if (!rows.length) return h("p", {class: "quiet"}, _("None."));
  return h("table", {}, h("thead", {}, h("tr", {}, ...heads.map(([head, right]) => h("th", {scope: "col", class: right ? "num" : ""}, head)))),
    h("tbody", {}, ...rows.map((cells) => h("tr", {}, ...cells.map((cell, place) => h("td", {class: heads[place][1] ? "num" : ""}, cell))))));
}

function orderFacts(row) {
  return facts_([
    [_("Account"), accountName(row.account_id)], [_("Symbol"), row.symbol],
    [_("Order"), `${SIDES[row.side]} ${term(row.order_type)}`], [_("State"), KINDS.status.show(row.status)],
    [_("Quantity"), `${shown(row.filled_qty)} / ${shown(row.qty)}`],
    [_("Price"), row.price && KINDS.price.show(row.price, row)], [_("Trigger"), row.trigger_price && KINDS.price.show(row.trigger_price, row)],
    [_("Average"), row.avg_fill_price && shown(row.avg_fill_price)],
    [_("Fees"), Object.entries(row.fees_by_currency).map(([currency, fee]) => `${shown(fee)} ${currency}`).join(", ")],
    [_("Strategy"), row.strategy_id ? KINDS.strategy.show(row.strategy_id) : null], [_("Reason"), term(row.reason)],
    [_("Comment"), row.comment], [_("Note"), row.note], [_("Refused by"), row.reject_code],
    [_("Client's ID"), row.client_order_id], [_("Our ID there"), row.exchange_client_order_id], [_("ID at the exchange"), row.exchange_order_id],
  ]);
}

function giver(told) {
  if (!told.given_by) {
    return h("p", {}, told.order.reason === "external" ? _("Nobody here asked for it: it was found at the exchange.") : _("The OMS itself placed it: %(why)s.", {why: term(told.order.reason)}));
  }
  const {user_name: name, api_key_id: key, command, request_id: request, at} = told.given_by;
  return h("div", {}, h("p", {}, key
    ? _("%(name)s, through key %(key)s: %(command)s", {name, key, command: term(command)})
    : _("%(name)s: %(command)s", {name, command: term(command)})), h("p", {class: "quiet"}, when(at), request ? ` · ${request}` : ""));
}

function story(events) {
  return h("ol", {class: "story"}, ...events.map((each) => h("li", {}, when(each.created_at), h("span", {}, term(each.event), " ", h("span", {class: "quiet"}, inShort(each.payload))))));
}

function inShort(payload) {
  if (payload.entry) return `${SIDES[payload.side]} ${shown(payload.qty)} @ ${shown(payload.price)}`;
  if (payload.status) return [term(payload.status), payload.note].filter(Boolean).join(" · ");
  return payload.qty ? shown(payload.qty) : "";
}

function raw(rows) {
  if (!rows.length) return h("p", {class: "quiet"}, _("None."));
  return h("div", {}, ...rows.map((each) => h("details", {}, h("summary", {}, when(each.observed_at), " ", each.exchange_trade_id ?? each.exchange_order_id), h("pre", {}, pretty(each.raw_json)))));
}

// Indented without reading it: numbers stay as the exchange wrote them.
function pretty(text) {
  let depth = 0;
  let quoted = false;
  let told = "";
  for (let place = 0; place < text.length; place += 1) {
    const each = text[place];
    if (each === '"' && text[place - 1] !== "\\") quoted = !quoted;
    if (quoted) told += each;
    else if (each === "{" || each === "[") told += `${each}\n${"  ".repeat(++depth)}`;
    else if (each === "}" || each === "]") told += `\n${"  ".repeat(--depth)}${each}`;
    else if (each === ",") told += `,\n${"  ".repeat(depth)}`;
    else if (each === ":") told += ": ";
    else told += each;
  }
  return told;
}

function deals(rows) {
  return table([[_("Deal")], [_("Executed")], [_("Entry")], [_("Quantity"), true], [_("Price"), true], [_("Profit"), true]], rows.map((each) => [
    String(each.id), when(each.executed_at), each.entry ? term(each.entry) : term(each.kind), shown(each.qty), shown(each.price), KINDS.profit.show(each.profit, each)]));
}

function positionRows(rows) {
  return table([[_("Position")], [_("Side")], [_("Volume"), true], [_("Average"), true], [_("Floating"), true], [_("Realised"), true], [_("State")]], rows.map((each) => [
    link(String(each.id), () => openPosition(each.id)), KINDS.side.show(each.side), shown(each.qty), KINDS.average.show(each.avg_price, each), KINDS.floating.show(each.floating_profit, each), KINDS.profit.show(each.profit, each), term(each.state)]));
}

function dealFacts(row) {
  return section(_("Deal"), facts_([
    [_("Executed"), when(row.executed_at)], [_("Entry"), row.entry && term(row.entry)], [_("Kind"), term(row.kind)],
    [_("Quantity"), shown(row.qty)], [_("Price"), row.price && shown(row.price)],
    [_("Profit"), h("span", {}, KINDS.profit.show(row.profit, row), ` ${row.profit_currency ?? moneyOf(row.symbol)}`)],
    [_("Fee"), row.fee && `${shown(row.fee)} ${row.fee_currency}`], [_("Trade at the exchange"), row.exchange_trade_id]]));
}

async function orderStory(id) {
  const told = await rest(`oms/orders/${id}/story`);
  return [
    section(_("Order %(id)s", {id}), orderFacts(told.order)),
    section(_("Who and why"), giver(told)),
    section(_("At the exchange"), table([[_("ID")], [_("State")], [_("Filled"), true], [_("Quantity"), true], [_("Sent")]], told.legs.map((each) => [
      each.exchange_order_id ?? each.conditional_order_id ?? each.client_order_id ?? "—", each.status ? term(each.status) : "—", shown(each.filled_qty), shown(each.qty), when(each.created_at)]))),
    section(_("Executions"), table([[_("Number")], [_("Executed")], [_("Quantity"), true], [_("Price"), true], [_("Fee"), true]], told.executions.map((each) => [
      String(each.number), when(each.executed_at), shown(each.qty), shown(each.price), each.fee ? `${shown(each.fee)} ${each.fee_currency}` : "—"]))),
    section(_("Deals"), deals(told.deals)),
    section(_("Positions"), positionRows(told.positions)),
    section(_("Events"), story(told.events), told.events_complete ? null : h("p", {class: "quiet"}, _("Only events near its beginning and its end."))),
    section(_("What the exchange said of the order"), raw(told.raw_orders)),
    section(_("What the exchange said of its fills"), raw(told.raw_trades)),
  ];
}

async function positionStory(id) {
  const row = (await rest(`oms/positions/${id}`)).items[0];
  const query = `account_ids=${row.account_id}&position_id=${id}&limit=200`;
  const [orders, made] = await Promise.all([rest(`oms/orders?${query}`), rest(`oms/deals?${query}`)]);
  return [
    section(_("Position %(id)s", {id}), facts_([
      [_("Account"), accountName(row.account_id)], [_("Position"), h("span", {}, KINDS.side.show(row.side), ` ${row.symbol}`)], [_("State"), term(row.state)],
      [_("Volume"), shown(row.qty)], [_("Average"), row.avg_price && shown(row.avg_price)], [_("Price"), row.mark_price && KINDS.mark.show(row.mark_price, row)],
      [_("Floating profit"), row.floating_profit && h("span", {}, KINDS.floating.show(row.floating_profit, row), ` ${moneyOf(row.symbol)}`)],
      [_("Realised"), h("span", {}, KINDS.profit.show(row.profit, row), ` ${moneyOf(row.symbol)}`)],
      [_("Fees"), Object.entries(row.fees_by_currency).map(([currency, fee]) => `${shown(fee)} ${currency}`).join(", ")],
      [_("Stop loss"), row.stop_loss && shown(row.stop_loss)], [_("Take profit"), row.stop_gain && shown(row.stop_gain)],
      [_("Strategy"), row.strategy_id ? KINDS.strategy.show(row.strategy_id) : null], [_("Reason"), term(row.reason)], [_("Comment"), row.comment],
      [_("Opened"), when(row.opened_at)], [_("Closed"), row.closed_at && when(row.closed_at)]])),
    section(_("Deals"), deals(made.items)),
    section(_("Orders"), table([[_("Order")], [_("Given")], [_("Type")], [_("Quantity"), true], [_("State")]], orders.items.map((each) => [
      link(String(each.id), () => openOrder(each.id)), when(each.created_at), `${SIDES[each.side]} ${term(each.order_type)}`, `${shown(each.filled_qty)} / ${shown(each.qty)}`, KINDS.status.show(each.status)]))),
  ];
}
