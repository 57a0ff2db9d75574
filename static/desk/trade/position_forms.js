// The ticket's tabs for positions: close, close by an opposite one, merge. Each is one command with its
// request_id from the moment it is filled; its dry check says what would come of it.
import {accountName, ask as askOnce} from "../act.js";
import {h, replace} from "../dom.js";
import {market} from "../markets.js";
import {money, percentOf} from "../numbers.js";
import {positions} from "../store.js";
import {_} from "../words.js";
import {ask, bid} from "./feed.js";
import {Checking, Command, Field, giveIt, placeError, refill, select} from "./forms.js";
import {here} from "./here.js";
import {priceOf, qtyOf} from "./lines.js";
import {middle} from "./order_rules.js";
import {standingInWords} from "./standing_words.js";

const SIDES = {buy: _("Long"), sell: _("Short")};
const SHARES = [25, 50, 75, 100];
const rules = () => (here.symbol ? market(here.accountId, here.symbol) : null);
const inWords = (row) => `${row.id} · ${SIDES[row.side]} ${qtyOf(row.qty)} @ ${row.avg_price}`;
const openHere = () => [...positions.rows.values()].filter((row) => here.has(row) && row.state === "open").sort((a, b) => b.id - a.id);
const chosen = (made) => positions.get(Number(made.value));

// What the three have in common: fields, the check, a button that asks once and then gives.
class PositionForm {
  constructor(name, label) {
    this.command = new Command();
    this.own = h("p", {class: "field-error", role: "alert"});
    this.effect = h("dl", {class: "effect"});
    this.checking = new Checking((result) => this.#checked(result));
    this.button = h("button", {type: "submit", class: "button main wide send", id: `${name}-send`}, label);
    this.none = h("p", {class: "told"});
    this.node = h("form", {class: "ticket-form", id: `${name}-form`, novalidate: true, "aria-label": label});
    for (const event of ["input", "change"]) this.node.addEventListener(event, () => this.refresh());
    this.node.addEventListener("keydown", (event) => event.key === "Enter" && event.repeat && event.preventDefault());
    this.node.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    positions.addEventListener("change", () => {
      this.choices();
      this.button.disabled = !this.payload();
    });
  }

  draw(...nodes) {
    replace(this.node, this.none, ...nodes, this.effect, this.own, this.button);
    this.anew();
  }

  anew() {
    this.choices();
    this.refresh();
  }

  refresh() {
    for (const field of this.fields) field.wrong(null);
    this.own.textContent = "";
    const payload = this.payload();
    if (payload) this.command.of(this.name, payload, here.accountId);
    this.button.disabled = !payload;
    this.checking.soon(() => {
      const now = this.payload();
      return now && this.command.of(this.name, now, here.accountId);
    });
  }

  #checked(result) {
    if (result && !result.ok) placeError(result.error, this.fields, this.own);
    const effect = result?.effect;
    const its = rules();
    const row = (label, value) => [h("dt", {}, label), h("dd", {}, value)];
    replace(this.effect,
      ...(effect?.notional ? row(_("Value"), `${money(effect.notional)} ${its?.money ?? ""}`) : []),
      ...(effect?.fee ? row(_("Fee"), `${money(effect.fee)} ${its?.money ?? ""}`) : []),
      ...(effect?.position_after ? row(_("Position"), h("span", {}, standingInWords(effect.position_before), " → ", h("strong", {}, standingInWords(effect.position_after)))) : []));
  }

  async send() {
    const payload = this.payload();
    if (!payload || this.isBusy || this.command.isSpent) return;
    this.command.of(this.name, payload, here.accountId);
    this.isBusy = true;
    try {
      await askOnce({
        title: this.button.textContent, button: this.button.textContent, danger: true, focusCancel: false,
        content: [h("p", {class: "summary"}, this.summary(payload), " · ", here.symbol, " ", _("on"), " ", accountName(here.accountId))],
        go: async (dialog) => {
          if (await giveIt(this.command, {fields: this.fields, own: this.own, done: this.summary(payload)})) return true;
          dialog.error(this.own.textContent || this.fields.find((field) => field.error.textContent)?.error.textContent);
          return false;
        },
      });
    } finally {
      this.isBusy = false;
    }
  }
}

export class CloseForm extends PositionForm {
  name = "close_position";
  share = 100;

  constructor() {
    super("close", _("Close"));
    this.position = new Field({name: "position_id", label: _("Position"), input: select([])});
    this.shares = h("div", {class: "steps"}, ...SHARES.map((share) => h("button", {type: "button", class: "button small", tabindex: "-1", dataset: {share}, onclick: () => this.fill(share)}, `${share} %`)));
    this.qty = new Field({name: "qty", label: _("Quantity")});
    this.qty.input.addEventListener("input", () => (this.share = null));
    this.type = new Field({name: "order_type", label: _("Order type"), input: select([["market", _("Market")], ["limit", _("Limit")]], "market")});
    const near = [["bid", _("Bid"), bid], ["mid", _("Mid"), () => middle(bid(), ask(), rules()?.price_step)], ["ask", _("Ask"), ask]];
    this.price = new Field({name: "price", label: _("Price"), hidden: true, beside: near.map(([, label, get]) => h("button", {type: "button", class: "button small", tabindex: "-1", onclick: () => this.setPrice(get())}, label))});
    this.fields = [this.position, this.qty, this.type, this.price];
    this.draw(this.position.node, this.qty.node, this.shares, this.type.node, this.price.node);
    this.fill(100);
  }

  choices() {
    const rows = openHere();
    refill(this.position.input, rows.map((row) => [String(row.id), inWords(row)]));
    this.none.hidden = rows.length > 0;
    this.none.textContent = _("No open position in this market.");
    if (this.share) this.fill(this.share);
  }

  setPrice(price) {
    if (!price) return;
    this.type.input.value = "limit";
    this.price.value = price;
    this.refresh();
  }

  fill(share) {
    const row = chosen(this.position.input);
    this.share = share;
    const text = row ? (share === 100 ? row.qty : percentOf(row.qty, share, rules()?.qty_step)) : "";
    if (this.qty.value !== text || this.filledOf !== row?.id) {
      this.qty.value = text;
      this.filledOf = row?.id;
      this.refresh();
    }
    for (const each of this.shares.children) each.setAttribute("aria-pressed", String(Number(each.dataset.share) === share));
  }

  refresh() {
    const row = chosen(this.position.input);
    if (row && this.filledOf !== row.id && this.share) return this.fill(this.share);
    this.price.show(this.type.value === "limit");
    for (const each of this.shares.children) each.setAttribute("aria-pressed", String(Number(each.dataset.share) === this.share));
    super.refresh();
    const qty = row && this.qty.value ? this.qty.read() : null;
    this.button.textContent = qty ? _("Close %(qty)s", {qty: qtyOf(qty)}) : _("Close");
  }

  // All of it is asked for without a quantity: what is left below a step goes too.
  payload() {
    const row = chosen(this.position?.input ?? {});
    if (!row) return null;
    const payload = {position_id: row.id};
    if (this.share !== 100) {
      const qty = this.qty.read({required: true});
      if (!qty) return null;
      payload.qty = qty;
    }
    if (this.type.value === "limit") {
      const price = this.price.value ? this.price.read() : null;
      if (!price) return null;
      Object.assign(payload, {order_type: "limit", price});
    }
    return payload;
  }

  summary(payload) {
    const row = positions.get(payload.position_id);
    const values = {id: payload.position_id, qty: qtyOf(payload.qty ?? row?.qty), price: priceOf(payload.price)};
    return payload.price ? _("Close %(qty)s of position %(id)s at %(price)s", values) : _("Close %(qty)s of position %(id)s at market", values);
  }
}

export class CloseByForm extends PositionForm {
  name = "close_by";

  constructor() {
    super("close-by", _("Close by"));
    this.a = new Field({name: "position_id_a", label: _("Position"), input: select([])});
    this.b = new Field({name: "position_id_b", label: _("Against"), input: select([])});
    this.qty = new Field({name: "qty", label: _("Quantity")});
    this.qty.hint.textContent = _("Empty: as much as the smaller one has.");
    this.fields = [this.a, this.b, this.qty];
    this.draw(this.a.node, this.b.node, this.qty.node);
  }

  choices() {
    const rows = openHere();
    const pairs = rows.filter((row) => rows.some((each) => each.side !== row.side));
    refill(this.a.input, pairs.map((row) => [String(row.id), inWords(row)]));
    const first = chosen(this.a.input);
    refill(this.b.input, pairs.filter((row) => first && row.side !== first.side).map((row) => [String(row.id), inWords(row)]));
    this.none.hidden = pairs.length > 0;
    this.none.textContent = _("There is no open position of the other side in this market.");
  }

  refresh() {
    this.choices();
    super.refresh();
  }

  payload() {
    const [a, b] = [chosen(this.a.input), chosen(this.b.input)];
    const qty = this.qty.read();
    if (!a || !b || qty === undefined) return null;
    return {position_id_a: a.id, position_id_b: b.id, ...(qty ? {qty} : {})};
  }

  summary(payload) {
    return _("Close position %(a)s by %(b)s", {a: payload.position_id_a, b: payload.position_id_b});
  }
}

export class MergeForm extends PositionForm {
  name = "merge_positions";

  constructor() {
    super("merge", _("Merge"));
    this.source = new Field({name: "source_position_id", label: _("Position that ends"), input: select([])});
    this.target = new Field({name: "target_position_id", label: _("Into"), input: select([])});
    this.mode = new Field({name: "stop_mode", label: _("Stops of the result"), input: select([["keep", _("as they are")], ["clear", _("none")], ["set", _("new ones")]], "keep")});
    this.loss = new Field({name: "stop_loss", label: _("Stop loss"), hidden: true});
    this.gain = new Field({name: "stop_gain", label: _("Take profit"), hidden: true});
    this.comment = new Field({name: "comment", label: _("Comment"), input: h("input", {autocomplete: "off", maxlength: "200"})});
    this.comment.hint.textContent = _("Say why; it is kept.");
    this.fields = [this.comment, this.source, this.target, this.mode, this.loss, this.gain];
    this.draw(this.comment.node, this.source.node, this.target.node, this.mode.node, h("div", {class: "two"}, this.loss.node, this.gain.node));
  }

  choices() {
    const rows = openHere();
    const same = (row, each) => each.id !== row.id && each.side === row.side && each.strategy_id === row.strategy_id;
    const able = rows.filter((row) => rows.some((each) => same(row, each)));
    refill(this.source.input, able.map((row) => [String(row.id), inWords(row)]));
    const source = chosen(this.source.input);
    refill(this.target.input, able.filter((row) => source && same(source, row)).map((row) => [String(row.id), inWords(row)]));
    this.none.hidden = able.length > 0;
    this.none.textContent = _("There are no two positions of one side and strategy in this market.");
  }

  refresh() {
    this.choices();
    for (const field of [this.loss, this.gain]) field.show(this.mode.value === "set");
    super.refresh();
  }

  payload() {
    const [source, target] = [chosen(this.source.input), chosen(this.target.input)];
    if (!source || !target || !this.comment.value) return null;
    const payload = {source_position_id: source.id, target_position_id: target.id, stop_mode: this.mode.value, comment: this.comment.value};
    if (this.mode.value !== "set") return payload;
    for (const [field, name] of [[this.loss, "stop_loss"], [this.gain, "stop_gain"]]) {
      const value = field.read();
      if (value === undefined) return null;
      if (value !== null) payload[name] = value;
    }
    return payload.stop_loss || payload.stop_gain ? payload : null;
  }

  summary(payload) {
    return _("Merge position %(a)s into %(b)s", {a: payload.source_position_id, b: payload.target_position_id});
  }
}
