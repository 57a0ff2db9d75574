// The ticket's tabs for open orders of the market: change one, cancel some or all.
import {accountName, ask as askOnce} from "../act.js";
import {h, replace} from "../dom.js";
import {cancelOrders} from "../monitor/order_acts.js";
import {cmpDec} from "../numbers.js";
import {orders} from "../store.js";
import {term} from "../terms.js";
import {_} from "../words.js";
import {Checking, Command, Field, giveIt, placeError, refill, select} from "./forms.js";
import {here} from "./here.js";
import {priceOf, qtyOf} from "./lines.js";

const SIDES = {buy: _("Buy"), sell: _("Sell")};
const openHere = () => [...orders.rows.values()].filter((row) => here.has(row)).sort((a, b) => b.id - a.id);

export const orderInWords = (row) => [`${row.id} · ${SIDES[row.side]} ${qtyOf(row.qty)}`, term(row.order_type),
  row.trigger_price && `▸ ${priceOf(row.trigger_price)}`, row.price && `@ ${priceOf(row.price)}`].filter(Boolean).join(" ");

export class ChangeForm {
  constructor() {
    this.command = new Command();
    this.order = new Field({name: "order_id", label: _("Order"), input: select([])});
    this.price = new Field({name: "new_price", label: _("New price")});
    this.trigger = new Field({name: "new_trigger_price", label: _("New trigger price")});
    this.qty = new Field({name: "new_qty", label: _("New quantity")});
    this.qty.hint.textContent = _("The whole, with what is filled.");
    this.fields = [this.order, this.price, this.trigger, this.qty];
    this.own = h("p", {class: "field-error", role: "alert"});
    this.none = h("p", {class: "told"}, _("No open order in this market."));
    this.button = h("button", {type: "submit", class: "button main wide send", id: "change-send"}, _("Change"));
    this.checking = new Checking((result) => result && !result.ok && placeError(result.error, this.fields, this.own));
    this.node = h("form", {class: "ticket-form", id: "change-form", novalidate: true, "aria-label": _("Change an order")},
      this.none, ...this.fields.map((field) => field.node), this.own, this.button);
    this.node.addEventListener("input", () => this.refresh());
    this.node.addEventListener("keydown", (event) => event.key === "Enter" && event.repeat && event.preventDefault());
    this.node.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    orders.addEventListener("change", () => this.anew());
    this.anew();
  }

  get row() {
    return orders.get(Number(this.order.value)) ?? null;
  }

  anew() {
    const rows = openHere();
    refill(this.order.input, rows.map((row) => [String(row.id), orderInWords(row)]));
    this.none.hidden = rows.length > 0;
    this.refresh();
  }

  pick(row) {
    this.order.input.value = String(row.id);
    this.refresh();
  }

  refresh() {
    const row = this.row;
    if (this.filledOf !== (row?.id ?? null)) {
      this.filledOf = row?.id ?? null;
      this.price.value = row?.price ?? "";
      this.trigger.value = row?.trigger_price ?? "";
      this.qty.value = row?.qty ?? "";
    }
    this.price.show(Boolean(row?.price));
    this.trigger.show(Boolean(row?.trigger_price));
    this.qty.show(Boolean(row));
    for (const field of this.fields) field.wrong(null);
    this.own.textContent = "";
    const payload = this.payload();
    this.button.disabled = !payload;
    if (payload) this.command.of("change_order", payload, here.accountId);
    this.checking.soon(() => {
      const now = this.payload();
      return now && this.command.of("change_order", now, here.accountId);
    });
  }

  // Only what is another than before; null where nothing is.
  payload() {
    const row = this.row;
    if (!row) return null;
    const payload = {order_id: row.id};
    for (const [field, before] of [[this.price, row.price], [this.trigger, row.trigger_price], [this.qty, row.qty]]) {
      if (field.node.hidden || !field.value) continue;
      const value = field.read();
      if (!value) return null;
      if (cmpDec(value, before) !== 0) payload[field.name] = value;
    }
    return Object.keys(payload).length > 1 ? payload : null;
  }

  async send() {
    const payload = this.payload();
    if (!payload || this.isBusy || this.command.isSpent) return;
    const row = this.row;
    this.command.of("change_order", payload, here.accountId);
    const told = [["new_price", row.price], ["new_trigger_price", row.trigger_price]].filter(([name]) => payload[name]).map(([name, before]) => `${priceOf(before)} → ${priceOf(payload[name])}`)
      .concat(payload.new_qty ? [`${qtyOf(row.qty)} → ${qtyOf(payload.new_qty)}`] : []).join(" · ");
    this.isBusy = true;
    try {
      await askOnce({
        title: _("Change an order"), button: _("Change"),
        content: [h("p", {class: "summary"}, `${orderInWords(row)}: `, h("strong", {}, told), " ", _("on"), " ", accountName(row.account_id))],
        go: async (dialog) => {
          if (await giveIt(this.command, {fields: this.fields, own: this.own, done: _("Order %(id)s: %(what)s", {id: row.id, what: told})})) return true;
          dialog.error(this.own.textContent || this.fields.find((field) => field.error.textContent)?.error.textContent);
          return false;
        },
      });
    } finally {
      this.isBusy = false;
    }
  }
}

export class CancelForm {
  #chosen = new Set();

  constructor() {
    this.list = h("div", {class: "choose-orders"});
    this.some = h("button", {type: "button", class: "button danger wide", id: "cancel-selected", onclick: () => cancelOrders(openHere().filter((row) => this.#chosen.has(row.id)))});
    this.every = h("button", {type: "button", class: "button wide", id: "cancel-all", onclick: () => cancelOrders(openHere())});
    this.node = h("div", {class: "ticket-form", id: "cancel-form"}, this.list, this.some, this.every);
    orders.addEventListener("change", () => this.anew());
    this.anew();
  }

  pick(row) {
    this.#chosen = new Set([row.id]);
    this.anew();
  }

  anew() {
    const rows = openHere();
    for (const id of this.#chosen) if (!rows.some((row) => row.id === id)) this.#chosen.delete(id);
    const line = (row) => h("label", {class: "line"}, h("input", {type: "checkbox", value: String(row.id), checked: this.#chosen.has(row.id), onchange: (event) => {
      if (event.target.checked) this.#chosen.add(row.id);
      else this.#chosen.delete(row.id);
      this.#count(rows.length);
    }}), h("span", {class: `side-${row.side}`}, orderInWords(row)));
    const told = JSON.stringify(rows.map((row) => [row.id, row.qty, row.price, row.trigger_price]));
    if (told !== this.told) replace(this.list, ...(rows.length ? rows.map(line) : [h("p", {class: "told"}, _("No open order in this market."))]));
    this.told = told;
    for (const box of this.list.querySelectorAll("input")) box.checked = this.#chosen.has(Number(box.value));
    this.#count(rows.length);
  }

  #count(all) {
    this.some.textContent = _("Cancel selected: %(n)s", {n: this.#chosen.size});
    this.some.disabled = !this.#chosen.size;
    this.every.textContent = _("Cancel all of this market: %(n)s", {n: all});
    this.every.disabled = !all;
  }
}
