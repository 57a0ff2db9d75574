// The ticket's last tab: any unified function of ccxt that the OMS lets through. Orders become orders
// of the OMS and are asked about; what a call sends carries one request_id, as everything does.
import {accountName, ask as askOnce, asResult, inWords, newId} from "../act.js";
import {h, replace} from "../dom.js";
import {stream} from "../stream.js";
import {_} from "../words.js";
import {Field} from "./forms.js";
import {here} from "./here.js";

const KNOWN = ["fetchTicker", "fetchOrderBook", "fetchTrades", "fetchOHLCV", "fetchBalance", "fetchOpenOrders", "fetchOrder", "fetchMyTrades", "fetchPositions",
  "fetchMarkets", "fetchFundingRate", "fetchTradingFee", "createOrder", "editOrder", "cancelOrder", "setLeverage", "setMarginMode"];
const ACTS = /^(create|edit|cancel|set|close|add|reduce)/;
const SENDS = /^(create|edit)/;

export class CcxtForm {
  constructor() {
    const area = (rows) => h("textarea", {rows, spellcheck: "false", autocomplete: "off", class: "code"});
    this.func = new Field({name: "func", label: _("Function"), input: h("input", {list: "ccxt-functions", autocomplete: "off", spellcheck: "false", value: "fetchTicker"})});
    this.args = new Field({name: "args", label: _("Arguments by place (JSON list)"), input: area(3)});
    this.kwargs = new Field({name: "kwargs", label: _("Arguments by name (JSON object)"), input: area(2)});
    this.answer = h("pre", {class: "answer", tabindex: "0", hidden: true, "aria-label": _("Answer")});
    this.own = h("p", {class: "field-error", role: "alert"});
    this.button = h("button", {type: "submit", class: "button main wide", id: "ccxt-send"}, _("Call"));
    this.node = h("form", {class: "ticket-form", id: "ccxt-form", novalidate: true, "aria-label": _("Direct call of ccxt")},
      h("datalist", {id: "ccxt-functions"}, ...KNOWN.map((each) => h("option", {value: each}))),
      h("p", {class: "quiet"}, _("Orders go through the OMS. Money cannot be moved.")),
      this.func.node, this.args.node, this.kwargs.node, this.own, this.button, this.answer);
    this.node.addEventListener("input", () => (this.requestId = null));
    this.node.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.anew();
  }

  anew() {
    if (here.symbol) this.args.value = JSON.stringify([here.symbol]);
    replace(this.answer);
    this.answer.hidden = true;
  }

  #json(field, empty, isRight) {
    field.wrong(null);
    try {
      const value = field.value ? JSON.parse(field.value) : empty;
      if (isRight(value)) return value;
    } catch { /* Said below. */ }
    field.wrong(_("This is no JSON of that kind."));
    return null;
  }

  async send() {
    if (this.isBusy) return;
    this.own.textContent = "";
    const args = this.#json(this.args, [], Array.isArray);
    const kwargs = this.#json(this.kwargs, {}, (value) => value !== null && typeof value === "object" && !Array.isArray(value));
    if (!args || !kwargs || !this.func.value) return;
    const func = this.func.value;
    const plain = func.replaceAll("_", "");
    // As in ccxt params may be the last of the arguments; ours go by name only where none are there.
    if (SENDS.test(plain) && !args.some((each) => each !== null && typeof each === "object" && !Array.isArray(each))) {
      this.requestId ??= newId();
      kwargs.params = {request_id: this.requestId, ...kwargs.params};
    }
    this.isBusy = true;
    try {
      if (!ACTS.test(plain)) return await this.#call(func, args, kwargs);
      await askOnce({
        title: func, button: _("Call"), danger: true,
        content: [h("p", {class: "summary"}, _("on"), " ", accountName(here.accountId)), h("pre", {}, JSON.stringify(args.length ? args : kwargs, null, 1))],
        go: () => this.#call(func, args, kwargs),
      });
    } finally {
      this.isBusy = false;
    }
  }

  async #call(func, args, kwargs) {
    this.button.disabled = true;
    try {
      const told = await stream.ask("ccxt/call", {account_id: here.accountId, func, args, kwargs}, {patienceMs: 30000});
      this.answer.textContent = JSON.stringify(told.result, null, 1);
      this.answer.hidden = false;
      this.requestId = null;
    } catch (thrown) {
      const {text, more} = inWords(asResult(thrown).error);
      this.own.textContent = `${text} (${more})`;
    } finally {
      this.button.disabled = false;
    }
    return true;
  }
}
