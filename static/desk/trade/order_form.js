// The ticket's first tab: a new order. What it comes to is said by the dry check while it is filled;
// nothing is sent by a link, by a click into chart or book, or by a key that is held.
import {accountName, ask as askOnce} from "../act.js";
import {dateInput, whyNoTime} from "../dates.js";
import {h, replace} from "../dom.js";
import {facts, may} from "../facts.js";
import {market} from "../markets.js";
import {money} from "../numbers.js";
import {setQuery} from "../query.js";
import {positions} from "../store.js";
import {term} from "../terms.js";
import {clockTime, typedTime} from "../times.js";
import {_} from "../words.js";
import {standing} from "./account.js";
import {askingLines} from "./asking.js";
import {ask, bid, feed} from "./feed.js";
import {Checking, Command, Field, giveIt, placeError, refill, select} from "./forms.js";
import {here} from "./here.js";
import {priceOf, qtyOf} from "./lines.js";
import {hasSent, oneClickUntil, rememberSent, setOneClick} from "./one_click.js";
import {middle, NEEDS_PRICE, NEEDS_TRIGGER, quantity, reasons, takesMoney} from "./order_rules.js";
import {heldInWords, limitRows, priceLimits, qtyLimits, range, standingInWords} from "./standing_words.js";

const FROM_LINK = {side: "side", type: "order_type", qty: "qty", price: "price", trigger_price: "trigger_price", stop_loss: "stop_loss", stop_gain: "stop_gain", strategy_id: "strategy_id", comment: "comment"};
const SHARES = [10, 25, 50, 100];
const TIMES = {GTC: _("until cancelled"), IOC: _("at once or not"), FOK: _("all or nothing"), PO: _("post only"), GTD: _("until a time")};

export class OrderForm {
  side = "buy";
  type = "limit";
  seen = new Map();

  constructor() {
    this.command = new Command();
    this.checking = new Checking((result) => this.#checked(result));
    this.#fields();
    this.#draw();
    for (const name of ["input", "change"]) this.node.addEventListener(name, (event) => this.#typed(event));
    this.node.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.node.addEventListener("keydown", (event) => event.key === "Enter" && event.repeat && event.preventDefault());
    for (const [source, name] of [[document, "markets"], [standing, "change"], [feed, "book"]]) source.addEventListener(name, () => this.#background());
    positions.addEventListener("change", ({detail}) => {
      this.#choices();
      this.#recheck(detail);
    });
    this.setSide("buy");
    this.setType("limit");
  }

  get rules() {
    return here.symbol ? market(here.accountId, here.symbol) : null;
  }

  // --- what it is made of --------------------------------------------------------------------------
  #fields() {
    const button = (text, act, name) => h("button", {type: "button", class: "button small", dataset: {fill: name}, tabindex: "-1", onclick: act}, text);
    const near = [["bid", _("Bid"), bid], ["mid", _("Mid"), () => middle(bid(), ask(), this.rules?.price_step)], ["ask", _("Ask"), ask]];
    this.unit = select([["base", ""], ["quote", ""], ["free", _("% of free")]], "base", {class: "unit", "aria-label": _("Quantity in")});
    this.price = new Field({name: "price", label: _("Price"), beside: near.map(([name, label, get]) => button(label, () => this.setPrice(get()), name))});
    this.trigger = new Field({name: "trigger_price", label: _("Trigger price")});
    this.triggerBy = new Field({name: "trigger_by", label: _("Triggered by"), input: select([])});
    this.trailing = new Field({name: "trailing_percent", label: _("Trailing distance"), beside: [this.trailingBy = select([["percent", "%"]], "percent", {"aria-label": _("Trailing distance in")})]});
    this.qty = new Field({name: "qty", label: _("Quantity"), beside: [this.unit]});
    this.stopLoss = new Field({name: "stop_loss", label: _("Stop loss")});
    this.stopGain = new Field({name: "stop_gain", label: _("Take profit")});
    this.strategy = new Field({name: "strategy_id", label: _("Strategy"), input: select([])});
    this.position = new Field({name: "position_id", label: _("Position"), input: select([["0", ""]])});
    this.time = new Field({name: "time_in_force", label: _("Time in force"), input: select([])});
    this.expires = new Field({name: "expires_at", label: _("Until"), ...dateInput({needsTime: true, label: _("Until")})});
    this.reduce = new Field({name: "reduce_only", label: _("Reduce only"), input: h("input", {type: "checkbox"})});
    this.comment = new Field({name: "comment", label: _("Comment"), input: h("input", {autocomplete: "off", maxlength: "200"})});
    this.all = [this.price, this.trigger, this.triggerBy, this.trailing, this.qty, this.stopLoss, this.stopGain, this.strategy, this.position, this.time, this.expires, this.reduce, this.comment];
  }

  #draw() {
    const side = (name, label) => h("button", {type: "button", class: `side-button ${name}`, dataset: {side: name}, "aria-pressed": "false", onclick: () => this.setSide(name)}, label);
    const type = (name, label) => h("button", {type: "button", class: "segment", dataset: {type: name}, "aria-pressed": "false", onclick: () => this.setType(name)}, label);
    this.otherType = select([["", _("Other…")]], "", {class: "segment", "aria-label": _("Order type"), onchange: () => this.otherType.value && this.setType(this.otherType.value)});
    this.shares = h("div", {class: "steps"}, ...SHARES.map((share) => h("button", {type: "button", class: "button small", tabindex: "-1", onclick: () => this.setShare(share)}, `${share} %`)));
    this.linked = h("p", {class: "told linked", hidden: true}, _("Filled in by a link. Nothing was sent."));
    this.held = h("p", {class: "told warn", hidden: true, role: "status"});
    this.own = h("p", {class: "field-error", role: "alert"});
    this.effect = h("dl", {class: "effect", "aria-live": "off"});
    this.button = h("button", {type: "submit", class: "button main wide send", id: "ticket-send"}, _("Buy"));
    this.oneClick = h("input", {type: "checkbox", id: "one-click", onchange: () => {
      setOneClick(this.oneClick.checked);
      this.#marks();
    }});
    this.oneClickTold = h("span", {class: "tag warn", hidden: true});
    this.node = h("form", {class: "ticket-form", id: "order-form", novalidate: true, "aria-label": _("New order")},
      this.linked, this.held,
      h("div", {class: "sides", role: "group", "aria-label": _("Side")}, side("buy", _("Buy")), side("sell", _("Sell"))),
      h("div", {class: "segments", role: "group", "aria-label": _("Order type")}, type("market", _("Market")), type("limit", _("Limit")), this.otherType),
      this.trigger.node, this.trailing.node, this.price.node, this.qty.node, this.shares,
      h("div", {class: "two"}, this.stopLoss.node, this.stopGain.node),
      h("div", {class: "two"}, this.strategy.node, this.time.node), this.expires.node, this.position.node,
      h("details", {class: "more"}, h("summary", {}, _("More")), this.triggerBy.node, this.reduce.node, this.comment.node),
      this.effect, this.own, this.button,
      h("label", {class: "one-click"}, this.oneClick, _("One click: send without asking"), this.oneClickTold), askingLines());
    this.#marks();
    setInterval(() => this.#marks(), 30000);
  }

  #marks() {
    const until = oneClickUntil();
    this.oneClick.checked = Boolean(until);
    this.oneClickTold.hidden = !until;
    this.oneClickTold.textContent = until ? _("on until %(time)s", {time: clockTime(until)}) : "";
    this.node.classList.toggle("is-one-click", Boolean(until));
  }

  // --- what is chosen ------------------------------------------------------------------------------
  setSide(side) {
    this.side = side;
    for (const each of this.node.querySelectorAll("[data-side]")) each.setAttribute("aria-pressed", String(each.dataset.side === side));
    this.button.classList.toggle("sell", side === "sell");
    this.refresh();
  }

  setType(type) {
    this.type = type;
    for (const each of this.node.querySelectorAll("[data-type]")) each.setAttribute("aria-pressed", String(each.dataset.type === type));
    this.otherType.value = ["market", "limit"].includes(type) ? "" : type;
    this.otherType.classList.toggle("is-chosen", Boolean(this.otherType.value));
    this.refresh();
  }

  setPrice(price) {
    if (!price) return this.price.wrong(_("No price is known."));
    const field = NEEDS_PRICE.has(this.type) || this.type === "market" ? this.price : this.trigger;
    if (this.type === "market") this.setType("limit");
    field.value = price;
    this.refresh();
  }

  setShare(share) {
    this.unit.value = "free";
    this.qty.value = String(share);
    this.refresh();
  }

  // The account or the market is another one: prices of the former mean nothing here.
  anew() {
    for (const field of [this.price, this.trigger, this.qty, this.stopLoss, this.stopGain, this.trailing]) field.value = "";
    this.refresh();
  }

  // What the link names is filled in and marked so; it is never sent by that.
  fromLink() {
    const query = new URLSearchParams(location.search);
    const given = Object.fromEntries(Object.entries(FROM_LINK).map(([name, field]) => [field, query.get(name)]).filter(([, value]) => value));
    if (!Object.keys(given).length) return;
    if (["buy", "sell"].includes(given.side)) this.setSide(given.side);
    if (given.order_type) this.setType(given.order_type);
    for (const field of this.all) if (given[field.name]) field.value = given[field.name];
    this.wantedStrategy = given.strategy_id;
    this.linked.hidden = false;
    this.refresh();
  }

  #typed(event) {
    if (event.target === this.oneClick) return;
    if (event.isTrusted && !this.linked.hidden) {
      this.linked.hidden = true;
      setQuery(Object.fromEntries(Object.keys(FROM_LINK).map((name) => [name, null])));
    }
    this.refresh();
  }

  // --- from fields to a command ----------------------------------------------------------------------
  // After somebody has changed something. A quantity that is meant as money or as a share is worked out
  // here and then stays: what the button says is what is sent, also a second time after a lost answer.
  refresh() {
    for (const field of this.all) field.wrong(null);
    this.#choices();
    this.meant = this.rules && this.qty.value ? this.#qty() : null;
    this.#limits();
    this.#held();
    this.own.textContent = "";
    const payload = this.payload();
    if (payload) this.command.of("send_order", payload, here.accountId);
    this.#say(payload);
    this.node.dataset.checked = "";
    this.checking.soon(() => this.#asked());
  }

  // After something else has changed: what somebody meant stays, and what was said of it.
  #background() {
    if (this.rules && this.qty.value && !this.meant && !this.all.some((field) => field.error.textContent)) return this.refresh();
    this.#choices();
    this.#limits();
    this.#held();
    if (this.free !== this.#free()) this.#shown(this.checking.result);
  }

  #asked() {
    const payload = this.payload();
    return payload && this.command.of("send_order", payload, here.accountId);
  }

  // Where a position of the market has moved, and not only its price, what was said is old.
  #recheck({put, gone}) {
    const moved = put.filter((row) => here.has(row) && this.seen.get(row.id) !== row.updated_at);
    for (const row of moved) this.seen.set(row.id, row.updated_at);
    if ((moved.length || gone.length) && this.checking.result) this.checking.soon(() => this.#asked());
  }

  #choices() {
    const rules = this.rules;
    const type = this.type;
    this.price.show(NEEDS_PRICE.has(type));
    this.trigger.show(NEEDS_TRIGGER.has(type));
    this.trailing.show(type === "trailing_stop");
    this.triggerBy.show(type !== "market" && type !== "limit" && (rules?.trigger_by.length ?? 0) > 1);
    this.expires.show(this.time.value === "GTD");
    this.time.show(type !== "market");
    const hedge = here.account?.position_mode === "hedge";
    this.position.show(hedge);
    const against = [...positions.rows.values()].filter((row) => here.has(row) && row.side !== this.side && row.state === "open");
    refill(this.position.input, [["0", _("a new one")], ...against.map((row) => [String(row.id), _("close %(id)s (%(qty)s)", {id: row.id, qty: qtyOf(row.qty)})])]);
    refill(this.strategy.input, this.#strategies());
    if (this.wantedStrategy) {
      this.strategy.input.value = this.wantedStrategy;
      this.wantedStrategy = null;
    }
    if (!rules) return;
    refill(this.otherType, [["", _("Other…")], ...rules.order_types.filter((each) => !["market", "limit"].includes(each)).map((each) => [each, term(each)])]);
    refill(this.time.input, ["GTC", ...rules.times_in_force.filter((each) => each !== "GTC" && each !== "GTD"), "GTD"].map((each) => [each, each]));
    this.time.hint.textContent = TIMES[this.time.value] ?? "";
    refill(this.triggerBy.input, rules.trigger_by.map((each) => [each, each]));
    refill(this.trailingBy, rules.trailing_by.map((each) => [each, each === "percent" ? "%" : rules.money]));
    refill(this.unit, [["base", rules.kind === "spot" ? rules.base : rules.contract_size === "1" ? rules.base : _("contracts")], ...(takesMoney(rules) ? [["quote", rules.money], ["free", _("% of free")]] : [])]);
  }

  #strategies() {
    const own = facts.strategies.filter((each) => each.account_ids.includes(here.accountId)).map((each) => [String(each.id), each.name]);
    return facts.is_restricted ? own : [...own, ["0", _("none")]];
  }

  // The market's limits under each field.
  #limits() {
    const rules = this.rules;
    const price = rules ? priceLimits(rules) : "";
    this.price.hint.textContent = price;
    this.trigger.hint.textContent = price;
    this.trailing.hint.textContent = rules ? range(rules.min_trailing_percent, rules.max_trailing_percent) : "";
    this.limitsTold = rules ? qtyLimits(rules, this.type) : "";
    this.#echo();
  }

  // The quantity as it is understood, where it was not typed in the order's own unit.
  #echo() {
    const other = this.unit.value !== "base" && this.qty.value;
    const qty = other ? this.meant : null;
    const unit = this.unit.options[0]?.textContent ?? "";
    replace(this.qty.hint, other ? h("strong", {}, qty ? `= ${qtyOf(qty)} ${unit} · ` : `${_("not known yet")} · `) : null, this.limitsTold ?? "");
  }

  // The price that quantities are worked out with: the order's own, else where it would meet the market.
  #reference() {
    const field = NEEDS_PRICE.has(this.type) ? this.price : NEEDS_TRIGGER.has(this.type) ? this.trigger : null;
    return field?.value ? field.read() || null : this.side === "buy" ? ask() : bid();
  }

  #qty() {
    const text = this.qty.read({required: true});
    if (!text || !this.rules) return null;
    return quantity({text, unit: this.unit.value, side: this.side, price: this.#reference(), rules: this.rules, free: (currency) => standing.free(currency)});
  }

  // The command's payload, or null while something is missing; what cannot be read is said at its field.
  payload() {
    const qty = this.meant;
    if (!this.rules || !qty) return null;
    const payload = {symbol: here.symbol, side: this.side, order_type: this.type, qty, strategy_id: Number(this.strategy.input.value || 0)};
    const read = (field, name, required = false) => {
      if (field.node.hidden) return true;
      const value = field.read({required});
      if (value === undefined) return false;
      if (value !== null) payload[name] = value;
      return true;
    };
    if (NEEDS_PRICE.has(this.type) && !this.price.value) return null;
    if (NEEDS_TRIGGER.has(this.type) && !this.trigger.value) return null;
    if (this.type === "trailing_stop" && !this.trailing.value) return null;
    const isWhole = [read(this.price, "price"), read(this.trigger, "trigger_price"), read(this.trailing, `trailing_${this.trailingBy.value}`),
      read(this.stopLoss, "stop_loss"), read(this.stopGain, "stop_gain")].every(Boolean);
    if (!isWhole) return null;
    if (!this.time.node.hidden && this.time.value !== "GTC") payload.time_in_force = this.time.value;
    if (payload.time_in_force === "GTD") {
      const {day, time, why} = typedTime(this.expires.value, {needsTime: true});
      if (why) {
        if (why !== "empty") this.expires.wrong(whyNoTime(why, true));
        return null;
      }
      payload.expires_at = `${day}T${time}Z`;
    }
    if (!this.triggerBy.node.hidden) payload.trigger_by = this.triggerBy.value;
    if (this.reduce.input.checked) payload.reduce_only = true;
    if (!this.position.node.hidden && this.position.value !== "0") payload.position_id = Number(this.position.value);
    if (this.comment.value) payload.comment = this.comment.value;
    return payload;
  }

  // --- what it comes to ------------------------------------------------------------------------------
  #say(payload) {
    const unit = this.unit.options[0]?.textContent ?? "";
    const verb = this.side === "buy" ? _("Buy") : _("Sell");
    this.button.textContent = payload ? `${verb} ${qtyOf(payload.qty)} ${unit}` : verb;
    this.button.disabled = !may(here.accountId, "can_trade") || !here.symbol;
  }

  #checked(result) {
    this.node.dataset.checked = result ? (result.ok ? "ok" : "refused") : "";
    if (result && !result.ok) placeError(result.error, this.all, this.own);
    this.#shown(result);
  }

  #free() {
    const rules = this.rules;
    return rules && standing.free(rules.kind === "spot" && this.side === "sell" ? rules.base : rules.money);
  }

  #shown(result) {
    const effect = result?.effect;
    const rules = this.rules;
    const row = (label, value, title) => [h("dt", {}, label), h("dd", {title: title ?? ""}, value)];
    const inMoney = (text) => `${money(text)} ${rules?.money ?? ""}`;
    const free = this.free = this.#free();
    const [before, after] = [effect?.position_before, effect?.position_after];
    replace(this.effect,
      ...row(_("Value"), effect ? inMoney(effect.notional) : "—", effect?.notional),
      ...row(_("Fee"), effect ? inMoney(effect.fee) : "—", effect?.fee),
      ...row(_("Position"), after ? h("span", {}, standingInWords(before), " → ", h("strong", {}, standingInWords(after))) : "—"),
      ...(rules && rules.kind !== "spot" ? row(_("Margin"), effect?.margin ? inMoney(effect.margin) : "—", effect?.margin ?? _("Leverage is the exchange's; it is not known here.")) : []),
      ...row(_("Free"), rules ? `${money(free)} ${rules.kind === "spot" && this.side === "sell" ? rules.base : rules.money}` : "—", free),
      ...limitRows({risk: standing.risk, effect, qty: this.meant, error: result?.error, strategyId: Number(this.strategy.value || 0), keyId: facts.api_key_id})
        .flatMap(([label, value, isOver]) => row(label, isOver ? h("span", {class: "loss"}, value) : value)));
  }

  #held() {
    const told = heldInWords(here.account, standing);
    this.held.hidden = !told;
    this.held.textContent = told;
  }

  // --- sending ---------------------------------------------------------------------------------------
  // Again while it is under way does nothing; so does it for a moment after.
  async send() {
    if (this.isBusy || this.command.isSpent) return;
    this.isBusy = true;
    this.node.setAttribute("aria-busy", "true");
    try {
      await this.#send();
    } finally {
      this.isBusy = false;
      this.node.removeAttribute("aria-busy");
    }
  }

  async #send() {
    this.own.textContent = "";
    const payload = this.payload();
    if (!payload) return this.#missing();
    const asked = this.command.of("send_order", payload, here.accountId);
    const result = await this.checking.now(asked);
    if (!result) return;
    if (!result.ok && result.error.code !== "unreachable") return;
    const told = reasons({payload, rules: this.rules, effect: result.effect, book: feed.book, bid: bid(), ask: ask(), isOld: feed.isOld(), age: feed.age(),
      free: (currency) => standing.free(currency), settings: facts.settings, account: here.account, isFirst: !hasSent(here.accountId)});
    if (oneClickUntil() && !told.length) await this.#give(payload);
    else await this.#ask(payload, result.effect, told);
  }

  #missing() {
    const field = [[this.price, NEEDS_PRICE.has(this.type)], [this.trigger, NEEDS_TRIGGER.has(this.type)], [this.trailing, this.type === "trailing_stop"], [this.expires, this.time.value === "GTD"], [this.qty, true]]
      .find(([each, needed]) => needed && !each.node.hidden && !each.value)?.[0];
    if (field) field.wrong(_("Give a number."));
    else if (!this.all.some((each) => each.error.textContent)) this.own.textContent = _("The market's price is not known yet.");
    (field ?? this.all.find((each) => each.error.textContent) ?? this.qty).input.focus();
  }

  async #give(payload) {
    const done = await giveIt(this.command, {fields: this.all, own: this.own, done: this.#summary(payload)});
    if (done) rememberSent(here.accountId);
    return Boolean(done);
  }

  #summary(payload) {
    const values = {side: payload.side === "buy" ? _("Buy") : _("Sell"), qty: qtyOf(payload.qty), base: this.unit.options[0].textContent, type: term(payload.order_type), price: priceOf(payload.price ?? payload.trigger_price)};
    return payload.order_type === "market" ? _("%(side)s %(qty)s %(base)s at market", values)
      : payload.order_type === "trailing_stop" ? _("%(side)s %(qty)s %(base)s by a trailing stop", values)
        : _("%(side)s %(qty)s %(base)s %(type)s at %(price)s", values);
  }

  #ask(payload, effect, told) {
    const value = effect?.notional ? ` ≈ ${money(effect.notional)} ${this.rules.money}` : "";
    const extra = [payload.stop_loss && `SL ${priceOf(payload.stop_loss)}`, payload.stop_gain && `TP ${priceOf(payload.stop_gain)}`, payload.time_in_force, payload.reduce_only && _("reduce only")].filter(Boolean).join(" · ");
    return askOnce({
      title: here.symbol, button: payload.side === "buy" ? _("Buy") : _("Sell"), focusCancel: told.length > 0,
      content: [
        h("p", {class: "summary"}, this.#summary(payload), value, " ", _("on"), " ", accountName(here.accountId)),
        extra ? h("p", {class: "quiet"}, extra) : null,
        told.length ? h("ul", {class: "told warn reasons"}, ...told.map((each) => h("li", {}, each))) : null,
      ].filter(Boolean),
      go: async (dialog) => {
        if (await this.#give(payload)) return true;
        dialog.error(this.own.textContent || this.all.find((field) => field.error.textContent)?.error.textContent);
        return false;
      },
    });
  }
}
