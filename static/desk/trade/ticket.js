// The ticket: its tabs, and what chart, book, grids and keys put into them. Without the right to trade
// or to close on the account there is none.
import {h, replace} from "../dom.js";
import {may} from "../facts.js";
import {_} from "../words.js";
import {CcxtForm} from "./ccxt_form.js";
import {here} from "./here.js";
import {OrderForm} from "./order_form.js";
import {CancelForm, ChangeForm} from "./order_forms.js";
import {CloseByForm, CloseForm, MergeForm} from "./position_forms.js";

const TABS = [
  ["order", _("Order"), OrderForm, "can_trade"], ["close", _("Close"), CloseForm, "can_close_position"],
  ["close-by", _("Close by"), CloseByForm, "can_close_position"], ["merge", _("Merge"), MergeForm, "can_close_position"],
  ["change", _("Change"), ChangeForm, "can_trade"], ["cancel", _("Cancel"), CancelForm, "can_close_position"],
  ["ccxt", "ccxt", CcxtForm, "can_trade"],
];

export class Ticket {
  forms = {};

  constructor(place) {
    this.place = place;
    for (const [name, , Form] of TABS) this.forms[name] = new Form();
    this.tabs = h("div", {class: "tabs", role: "tablist", "aria-label": _("Ticket")});
    this.tabs.addEventListener("keydown", (event) => this.#key(event));
    this.body = h("div", {class: "ticket-body", role: "tabpanel", id: "ticket-body"});
    replace(place, this.tabs, this.body);
    this.anew();
  }

  get order() {
    return this.forms.order;
  }

  allowed() {
    return TABS.filter(([, , , right]) => may(here.accountId, right) || (right === "can_close_position" && may(here.accountId, "can_trade")));
  }

  // Another account or market, or other rights: what was filled in for the former goes if it is told to.
  anew({clears = false} = {}) {
    const allowed = this.allowed();
    this.place.hidden = !allowed.length;
    this.place.parentElement.classList.toggle("no-ticket", !allowed.length);
    replace(this.tabs, ...allowed.map(([name, label]) => h("button", {type: "button", role: "tab", id: `tab-${name}`, dataset: {tab: name}, "aria-controls": "ticket-body", onclick: () => this.show(name)}, label)));
    for (const form of Object.values(this.forms)) if (form !== this.order) form.anew();
    if (clears) this.order.anew();
    else this.order.refresh();
    if (allowed.length) this.show(allowed.some(([name]) => name === this.current) ? this.current : allowed[0][0]);
  }

  show(name, {focus = false} = {}) {
    if (!this.allowed().some(([each]) => each === name)) return null;
    this.current = name;
    for (const tab of this.tabs.children) {
      tab.setAttribute("aria-selected", String(tab.dataset.tab === name));
      tab.tabIndex = tab.dataset.tab === name ? 0 : -1;
    }
    const form = this.forms[name];
    this.body.setAttribute("aria-labelledby", `tab-${name}`);
    if (form.node.parentElement !== this.body) replace(this.body, form.node);
    if (focus) form.node.querySelector("input:not([type=checkbox]), select, button")?.focus();
    return form;
  }

  // A price of the chart, the book or a trade: it fills, it never sends.
  setPrice(price) {
    if (this.current === "close") this.forms.close.setPrice(price);
    else this.show("order")?.setPrice(price);
  }

  #key(event) {
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (!step) return;
    event.preventDefault();
    const all = [...this.tabs.children];
    const next = all[(all.findIndex((tab) => tab.dataset.tab === this.current) + step + all.length) % all.length];
    this.show(next.dataset.tab);
    next.focus();
  }
}
