// Filters that stand in the link: what selects data is in the query, so a copied address shows the
// same. `filters([{name: "side", label, options: [[value, label], …]}, …])` fills #filters;
// `filtered()` is what is chosen. A filter's `param` is its name for REST, for lists and exports.
import {dateInput, whyNoTime} from "./dates.js";
import {h, icon, menu, one, replace} from "./dom.js";
import {facts} from "./facts.js";
import {chosenAccounts, setQuery} from "./query.js";
import {typedTime} from "./times.js";
import {_} from "./words.js";

let known = [];

export function filters(list) {
  known = list;
  const place = one("#filters");
  const draw = () => {
    const query = new URLSearchParams(location.search);
    const fields = known.map((each) => field(each, query.get(each.name) ?? ""));
    const any = known.some((each) => query.get(each.name));
    const clear = h("button", {type: "button", class: "button small", hidden: !any, onclick: () => clearFilters()}, _("Clear filters"));
    replace(place, ...fields, clear);
  };
  draw();
  document.addEventListener("query", () => {
    if (!place.contains(document.activeElement) || document.activeElement.tagName !== "INPUT") draw();
  });
  return draw;
}

export const toFilters = () => one("#filters input, #filters select")?.focus();

export const clearFilters = () => setQuery(Object.fromEntries(known.map((each) => [each.name, null])));

function field({name, label, options, type}, value) {
  const id = `filter-${name}`;
  const change = (event) => setQuery({[name]: event.target.value.trim(), cursor: null});
  if (type === "date") return dateField(name, label, value);
  if (!options) {
    return h("label", {for: id}, label, h("input", {id, type: type ?? "search", value, onchange: change, autocomplete: "off"}));
  }
  const choices = typeof options === "function" ? options() : options;
  if (value && !choices.some(([each]) => each === value)) choices.push([value, value]);
  return h("label", {for: id}, label, h("select", {id, onchange: change},
    h("option", {value: ""}, _("all")), ...choices.map(([each, told]) => {
      const option = h("option", {value: each}, told);
      option.selected = each === value;
      return option;
    })));
}

// A day that cannot be read changes nothing and says why beside its field.
function dateField(name, label, value) {
  const id = `filter-${name}`;
  const {input, beside} = dateInput({id, value, label});
  const error = h("span", {class: "field-error", id: `${id}-error`, role: "alert"});
  input.setAttribute("aria-describedby", error.id);
  input.addEventListener("change", () => {
    const {day, why} = typedTime(input.value);
    error.textContent = whyNoTime(why);
    input.setAttribute("aria-invalid", String(Boolean(error.textContent)));
    if (!error.textContent) setQuery({[name]: day ?? null, cursor: null});
  });
  return h("span", {class: "date-field"}, h("label", {for: id}, label), input, ...beside, error);
}

// {side: "buy", …}: only those that are set.
export function filtered() {
  const query = new URLSearchParams(location.search);
  return Object.fromEntries(known.map((each) => [each.name, query.get(each.name)]).filter(([, value]) => value));
}

// The same as a query of REST, accounts included.
export function restQuery(extra = {}) {
  const query = new URLSearchParams({account_ids: chosenAccounts().join(",")});
  for (const each of known) {
    const value = filtered()[each.name];
    if (value) query.set(each.param ?? each.name, value);
  }
  for (const [name, value] of Object.entries(extra)) if (value) query.set(name, value);
  return query;
}

// What the filter says, in words.
export function inWords() {
  const told = Object.entries(filtered()).map(([name, value]) => {
    const each = known.find((one_) => one_.name === name);
    const choices = typeof each.options === "function" ? each.options() : each.options ?? [];
    return `${each.label}: ${choices.find(([one_]) => one_ === value)?.[1] ?? value}`;
  });
  const accounts = chosenAccounts();
  if (accounts.length < facts.accounts.length) {
    told.unshift(facts.accounts.filter((each) => accounts.includes(each.id)).map((each) => each.label).join(", "));
  }
  return told.join(" · ");
}

export const STRATEGY = {
  name: "strategy", param: "strategy_id", label: _("Strategy"),
  options: () => [["0", _("none")], ...facts.strategies.map((each) => [String(each.id), each.name])],
};

export const sideFilter = {name: "side", label: _("Side"), options: [["buy", _("Buy")], ["sell", _("Sell")]]};

// A button that gives the list as a file: all that the filter shows, made by the server.
export function exportButton(list) {
  return fileButton({list, id: "export", label: _("Export"), more: () => ({})});
}

// The same, of what `more()` cuts it to.
export function fileButton({list, id, label, more}) {
  const button = h("button", {type: "button", class: "button small", id}, icon("export"), label);
  menu(button, () => ["csv", "xlsx", "json"].map((format) => h("a", {
    href: `${facts.data}oms/${list}/export?${restQuery({format, ...more()})}`, download: true,
  }, format.toUpperCase())));
  return button;
}
