// The choice of account and market: chips above, a searched list that the server answers.
import {h, icon, one, replace} from "../dom.js";
import {facts, markOf, rest} from "../facts.js";
import {shown} from "../numbers.js";
import {_} from "../words.js";
import {here} from "./here.js";

const ASK_AFTER_MS = 150;
const SHOWN = 60;

export function showAccounts() {
  const place = one("#trade-accounts");
  replace(place, ...facts.accounts.map((each) => h("button", {
    type: "button", class: `chip ${markOf(each) ? "paper" : ""}`, "aria-pressed": String(each.id === here.accountId), dataset: {account: each.id},
    onclick: () => here.choose({accountId: each.id, symbol: null}),
  }, each.label, markOf(each) ? h("small", {}, markOf(each)) : null, each.status === "blocked" ? h("span", {class: "blocked"}, _("blocked")) : null)));
  one("[aria-pressed=true]", place)?.scrollIntoView({block: "nearest", inline: "nearest"});
}

const listed = async (query) => (await rest(`oms/symbols?${new URLSearchParams({account_ids: here.accountId, active: "true", ...query})}`)).items;

// A market to begin with, where the link names none.
export async function firstSymbol() {
  const accountId = here.accountId;
  const symbols = (await listed({limit: 1000})).map((each) => each.symbol);
  return accountId === here.accountId ? here.likely(symbols) : null;
}

// A button that opens the search; the list is walked by arrows, Enter chooses.
export function symbolPicker() {
  const name = h("strong", {});
  const button = h("button", {type: "button", class: "symbol-button", id: "symbol", "aria-haspopup": "dialog"}, name, icon("more"));
  const show = () => (name.textContent = here.symbol ?? _("Choose a market"));
  here.addEventListener("here", show);
  show();
  button.addEventListener("click", open);
  return {button, open};

  function open() {
    if (!here.accountId || one("#symbol-dialog")) return;
    let timer = null;
    let rows = [];
    let at = 0;
    let turn = 0;
    const list = h("div", {class: "symbol-list", id: "symbol-list", role: "listbox", "aria-label": _("Markets")});
    const field = h("input", {type: "search", id: "symbol-search", role: "combobox", "aria-controls": "symbol-list", "aria-expanded": "true", "aria-label": _("Market"), placeholder: _("Search a market"), autocomplete: "off", spellcheck: "false"});
    const dialog = h("dialog", {id: "symbol-dialog", class: "symbols", "aria-label": _("Choose a market")}, h("div", {class: "inside"}, field, list));
    const choose = (row) => {
      dialog.close();
      if (row) here.choose({symbol: row.symbol});
    };
    const draw = () => {
      replace(list, ...(rows.length ? rows.map((row, place) => h("div", {role: "option", id: `symbol-${place}`, class: "option", "aria-selected": String(place === at), onclick: () => choose(row)},
        h("strong", {}, row.symbol), h("span", {class: "tag"}, row.kind), h("span", {class: "num"}, shown(row.last_price)))) : [h("p", {class: "quiet"}, _("No market of that name."))]));
      field.setAttribute("aria-activedescendant", rows.length ? `symbol-${at}` : "");
      one("[aria-selected=true]", list)?.scrollIntoView({block: "nearest"});
    };
    const load = async () => {
      const own = (turn += 1);
      try {
        const found = await listed({limit: SHOWN, ...(field.value.trim() ? {q: field.value.trim().toUpperCase()} : {})});
        if (own !== turn) return;
        rows = found;
        at = Math.max(0, rows.findIndex((row) => row.symbol === here.symbol));
        draw();
      } catch (error) {
        replace(list, h("p", {class: "field-error"}, error.message));
      }
    };
    field.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(load, ASK_AFTER_MS);
    });
    field.addEventListener("keydown", (event) => {
      const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
      if (step && rows.length) {
        event.preventDefault();
        at = (at + step + rows.length) % rows.length;
        draw();
      } else if (event.key === "Enter") {
        event.preventDefault();
        choose(rows[at]);
      }
    });
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      button.focus();
    });
    one("#layers").append(dialog);
    dialog.showModal();
    field.focus();
    load();
  }
}
