// What the ticket's forms share: fields with their limits and errors beside them, the dry check while
// somebody types, and commands whose request_id is older than their first click.
import {asResult, check, draft, give, inWords, tellResult} from "../act.js";
import {h, replace} from "../dom.js";
import {typed} from "../numbers.js";
import {_} from "../words.js";

const CHECK_AFTER_MS = 250;
const SPENT_MS = 1200;

export const whyNot = (why) => ({
  empty: _("Give a number."), no_number: _("This is no number."),
  grouping: _("Write the number without grouping, with a point: 1234.5"),
}[why]);

let serial = 0;

// One field: label, input or select, what is beside it, its limits, its error.
export class Field {
  constructor({name, label, input, beside = [], hidden = false, within = "ticket"}) {
    serial += 1;
    const id = `${within}-${name}-${serial}`;
    this.name = name;
    this.input = input ?? h("input", {class: "num", inputmode: "decimal", autocomplete: "off", spellcheck: "false"});
    this.input.id = id;
    this.input.name = name;
    this.hint = h("span", {class: "hint", id: `${id}-hint`});
    this.error = h("span", {class: "field-error", id: `${id}-error`});
    this.input.setAttribute("aria-describedby", `${id}-hint ${id}-error`);
    this.node = h("div", {class: "field", hidden, dataset: {field: name}}, h("label", {for: id}, label),
      h("div", {class: "with"}, this.input, ...beside), this.hint, this.error);
  }

  get value() {
    return this.input.value.trim();
  }

  set value(text) {
    this.input.value = text ?? "";
  }

  show(visible) {
    this.node.hidden = !visible;
  }

  wrong(text) {
    this.error.textContent = text ?? "";
    this.input.setAttribute("aria-invalid", String(Boolean(text)));
  }

  // The plain decimal that was typed; null where nothing is, undefined where it cannot be read.
  read({required = false} = {}) {
    if (!this.value && !required) return null;
    const {text, why} = typed(this.value);
    if (why) this.wrong(whyNot(why));
    return why ? undefined : text;
  }
}

export const select = (options, value, attributes = {}) => {
  const made = h("select", attributes, ...options.map(([each, told]) => h("option", {value: each}, told)));
  if (value !== undefined) made.value = value;
  return made;
};

// Fills a select anew and keeps what was chosen, where it is still there.
export function refill(made, options) {
  const told = JSON.stringify(options);
  if (made.dataset.told === told) return;
  made.dataset.told = told;
  const before = made.value;
  replace(made, ...options.map(([value, text]) => h("option", {value}, text)));
  if (options.some(([value]) => String(value) === before)) made.value = before;
}

// One command of a form. The same content is the same draft until the server has answered, and for a
// moment after: a double click, a held Enter and a retry after a lost answer are one command.
export class Command {
  #content = null;
  #draft = null;
  #given = null;
  #spentUntil = 0;

  // Made when the form is filled, so that its request_id is there before anybody clicks.
  of(command, payload, accountId) {
    const content = JSON.stringify([command, payload, accountId]);
    if (content !== this.#content) {
      if (content !== this.#given) this.#spentUntil = 0;
      this.#content = content;
      this.#draft = draft(command, payload, {account_id: accountId});
    }
    return this.#draft;
  }

  get isSpent() {
    return performance.now() < this.#spentUntil;
  }

  // Answers the result; null where the same was given a moment ago. Thrown: nobody knows; asked again
  // it is the same command.
  async give() {
    if (this.isSpent) return null;
    const given = this.#draft;
    const result = await give(given);
    if (this.#draft === given) {
      this.#given = this.#content;
      this.#content = null;
      this.#draft = null;
      this.#spentUntil = performance.now() + SPENT_MS;
    }
    return result;
  }
}

// The dry check of what stands in a form, shortly after it was changed; the newest wins.
export class Checking {
  #timer = null;
  #asking = null;

  constructor(tell) {
    this.tell = tell;
    this.result = null;
  }

  soon(make) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.now(make()), CHECK_AFTER_MS);
  }

  async now(asked) {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.result = null;
    if (!asked) return this.tell(null);
    const own = new AbortController();
    this.#asking = own;
    let result;
    try {
      result = await check(asked, {signal: own.signal});
    } catch (error) {
      if (error.name === "AbortError") return null;
      result = {...asResult(error), effect: null};
    }
    if (own.signal.aborted) return null;
    this.result = result;
    this.tell(result);
    return result;
  }
}

// Puts an error beside the field that it names, or into the form's own line; answers the field.
export function placeError(error, fields, own) {
  const names = [error.details?.field ?? ""].flat().map(String);
  const found = fields.find((field) => !field.node.hidden && names.some((name) => name === field.name || name.endsWith(`.${field.name}`)));
  const {text, more} = inWords(error);
  const limit = error.details?.limit;
  const told = limit !== undefined && limit !== null && typeof limit !== "object" ? `${text} (${_("limit %(limit)s", {limit})})` : text;
  if (found) found.wrong(told);
  else own.textContent = `${text} (${more})`;
  return found;
}

// Gives a form's command and says what came of it; answers whether it went.
export async function giveIt(command, {fields, own, done}) {
  try {
    const result = await command.give();
    if (result === null) return false;
    if (!result.ok) {
      placeError(result.error, fields, own)?.input.focus();
      return false;
    }
    tellResult(result, done);
    return result;
  } catch (thrown) {
    const {text, more} = inWords(asResult(thrown).error);
    own.textContent = `${text} (${more})`;
    return false;
  }
}
