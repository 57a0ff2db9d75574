// When somebody wants to be asked, though one-click mode is on: their own lines, kept for them.
import {h} from "../dom.js";
import {facts} from "../facts.js";
import {typed} from "../numbers.js";
import {keep} from "../settings.js";
import {_} from "../words.js";
import {Field, whyNot} from "./forms.js";

const MOST_DIGITS = 18;

function line(name, label, hint, isNeeded) {
  const field = new Field({name, label, within: "asking"});
  field.hint.textContent = hint;
  field.value = facts.settings[name] ?? "";
  field.input.addEventListener("change", (event) => {
    event.stopPropagation();
    const {text, why} = field.value || isNeeded ? typed(field.value) : {text: null};
    const isWrong = why ?? (text?.startsWith("-") || text?.length > MOST_DIGITS ? "no_number" : null);
    field.wrong(isWrong ? whyNot(isWrong) : null);
    if (!isWrong) keep({[name]: text});
  });
  field.input.addEventListener("input", (event) => event.stopPropagation());
  return field.node;
}

export const askingLines = () => h("details", {class: "more"}, h("summary", {}, _("When to ask")), h("div", {class: "two"},
  line("confirm_value", _("Above this value"), _("in the market's money; empty: never for its value"), false),
  line("confirm_away_percent", _("Beyond the market by %"), _("of orders that take from the book"), true)));
