// What is done to orders: cancel one or several, change. Each asks once.
import {accountName, ask, draft, giveAll, inWords, tellResult} from "../act.js";
import {SIDES} from "../cells.js";
import {h, toast} from "../dom.js";
import {market, priceDecimals, qtyDecimals} from "../markets.js";
import {shown, typed} from "../numbers.js";
import {term} from "../terms.js";
import {_} from "../words.js";
import {changing} from "./changing.js";
import {whyNot} from "./position_acts.js";

const TYPE_COUNT_ABOVE = 10;
const STOPS = new Set(["stop_loss", "take_profit"]);

const qtyOf = (row, qty) => shown(qty, qtyDecimals(row.account_id, row.symbol));
const priceOf = (row, price) => shown(price, priceDecimals(row.account_id, row.symbol));

export const inShort = (row) => [
  `${row.id}`, SIDES[row.side], term(row.order_type), row.symbol, qtyOf(row, row.qty),
  row.price ? `@ ${priceOf(row, row.price)}` : "", row.trigger_price ? `⚑ ${priceOf(row, row.trigger_price)}` : "",
].filter(Boolean).join(" ");

const isStop = (row) => STOPS.has(row.group_role);

export function cancelOrders(rows, {title} = {}) {
  if (!rows.length) return null;
  const many = rows.length > TYPE_COUNT_ABOVE;
  const stops = rows.filter(isStop).length;
  const byAccount = Map.groupBy(rows, (row) => row.account_id);
  const drafts = [...byAccount].map(([accountId, some]) => draft("cancel_order", {order_ids: some.map((row) => row.id)}, {account_id: accountId}));
  const field = h("input", {id: "cancel-count", inputmode: "numeric", autocomplete: "off"});
  return ask({
    title: title ?? (rows.length === 1 ? _("Cancel the order") : _("Cancel orders: %(n)s", {n: rows.length})),
    button: rows.length === 1 ? _("Cancel the order") : _("Cancel all of them"), danger: true, focusCancel: rows.length > 1,
    content: [
      ...[...byAccount].flatMap(([accountId, some]) => [
        h("div", {}, accountName(accountId)),
        h("ul", {class: "list"}, ...some.map((row) => h("li", {}, inShort(row)))),
      ]),
      stops ? h("p", {class: "told warn"}, _("Stops among them: %(n)s. Their positions are then unprotected.", {n: stops})) : null,
      many ? h("div", {class: "fields"}, h("label", {for: "cancel-count"}, _("Type the count: %(n)s", {n: rows.length})), field) : null,
    ].filter(Boolean),
    go: async (api) => {
      if (many && field.value.trim() !== String(rows.length)) {
        api.error(_("The count is not right."));
        return false;
      }
      const results = await giveAll(drafts);
      const failed = results.find((each) => !each.ok);
      if (failed) {
        const {text, more} = inWords(failed.error);
        if (rows.length === 1) {
          api.error(`${text} (${more})`);
          return false;
        }
        toast(text, {kind: "bad", more});
      } else if (rows.length === 1) tellResult(results[0], _("Order %(id)s is cancelled.", {id: rows[0].id}));
      else toast(_("Orders cancelled: %(n)s", {n: rows.length}));
      return true;
    },
  });
}

// Change price, trigger and total quantity of one order; what the OMS would refuse stands beside its
// field while it is typed.
export function changeOrder(row) {
  const given = {new_price: row.price, new_trigger_price: row.trigger_price, new_qty: row.qty};
  const labels = {new_price: _("Price"), new_trigger_price: _("Trigger"), new_qty: _("Total quantity, what is filled included")};
  const inputs = {};
  const errors = {};
  const names = Object.keys(given).filter((name) => given[name] !== null);
  const lines = names.flatMap((name, place) => {
    errors[name] = h("p", {class: "field-error", id: `${name}-why`});
    inputs[name] = h("input", {id: name, class: "num", inputmode: "decimal", autocomplete: "off", value: given[name], autofocus: place === 0, "aria-describedby": `${name}-why`});
    inputs[name].addEventListener("input", () => form.soon());
    return [h("label", {for: name}, labels[name]), inputs[name], errors[name]];
  });

  function read() {
    const payload = {};
    for (const name of names) {
      form.right(name);
      const value = typed(inputs[name].value);
      if (value.why) {
        form.wrong(name, whyNot(value.why));
        return null;
      }
      if (value.text !== given[name]) payload[name] = value.text;
    }
    return payload;
  }

  const fieldIn = (error) => {
    const field = String(error.details?.field ?? "");
    return names.find((name) => field === name || `new_${field}` === name) ?? names[0];
  };

  const form = changing(row, {
    command: "change_order", id: {order_id: row.id}, inputs, errors, first: names[0], read, fieldIn,
    done: _("Order %(id)s is changed.", {id: row.id}),
  });
  const rules = market(row.account_id, row.symbol);
  return ask({
    title: _("Change order %(id)s", {id: row.id}), button: _("Change"), focusCancel: false,
    content: [
      h("dl", {class: "facts"}, h("dt", {}, _("Account")), h("dd", {}, accountName(row.account_id)), h("dt", {}, _("Order")), h("dd", {}, inShort(row)),
        h("dt", {}, _("Filled")), h("dd", {}, qtyOf(row, row.filled_qty))),
      h("div", {class: "fields"}, ...lines),
      rules && !rules.edits_in_place ? h("p", {class: "quiet"}, _("This exchange does not amend: the order is cancelled and placed anew for what is left.")) : null,
    ].filter(Boolean),
    go: form.go,
  });
}
