// What is done to positions: close, close a part, close several, close by, stops. Each asks once.
import {accountName, ask, draft, give, giveAll, inWords, tellResult} from "../act.js";
import {KINDS} from "../cells.js";
import {h, replace, toast} from "../dom.js";
import {market, qtyDecimals} from "../markets.js";
import {moneyOf, percentOf, shown, snapped, typed} from "../numbers.js";
import {positions} from "../store.js";
import {_} from "../words.js";
import {changing} from "./changing.js";

const LOOK_AGAIN_MS = 700;
const TYPE_COUNT_ABOVE = 10;

const SHOWN_SIDE = {buy: _("Long"), sell: _("Short")};
export const sideOf = (row) => SHOWN_SIDE[row.side];
const qtyOf = (row, qty = row.qty) => shown(qty, qtyDecimals(row.account_id, row.symbol));
const baseOf = (row) => row.symbol.split("/")[0];
// A position in one line: "12 · Long 0.02 BTC/USDT".
export const named = (row) => `${row.id} · ${sideOf(row)} ${qtyOf(row)} ${row.symbol}`;

export function factsOf(row) {
  const list = h("dl", {class: "facts"});
  replace(list,
    h("dt", {}, _("Account")), h("dd", {}, accountName(row.account_id)),
    h("dt", {}, _("Position")), h("dd", {}, `${row.id} · ${sideOf(row)} ${row.symbol}`),
    h("dt", {}, _("Volume")), h("dd", {}, `${qtyOf(row)} ${baseOf(row)}`),
    h("dt", {}, _("Average")), h("dd", {}, KINDS.average.show(row.avg_price, row)),
    h("dt", {}, _("Price")), h("dd", {}, KINDS.mark.show(row.mark_price, row)),
    h("dt", {}, _("Floating profit")), h("dd", {}, KINDS.floating.show(row.floating_profit, row), ` ${moneyOf(row.symbol)}`),
  );
  return list;
}

// Keeps the facts of a row up to date while its dialog is open. Where the volume, the side or the
// state changes, the button rests for a moment, so that nobody confirms what they have not read.
function watched(row, api, redraw) {
  const changed = h("p", {class: "told warn", hidden: true});
  let last = row;
  const look = () => {
    const next = positions.get(row.id);
    if (!next) {
      changed.textContent = _("The position is closed.");
      changed.hidden = false;
      api().send.disabled = true;
      return;
    }
    if (["qty", "side", "state"].some((name) => next[name] !== last[name])) {
      changed.textContent = _("It has changed: volume %(qty)s now. Look again.", {qty: qtyOf(next)});
      changed.hidden = false;
      api().send.disabled = true;
      setTimeout(() => (api().send.disabled = false), LOOK_AGAIN_MS);
    }
    last = next;
    redraw(next);
  };
  positions.addEventListener("change", look);
  return {node: changed, row: () => last, stop: () => positions.removeEventListener("change", look)};
}

// Close a position: all of it, a percentage, or a quantity that is typed.
export async function closePosition(row, {percent = 100} = {}) {
  let api = null;
  let chosen = percent;
  let orders = new Map();
  const told = h("div", {}, factsOf(row));
  const field = h("input", {id: "close-qty", class: "num", inputmode: "decimal", autocomplete: "off", "aria-describedby": "close-told"});
  const error = h("p", {class: "field-error", id: "close-told"});
  const watch = watched(row, () => api, (next) => {
    replace(told, factsOf(next));
    if (chosen !== null) fill(chosen);
  });
  const step = () => market(row.account_id, row.symbol)?.qty_step;
  const fill = (share) => {
    chosen = share;
    field.value = share === 100 ? watch.row().qty : percentOf(watch.row().qty, share, step());
    for (const each of buttons) each.setAttribute("aria-pressed", String(Number(each.dataset.share) === share));
    say();
  };
  const qty = () => (chosen === 100 ? null : typed(field.value));
  const say = () => {
    const asked = qty();
    error.textContent = asked?.why ? whyNot(asked.why) : "";
    field.setAttribute("aria-invalid", String(Boolean(asked?.why)));
    if (api) api.send.textContent = _("Close %(qty)s %(base)s", {qty: asked?.text ? qtyOf(row, asked.text) : qtyOf(watch.row()), base: baseOf(row)});
  };
  const buttons = [25, 50, 75, 100].map((share) => h("button", {type: "button", class: "button small", dataset: {share}, onclick: () => fill(share)}, `${share} %`));
  field.addEventListener("input", () => {
    chosen = null;
    for (const each of buttons) each.setAttribute("aria-pressed", "false");
    say();
  });
  const asking = ask({
    title: _("Close at market"), button: _("Close"), danger: true, focusCancel: false,
    content: [told, watch.node, h("div", {class: "fields"}, h("label", {for: "close-qty"}, _("Quantity")), field, h("div", {class: "steps"}, ...buttons), error)],
    go: async (given) => {
      const asked = qty();
      if (asked?.why) return false;
      const payload = {position_id: row.id, ...(asked ? {qty: asked.text} : {})};
      // One quantity is one command, however often it is asked for.
      const name = asked?.text ?? "all";
      if (!orders.has(name)) orders.set(name, draft("close_position", payload, row));
      const result = await give(orders.get(name));
      if (!result.ok) {
        const {text, more} = inWords(result.error);
        given.error(`${text} (${more})`);
        orders.delete(name);
        return false;
      }
      tellResult(result, _("Closing %(symbol)s: %(qty)s %(base)s.", {symbol: row.symbol, qty: asked ? qtyOf(row, asked.text) : qtyOf(watch.row()), base: baseOf(row)}));
      return true;
    },
  });
  const dialog = document.querySelector("#layers dialog:last-of-type");
  api = {send: dialog.querySelector("button[type=submit]")};
  fill(percent);
  api.send.focus();
  await asking;
  watch.stop();
}

export function whyNot(why) {
  return {
    empty: _("Give a number."), no_number: _("This is no number."),
    grouping: _("Write the number without grouping, with a point: 1234.5"),
  }[why];
}

// Close several at market, one command each. Above ten the count is typed.
export async function closeSeveral(rows) {
  if (!rows.length) return;
  const many = rows.length > TYPE_COUNT_ABOVE;
  const drafts = rows.map((row) => draft("close_position", {position_id: row.id}, row));
  const field = h("input", {id: "close-count", inputmode: "numeric", autocomplete: "off"});
  await ask({
    title: _("Close positions: %(n)s", {n: rows.length}), button: _("Close all of them"), danger: true,
    content: [
      h("ul", {class: "list"}, ...rows.map((row) => h("li", {}, h("span", {}, `${row.id} ${sideOf(row)} ${row.symbol}`), h("span", {class: "num"}, `${qtyOf(row)} ${baseOf(row)}`)))),
      h("p", {class: "quiet"}, _("Each is closed at market. Its stops go with it.")),
      many ? h("div", {class: "fields"}, h("label", {for: "close-count"}, _("Type the count: %(n)s", {n: rows.length})), field) : null,
    ].filter(Boolean),
    go: async (api) => {
      if (many && field.value.trim() !== String(rows.length)) {
        api.error(_("The count is not right."));
        return false;
      }
      const results = await giveAll(drafts);
      const failed = results.filter((each) => !each.ok);
      if (failed.length) {
        const {text, more} = inWords(failed[0].error);
        toast(_("Not closed: %(n)s of %(all)s. The first: %(why)s", {n: failed.length, all: rows.length, why: text}), {kind: "bad", more});
      } else toast(_("Closing positions: %(n)s", {n: rows.length}));
      return true;
    },
  });
}

// Those that a position can be closed by: the same market and account, the other side.
export const candidates = (row) => [...positions.rows.values()].filter((each) => each.account_id === row.account_id && each.symbol === row.symbol && each.side !== row.side && each.state === "open");

export async function closeBy(row) {
  const others = candidates(row);
  const drafts = new Map(others.map((each) => [each.id, draft("close_by", {position_id_a: row.id, position_id_b: each.id}, row)]));
  const choice = (each, first) => h("label", {class: "line"},
    h("input", {type: "radio", name: "other", value: String(each.id), checked: first}),
    ` ${each.id} · ${sideOf(each)} ${qtyOf(each)} ${baseOf(each)} · `, KINDS.average.show(each.avg_price, each));
  await ask({
    title: _("Close by an opposite position"), button: _("Close by"), danger: true, focusCancel: false,
    content: [factsOf(row), others.length
      ? h("fieldset", {class: "choices"}, h("legend", {}, _("Against")), ...others.map((each, place) => choice(each, place === 0)))
      : h("p", {class: "told warn"}, _("There is no open position of the other side in this market."))],
    go: async (api) => {
      const other = api.form.querySelector("[name=other]:checked");
      if (!other) return false;
      const result = await give(drafts.get(Number(other.value)));
      if (!result.ok) {
        const {text, more} = inWords(result.error);
        api.error(`${text} (${more})`);
        return false;
      }
      tellResult(result, _("Closed position %(a)s by %(b)s.", {a: row.id, b: other.value}));
      return true;
    },
  });
}

// Stops of a position. What the OMS would refuse is said beside its field while it is typed.
export async function editStops(row, {prefill = {}} = {}) {
  const told = h("div", {}, factsOf(row));
  const given = {stop_loss: row.stop_loss, stop_gain: row.stop_gain, trailing: row.trailing?.percent ?? row.trailing?.amount ?? null};
  const inputs = {};
  const errors = {};
  const line = (name, label) => {
    const id = `stops-${name}`;
    errors[name] = h("p", {class: "field-error", id: `${id}-why`});
    inputs[name] = h("input", {id, class: "num", inputmode: "decimal", autocomplete: "off", "aria-describedby": `${id}-why`, value: prefill[name] ?? given[name] ?? "", autofocus: name === (Object.keys(prefill)[0] ?? "stop_loss")});
    inputs[name].addEventListener("input", () => form.soon());
    return [h("label", {for: id}, label), inputs[name], errors[name]];
  };
  const unit = h("select", {id: "stops-unit", "aria-label": _("Trailing distance in"), onchange: () => form.soon()},
    h("option", {value: "percent"}, "%"), h("option", {value: "amount"}, moneyOf(row.symbol)));
  unit.value = row.trailing?.amount ? "amount" : "percent";
  const watch = watched(row, () => ({send: document.querySelector("#layers dialog:last-of-type button[type=submit]")}), (next) => replace(told, factsOf(next)));
  // What was changed, or null where a field cannot be read.
  function read() {
    const payload = {};
    for (const name of Object.keys(inputs)) {
      form.right(name);
      const text = inputs[name].value.trim();
      if (!text) {
        if (given[name] !== null) payload[name] = null;
        continue;
      }
      const value = typed(text);
      if (value.why) {
        form.wrong(name, whyNot(value.why));
        return null;
      }
      const now = name === "trailing" ? {[unit.value]: value.text} : value.text;
      const before = name === "trailing" ? given.trailing !== null && row.trailing[unit.value] === value.text : given[name] === value.text;
      if (!before) payload[name] = now;
    }
    return payload;
  }

  const fieldIn = (error) => Object.keys(inputs).find((name) => String(error.details?.field ?? "").includes(name)) ?? "stop_loss";

  const form = changing(row, {
    command: "position_change", id: {position_id: row.id}, inputs, errors, first: "stop_loss", read, fieldIn,
    done: _("Stops of position %(id)s are set.", {id: row.id}),
  });

  const done = ask({
    title: _("Stops of position %(id)s", {id: row.id}), button: _("Set"), focusCancel: false,
    content: [told, watch.node, h("div", {class: "fields"},
      ...line("stop_loss", _("Stop loss")), ...line("stop_gain", _("Take profit")),
      h("label", {for: "stops-trailing"}, _("Trailing distance")), h("div", {class: "pair"}, ...line("trailing", "").slice(1, 2), unit), errors.trailing,
      h("p", {class: "quiet"}, _("An empty field takes the stop away.")))],
    go: form.go,
  });
  if (Object.keys(prefill).length) form.soon();
  await done;
  watch.stop();
}

// The stop that loses nothing: the average, on the side of the tick that does not lose.
export function breakEven(row) {
  const step = market(row.account_id, row.symbol)?.price_step;
  if (!step || !row.avg_price) return editStops(row, {prefill: {stop_loss: row.avg_price ?? ""}});
  return editStops(row, {prefill: {stop_loss: snapped(row.avg_price, step)}});
}

